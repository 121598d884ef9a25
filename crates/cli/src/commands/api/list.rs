//! `edgemint api list` and `show`: the stored records of APIs.

use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{Algorithm, ApiId, ApiRecord, Bound, Lifetime, TokenProfile};
use serde::Serialize;

use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::bound;
use crate::records::kv::{Records, Stored};
use crate::records::list::Line;
use crate::records::view::ApiView;
use crate::records::{change, list};
use crate::terminal::words::{NONE, listed, table};

/// A row of the list.
#[derive(Serialize)]
#[serde(untagged)]
enum Row<'a> {
    Api(ApiView<'a>),
    Unreadable { id: &'a ApiId, error: String },
}

impl<'a> Row<'a> {
    fn of((id, stored): (&'a ApiId, &'a Stored<ApiRecord>)) -> Self {
        match stored {
            Ok(record) => Self::Api(ApiView::of(record)),
            Err(error) => Self::Unreadable { id, error: error.to_string() },
        }
    }
}

impl Line for Row<'_> {
    const ALL: [&'static str; 2] = ["apis", "APIs"];
    const HEADING: [&'static str; 6] = ["ID", "NAME", "SCOPES", "LIFETIME", "ALG", "PROFILE"];

    fn cells(&self) -> [String; 6] {
        let none = || NONE.to_owned();
        match self {
            Self::Api(api) => [
                api.id.to_string(),
                api.name.to_owned(),
                listed(api.scopes.iter().map(|scope| scope.name.as_str()), NONE),
                api.token_lifetime.map_or_else(none, |seconds| Lifetime::from_seconds(seconds).to_string()),
                api.alg.map_or(NONE, Algorithm::name).to_owned(),
                api.profile.map_or(NONE, TokenProfile::name).to_owned(),
            ],
            Self::Unreadable { id, .. } => {
                [id.to_string(), "(unreadable)".to_owned(), none(), none(), none(), none()]
            }
        }
    }

    fn bound(&self) -> Option<Bound> {
        match self {
            Self::Api(api) => api.bound,
            Self::Unreadable { .. } => None,
        }
    }

    fn unreadable(&self) -> Option<(&dyn fmt::Display, &str)> {
        match self {
            Self::Api(_) => None,
            Self::Unreadable { id, error } => Some((id, error)),
        }
    }
}

pub(crate) fn list(args: &ApiList, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let stored = Records::of(&project, host)?.read_all::<ApiRecord>()?;
    let rows: Vec<Row<'_>> = stored.iter().map(Row::of).collect();
    list::print(&rows, &project, output)
}

pub(crate) fn show(args: &ApiShow, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let record: ApiRecord = change::find(&Records::of(&project, host)?, &args.id, &project)?;
    let view = ApiView::of(&record);
    if output.is_json() {
        output.result_json(&view)?;
    } else {
        output.result_lines(&shown(&view))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The record as text.
fn shown(view: &ApiView<'_>) -> Vec<String> {
    let deployments = || "deployment default".to_owned();
    let asked_by = if view.id.is_absolute_uri() { "resource, audience" } else { "audience" };
    let fields = [
        ("id", view.id.to_string()),
        ("name", view.name.to_owned()),
        ("request with", asked_by.to_owned()),
        (
            "token lifetime",
            view.token_lifetime
                .map_or_else(deployments, |seconds| format!("{} at most", Lifetime::from_seconds(seconds))),
        ),
        ("algorithm", view.alg.map_or("algorithm of the active key", Algorithm::name).to_owned()),
        ("profile", view.profile.map_or_else(deployments, |profile| profile.name().to_owned())),
        ("revision", view.revision.to_string()),
    ];
    let bound = view.bound.map(|demand| ("tokens bound to", bound::told(Some(demand)).to_owned()));
    let fields = fields.into_iter().chain(bound);
    let rows: Vec<_> = fields.map(|(name, value)| [format!("{name}:"), value]).collect();
    let mut lines = table(&rows);
    if view.scopes.is_empty() {
        lines.push("scopes:          none".to_owned());
        return lines;
    }
    lines.push("scopes:".to_owned());
    let heading = ["NAME", "DESCRIPTION"].map(str::to_owned);
    let scopes = view.scopes.iter().map(|scope| [scope.name.as_str().to_owned(), scope.description.clone()]);
    let rows: Vec<_> = std::iter::once(heading).chain(scopes).collect();
    lines.extend(table(&rows).into_iter().map(|line| format!("  {line}")));
    lines
}

/// List the APIs
///
/// Each line has the API's ID, name and scopes. If the API has its own settings for tokens, the line also has
/// their maximum lifetime, algorithm and profile. If tokens for an API must be bound, a column says to what: dpop, mtls
/// or any.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint api list --env production
  edgemint api list --local --json")]
pub(crate) struct ApiList {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Show an API
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint api show https://invoices.example.com/ --env production")]
pub(crate) struct ApiShow {
    /// ID of the API
    #[arg(value_parser = ApiId::parse)]
    pub(crate) id: ApiId,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}
