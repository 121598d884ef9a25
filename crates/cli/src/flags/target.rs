//! Flags that select a deployment.

use std::path::PathBuf;

use clap::{ArgGroup, Args as ClapArgs};

/// The target of a command: the local state, or a deployed environment.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Target (one of --local and --env is required)")]
#[command(group(ArgGroup::new("target").required(true).args(["local", "env"])))]
#[group(skip)]
pub(crate) struct TargetArgs {
    /// Use the local state, which `wrangler dev` serves
    #[arg(long)]
    pub(crate) local: bool,
    /// Directory of the local state [default: .wrangler/state next to wrangler.toml]
    #[arg(long, value_name = "DIR", requires = "local", conflicts_with = "env")]
    pub(crate) state: Option<PathBuf>,
    /// Use this deployed environment of wrangler.toml, such as production
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
}
