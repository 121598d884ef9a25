//! What may be typed behind `edgemint check`.

use clap::Args as ClapArgs;
use edgemint_issuer::Issuer;

/// Check the configuration of a deployment
///
/// Reads wrangler.toml, the top of it (local development) and every environment, and reports every mistake
/// with its mend. The values of secrets cannot be read back from Cloudflare: of a deployed environment their
/// names are listed through wrangler, and what could not be checked is said. Mistakes end with the exit code
/// 1, warnings and what could not be checked do not.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  edgemint check
  edgemint check --env production --live https://tokens.example.com")]
pub(crate) struct Check {
    /// This environment of wrangler.toml alone
    #[arg(short, long, value_name = "NAME")]
    pub(crate) env: Option<String>,
    /// Compare what the issuer that runs there publishes with the configuration that names it as ISSUER
    #[arg(long, value_name = "URL", value_parser = issuer)]
    pub(crate) live: Option<String>,
}

/// The address of an issuer: https, or http on this machine alone.
pub(crate) fn issuer(text: &str) -> Result<String, String> {
    match Issuer::parse(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(error.to_string()),
    }
}
