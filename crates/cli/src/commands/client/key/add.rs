//! `edgemint client key add`: adds public keys that verify the assertions of a client, or the URL of such keys.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail, ensure};
use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{ArgGroup, Args as ClapArgs};
use edgemint_issuer::{
    ClientId, ClientKey, ClientRecord, KeySetUrl, MAX_CLIENT_KEYS, PublicKey, SignatureAlgorithm,
};
use edgemint_printable::shell;
use serde::Serialize;
use serde_json::value::RawValue;

use crate::commands::client::reveal::reveal_key;
use crate::commands::issuer::discovery;
use crate::crypto::make::{KeyPair, of_client};
use crate::crypto::public;
use crate::deployment::delay::Delay;
use crate::deployment::local_server;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::alg::{OF_CLIENTS, signature_algorithm};
use crate::flags::client::ClientChange;
use crate::flags::expiry::Expiry;
use crate::flags::values::key_id;
use crate::host::Host;
use crate::host::private_file::PrivateFile;
use crate::records::kv::Records;
use crate::records::{change, new_client};
use crate::terminal::output::sentences;
use crate::terminal::words::listed;

/// Add public keys that verify the assertions of a client
///
/// FILE is a public key in PEM, a JWK or a JWKS. The client signs assertions with the private key (RFC 7523,
/// `private_key_jwt`), which never leaves the client. With --generate, the command makes a key pair, and prints the
/// private key once. With --jwks-uri, the Worker fetches the keys from a URL of the client. To rotate a key, add the
/// new one, and remove the old one with an overlap.
#[derive(Debug, ClapArgs)]
#[command(
    override_usage = "edgemint client key add [OPTIONS] <--local|--env <NAME>> <ID> <FILE|--jwks-uri <URL>|--generate>"
)]
#[command(group(ArgGroup::new("source").required(true).args(["file", "jwks_uri", "generate"])))]
#[command(after_help = "\
Examples:
  edgemint client key add billing billing.pub.pem --env production
  edgemint client key add billing --generate --alg EdDSA --out billing.jwk --env production
  edgemint client key add billing --jwks-uri https://billing.example.com/jwks.json --env production")]
pub(crate) struct ClientKeyAdd {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// File with public keys: PEM, JWK or JWKS
    pub(crate) file: Option<PathBuf>,
    /// URL of the client's JWKS, instead of registered keys
    #[arg(long, value_name = "URL", value_parser = KeySetUrl::parse)]
    pub(crate) jwks_uri: Option<KeySetUrl>,
    /// Generate a key pair
    #[arg(long)]
    pub(crate) generate: bool,
    /// Algorithm of the key. With --jwks-uri, an algorithm of RSA keys that state none, repeatable [default: the
    /// algorithm of the key, PS256 for an RSA key that states none, ES256 with --generate]
    #[arg(long = "alg", value_parser = PossibleValuesParser::new(OF_CLIENTS).try_map(|name| signature_algorithm(&name)))]
    pub(crate) algs: Vec<SignatureAlgorithm>,
    /// Key ID: 1 to 128 characters of printable ASCII [default: the `kid` of the key, or its thumbprint]
    #[arg(long, value_parser = key_id, conflicts_with = "jwks_uri")]
    pub(crate) kid: Option<String>,
    /// Time at which the keys expire: from now on (2160h), or a date (2027-01-31) [default: never]
    #[arg(long, value_name = "TIME", value_parser = Expiry::parse, conflicts_with = "jwks_uri")]
    pub(crate) expires: Option<Expiry>,
    /// Write the private key to this new file instead of stdout. Only the file's owner can read it
    #[arg(long, value_name = "FILE", requires = "generate")]
    pub(crate) out: Option<PathBuf>,
    /// Replace all keys and the URL that the client has
    #[arg(long)]
    pub(crate) replace: bool,
}

/// The new keys.
#[derive(Debug)]
enum Source {
    Keys(Vec<PublicKey>),
    Url(KeySetUrl),
}

/// The change to make.
#[derive(Debug)]
struct Plan {
    after: ClientRecord,
    /// The added keys.
    added: Vec<ClientKey>,
    warnings: Vec<String>,
}

