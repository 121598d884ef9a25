//! `edgemint client add`: adds a client with a secret or a key pair, which is shown only once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use edgemint_issuer::{
    ApiId, ApiRecord, ClientId, ClientKey, ClientRecord, GeneratedSecret, Lifetime, SignatureAlgorithm,
    StoredSecret, TrustedIssuerId,
};
use edgemint_printable::shell;
use serde::Serialize;
use serde_json::value::RawValue;
use zeroize::Zeroizing;

use crate::commands::client::grant;
use crate::commands::client::reveal::{TokenEndpoint, reveal, reveal_key};
use crate::crypto::make::{KeyPair, of_client};
use crate::deployment::delay::Delay;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::alg::{OF_CLIENTS, signature_algorithm};
use crate::flags::grant::GrantArgs;
use crate::flags::target::TargetArgs;
use crate::flags::values::token_lifetime;
use crate::host::Host;
use crate::host::private_file::PrivateFile;
use crate::records::kv::Records;
use crate::records::{change, new_client};
use crate::terminal::output::sentences;

/// Add a client and generate its secret
///
/// The secret is printed once, on stdout. Only its hash is stored. With --private-key-jwt, the client gets a key pair
/// instead. It signs assertions with the private key, which is printed once. With --no-secret, the client gets
/// neither, and you add keys or identities later. If the client exists, the command fails and changes nothing.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client add billing --name 'Billing service' --group invoices --env production
  edgemint client add billing --api https://invoices.example.com/ --scope read --default --env production
  edgemint client add billing --private-key-jwt --out billing.jwk --env production
  edgemint client add deploy --no-secret --env production   (then `edgemint client trust deploy …`)
  edgemint client add billing --local --json")]
pub(crate) struct ClientAdd {
    /// ID of the client: 1 to 256 characters of printable ASCII
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    /// Display name of the client, also for the scope `profile` [default: the ID]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Group in the client's tokens (with the scope `groups`), or several separated by commas. Repeatable. Write a
    /// comma within a name as \,
    #[arg(long = "group", value_name = "GROUP", value_parser = groups)]
    pub(crate) groups: Vec<Groups>,
    /// Client that may request tokens with this client as audience. Repeatable
    #[arg(long = "trusted-peer", value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) trusted_peers: Vec<ClientId>,
    /// Lifetime of the client's tokens, such as 5m: 30s to 24h [default: TOKEN_LIFETIME of the deployment]
    #[arg(long, value_name = "TIME", value_parser = token_lifetime)]
    pub(crate) token_lifetime: Option<Lifetime>,
    /// Add a public client, which cannot keep a secret. It has no secret and gets no tokens with client_credentials
    #[arg(long)]
    pub(crate) public: bool,
    /// Add the client without a secret, for `client key add` or `client trust`
    #[arg(long, conflicts_with_all = ["public", "private_key_jwt", "out"])]
    pub(crate) no_secret: bool,
    /// Generate a key pair instead of a secret. The client authenticates with assertions that it signs
    /// (`private_key_jwt`)
    #[arg(long, conflicts_with = "public")]
    pub(crate) private_key_jwt: bool,
    /// Algorithm of the key pair [default: ES256]
    #[arg(long, requires = "private_key_jwt", value_parser = PossibleValuesParser::new(OF_CLIENTS).try_map(|name| signature_algorithm(&name)))]
    pub(crate) alg: Option<SignatureAlgorithm>,
    /// API to grant to the client, as with `client grant`
    #[arg(long, value_name = "API", value_parser = ApiId::parse)]
    pub(crate) api: Option<ApiId>,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// Write the secret or the private key to this new file instead of stdout. Only the file's owner can read it
    #[arg(long, value_name = "FILE", conflicts_with = "public")]
    pub(crate) out: Option<PathBuf>,
    /// Print the record that would be written, without the secret's hash, but do not write it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The groups in one `--group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Groups(pub(crate) Vec<String>);

/// Parses groups separated by commas. `\,` is a comma within a name. Every other backslash is part of the name, as in
/// `DOMAIN\group`.
pub(crate) fn groups(text: &str) -> Result<Groups, String> {
    let mut names = vec![String::new()];
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            ',' => names.push(String::new()),
            c => {
                let c = if c == '\\' && chars.next_if_eq(&',').is_some() { ',' } else { c };
                names.iter_mut().last().into_iter().for_each(|name| name.push(c));
            }
        }
    }
    if names.len() > 1 {
        // Splitting an LDAP distinguished name would grant other groups than the one that was meant.
        if names.iter().all(|name| name.contains('=')) {
            return Err(
                "this looks like one name with commas. Write each comma as \\, or, for several groups, repeat \
                 --group"
                    .to_owned(),
            );
        }
        names.iter_mut().for_each(|name| *name = name.trim().to_owned());
    }
    if names.iter().any(String::is_empty) {
        return Err("the name of a group is empty".to_owned());
    }
    Ok(Groups(names))
}

