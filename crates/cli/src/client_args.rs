//! What was typed: the commands that look at clients and change them, and the text of their `--help`.

use std::path::PathBuf;

use clap::Args as ClapArgs;
use edgemint_issuer::{ClientId, Lifetime};

use crate::cli::TargetArgs;

/// The longest overlap of two secrets: a year.
const LONGEST_OVERLAP: u64 = 366 * 24 * 3600;

/// List the clients
///
/// One line for each: its ID, its name, its state (active, disabled, public; or unreadable, when this
/// edgemint cannot use its record), how many of its secrets work now, when the next of them expires, and the
/// scopes that it may have; of several APIs, by API.
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
/// All of its record but the hashes of its secrets.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client show billing --env production")]
pub(crate) struct ClientShow {
    /// The client ID
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Which client is to be changed.
#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct ClientChange {
    /// The client ID
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    /// Print the record that would be written, without secrets and hashes, and write nothing
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

/// Disable a client: it gets no token until it is enabled
///
/// Its record and its secrets stay. Tokens that it has got live until they expire.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client disable billing --env production")]
pub(crate) struct ClientDisable {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Enable a client that was disabled
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Example:
  edgemint client enable billing --env production")]
pub(crate) struct ClientEnable {
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Make a new secret for a client, and let the old ones expire
///
/// The new secret is printed once, on stdout, and kept nowhere: only its hash is stored. Those that work
/// now go on for the overlap, in which the service gets the new one; one that expires earlier still does.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client rotate-secret billing --env production
  edgemint client rotate-secret billing --overlap 0s --env production   (the old one has leaked)")]
pub(crate) struct ClientRotateSecret {
    /// How long the old secrets go on working: 0s to 8784h (a year)
    #[arg(long, value_name = "TIME", value_parser = overlap, default_value = "24h")]
    pub(crate) overlap: Lifetime,
    /// Write the secret into this new file, which its owner alone may read, and not to stdout
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) change: ClientChange,
}

/// Take secrets from a client, at once
///
/// One that was imported from dex expires and stays in the record, so that the next import of the same file does not
/// bring it back. With --forget it is removed: take it out of the file first.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client revoke-secret billing s1 --env production   (`client show billing` names them)
  edgemint client revoke-secret billing dex dex2 --forget --env production")]
pub(crate) struct ClientRevokeSecret {
    #[command(flatten)]
    pub(crate) change: ClientChange,
    /// The IDs of the secrets, such as s1
    #[arg(required = true, value_name = "SECRET_ID")]
    pub(crate) secret_ids: Vec<String>,
    /// Remove imported secrets, too, those included that have expired
    #[arg(long)]
    pub(crate) forget: bool,
}

/// Write a backup of all clients and APIs
///
/// The backup is what `client import` reads. It holds hashes and no secrets; imported into an empty
/// namespace, it makes every client work again with the secrets that it had. Keep it where only operators
/// read: hashes of secrets that people chose can be attacked with a dictionary.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint client export clients.json --env production
  edgemint client export --env production | age -r age1… > clients.json.age
  edgemint client import clients.json --env production   (restores it)")]
pub(crate) struct ClientExport {
    /// The file to make, for its owner alone to read; it must not exist [default: to stdout]
    pub(crate) file: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}

fn overlap(text: &str) -> Result<Lifetime, String> {
    match Lifetime::parse(text) {
        Ok(overlap) if overlap.seconds() <= LONGEST_OVERLAP => Ok(overlap),
        Ok(_) => Err("must be from 0s to 8784h (a year)".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
