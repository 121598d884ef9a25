//! `edgemint client list` and `show`: the stored records of clients, without hashes.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args as ClapArgs;
use edgemint_issuer::{ApiId, Bound, ClientId, ClientRecord, Introspect, KeySetUrl, Lifetime, ScopeToken};
use edgemint_printable::printable_json;
use serde::Serialize;

use crate::commands::client::trust::rule::described;
use crate::commands::client::{certificate, key};
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::bound;
use crate::records::kv::{Records, Stored};
use crate::records::list::Line;
use crate::records::view::{BoundMetadata, RecordView, State};
use crate::records::{change, list};
use crate::terminal::when::utc;
use crate::terminal::words::{NONE, counted, listed, table};

/// List the clients
///
/// Each line has the client's ID, name and state, its valid secrets, keys and rules for workloads, its certificates, the
/// time when the next secret, key or rule expires, and the granted scopes. If several APIs are granted, the scopes are listed by
/// API. If tokens of a client must be bound, a column says to what: dpop, mtls or any. The
/// states are active, disabled, public and unreadable. A client is unreadable if this version of edgemint cannot read
/// its record.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client list --env production
  edgemint client list --local --json")]
pub(crate) struct ClientList {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Show a client
///
/// Prints the client's record without the hashes of its secrets. With --json, two members have the names of standards.
/// `dpop_bound_access_tokens` is true if each token request must have a DPoP proof (RFC 9449 §5.2).
/// `tls_client_certificate_bound_access_tokens` is true if each token must be bound to a client certificate (RFC 8705
/// §3.4). Where the client may choose (`"bound": "any"`), both are false.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client show billing --env production")]
pub(crate) struct ClientShow {
    /// ID of the client
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks with a reference")]
fn is_zero(number: &usize) -> bool {
    *number == 0
}

/// The grants of a client: its APIs, and the scopes for each.
type Grants = BTreeMap<ApiId, Vec<ScopeToken>>;

/// A row of the list.
#[derive(Debug, Serialize)]
struct Row<'a> {
    id: &'a ClientId,
    name: Option<&'a str>,
    state: State,
    live_secrets: usize,
    #[serde(skip_serializing_if = "is_zero")]
    live_keys: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<&'a KeySetUrl>,
    /// The number of rules for workloads that have not expired.
    #[serde(skip_serializing_if = "is_zero")]
    live_identities: usize,
    /// The number of certificates. A record does not know when they expire.
    #[serde(skip_serializing_if = "is_zero")]
    certificates: usize,
    /// When the next live secret, key or rule expires.
    next_expiry: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    grants: Option<&'a Grants>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bound: Option<Bound>,
    /// Why the record cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

impl<'a> Row<'a> {
    fn of(id: &'a ClientId, stored: &'a Stored, now: u64) -> Self {
        match stored {
            Ok(record) => {
                let secrets: Vec<_> = record.secrets.iter().filter(|secret| secret.is_live(now)).collect();
                let keys: Vec<_> = record.keys.iter().filter(|key| key.is_live(now)).collect();
                let rules: Vec<_> = record.identities.iter().filter(|rule| rule.is_live(now)).collect();
                let ends = secrets.iter().map(|secret| secret.expires);
                let ends = ends.chain(keys.iter().map(|key| key.expires));
                let ends = ends.chain(rules.iter().map(|rule| rule.expires));
                Self {
                    id,
                    name: Some(&record.name),
                    state: State::of(record),
                    live_secrets: secrets.len(),
                    live_keys: keys.len(),
                    jwks_uri: record.jwks_uri.as_ref(),
                    live_identities: rules.len(),
                    certificates: record.certificates.len(),
                    next_expiry: ends.flatten().min(),
                    grants: Some(&record.grants).filter(|grants| !grants.is_empty()),
                    bound: record.bound,
                    error: None,
                }
            }
            Err(error) => Self {
                id,
                name: None,
                state: State::Unreadable,
                live_secrets: 0,
                live_keys: 0,
                jwks_uri: None,
                live_identities: 0,
                certificates: 0,
                next_expiry: None,
                grants: None,
                bound: None,
                error: Some(error.to_string()),
            },
        }
    }
}

impl Row<'_> {
    /// The ways to authenticate as text.
    fn authentication(&self) -> String {
        let some = |count: usize, what: &str| (count > 0).then(|| counted(count, what));
        let ways = [
            some(self.live_secrets, "secret"),
            some(self.live_keys, "key"),
            self.jwks_uri.map(|_| "keys at a URL".to_owned()),
            some(self.live_identities, "rule"),
            some(self.certificates, "certificate"),
        ];
        listed(ways.into_iter().flatten(), "none")
    }
}

impl Line for Row<'_> {
    const ALL: [&'static str; 2] = ["clients", "clients"];
    const HEADING: [&'static str; 6] = ["ID", "NAME", "STATE", "AUTHENTICATION", "NEXT EXPIRY", "SCOPES"];

    fn cells(&self) -> [String; 6] {
        let readable = self.state != State::Unreadable;
        [
            self.id.to_string(),
            self.name.unwrap_or(NONE).to_owned(),
            self.state.word().to_owned(),
            if readable { self.authentication() } else { NONE.to_owned() },
            self.next_expiry.map_or_else(|| NONE.to_owned(), utc),
            self.grants.map_or_else(|| NONE.to_owned(), scopes),
        ]
    }

    fn bound(&self) -> Option<Bound> {
        self.bound
    }

    fn unreadable(&self) -> Option<(&dyn fmt::Display, &str)> {
        Some((self.id, self.error.as_deref()?))
    }
}

/// The scopes as short text. A single API is not named.
fn scopes(grants: &Grants) -> String {
    let one = grants.len() == 1;
    let told = |(api, scopes): (&ApiId, &Vec<ScopeToken>)| {
        let names = listed(scopes.iter().map(ScopeToken::as_str), "no scope");
        if one && !scopes.is_empty() { names } else { format!("{api}: {names}") }
    };
    grants.iter().map(told).collect::<Vec<_>>().join("; ")
}

pub(crate) fn list(args: &ClientList, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let stored = Records::of(&project, host)?.read_all::<ClientRecord>()?;
    let rows: Vec<Row<'_>> = stored.iter().map(|(id, stored)| Row::of(id, stored, host.now)).collect();
    list::print(&rows, &project, output)
}

pub(crate) fn show(args: &ClientShow, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let project = Project::find(config, &args.target, host)?;
    let record: ClientRecord = change::find(&Records::of(&project, host)?, &args.id, &project)?;
    let view = RecordView::of(&record, host.now);
    if output.is_json() {
        output.result_json(&Shown { metadata: BoundMetadata::of(record.bound), view })?;
    } else {
        output.result_lines(&shown(&record, &view))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The result of `show` with `--json`.
#[derive(Serialize)]
struct Shown<'a> {
    #[serde(flatten)]
    view: RecordView<'a>,
    #[serde(flatten)]
    metadata: BoundMetadata,
}

/// The claims in one line.
fn claims(record: &ClientRecord) -> String {
    printable_json(&serde_json::to_string(&record.claims).unwrap_or_default())
}

/// The record as text.
fn shown(record: &ClientRecord, view: &RecordView<'_>) -> Vec<String> {
    let fields = [
        ("id", view.id.to_string()),
        ("name", view.name.to_owned()),
        ("state", State::of(record).word().to_owned()),
        ("groups", listed(view.groups, NONE)),
        ("trusted peers", listed(view.trusted_peers.iter().map(ClientId::as_str), NONE)),
        (
            "token lifetime",
            view.token_lifetime.map_or_else(
                || "deployment default".to_owned(),
                |seconds| Lifetime::from_seconds(seconds).to_string(),
            ),
        ),
        ("default API", view.default_api.map_or(NONE, ApiId::as_str).to_owned()),
        ("claims", if view.claims.is_empty() { NONE.to_owned() } else { claims(record) }),
        (
            "introspection",
            match (record.introspect, view.introspects) {
                (Introspect::Any, _) => "all tokens".to_owned(),
                (Introspect::Own, []) => "its own tokens".to_owned(),
                (Introspect::Own, apis) => {
                    format!("its own tokens, and those for {}", listed(apis.iter().map(ApiId::as_str), NONE))
                }
            },
        ),
        (
            "revoked",
            view.not_before
                .map_or_else(|| NONE.to_owned(), |time| format!("tokens issued up to {}", utc(time))),
        ),
        ("revision", view.revision.to_string()),
    ];
    let bound = view.bound.map(|demand| ("tokens bound to", bound::told(Some(demand)).to_owned()));
    let fields = fields.into_iter().chain(bound);
    let rows: Vec<_> = fields.map(|(name, value)| [format!("{name}:"), value]).collect();
    let mut lines = table(&rows);
    lines.push(format!("grants:{}", if view.grants.is_empty() { "          none" } else { "" }));
    if !view.grants.is_empty() {
        let heading = ["API", "SCOPES"].map(str::to_owned);
        let grants = view
            .grants
            .iter()
            .map(|(api, scopes)| [api.to_string(), listed(scopes.iter().map(ScopeToken::as_str), NONE)]);
        let rows: Vec<_> = std::iter::once(heading).chain(grants).collect();
        lines.extend(table(&rows).into_iter().map(|line| format!("  {line}")));
    }
    if !view.keys.is_empty() {
        lines.push("keys:".to_owned());
        lines.extend(key::list::rows(&view.keys).into_iter().map(|line| format!("  {line}")));
    }
    if let Some(url) = view.jwks_uri {
        lines.push(format!("keys:            at {url}"));
    }
    if record.has_keys() {
        lines.push(format!("assertions:      with {}", key::list::settings(record)));
    }
    if !view.certificates.is_empty() {
        lines.push("certificates:".to_owned());
        lines.extend(certificate::list::rows(view.certificates).into_iter().map(|line| format!("  {line}")));
    }
    if !view.identities.is_empty() {
        lines.push("rules for workloads:".to_owned());
        let heading = ["RULE", "EXPIRES", "CONDITIONS"].map(str::to_owned);
        let rules = view.identities.iter().map(|rule| {
            [rule.id.clone(), rule.expires.map_or_else(|| "never".to_owned(), utc), described(rule)]
        });
        let rows: Vec<_> = std::iter::once(heading).chain(rules).collect();
        lines.extend(table(&rows).into_iter().map(|line| format!("  {line}")));
    }
    if view.secrets.is_empty() {
        lines.push("secrets:         none".to_owned());
        return lines;
    }
    lines.push("secrets:".to_owned());
    let heading = ["ID", "STATE", "CREATED", "EXPIRES", "HASH"].map(str::to_owned);
    let secrets = view.secrets.iter().map(|secret| {
        [
            secret.id.to_owned(),
            if secret.live { "live" } else { "expired" }.to_owned(),
            utc(secret.created),
            secret.expires.map_or_else(|| "never".to_owned(), utc),
            secret.kind.to_owned(),
        ]
    });
    let rows: Vec<_> = std::iter::once(heading).chain(secrets).collect();
    lines.extend(table(&rows).into_iter().map(|line| format!("  {line}")));
    lines
}
