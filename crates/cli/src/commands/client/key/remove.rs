//! `edgemint client key remove`: removes public keys of a client, at once or after an overlap.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{ArgGroup, Args as ClapArgs};
use edgemint_issuer::{ClientRecord, Lifetime};
use serde::Serialize;

use crate::commands::client::rotate_secret::overlap;
use crate::commands::client::withdrawn::RevokeTokens;
use crate::deployment::session::Session;
use crate::flags::client::ClientChange;
use crate::records::change_one;
use crate::records::change_one::{Said, Which};
use crate::terminal::when::utc;
use crate::terminal::words::{listed, some_of};

/// Remove keys of a client
///
/// Once the removal takes effect, assertions by these keys are rejected. With an overlap, the keys expire after it,
/// and stay in the record. With --jwks-uri, the URL of the client's keys is removed. Access tokens that the client
/// already has stay valid until they expire, unless you pass --revoke-tokens.
#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "edgemint client key remove [OPTIONS] <--local|--env <NAME>> <ID> <KID>...\n       edgemint client key remove [OPTIONS] <--local|--env <NAME>> <ID> --jwks-uri"
)]
#[command(group(ArgGroup::new("what").required(true).args(["kids", "jwks_uri"])))]
#[command(after_help = "\
Examples:
  edgemint client key remove billing 2026-01 --overlap 24h --env production
  edgemint client key remove billing 2026-01 --revoke-tokens --env production   (the key has leaked)")]
pub(crate) struct ClientKeyRemove {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// IDs of the keys
    #[arg(value_name = "KID")]
    pub(crate) kids: Vec<String>,
    /// Remove the URL of the client's keys
    #[arg(long)]
    pub(crate) jwks_uri: bool,
    /// Time for which the keys are still valid: 0s to 8784h (a year)
    #[arg(long, value_name = "TIME", value_parser = overlap, default_value = "0s", conflicts_with = "jwks_uri")]
    pub(crate) overlap: Lifetime,
    #[command(flatten)]
    pub(crate) revoke: RevokeTokens,
}

/// The members that `--json` prints.
#[derive(Serialize)]
struct Removed {
    kids: Vec<String>,
    /// When the keys expire. `null` if they are removed.
    expires: Option<u64>,
    not_before: Option<u64>,
}

pub(crate) fn run(args: &ClientKeyRemove, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let typed = &args.change;
    let which = Which { id: &typed.id, dry_run: typed.dry_run, target: &typed.target };
    let now = host.now;
    change_one::run(&which, Session { config, host, output }, |record: &mut ClientRecord, place| {
        let expires = remove(record, args, now)?;
        args.revoke.apply(record, now);
        let (id, target) = (&typed.id, &place.project.target);
        let which = if args.jwks_uri {
            "The URL of the keys".to_owned()
        } else if let [kid] = args.kids.as_slice() {
            format!("The key {kid}")
        } else {
            format!("Each of the keys {}", listed(&args.kids, ""))
        };
        let end = expires.map_or_else(|| "is removed".to_owned(), |time| format!("expires at {}", utc(time)));
        let gone = (!record.can_authenticate()).then(|| {
            "the client cannot authenticate now. Add a key with `edgemint client key add`, or a secret with `edgemint \
             client rotate-secret`"
                .to_owned()
        });
        Ok(Said {
            what: Removed { kids: args.kids.clone(), expires, not_before: record.not_before },
            done: format!("{which} of the client {id} in {target} {end}"),
            already: format!("{which} of the client {id} in {target} already {end}"),
            notes: vec![args.revoke.note(record, place.project, expires.unwrap_or(now).max(now))?],
            warnings: gone.into_iter().collect(),
        })
    })
}

