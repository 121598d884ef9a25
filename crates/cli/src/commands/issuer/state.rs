//! `edgemint issuer disable` and `enable`: set whether tokens of an issuer identify clients.

use std::collections::BTreeMap;
use std::fmt;
use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Args as ClapArgs;
use edgemint_issuer::{ClientRecord, TrustedIssuer, TrustedIssuerId};
use serde::Serialize;

use crate::commands::client::withdrawn;
use crate::commands::issuer::presets;
use crate::deployment::delay::Delay;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::target::TargetArgs;
use crate::records::change_one::{Said, Which};
use crate::records::kv::{ById, Pair, Records};
use crate::records::{change, change_one};
use crate::terminal::output::sentences;
use crate::terminal::when::utc;
use crate::terminal::words::some_of;

/// Disable a trusted issuer
///
/// Once that takes effect, tokens of the issuer identify no client until you enable it again. Its record and the
/// rules of the clients are kept. Access tokens that clients already have stay valid until they expire. With
/// --revoke-tokens, the tokens of all clients that have a rule for the issuer are revoked.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint issuer disable gitlab --env production
  edgemint issuer disable gitlab --revoke-tokens --env production   (the issuer signs for an attacker)")]
pub(crate) struct IssuerDisable {
    #[command(flatten)]
    pub(crate) change: IssuerChange,
    /// Revoke the tokens of all clients that have a rule for the issuer
    #[arg(long)]
    pub(crate) revoke_tokens: bool,
}

/// Enable a disabled issuer
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint issuer enable gitlab --env production")]
pub(crate) struct IssuerEnable {
    #[command(flatten)]
    pub(crate) change: IssuerChange,
}

/// The issuer to change.
#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct IssuerChange {
    /// URL of the issuer, or a preset
    #[arg(value_name = "URL|PRESET", value_parser = presets::parse)]
    pub(crate) id: TrustedIssuerId,
    /// Print the record that would be written, but do not write it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct State {
    disabled: bool,
}

pub(crate) fn enable(args: &IssuerEnable, session: Session<'_>) -> Result<ExitCode> {
    let args = &args.change;
    let which = Which { id: &args.id, dry_run: args.dry_run, target: &args.target };
    change_one::run(&which, session, |record: &mut TrustedIssuer, place| {
        record.disabled = false;
        let (id, target) = (&args.id, &place.project.target);
        Ok(Said {
            what: State { disabled: false },
            done: format!("The trusted issuer {id} is enabled in {target}"),
            already: format!("The trusted issuer {id} is already enabled in {target}"),
            notes: Vec::new(),
            warnings: Vec::new(),
        })
    })
}

/// The changes to make.
#[derive(Debug)]
struct Plan {
    /// The issuer, if its record changes.
    issuer: Option<TrustedIssuer>,
    /// The clients with a rule for it whose tokens are revoked.
    clients: Vec<ClientRecord>,
    /// The IDs of all clients with a rule for it.
    trusting: Vec<String>,
    /// The last second at which a token of these clients can be valid.
    ends: u64,
}

/// Decides the changes. `clients`: all clients.
fn plan(
    stored: &TrustedIssuer,
    clients: &ById<ClientRecord>,
    revoke: bool,
    project: &Project,
    now: u64,
) -> Result<Plan> {
    let issuer = (!stored.disabled).then(|| {
        let mut after = change::next(stored);
        after.disabled = true;
        after
    });
    let has_rule = |client: &&ClientRecord| client.identities.iter().any(|rule| rule.issuer == stored.id);
    let trusting: Vec<&ClientRecord> = clients.values().flatten().filter(has_rule).collect();
    let ends =
        trusting.iter().map(|client| withdrawn::ends(client, project, now)).collect::<Result<Vec<_>>>()?;
    let revoked = |client: &&ClientRecord| {
        let mut after = change::next(*client);
        after.not_before = after.not_before.max(Some(now));
        after
    };
    Ok(Plan {
        issuer,
        clients: if revoke { trusting.iter().map(revoked).collect() } else { Vec::new() },
        trusting: trusting.iter().map(|client| client.id.to_string()).collect(),
        ends: ends.into_iter().max().unwrap_or(now),
    })
}

