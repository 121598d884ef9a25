//! What was typed: the commands and their flags, and the text of `--help`. Nothing is done here.

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs, Parser, Subcommand, ValueEnum};
use edgemint_issuer::{Algorithm, ApiId, ClientId, Lifetime, SigningKey};

use crate::check_args::Check;
use crate::client_args::{
    ClientDisable, ClientEnable, ClientExport, ClientList, ClientRevokeSecret, ClientRotateSecret, ClientShow,
};
use crate::commands::api::ApiCommand;
use crate::commands::token::TokenCommand;
use crate::completions_args::Completions;
use crate::grant_args::{
    ClientAllowIntrospection, ClientClaims, ClientGrant, ClientRevokeTokens, ClientUngrant, GrantArgs,
};
use crate::key_args::{KeyList, KeyRetire, KeyRotate};

const EXIT_CODES: &str = "\
Exit codes:
  0  done (warnings do not change that)
  1  refused or failed; what was done and what was not stands on stderr
  2  the command was not understood

Secrets and keys are printed once, on stdout; everything else that people read stands on stderr.";

/// Signing keys, clients and APIs of an edgemint deployment
#[derive(Debug, Parser)]
#[command(name = "edgemint", version, max_term_width = 100, after_help = EXIT_CODES)]
pub struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Print one JSON object on stdout, and no prose
    #[arg(long, global = true, display_order = 900)]
    pub json: bool,
    /// The wrangler.toml of the deployment, trusted whoever may write it [default: the nearest one, from this
    /// directory upwards, if nobody else may write it]
    #[arg(short, long, global = true, value_name = "PATH", display_order = 901)]
    pub(crate) config: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make, list, rotate and retire signing keys
    #[command(subcommand)]
    Key(KeyCommand),
    /// Add, look at and change clients, their secrets and their grants, back them up
    #[command(subcommand)]
    Client(ClientCommand),
    /// Add, look at and change the APIs that tokens are for, and their scopes
    #[command(subcommand)]
    Api(ApiCommand),
    /// Get, inspect and revoke tokens
    #[command(subcommand)]
    Token(TokenCommand),
    Check(Check),
    Completions(Completions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    Generate(KeyGenerate),
    List(KeyList),
    Rotate(KeyRotate),
    Retire(KeyRetire),
}

#[derive(Debug, Subcommand)]
pub(crate) enum ClientCommand {
    Add(ClientAdd),
    List(ClientList),
    Show(ClientShow),
    RotateSecret(ClientRotateSecret),
    RevokeSecret(ClientRevokeSecret),
    Disable(ClientDisable),
    Enable(ClientEnable),
    Grant(ClientGrant),
    Ungrant(ClientUngrant),
    Claims(ClientClaims),
    AllowIntrospection(ClientAllowIntrospection),
    RevokeTokens(ClientRevokeTokens),
    Remove(ClientRemove),
    Export(ClientExport),
    Import(ClientImport),
}

/// Make a private signing key
///
/// Prints one line: a private JWK with its algorithm, its key ID (the RFC 7638 thumbprint) and the time
/// from which on it signs. Each key belongs into a secret of the Worker of its own, called SIGNING_KEY_
/// and a name of your choice. All keys that are there are published; of those whose time has come, the
/// one with the latest time signs.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key generate | npx wrangler secret put SIGNING_KEY_FIRST --env production
  edgemint key generate --activate-in 1h | npx wrangler secret put SIGNING_KEY_NEXT --env production")]
pub(crate) struct KeyGenerate {
    /// The algorithm
    #[arg(long, value_enum, default_value = "ES256")]
    pub(crate) alg: Alg,
    /// When it begins to sign: 0s at once; 1h when another key signs now, so that everybody has fetched
    /// the new one before they meet it
    #[arg(long, value_name = "TIME", value_parser = Lifetime::parse, default_value = "0s")]
    pub(crate) activate_in: Lifetime,
    /// The key ID, instead of the thumbprint: 1 to 128 characters of printable ASCII
    #[arg(long, value_parser = key_id)]
    pub(crate) kid: Option<String>,
    /// Write the key into this new file, which its owner alone may read, and not to stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Alg {
    /// ECDSA with P-256: short signatures, known everywhere
    #[value(name = "ES256")]
    Es256,
    /// RSA, 2048 bits: for clients that know nothing else; takes a moment to make
    #[value(name = "RS256")]
    Rs256,
    /// Ed25519: the fastest, where clients know it
    #[value(name = "EdDSA")]
    EdDsa,
}

