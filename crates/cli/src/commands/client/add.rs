//! `edgemint client add`: adds a client with a secret that is shown only once.

use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args as ClapArgs;
use edgemint_issuer::{ApiId, ApiRecord, ClientId, ClientRecord, GeneratedSecret, Lifetime, StoredSecret};
use edgemint_printable::shell;
use serde::Serialize;
use zeroize::Zeroizing;

use crate::commands::client::grant;
use crate::commands::client::reveal::{TokenEndpoint, reveal};
use crate::deployment::delay::Delay;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::flags::grant::GrantArgs;
use crate::flags::target::TargetArgs;
use crate::flags::values::token_lifetime;
use crate::host::private_file::PrivateFile;
use crate::records::kv::Records;
use crate::records::{change, new_client};
use crate::terminal::output::sentences;

/// Add a client and generate its secret
///
/// The secret is printed once, on stdout. Only its hash is stored. If the client exists, the command fails and
/// changes nothing.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client add billing --name 'Billing service' --group invoices --env production
  edgemint client add billing --api https://invoices.example.com/ --scope read --default --env production
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
    /// API to grant to the client, as with `client grant`
    #[arg(long, value_name = "API", value_parser = ApiId::parse)]
    pub(crate) api: Option<ApiId>,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// Write the secret to this new file instead of stdout. Only the file's owner can read it
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
    secret: Option<&GeneratedSecret>,
    api: Option<&ApiRecord>,
    is_api: bool,
    now: u64,
) -> Result<Plan> {
    let mut record = record(args, secret, now);
    if let Some(api) = api {
        grant::add(&mut record, api, &args.grant)?;
    }
    change::must_be_storable(&record)?;
    let warnings = new_client::warnings(&record, is_api);
    Ok(Plan { record, warnings })
}

/// Writes the secret to its file, if there is one, and then the record. Returns the path of the file.
fn apply(
    plan: &Plan,
    secret: Option<&GeneratedSecret>,
    file: Option<PrivateFile>,
    records: &Records<'_>,
) -> Result<Option<PathBuf>> {
    let mut file = file;
    if let (Some(file), Some(secret)) = (&mut file, secret) {
        file.write(secret.expose())?;
    }
    records.write(&plan.record).with_context(|| {
        let id = &plan.record.id;
        format!("no secret is shown (if the client {id} exists now, remove it first)")
    })?;
    Ok(file.map(PrivateFile::keep))
}

/// The result: JSON for scripts, sentences for people. [`reveal`] shows people the secret.
#[derive(Serialize)]
struct Report<'a> {
    id: &'a ClientId,
    /// `null` for a public client, and if the secret is in a file.
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<&'a Path>,
    secret_id: Option<&'static str>,
    public: bool,
    #[serde(rename = "seen_after_seconds")]
    delay: Delay,
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    warnings: &'a [String],
    #[serde(skip)]
    target: &'a Target,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let added = format!("Added the client {} to {}.", self.id, self.target);
        sentences(f, [added, self.delay.to_string()])?;
        sentences(f, self.warnings.iter().map(|warning| format!("warning: {warning}")))?;
        let public = "The client is public, so it has no secret and gets no tokens with client_credentials.";
        sentences(f, self.public.then_some(public))
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
    let as_api = ApiId::parse(id.as_str()).ok();
    let (stored, is_api) = records.read_beside::<ClientRecord, ApiRecord>(id, as_api.as_ref())?;
    if stored.is_some() {
        bail!(
            "cannot add the client {id}: it exists in {}. For a new secret, run `edgemint client rotate-secret {}`.",
            project.target,
            shell::last(id.as_str())
        );
    }
    let secret = if args.public {
        None
    } else {
        Some(GeneratedSecret::from_random(&Zeroizing::new(host.random_bytes::<32>()?)))
    };
    let api = match &args.api {
        Some(api) => Some(change::find::<ApiRecord>(&records, api, &project)?),
        None => None,
    };
    let plan = plan(args, secret.as_ref(), api.as_ref(), is_api, host.now)?;
    if args.dry_run {
        change::preview(&records, &project, &plan.record, host, output)?;
        plan.warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    let file = apply(&plan, secret.as_ref(), file, &records)?;
    let at = TokenEndpoint::of(&project);
    output.report(&Report {
        id,
        secret: secret.as_ref().filter(|_| file.is_none()).map(GeneratedSecret::expose),
        secret_file: file.as_deref(),
        secret_id: secret.as_ref().map(|_| FIRST),
        public: args.public,
        delay: Delay::of(&project),
        issuer: at.issuer.as_deref(),
        warnings: &plan.warnings,
        target: &project.target,
    })?;
    if let Some(secret) = secret.as_ref().filter(|_| !output.is_json()) {
        let default = plan.record.default_api.as_ref();
        // A request must name the API, unless it is the default.
        let named = args.api.as_ref().filter(|_| default.is_none());
        reveal(id, secret, file.as_deref(), &at, named, output)?;
        default.into_iter().for_each(|api| output.say(grant::way_to_ask(&plan.record, api)));
    }
    Ok(ExitCode::SUCCESS)
}

fn record(args: &ClientAdd, secret: Option<&GeneratedSecret>, now: u64) -> ClientRecord {
    let name = args.name.as_deref().unwrap_or_else(|| args.id.as_str());
    let mut record = ClientRecord::new(args.id.clone(), name);
    record.public = args.public;
    record.groups = args.groups.iter().flat_map(|groups| groups.0.clone()).collect();
    record.trusted_peers.clone_from(&args.trusted_peers);
    record.token_lifetime = args.token_lifetime.map(Lifetime::seconds);
    record.secrets.extend(secret.map(|secret| StoredSecret {
        id: FIRST.to_owned(),
        created: now,
        expires: None,
        hash: secret.hash(),
    }));
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
            api: None,
            grant: GrantArgs { scopes: Vec::new(), all_scopes: false, default: true },
            out: None,
            dry_run: false,
            target: TargetArgs { local: true, state: None, env: None },
        }
    }

    #[test]
    fn a_plan_is_made_of_what_was_typed_and_read_and_the_time() {
        let secret = GeneratedSecret::from_random(&Zeroizing::new([7; 32]));
        let api = ApiRecord::new(ApiId::parse("https://a/").expect("an ID"), "A");
        let planned = plan(&args("a", false), Some(&secret), Some(&api), false, 9).expect("a plan");
        let record = planned.record;
        assert_eq!((record.name.as_str(), record.groups), ("a", vec!["g".to_owned()]));
        assert_eq!((record.secrets[0].id.as_str(), record.secrets[0].created), (FIRST, 9));
        assert_eq!(record.default_api, Some(api.id));
        assert_eq!(planned.warnings, Vec::<String>::new());
        let planned = plan(&args("a:b", true), None, None, true, 9).expect("a plan");
        assert!(planned.record.public && planned.record.secrets.is_empty());
        assert_eq!(planned.warnings.len(), 1, "its ID is one of an API; a public client needs no HTTP Basic");
    }
}
