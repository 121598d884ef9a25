//! Flags that select the issuer to send requests to.

use clap::{ArgGroup, Args as ClapArgs};

use crate::flags::target::TargetArgs;
use crate::flags::values::issuer;

/// The issuer to send requests to.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Issuer (one of --issuer, --local and --env is required)")]
#[command(group(ArgGroup::new("which").required(true).args(["issuer", "local", "env"])))]
#[group(skip)]
pub(crate) struct IssuerArgs {
    /// Use the issuer at this URL
    #[arg(long, visible_alias = "url", value_name = "URL", value_parser = issuer)]
    pub(crate) issuer: Option<String>,
    /// Use the ISSUER at the top of wrangler.toml, which `wrangler dev` serves
    #[arg(long)]
    pub(crate) local: bool,
    /// Use the ISSUER of this environment of wrangler.toml, such as production
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
}

impl IssuerArgs {
    /// The target of wrangler.toml, for a command without --issuer.
    pub(crate) fn target(&self) -> TargetArgs {
        TargetArgs { local: self.local, state: None, env: self.env.clone() }
    }
}