/// The ID of the first generated secret of a record.
const FIRST: &str = "s1";

/// What the client authenticates with.
enum Credential {
    Nothing,
    Secret(GeneratedSecret),
    Key(KeyPair, SignatureAlgorithm),
}

impl Credential {
    fn new(args: &ClientAdd, host: &Host) -> Result<Self> {
        Ok(if args.public || args.no_secret {
            Self::Nothing
        } else if args.private_key_jwt {
            let alg = args.alg.unwrap_or(SignatureAlgorithm::Es256);
            Self::Key(of_client(alg, None, host)?, alg)
        } else {
            Self::Secret(GeneratedSecret::from_random(&Zeroizing::new(host.random_bytes::<32>()?)))
        })
    }

    /// The text that only the client may have.
    fn private(&self) -> Option<&str> {
        match self {
            Self::Nothing => None,
            Self::Secret(secret) => Some(secret.expose()),
            Self::Key(pair, _) => Some(&pair.private),
        }
    }

    fn secret(&self) -> Option<&GeneratedSecret> {
        match self {
            Self::Secret(secret) => Some(secret),
            Self::Nothing | Self::Key(..) => None,
        }
    }

    fn key(&self) -> Option<&KeyPair> {
        match self {
            Self::Key(pair, _) => Some(pair),
            Self::Nothing | Self::Secret(_) => None,
        }
    }
}

/// The record to write.
#[derive(Debug)]
struct Plan {
    record: ClientRecord,
    /// Warnings about this ID.
    warnings: Vec<String>,
}

/// Decides the record. `api`: the API of the first grant. `is_api`: whether an API has the same ID.
fn plan(
    args: &ClientAdd,
    credential: &Credential,
    api: Option<&ApiRecord>,
    is_api: bool,
    now: u64,
) -> Result<Plan> {
    let mut record = record(args, credential, now);
    if let Some(api) = api {
        grant::add(&mut record, api, &args.grant)?;
    }
    change::must_be_storable(&record)?;
    let warnings = new_client::warnings(&record, is_api);
    Ok(Plan { record, warnings })
}

/// Writes the secret or the private key to its file, if there is one, and then the record. Returns the path of the
/// file.
fn apply(
    plan: &Plan,
    credential: &Credential,
    file: Option<PrivateFile>,
    records: &Records<'_>,
) -> Result<Option<PathBuf>> {
    let mut file = file;
    if let (Some(file), Some(private)) = (&mut file, credential.private()) {
        file.write(private)?;
    }
    records.write(&plan.record).with_context(|| {
        let id = &plan.record.id;
        format!("no secret or key is shown (if the client {id} exists now, remove it first)")
    })?;
    Ok(file.map(PrivateFile::keep))
}

