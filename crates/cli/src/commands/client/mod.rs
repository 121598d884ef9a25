//! `edgemint client`: one file for each subcommand, with its flags.

pub(crate) mod add;
pub(crate) mod backup;
pub(crate) mod certificate;
pub(crate) mod claims;
pub(crate) mod export;
pub(crate) mod grant;
pub(crate) mod import;
pub(crate) mod judged;
pub(crate) mod key;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod remove;
pub(crate) mod require_bound;
pub(crate) mod reveal;
pub(crate) mod revoke_secret;
pub(crate) mod rotate_secret;
pub(crate) mod state;
pub(crate) mod tokens;
pub(crate) mod trust;
pub(crate) mod trust_test;
pub(crate) mod untrust;
pub(crate) mod withdrawn;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

use crate::commands::client::add::ClientAdd;
use crate::commands::client::certificate::ClientCertificateCommand;
use crate::commands::client::claims::ClientClaims;
use crate::commands::client::export::ClientExport;
use crate::commands::client::grant::{ClientGrant, ClientUngrant};
use crate::commands::client::import::ClientImport;
use crate::commands::client::key::ClientKeyCommand;
use crate::commands::client::list::{ClientList, ClientShow};
use crate::commands::client::remove::ClientRemove;
use crate::commands::client::require_bound::ClientRequireBound;
use crate::commands::client::revoke_secret::ClientRevokeSecret;
use crate::commands::client::rotate_secret::ClientRotateSecret;
use crate::commands::client::state::{ClientDisable, ClientEnable};
use crate::commands::client::tokens::{ClientAllowIntrospection, ClientRevokeTokens};
use crate::commands::client::trust::ClientTrust;
use crate::commands::client::trust_test::ClientTrustTest;
use crate::commands::client::untrust::ClientUntrust;
use crate::deployment::session::Session;

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    Add(ClientAdd),
    List(ClientList),
    Show(ClientShow),
    RotateSecret(ClientRotateSecret),
    RevokeSecret(ClientRevokeSecret),
    /// Add, list and remove the keys with which a client signs assertions
    #[command(subcommand)]
    Key(ClientKeyCommand),
    /// Add, list and remove the certificates that authenticate a client
    #[command(subcommand)]
    Certificate(ClientCertificateCommand),
    Trust(Box<ClientTrust>),
    Untrust(ClientUntrust),
    TrustTest(ClientTrustTest),
    Disable(ClientDisable),
    Enable(ClientEnable),
    RequireBound(ClientRequireBound),
    Grant(ClientGrant),
    Ungrant(ClientUngrant),
    Claims(ClientClaims),
    AllowIntrospection(ClientAllowIntrospection),
    RevokeTokens(ClientRevokeTokens),
    Remove(ClientRemove),
    Export(ClientExport),
    Import(ClientImport),
}

/// Runs one subcommand.
pub(crate) fn run(command: &ClientCommand, session: Session<'_>) -> Result<ExitCode> {
    match command {
        ClientCommand::Add(args) => add::run(args, session),
        ClientCommand::List(args) => list::list(args, session),
        ClientCommand::Show(args) => list::show(args, session),
        ClientCommand::RotateSecret(args) => rotate_secret::run(args, session),
        ClientCommand::RevokeSecret(args) => revoke_secret::run(args, session),
        ClientCommand::Key(command) => key::run(command, session),
        ClientCommand::Certificate(command) => certificate::run(command, session),
        ClientCommand::Trust(args) => trust::run(args, session),
        ClientCommand::Untrust(args) => untrust::run(args, session),
        ClientCommand::TrustTest(args) => trust_test::run(args, session),
        ClientCommand::Disable(args) => state::run(&args.change, true, session),
        ClientCommand::Enable(args) => state::run(&args.change, false, session),
        ClientCommand::RequireBound(args) => require_bound::run(args, session),
        ClientCommand::Grant(args) => grant::grant(args, session),
        ClientCommand::Ungrant(args) => grant::ungrant(args, session),
        ClientCommand::Claims(args) => claims::run(args, session),
        ClientCommand::AllowIntrospection(args) => tokens::allow_introspection(args, session),
        ClientCommand::RevokeTokens(args) => tokens::revoke(args, session),
        ClientCommand::Remove(args) => remove::run(args, session),
        ClientCommand::Export(args) => export::run(args, session),
        ClientCommand::Import(args) => import::run(args, session),
    }
}
