//! Flags that choose a deployment.

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs};

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