/// Decides the change of the stored record.
fn plan(stored: &ClientRecord, source: Source, args: &ClientKeyAdd, now: u64) -> Result<Plan> {
    let id = &stored.id;
    if stored.public {
        bail!("cannot add a key to the client {id}: a public client does not authenticate");
    }
    let mut after = change::next(stored);
    if args.replace {
        after.keys.clear();
        (after.jwks_uri, after.jwks_algs) = (None, Vec::new());
    }
    let added = match source {
        Source::Keys(keys) => {
            if let Some(url) = &after.jwks_uri {
                bail!(
                    "cannot add a key to the client {id}: its keys are at {url}. Add the key there, or pass --replace."
                );
            }
            let expires = args.expires.map(|expires| expires.at(now)).transpose()?;
            let keys = client_keys(&after, keys, args, expires, now)?;
            after.keys.extend(keys.iter().cloned());
            keys
        }
        Source::Url(url) => {
            ensure!(
                after.keys.is_empty(),
                "cannot set a URL for the keys of the client {id}: it has registered keys. If they are at the URL, too, \
                 pass --replace."
            );
            let rsa = [SignatureAlgorithm::Ps256, SignatureAlgorithm::Rs256];
            ensure!(
                args.algs.iter().all(|alg| rsa.contains(alg)),
                "cannot use --alg with --jwks-uri: it is only about RSA keys that state no algorithm. Pass PS256 or RS256."
            );
            after.jwks_uri = Some(url);
            after.jwks_algs.clone_from(&args.algs);
            Vec::new()
        }
    };
    change::must_be_storable(&after)?;
    let warnings = new_client::keeps_secrets(&after, now).into_iter().collect();
    Ok(Plan { after, added, warnings })
}

/// The keys as they are stored. Each must be new.
fn client_keys(
    before: &ClientRecord,
    keys: Vec<PublicKey>,
    args: &ClientKeyAdd,
    expires: Option<u64>,
    now: u64,
) -> Result<Vec<ClientKey>> {
    let id = &before.id;
    ensure!(args.algs.len() < 2, "cannot use --alg twice: a key has one algorithm. Keep one of them.");
    ensure!(
        keys.len() == 1 || (args.kid.is_none() && args.algs.is_empty()),
        "cannot use --kid or --alg: the file has {} keys. Add each key on its own.",
        keys.len()
    );
    let mut added: Vec<ClientKey> = Vec::new();
    for jwk in keys {
        let typed = args.algs.first().copied();
        let alg = typed.or(jwk.alg()).unwrap_or(SignatureAlgorithm::Ps256);
        let kid = args.kid.as_deref().or(jwk.kid()).unwrap_or(jwk.thumbprint()).to_owned();
        if !SignatureAlgorithm::OF_CLIENTS.contains(&alg) {
            bail!("cannot add the key {kid} to the client {id}: a client cannot sign with {}.", alg.name());
        }
        if !jwk.serves(alg) {
            bail!("cannot add the key {kid} to the client {id}: it is not a key for {}.", alg.name());
        }
        let mut others = before.keys.iter().chain(&added);
        if let Some(same) = others.clone().find(|other| other.jwk.thumbprint() == jwk.thumbprint()) {
            bail!("cannot add the key {kid} to the client {id}: it has the same key as {}.", same.kid);
        }
        if others.any(|other| other.kid == kid) {
            bail!(
                "cannot add the key {kid} to the client {id}: another key of it has this ID. Pass another one with --kid."
            );
        }
        added.push(ClientKey { kid, alg, jwk, created: now, expires });
    }
    let count = before.keys.len() + added.len();
    ensure!(
        count <= MAX_CLIENT_KEYS,
        "cannot add keys to the client {id}: it would have {count}, and {MAX_CLIENT_KEYS} is the maximum. Remove old \
         keys with `edgemint client key remove`."
    );
    Ok(added)
}

