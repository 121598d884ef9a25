//! What may be typed behind `edgemint key list`, `key rotate` and `key retire`.

use clap::Args as ClapArgs;
use edgemint_issuer::{Lifetime, SIGNING_KEY_PREFIX};

use crate::cli::{Alg, TargetArgs, key_id};

/// List the signing keys
///
/// What the issuer of the target publishes, if it answers, and the names of the keys. Of the local state,
/// which has the keys themselves, also from when on each signs. Of a deployed environment the secrets
/// cannot be read back; the key that signs there is the first one that is published.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint key list --env production")]
pub(crate) struct KeyList {
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Add a key that takes over later
///
/// Makes a key, puts it beside those that are there, and prints when it begins to sign and when the key
/// before it may go. It is published at once; until it signs, everybody who verifies tokens fetches it.
/// Of a deployed environment it becomes a secret, through wrangler; of the local state a line in keys.env,
/// which the next `cargo xtask dev` reads.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key rotate --env production
  edgemint key rotate --env production --alg RS256 --activate-in 24h")]
pub(crate) struct KeyRotate {
    /// The algorithm [default: SIGNING_ALG of the deployment, or that of the key that signs now]
    #[arg(long, value_enum)]
    pub(crate) alg: Option<Alg>,
    /// When it begins to sign: not before everybody has fetched it
    #[arg(long, value_name = "TIME", value_parser = Lifetime::parse, default_value = "1h")]
    pub(crate) activate_in: Lifetime,
    /// Its name: the secret is called SIGNING_KEY_<NAME> [default: the time from which on it signs, and the algorithm]
    #[arg(long, value_parser = key_name)]
    pub(crate) name: Option<String>,
    /// Even if some who verify tokens cannot know the key yet when it begins to sign
    #[arg(long)]
    pub(crate) force: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Take away a key that signs no more
///
/// Refuses while it signs, tokens for APIs that demand its algorithm included, and while tokens that it signed
/// may be alive: for MAX_TOKEN_LIFETIME after the next key took over. Of a deployed environment the time and the
/// algorithm stand in the name that `key rotate` gives; of a key with another name, say with --kid which of the
/// published ones it is.
///
/// A key that has leaked goes at once, with --force: whoever verifies tokens refuses those that it signed
/// as soon as they fetch the keys again.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint key retire SIGNING_KEY_20261122T230727Z_ES256 --env production
  edgemint key retire FIRST --kid 0TZmmkqxe0bPCVZzcMJaL-Gp-C8Sy1ggbTJNYZTP6sg --env production")]
pub(crate) struct KeyRetire {
    /// Its name, with or without SIGNING_KEY_ before it
    #[arg(value_parser = key_name)]
    pub(crate) name: String,
    /// Its key ID, to tell whether it signs, and with which algorithm, when its name does not
    #[arg(long, value_parser = key_id)]
    pub(crate) kid: Option<String>,
    /// Even if tokens that it signed are alive, or it signs now, or it is the only one
    #[arg(long)]
    pub(crate) force: bool,
    /// Do not ask
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// Say what would be done, and do nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

fn key_name(text: &str) -> Result<String, &'static str> {
    let text = text.strip_prefix(SIGNING_KEY_PREFIX).unwrap_or(text);
    if (1..=64).contains(&text.len())
        && text.bytes().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == b'_')
    {
        Ok(text.to_owned())
    } else {
        Err("a name is 1 to 64 characters of A-Z, 0-9 and _")
    }
}
