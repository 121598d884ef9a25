//! Flags of each command that changes one client.

use clap::Args as ClapArgs;
use edgemint_issuer::ClientId;

use crate::flags::target::TargetArgs;

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