/// The result: JSON for scripts, sentences for people.
#[derive(Serialize)]
struct Report<'a> {
    id: &'a ClientId,
    /// The IDs of the added keys.
    kids: Vec<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    jwks_uri: Option<&'a KeySetUrl>,
    /// Absent without --generate, and if the key is in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_jwk: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<&'a Path>,
    revision: u64,
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip)]
    target: &'a Target,
    #[serde(skip)]
    added: &'a [ClientKey],
    /// Whether the client had neither a key nor a rule.
    #[serde(skip)]
    is_first: bool,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (id, target) = (self.id, self.target);
        let keys = self.added.iter().map(|key| format!("{} ({})", key.kid, key.alg.name()));
        let keys = listed(keys, "");
        let done = match (self.jwks_uri, self.added) {
            (Some(url), _) => format!("The keys of the client {id} in {target} are at {url}."),
            (None, [_]) => format!("The client {id} in {target} has the new key {keys}."),
            (None, _) => format!("The client {id} in {target} has the new keys {keys}."),
        };
        sentences(f, [done, self.delay.to_string()])?;
        sentences(f, self.warnings.iter().map(|warning| format!("warning: {warning}")))?;
        sentences(f, self.is_first.then(new_client::of_version_3))
    }
}

pub(crate) fn run(args: &ClientKeyAdd, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let file = PrivateFile::named(args.out.as_deref(), host)?;
    let project = Project::find(config, &args.change.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.change.id;
    let stored: ClientRecord = change::find(&records, id, &project)?;
    let pair = if args.generate {
        let alg = args.algs.first().copied().unwrap_or(SignatureAlgorithm::Es256);
        Some(of_client(alg, args.kid.as_deref(), host)?)
    } else {
        None
    };
    let mut plan = plan(&stored, source(args, pair.as_ref(), host)?, args, host.now)?;
    if let Some(url) = &plan.after.jwks_uri {
        must_be_fetchable(url, &project)?;
        plan.warnings.extend(without_keys(url));
    }
    if args.change.dry_run {
        change::preview(&records, &project, &plan.after, host, output)?;
        plan.warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    let mut file = file;
    if let (Some(file), Some(pair)) = (&mut file, &pair) {
        file.write(&pair.private)?;
    }
    change::replace(&records, &project, &stored, &plan.after).context("no key is shown")?;
    let file = file.map(PrivateFile::keep);
    let shown = pair.as_ref().filter(|_| file.is_none());
    output.report(&Report {
        id,
        kids: plan.added.iter().map(|key| key.kid.as_str()).collect(),
        jwks_uri: plan.after.jwks_uri.as_ref(),
        private_jwk: shown.map(|pair| serde_json::from_str(&pair.private)).transpose()?,
        key_file: file.as_deref(),
        revision: plan.after.revision,
        delay: Delay::of(&project),
        warnings: &plan.warnings,
        target: &project.target,
        added: &plan.added,
        is_first: !stored.has_keys() && stored.identities.is_empty(),
    })?;
    if let Some(pair) = pair.as_ref().filter(|_| !output.is_json()) {
        reveal_key(id, pair, file.as_deref(), &project.target, output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn source(args: &ClientKeyAdd, pair: Option<&KeyPair>, host: &Host) -> Result<Source> {
    match (&args.file, &args.jwks_uri, pair) {
        (_, Some(url), _) => Ok(Source::Url(url.clone())),
        (_, None, Some(pair)) => Ok(Source::Keys(vec![pair.public.clone()])),
        (Some(file), None, None) => {
            let name = file.display();
            let text = std::fs::read_to_string(host.current_dir.join(file));
            let text = text.with_context(|| format!("cannot read {name}"))?;
            Ok(Source::Keys(public::read(&text).with_context(|| format!("cannot use the keys in {name}"))?))
        }
        (None, None, None) => bail!("cannot add a key: pass a file, --jwks-uri or --generate"),
    }
}

/// Fails for a URL on this machine if the deployment is elsewhere.
fn must_be_fetchable(url: &KeySetUrl, project: &Project) -> Result<()> {
    let own = match project.target {
        Target::Local(_) => local_server::issuer(project),
        Target::Deployed(_) => project.issuer().map(str::to_owned),
    };
    ensure!(
        !url.is_local() || own.is_some_and(|own| own.starts_with("http://")),
        "cannot use {url}: http is allowed only for keys on this machine, and only if ISSUER is on this machine, too. Use \
         https."
    );
    Ok(())
}

/// The warning about a URL without a usable key.
fn without_keys(url: &KeySetUrl) -> Option<String> {
    let keys = discovery::fetch(url)
        .and_then(|set| discovery::usable(&set, &["sig"], &SignatureAlgorithm::OF_CLIENTS));
    let error = keys.err()?;
    Some(format!(
        "the client cannot authenticate yet with its keys at {}: {error:#}",
        shell::word(url.as_str())
    ))
}