impl Alg {
    /// As the issuer calls it.
    pub(crate) const fn algorithm(self) -> Algorithm {
        match self {
            Self::Es256 => Algorithm::Es256,
            Self::Rs256 => Algorithm::Rs256,
            Self::EdDsa => Algorithm::EdDsa,
        }
    }

    /// The one that the issuer calls so.
    pub(crate) const fn of(algorithm: Algorithm) -> Self {
        match algorithm {
            Algorithm::Es256 => Self::Es256,
            Algorithm::Rs256 => Self::Rs256,
            Algorithm::EdDsa => Self::EdDsa,
        }
    }
}

/// Which client records: those of this machine, or those of a deployed environment.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Where (one of --local and --env)")]
#[command(group(ArgGroup::new("target").required(true).args(["local", "env"])))]
#[group(skip)]
pub(crate) struct TargetArgs {
    /// The local state, which `wrangler dev` serves
    #[arg(long)]
    pub(crate) local: bool,
    /// The directory of the local state [default: .wrangler/state beside wrangler.toml]
    #[arg(long, value_name = "DIR", requires = "local", conflicts_with = "env")]
    pub(crate) state: Option<PathBuf>,
    /// A deployed environment of wrangler.toml, such as production
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
}

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

/// Import the clients of a dex configuration, or restore a backup
///
/// FILE is a dex configuration (YAML or JSON), the bare list of its staticClients, or a backup of edgemint, whose APIs go
/// in first. A configuration in Helm values, a ConfigMap or a Secret is found there, and so are the records of dex's
/// Kubernetes storage. Read of each client: id or idEnv, secret or secretEnv, name, public, trustedPeers and
/// clientCredentialsClaims.groups. Every other field is named once as not used.
///
/// Secrets are stored as salted, slow hashes. Importing the same file again changes nothing; clients that
/// are not in the file are left alone. A client that must be refused is named with the reason, the others
/// go in all the same, and the exit code is 1. A secret that looks like a placeholder of another tool
/// (`$name`, `{{ .x }}`, `changeme`) is refused.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client import dex.yaml --env production --dry-run
  CI_SECRET=… edgemint client import dex.yaml --env production
  kubectl get configmap dex -o yaml | edgemint client import - --env production --dry-run")]
pub(crate) struct ClientImport {
    /// The file to read; `-` reads stdin
    pub(crate) file: PathBuf,
    /// Take everything of this client as it is written, even what looks like a placeholder; repeatable
    #[arg(long, value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) allow_literal: Vec<ClientId>,
    /// Say what would change, client by client, and change nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Remove clients
///
/// Their records are deleted: their secrets work no longer once caches have run out, and cannot be
/// brought back. Tokens that were issued live until they expire.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client remove billing --env production")]
pub(crate) struct ClientRemove {
    /// The client IDs
    #[arg(required = true, value_name = "ID", value_parser = ClientId::parse)]
    pub(crate) ids: Vec<ClientId>,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Say what would be removed, and remove nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

pub(crate) fn token_lifetime(text: &str) -> Result<Lifetime, String> {
    let (shortest, longest) = (Lifetime::SHORTEST_OF_TOKENS, Lifetime::LONGEST_OF_TOKENS);
    match Lifetime::parse(text) {
        Ok(lifetime) if (shortest..=longest).contains(&lifetime) => Ok(lifetime),
        Ok(_) => Err(format!("must be from {shortest} to {longest}")),
        Err(error) => Err(error.to_string()),
    }
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

pub(crate) fn key_id(text: &str) -> Result<String, &'static str> {
    if SigningKey::is_key_id(text) {
        Ok(text.to_owned())
    } else {
        Err("a key ID is 1 to 128 characters of printable ASCII")
    }
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

    #[test]
    fn the_commands_are_consistent() {
        use clap::CommandFactory as _;
        Args::command().debug_assert();
    }
}