/// Removes the keys from the record, or lets them expire after the overlap. Returns when they expire. A key that was
/// due to expire sooner still does.
fn remove(record: &mut ClientRecord, args: &ClientKeyRemove, now: u64) -> Result<Option<u64>> {
    let id = &record.id;
    if args.jwks_uri {
        if record.jwks_uri.take().is_none() {
            bail!("cannot remove the URL of the keys of the client {id}: it has none");
        }
        record.jwks_algs.clear();
        return Ok(None);
    }
    let known: Vec<&str> = record.keys.iter().map(|key| key.kid.as_str()).collect();
    if let Some(unknown) = args.kids.iter().find(|kid| !known.contains(&kid.as_str())) {
        let known = if known.is_empty() { "none".to_owned() } else { some_of(&known) };
        bail!("cannot find the key {unknown} of the client {id}. Nothing was changed. Its keys: {known}.");
    }
    let is_named = |kid: &String| args.kids.contains(kid);
    if args.overlap.seconds() == 0 {
        record.keys.retain(|key| !is_named(&key.kid));
        return Ok(None);
    }
    let end = now.saturating_add(args.overlap.seconds());
    let mut last = None;
    for key in record.keys.iter_mut().filter(|key| is_named(&key.kid)) {
        let expires = key.expires.map_or(end, |expires| expires.min(end));
        key.expires = Some(expires);
        last = last.max(Some(expires));
    }
    Ok(last)
}

#[cfg(test)]
mod tests {
    use edgemint_issuer::{ClientId, ClientKey, KeySetUrl, PublicKey, SignatureAlgorithm};

    use super::*;
    use crate::flags::target::TargetArgs;

    const KEY: &str = r#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;

    fn record() -> ClientRecord {
        let mut record = ClientRecord::new(ClientId::parse("a").expect("an ID"), "A");
        record.keys = [("k1", None), ("k2", Some(1010)), ("k3", None)]
            .map(|(kid, expires)| ClientKey {
                kid: kid.to_owned(),
                alg: SignatureAlgorithm::EdDsa,
                jwk: PublicKey::parse(KEY).expect("a key"),
                created: 1,
                expires,
            })
            .into();
        record
    }

    fn args(kids: &[&str], overlap: u64) -> ClientKeyRemove {
        ClientKeyRemove {
            change: ClientChange {
                id: ClientId::parse("a").expect("an ID"),
                dry_run: false,
                target: TargetArgs { local: true, state: None, env: None },
            },
            kids: kids.iter().map(|kid| (*kid).to_owned()).collect(),
            jwks_uri: kids.is_empty(),
            overlap: Lifetime::from_seconds(overlap),
            revoke: RevokeTokens { revoke_tokens: false },
        }
    }

    fn told(record: &ClientRecord) -> Vec<(&str, Option<u64>)> {
        record.keys.iter().map(|key| (key.kid.as_str(), key.expires)).collect()
    }

    #[test]
    fn keys_go_at_once_or_expire_after_the_overlap_unless_they_expire_before() {
        let mut now = record();
        assert_eq!(remove(&mut now, &args(&["k1", "k2"], 0), 1000).expect("they are there"), None);
        assert_eq!(told(&now), [("k3", None)]);
        let mut later = record();
        let ends = remove(&mut later, &args(&["k1", "k2"], 50), 1000).expect("they are there");
        assert_eq!(ends, Some(1050));
        assert_eq!(told(&later), [("k1", Some(1050)), ("k2", Some(1010)), ("k3", None)]);
        let unknown = remove(&mut record(), &args(&["k1", "k4"], 0), 1000).expect_err("k4 is not there");
        assert!(unknown.to_string().contains("the key k4") && unknown.to_string().contains("k1, k2, k3"));
    }

    #[test]
    fn the_url_goes_with_its_algorithms() {
        let mut record = record();
        assert!(remove(&mut record, &args(&[], 0), 1000).is_err(), "there is none");
        record.keys.clear();
        record.jwks_uri = Some(KeySetUrl::parse("https://a.example/keys").expect("a URL"));
        record.jwks_algs = vec![SignatureAlgorithm::Rs256];
        assert_eq!(remove(&mut record, &args(&[], 0), 1000).expect("it is there"), None);
        assert!(!record.has_keys() && record.jwks_algs.is_empty());
    }
}
