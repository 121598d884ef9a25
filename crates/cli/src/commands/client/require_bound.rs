//! `edgemint client require-bound`: sets what the tokens of a client must be bound to.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{ApiId, ApiRecord, Bound, ClientRecord};
use serde::Serialize;

use crate::deployment::session::Session;
use crate::flags::bound::Demand;
use crate::flags::client::ClientChange;
use crate::records::bound::{
    contradicting, is_newer, of_newer_record, only_if_checked, told, without_mtls_host,
};
use crate::records::change_one;
use crate::records::change_one::{Said, Which};
use crate::records::view::BoundMetadata;
use crate::terminal::words::some_of;

/// Set what the tokens of a client must be bound to
///
/// A thief cannot use a bound token, because each request also needs the private key of the proof or of the
/// certificate. With `dpop`, the client sends a DPoP proof with each token request. With `mtls`, it presents a client
/// certificate at MTLS_HOST. With `any`, it does one of the two. The Worker rejects its other token requests. An API can
/// demand the same for all its clients: `api set --bound`.
///
/// A binding protects only APIs that check the claim `cnf` of a token. Workers that are older than this version of
/// edgemint cannot read the record, and reject the client. So deploy the Worker first.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client require-bound billing dpop --env production
  edgemint client require-bound billing none --env production   (bearer tokens are allowed again)")]
pub(crate) struct ClientRequireBound {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// What tokens must be bound to
    #[arg(value_enum, value_name = "BOUND")]
    pub(crate) demand: Demand,
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Required {
    bound: Option<Bound>,
    #[serde(flatten)]
    metadata: BoundMetadata,
}

pub(crate) fn run(args: &ClientRequireBound, session: Session<'_>) -> Result<ExitCode> {
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    change_one::run(&which, session, |record: &mut ClientRecord, place| {
        let was_newer = is_newer(record);
        record.bound = args.demand.kept();
        let (id, target) = (&typed.id, &place.project.target);
        let tokens = format!("The tokens of the client {id} in {target}");
        let [done, already] = match record.bound {
            None => ["can be bearer tokens".to_owned(), "can already be bearer tokens".to_owned()],
            Some(_) => {
                ["must", "must already"].map(|must| format!("{must} be bound to {}", told(record.bound)))
            }
        };
        let mut notes = Vec::new();
        let mut warnings = Vec::new();
        if record.bound.is_some() {
            notes.push(only_if_checked());
            notes.extend((!was_newer).then(|| of_newer_record("rejects the client")));
            let granted: Vec<&ApiId> = record.grants.keys().collect();
            let apis = if granted.is_empty() {
                Default::default()
            } else {
                place.records.read::<ApiRecord>(&granted)?
            };
            let without: Vec<&str> = contradicting(record, &apis).into_iter().map(ApiId::as_str).collect();
            if !without.is_empty() {
                warnings.push(format!(
                    "the client gets no token for APIs that demand another binding: {}",
                    some_of(&without)
                ));
            }
        }
        if record.bound == Some(Bound::Mtls) {
            warnings.extend(without_mtls_host(place.project, ", and the client gets no token"));
        }
        Ok(Said {
            what: Required { bound: record.bound, metadata: BoundMetadata::of(record.bound) },
            done: format!("{tokens} {done}"),
            already: format!("{tokens} {already}"),
            notes,
            warnings,
        })
    })
}