/// The result: JSON for scripts, sentences for people. [`reveal`] shows people the secret.
#[derive(Serialize)]
struct Report<'a> {
    id: &'a ClientId,
    /// `null` for a client without a secret, and if the secret is in a file.
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<&'a Path>,
    secret_id: Option<&'static str>,
    /// Absent without a key pair, and if the key is in a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    private_jwk: Option<&'a RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key_file: Option<&'a Path>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<&'a str>,
    public: bool,
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip)]
    target: &'a Target,
    /// Whether the client has no way to authenticate yet.
    #[serde(skip)]
    is_bare: bool,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = format!("Added the client {} to {}.", self.id, self.target);
        sentences(f, [added, self.delay.to_string()])?;
        sentences(f, self.warnings.iter().map(|warning| format!("warning: {warning}")))?;
        let public = "The client is public, so it has no secret and gets no tokens with client_credentials.";
        sentences(f, self.public.then_some(public))?;
        let id = shell::last(self.id.as_str());
        let bare = format!(
            "The client cannot authenticate yet. Add a key with `edgemint client key add {id} FILE`, or a workload with \
             `edgemint client trust {id}`."
        );
        sentences(f, self.is_bare.then_some(bare))?;
        sentences(f, self.kid.map(|_| new_client::of_version_3()))
    }
}