/// Writes the records, unless another operator wrote one of them.
fn apply(
    plan: &Plan,
    stored: &TrustedIssuer,
    clients: &ById<ClientRecord>,
    records: &Records<'_>,
) -> Result<()> {
    let before: ById<TrustedIssuer> = BTreeMap::from([(stored.id.clone(), Ok(stored.clone()))]);
    let ids: Vec<_> = plan.clients.iter().map(|client| &client.id).collect();
    let mut written: Vec<String> =
        change::written_meanwhile(records, &before, &[&stored.id])?.iter().map(ToString::to_string).collect();
    if !ids.is_empty() {
        written.extend(change::written_meanwhile(records, clients, &ids)?.iter().map(ToString::to_string));
    }
    ensure!(
        written.is_empty(),
        "cannot disable {}: another operator wrote {} at the same time. Nothing was changed. Run the command again.",
        stored.id,
        some_of(&written)
    );
    // The issuer first: from then on, its tokens get no new tokens.
    let pairs: Vec<Pair> =
        plan.issuer.iter().map(Pair::of).chain(plan.clients.iter().map(Pair::of)).collect();
    records.write_all(&pairs)
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    id: &'a TrustedIssuerId,
    disabled: bool,
    changed: bool,
    /// The clients with a rule for the issuer.
    clients: &'a [String],
    tokens_revoked: bool,
    tokens_end: u64,
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    #[serde(skip)]
    target: &'a Target,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, target, .. } = self;
        if !self.changed {
            let already = format!("The trusted issuer {id} is already disabled in {target}.");
            return sentences(f, [already.as_str(), "Nothing was written."]);
        }
        sentences(f, [format!("The trusted issuer {id} is disabled in {target}."), self.delay.to_string()])?;
        let until = utc(self.tokens_end);
        sentences(
            f,
            match (self.clients, self.tokens_revoked) {
                ([], _) => vec!["No client has a rule for the issuer.".to_owned()],
                (clients, false) => vec![format!(
                    "Until that takes effect, these clients can still get tokens: {}. Their tokens are valid until they \
                     expire, at the latest at {until}. To revoke them, run the command again with --revoke-tokens.",
                    some_of(clients)
                )],
                (clients, true) => vec![format!(
                    "Once that takes effect, introspection reports the tokens of these clients that were issued up to \
                     now as inactive: {}. APIs that verify tokens offline accept them until they expire, at the latest \
                     at {until}.",
                    some_of(clients)
                )],
            },
        )
    }
}

pub(crate) fn disable(
    args: &IssuerDisable,
    Session { config, host, output }: Session<'_>,
) -> Result<ExitCode> {
    let change = &args.change;
    let project = Project::find(config, &change.target, host)?;
    let records = Records::of(&project, host)?;
    let stored: TrustedIssuer = change::find(&records, &change.id, &project)?;
    let clients = records.read_all::<ClientRecord>()?;
    let plan = plan(&stored, &clients, args.revoke_tokens, &project, host.now)?;
    let changed = plan.issuer.is_some() || !plan.clients.is_empty();
    if changed && change.dry_run {
        let after = plan.issuer.as_ref().unwrap_or(&stored);
        change::preview(&records, &project, after, host, output)?;
        if !plan.clients.is_empty() {
            output.say(format_args!("Would also revoke the tokens of {}.", some_of(&plan.trusting)));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if changed {
        apply(&plan, &stored, &clients, &records)?;
    }
    output.report(&Report {
        id: &stored.id,
        disabled: true,
        changed,
        clients: &plan.trusting,
        tokens_revoked: args.revoke_tokens,
        tokens_end: plan.ends,
        delay: Delay::of(&project),
        target: &project.target,
    })?;
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::{ClientId, Identity, IssuerKeys, KeySetUrl, Platform};

    use super::*;

    #[test]
    fn the_clients_with_a_rule_are_named_and_their_tokens_revoked_if_that_is_asked_for() {
        let issuer = |id: &str| {
            let keys = IssuerKeys::JwksUri(KeySetUrl::parse("https://a.example/k").expect("a URL"));
            TrustedIssuer::new(TrustedIssuerId::parse(id).expect(id), "A", Platform::Custom, keys)
        };
        let client = |id: &str, issuer: &TrustedIssuer| {
            let mut client = ClientRecord::new(ClientId::parse(id).expect(id), id);
            client.token_lifetime = Some(50);
            client.identities.push(Identity {
                id: "custom2".to_owned(),
                issuer: issuer.id.clone(),
                subject: Some("s".to_owned()),
                subject_prefix: None,
                claims: BTreeMap::new(),
                audience: None,
                created: 1,
                expires: None,
            });
            (client.id.clone(), Ok(client))
        };
        let (mut one, other) = (issuer("https://one.example"), issuer("https://other.example"));
        let clients = BTreeMap::from([client("a", &one), client("b", &other)]);
        let project = Project::of_text("", Target::Local("/s".into())).expect("a project");
        let planned = plan(&one, &clients, false, &project, 1000).expect("a plan");
        assert!(planned.issuer.is_some_and(|issuer| issuer.disabled && issuer.revision == 2));
        assert_eq!((planned.clients.len(), planned.trusting), (0, vec!["a".to_owned()]));
        // The local Worker caches the record for a minute.
        assert_eq!(planned.ends, 1000 + 60 + 50);
        one.disabled = true;
        let planned = plan(&one, &clients, true, &project, 1000).expect("a plan");
        assert!(planned.issuer.is_none());
        let revoked = &planned.clients[0];
        assert_eq!((revoked.id.as_str(), revoked.not_before, revoked.revision), ("a", Some(1000), 2));
    }
}
