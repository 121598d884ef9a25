//! `edgemint issuer list` and `show`: the stored records of trusted issuers.

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{
    ClientRecord, IssuerKeys, Lifetime, SignatureAlgorithm, TrustedIssuer, TrustedIssuerId,
};
use serde::Serialize;

use crate::commands::issuer::presets;
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::kv::{ById, Records, Stored};
use crate::records::list::Line;
use crate::records::view::IssuerView;
use crate::records::{change, list};
use crate::terminal::words::{NONE, counted, listed, some_of, table};

/// A row of the list.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Issuer(IssuerView<'a>),
    Unreadable { id: &'a TrustedIssuerId, error: String },
}

impl<'a> Row<'a> {
    fn of((id, stored): (&'a TrustedIssuerId, &'a Stored<TrustedIssuer>)) -> Self {
        match stored {
            Ok(record) => Self::Issuer(IssuerView::of(record)),
            Err(error) => Self::Unreadable { id, error: error.to_string() },
        }
    }
}

impl Line for Row<'_> {
    const ALL: [&'static str; 2] = ["issuers", "trusted issuers"];
    const HEADING: [&'static str; 6] = ["ID", "NAME", "PLATFORM", "STATE", "MAX AGE", "USES"];

    fn cells(&self) -> [String; 6] {
        let none = || NONE.to_owned();
        match self {
            Self::Issuer(issuer) => [
                issuer.id.to_string(),
                issuer.name.to_owned(),
                issuer.platform.name().to_owned(),
                state(issuer.disabled).to_owned(),
                Lifetime::from_seconds(issuer.max_age).to_string(),
                uses(issuer.single_use).to_owned(),
            ],
            Self::Unreadable { id, .. } => {
                [id.to_string(), "(unreadable)".to_owned(), none(), none(), none(), none()]
            }
        }
    }

    fn unreadable(&self) -> Option<(&dyn fmt::Display, &str)> {
        match self {
            Self::Issuer(_) => None,
            Self::Unreadable { id, error } => Some((id, error)),
        }
    }
}

fn state(disabled: bool) -> &'static str {
    if disabled { "disabled" } else { "active" }
}

fn uses(single_use: bool) -> &'static str {
    if single_use { "once" } else { "several" }
}

/// The result of `show` with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    issuer: IssuerView<'a>,
    /// The clients that have a rule for the issuer.
    clients: Vec<&'a str>,
}

pub(crate) fn list(args: &IssuerList, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let stored = Records::of(&project, host)?.read_all::<TrustedIssuer>()?;
    let rows: Vec<Row<'_>> = stored.iter().map(Row::of).collect();
    list::print(&rows, &project, output)
}

pub(crate) fn show(args: &IssuerShow, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let record: TrustedIssuer = change::find(&records, &args.id, &project)?;
    let clients = records.read_all::<ClientRecord>()?;
    let (issuer, clients) = (IssuerView::of(&record), trusting(&args.id, &clients));
    if output.is_json() {
        output.result_json(&Shown { issuer, clients })?;
    } else {
        output.result_lines(&shown(&record, &clients))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The clients that have a rule for the issuer.
pub(crate) fn trusting<'a>(id: &TrustedIssuerId, clients: &'a ById<ClientRecord>) -> Vec<&'a str> {
    let has_rule = |client: &&ClientRecord| client.identities.iter().any(|rule| rule.issuer == *id);
    clients.values().flatten().filter(has_rule).map(|client| client.id.as_str()).collect()
}

/// The record as text.
fn shown(record: &TrustedIssuer, clients: &[&str]) -> Vec<String> {
    let keys = match &record.keys {
        IssuerKeys::JwksUri(url) => url.to_string(),
        IssuerKeys::Jwks(_) => format!("{} in the record", counted(record.uploaded().keys().len(), "key")),
    };
    let fields = [
        ("id", record.id.to_string()),
        ("name", record.name.clone()),
        ("platform", record.platform.name().to_owned()),
        ("state", state(record.disabled).to_owned()),
        ("keys", keys),
        ("algorithms", listed(record.algs.iter().copied().map(SignatureAlgorithm::name), NONE)),
        ("maximum age", Lifetime::from_seconds(record.max_age).to_string()),
        ("uses of a token", uses(record.single_use).to_owned()),
        ("revision", record.revision.to_string()),
        ("clients", if clients.is_empty() { NONE.to_owned() } else { some_of(clients) }),
    ];
    let rows: Vec<_> = fields.map(|(name, value)| [format!("{name}:"), value]).into();
    table(&rows)
}

/// List the trusted issuers
///
/// Each line has the issuer's ID, name, platform and state, the maximum age of its tokens, and how often a token can
/// be used.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint issuer list --env production
  edgemint issuer list --local --json")]
pub(crate) struct IssuerList {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Show a trusted issuer
///
/// Prints the issuer's record, and the clients that have a rule for the issuer.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint issuer show github --env production")]
pub(crate) struct IssuerShow {
    /// URL of the issuer, or a preset
    #[arg(value_name = "URL|PRESET", value_parser = presets::parse)]
    pub(crate) id: TrustedIssuerId,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}
