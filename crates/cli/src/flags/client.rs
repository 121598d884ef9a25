//! Flags of the commands that change one client.

use clap::Args as ClapArgs;
use edgemint_issuer::ClientId;

use crate::flags::target::TargetArgs;

/// The client to change.
#[derive(Debug, ClapArgs)]
#[group(skip)]
pub(crate) struct ClientChange {
    /// ID of the client
    #[arg(value_parser = ClientId::parse)]
    pub(crate) id: ClientId,
    /// Print the record that would be written, without secrets and hashes, but do not write it
    #[arg(long)]
    pub(crate) dry_run: bool,
    #[command(flatten)]
    pub(crate) target: TargetArgs,
}
