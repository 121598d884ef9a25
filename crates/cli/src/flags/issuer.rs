//! Flags that name the issuer to ask.

use clap::{ArgGroup, Args as ClapArgs};

use crate::flags::target::TargetArgs;
use crate::flags::values::issuer;

/// Which issuer is asked.
#[derive(Debug, Clone, ClapArgs)]
#[command(next_help_heading = "Which issuer (one of --issuer, --local and --env)")]
#[command(group(ArgGroup::new("which").required(true).args(["issuer", "local", "env"])))]
#[group(skip)]
pub(crate) struct IssuerArgs {
    /// The issuer at this address
    #[arg(long, visible_alias = "url", value_name = "URL", value_parser = issuer)]
    pub(crate) issuer: Option<String>,
    /// The ISSUER at the top of wrangler.toml, which `wrangler dev` serves
    #[arg(long)]
    pub(crate) local: bool,
    /// The ISSUER of an environment of wrangler.toml, such as production
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
}

impl IssuerArgs {
    /// The target of wrangler.toml that is meant when no address was typed.
    pub(crate) fn target(&self) -> TargetArgs {
        TargetArgs { local: self.local, state: None, env: self.env.clone() }
    }
}
