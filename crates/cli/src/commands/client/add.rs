//! `edgemint client add`: a new client with a secret that is shown once.

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
use crate::deployment::project::Project;
use crate::deployment::session::Session;
use crate::flags::grant::GrantArgs;
use crate::flags::target::TargetArgs;
use crate::flags::values::token_lifetime;
use crate::host::private_file::PrivateFile;
use crate::records::kv::Records;
use crate::records::{change, new_client};

/// Add a client and make its secret
///
/// The secret is printed once, on stdout, and kept nowhere: only its hash is stored. A client that is
/// there already is left alone.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client add billing --name 'Billing service' --group invoices --env production
  edgemint client add billing --api https://invoices.example.com/ --scope read --default --env production
  edgemint client add billing --local --json")]
pub(crate) struct ClientAdd {
    /// The client ID: 1 to 256 characters of printable ASCII
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    /// For people, and for the scope `profile` [default: the ID]
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// A group that the scope `groups` puts into its tokens, or several with commas between; may be repeated. A comma
    /// within a name is written \,
    #[arg(long = "group", value_name = "GROUP", value_parser = groups)]
    pub(crate) groups: Vec<Groups>,
    /// A client that may ask for tokens with this one as audience; may be repeated
    #[arg(long = "trusted-peer", value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) trusted_peers: Vec<ClientId>,
    /// How long its tokens live, such as 5m: 30s to 24h [default: TOKEN_LIFETIME of the deployment]
    #[arg(long, value_name = "TIME", value_parser = token_lifetime)]
    pub(crate) token_lifetime: Option<Lifetime>,
    /// A public client, which can keep no secret: it gets none, and no token by client_credentials
    #[arg(long)]
    pub(crate) public: bool,
    /// An API that it may have tokens for, as with `client grant`
    #[arg(long, value_name = "API", value_parser = ApiId::parse)]
    pub(crate) api: Option<ApiId>,
    #[command(flatten)]
    pub(crate) grant: GrantArgs,
    /// Write the secret into this new file, which its owner alone may read, and not to stdout
    #[arg(long, value_name = "FILE", conflicts_with = "public")]
    pub(crate) out: Option<PathBuf>,
    /// Print the record that would be written, without its hash, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// The groups of one `--group`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Groups(pub(crate) Vec<String>);

/// Groups with commas between. `\,` is a comma within a name; every other backslash is part of it, as in `DOMAIN\group`.
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
        // A distinguished name of LDAP is one group, and would become several others.
        if names.iter().all(|name| name.contains('=')) {
            return Err(
                "this looks like one name with commas in it: write each of them as \\, (for several groups, \
                        repeat --group)"
                    .to_owned(),
            );
        }
        names.iter_mut().for_each(|name| *name = name.trim().to_owned());
    }
    if names.iter().any(String::is_empty) {
        return Err("a group has no name".to_owned());
    }
    Ok(Groups(names))
}

/// What the first generated secret of a record is called.
const FIRST: &str = "s1";

/// The result, as `--json` prints it.
#[derive(Serialize)]
struct Added<'a> {
    id: &'a ClientId,
    /// `null` for a public client, and when it is in a file.
    secret: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    secret_file: Option<&'a Path>,
    secret_id: Option<&'static str>,
    public: bool,
    seen_after_seconds: u64,
    issuer: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    warnings: Vec<String>,
}

pub(crate) fn run(args: &ClientAdd, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let mut file = PrivateFile::named(args.out.as_deref(), host)?;
    let project = Project::find(config, &args.target, host)?;
    let records = Records::of(&project, host)?;
    let id = &args.id;
    if let Some(why) = new_client::refused_id(id) {
        bail!("the client {id} was not added: {why}");
    }
    let as_api = ApiId::parse(id.as_str()).ok();
    let (stored, is_api) = records.read_beside::<ClientRecord, ApiRecord>(id, as_api.as_ref())?;
    if stored.is_some() {
        bail!(
            "there is a client {id} already in {}; a new secret for it comes from `edgemint client rotate-secret {}`",
            project.target,
            shell::last(id.as_str())
        );
    }

    let secret = if args.public {
        None
    } else {
        Some(GeneratedSecret::from_random(&Zeroizing::new(host.random_bytes::<32>()?)))
    };
    let mut record = record(args, secret.as_ref(), host.now);
    if let Some(api) = &args.api {
        let api: ApiRecord = change::find(&records, api, &project)?;
        grant::add(&mut record, &api, &args.grant)?;
    }
    change::must_be_storable(&record)?;
    let warnings = new_client::warnings(&record, is_api);
    if args.dry_run {
        change::preview(&records, &project, &record, host, output)?;
        warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
        return Ok(ExitCode::SUCCESS);
    }
    if let (Some(file), Some(secret)) = (&mut file, &secret) {
        file.write(secret.expose())?;
    }
    records.write(&record).with_context(|| {
        format!("the secret was not shown; should the client {id} be there now, remove it and add it again")
    })?;

    let file = file.map(PrivateFile::keep);
    let at = TokenEndpoint::of(&project);
    let delay = Delay::of(&project);
    if output.is_json() {
        let shown = secret.as_ref().filter(|_| file.is_none()).map(GeneratedSecret::expose);
        output.result_json(&Added {
            id,
            secret: shown,
            secret_file: file.as_deref(),
            secret_id: secret.as_ref().map(|_| FIRST),
            public: args.public,
            seen_after_seconds: delay.seconds(),
            issuer: at.issuer.as_deref(),
            warnings,
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    output.say(format_args!("Added the client {id} to {}.", project.target));
    output.say(delay);
    warnings.iter().for_each(|warning| output.say(format_args!("warning: {warning}")));
    let Some(secret) = &secret else {
        output.say("It is public: it has no secret, and gets no token by client_credentials.");
        return Ok(ExitCode::SUCCESS);
    };
    // Where no request need name it, none does.
    let asked = args.api.as_ref().filter(|_| record.default_api.is_none());
    reveal(id, secret, file.as_deref(), &at, asked, output)?;
    if let Some(api) = &record.default_api {
        output.say(grant::way_to_ask(&record, api));
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
}