pub(crate) fn run(args: &ClientAdd, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let file = PrivateFile::named(args.out.as_deref(), host)?;
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.id;
    if let Some(why) = new_client::refused_id(id) {
        bail!("cannot add the client {id}: {why}");
    }
    let as_api = ApiId::parse(id.as_str()).ok().map(|id| id.kv_key());
    let as_issuer = TrustedIssuerId::parse(id.as_str()).ok().map(|id| id.kv_key());
    let (stored, others) = records.read_beside::<ClientRecord>(id, &[as_api, as_issuer])?;
    let (is_api, is_issuer) = (others.first() == Some(&true), others.last() == Some(&true));
    if stored.is_some() {
        bail!(
            "cannot add the client {id}: it exists in {}. For a new secret, run `edgemint client rotate-secret {}`.",
            project.target,
            shell::last(id.as_str())
        );
    }
    if is_issuer {
        bail!("cannot add the client {id}: {}.", new_client::refused_issuer(id));
    }
    let credential = Credential::new(args, host)?;
    let api = match &args.api {
        Some(api) => Some(change::find::<ApiRecord>(&records, api, &project)?),
        None => None,
    };
    let plan = plan(args, &credential, api.as_ref(), is_api, host.now)?;
    if args.dry_run {
        change::preview(&records, &project, &plan.record, host, output)?;
        plan.warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    let file = apply(&plan, &credential, file, &records)?;
    let at = TokenEndpoint::of(&project);
    let (secret, key, shown) = (credential.secret(), credential.key(), file.is_none());
    let jwk: Option<&RawValue> =
        key.filter(|_| shown).map(|key| serde_json::from_str(&key.private)).transpose()?;
    output.report(&Report {
        id,
        secret: secret.filter(|_| shown).map(GeneratedSecret::expose),
        secret_file: file.as_deref().filter(|_| secret.is_some()),
        secret_id: secret.map(|_| FIRST),
        private_jwk: jwk,
        key_file: file.as_deref().filter(|_| key.is_some()),
        kid: key.map(|key| key.kid.as_str()),
        public: args.public,
        delay: Delay::of(&project),
        issuer: at.issuer.as_deref(),
        warnings: &plan.warnings,
        target: &project.target,
        is_bare: args.no_secret,
    })?;
    if output.is_json() {
        return Ok(ExitCode::SUCCESS);
    }
    if let Some(secret) = secret {
        let default = plan.record.default_api.as_ref();
        // A request must name the API, unless it is the default.
        let named = args.api.as_ref().filter(|_| default.is_none());
        reveal(id, secret, file.as_deref(), &at, named, output)?;
        default.into_iter().for_each(|api| output.say(grant::way_to_ask(&plan.record, api)));
    }
    if let Some(key) = key {
        reveal_key(id, key, file.as_deref(), &project.target, output)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn record(args: &ClientAdd, credential: &Credential, now: u64) -> ClientRecord {
    let name = args.name.as_deref().unwrap_or_else(|| args.id.as_str());
    let mut record = ClientRecord::new(args.id.clone(), name);
    record.public = args.public;
    record.groups = args.groups.iter().flat_map(|groups| groups.0.clone()).collect();
    record.trusted_peers.clone_from(&args.trusted_peers);
    record.token_lifetime = args.token_lifetime.map(Lifetime::seconds);
    match credential {
        Credential::Nothing => {}
        Credential::Secret(secret) => record.secrets.push(StoredSecret {
            id: FIRST.to_owned(),
            created: now,
            expires: None,
            hash: secret.hash(),
        }),
        Credential::Key(KeyPair { kid, public, .. }, alg) => record.keys.push(ClientKey {
            kid: kid.clone(),
            alg: *alg,
            jwk: public.clone(),
            created: now,
            expires: None,
        }),
    }
    record
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_divided_at_commas_and_no_name_is_torn() {
        let names = |text: &str| groups(text).ok().map(|groups| groups.0);
        for (text, expected) in [
            ("a", &["a"][..]),
            ("a,b", &["a", "b"]),
            ("a, b c ,d", &["a", "b c", "d"]),
            (" a", &[" a"]),
            (r"a\,b,c", &["a,b", "c"]),
            (r"DOMAIN\admins,x", &[r"DOMAIN\admins", "x"]),
            (r"CN=admins\,OU=x", &["CN=admins,OU=x"]),
            (r"CN=admins\,OU=x,b", &["CN=admins,OU=x", "b"]),
            ("a=1", &["a=1"]),
        ] {
            assert_eq!(names(text), Some(expected.iter().map(|name| (*name).to_owned()).collect()), "{text}");
        }
        for none in ["", ",", "a,", ",a", "a,,b", "a, ,b"] {
            assert!(groups(none).is_err(), "{none}");
        }
        let told = groups("CN=admins,OU=x,DC=example").expect_err("one name");
        assert!(told.contains("repeat --group"), "{told}");
    }

    fn args(id: &str, public: bool) -> ClientAdd {
        ClientAdd {
            id: ClientId::parse(id).expect("an ID"),
            name: None,
            groups: vec![Groups(vec!["g".to_owned()])],
            trusted_peers: Vec::new(),
            token_lifetime: None,
            public,
            no_secret: false,
            private_key_jwt: false,
            alg: None,
            api: None,
            grant: GrantArgs { scopes: Vec::new(), all_scopes: false, default: true },
            out: None,
            dry_run: false,
            target: TargetArgs { local: true, state: None, env: None },
        }
    }

    #[test]
    fn a_plan_is_made_of_what_was_typed_and_read_and_the_time() {
        let secret = Credential::Secret(GeneratedSecret::from_random(&Zeroizing::new([7; 32])));
        let api = ApiRecord::new(ApiId::parse("https://a/").expect("an ID"), "A");
        let planned = plan(&args("a", false), &secret, Some(&api), false, 9).expect("a plan");
        let record = planned.record;
        assert_eq!((record.name.as_str(), record.groups), ("a", vec!["g".to_owned()]));
        assert_eq!((record.secrets[0].id.as_str(), record.secrets[0].created), (FIRST, 9));
        assert_eq!(record.default_api, Some(api.id));
        assert_eq!(planned.warnings, Vec::<String>::new());
        let planned = plan(&args("a:b", true), &Credential::Nothing, None, true, 9).expect("a plan");
        assert!(planned.record.public && planned.record.secrets.is_empty());
        assert_eq!(planned.warnings.len(), 1, "its ID is one of an API; a public client needs no HTTP Basic");
    }
}
