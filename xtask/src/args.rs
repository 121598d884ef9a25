//! The command line of `cargo xtask`, and nothing that acts on it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};

/// Set up, build, serve and check edgemint.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
pub struct Args {
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Measure the cost of a token against floors and peers
    ///
    /// Runs the servers in bare workerd, with load from oha. Both are installed when missing. Takes under ten minutes
    /// once everything is built. Writes docs/explanation/growth.svg unless --quick or --only is given. Exit code: 1
    /// when a ratio exceeds its bound.
    Bench(Bench),
    /// Build the Worker into build/ (wrangler runs this itself)
    Build(Build),
    /// Run the issuer on this machine in the Workers runtime
    ///
    /// Installs missing tools, builds the Worker, creates a signing key on first use, loads the example client, and
    /// runs `wrangler dev` until Ctrl-C. Exit code: 0 when it is stopped (Ctrl-C, SIGTERM, SIGHUP) while it serves, 130
    /// when it is stopped before that, 1 on an error.
    Dev(Dev),
    /// Run the fuzz targets with seeds from the vectors
    ///
    /// Needs a C++ compiler, but no nightly toolchain. Keeps corpora and findings in fuzz/ below the target directory.
    Fuzz(Fuzz),
    /// Print the section of a version in CHANGELOG.md, as the text of its release
    ///
    /// Fails if Cargo.toml has another version, or if CHANGELOG.md has no section of it. docs/internals/release.md
    /// explains how to release.
    ReleaseNotes(ReleaseNotes),
    /// Print the Worker's bill of materials (CycloneDX)
    Sbom(Sbom),
    /// Simulate KV reads and estimate the cost of a month
    ///
    /// This is a model, not a measurement. docs/explanation/cost-and-scale.md lists its assumptions.
    Simulate(Simulate),
    /// Run every check of CI
    Test,
}

/// Options of `cargo xtask build`.
#[derive(Debug, clap::Args)]
pub struct Build {
    /// Build the test variant, whose GET /panic panics, into build-panic/. Never deploy it.
    #[arg(long)]
    pub provoke_panic: bool,
    /// Skip wasm-opt: a quicker build, a slightly bigger Worker; for development, not for deployment
    #[arg(long)]
    pub quick: bool,
}

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// Use shorter runs and skip the million tokens: under two minutes
    #[arg(long)]
    pub quick: bool,
    /// Measure only this case (repeatable), and the ratios between the named cases
    #[arg(long, value_name = "NAME")]
    pub only: Vec<String>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

/// Options of `cargo xtask fuzz`.
#[derive(Debug, clap::Args)]
pub struct Fuzz {
    /// Fuzz only this target, one of fuzz/targets [default: all of them, one after the other]
    pub target: Option<String>,
    /// Set the run time of each target, in seconds
    #[arg(long, value_name = "N", default_value_t = 60, value_parser = clap::value_parser!(u64).range(1..))]
    pub seconds: u64,
    /// Only write the seeds
    #[arg(long)]
    pub seeds: bool,
    /// Run only this input, for example to reproduce a finding
    #[arg(long, value_name = "FILE", requires = "target", conflicts_with = "seeds")]
    pub input: Option<PathBuf>,
}

/// Options of `cargo xtask release-notes`.
#[derive(Debug, clap::Args)]
pub struct ReleaseNotes {
    /// The version, or its tag: `1.2.3` or `v1.2.3`
    pub version: String,
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Options of `cargo xtask sbom`.
#[derive(Debug, clap::Args)]
pub struct Sbom {
    /// Write to this file instead of stdout
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Options of `cargo xtask simulate`.
#[derive(Debug, clap::Args)]
pub struct Simulate {
    /// Tokens per second (repeatable)
    #[arg(long, value_name = "N", default_values_t = [1.0, 100.0, 10_000.0], value_parser = rate)]
    pub rate: Vec<f64>,
    /// Number of clients, all equally busy
    #[arg(long, value_name = "N", default_value_t = 500, value_parser = clap::value_parser!(u32).range(1..))]
    pub clients: u32,
    /// CLIENT_CACHE, in seconds (repeatable)
    #[arg(long, value_name = "SECONDS", default_values_t = [60, 600], value_parser = clap::value_parser!(u32).range(1..))]
    pub cache: Vec<u32>,
    /// Number of Cloudflare locations that get requests [default: by the rate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub locations: Option<u32>,
    /// Number of isolates in each location [default: by the rate]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub isolates: Option<u32>,
    /// CPU time per token, in milliseconds
    #[arg(long, value_name = "MS", default_value_t = 0.3)]
    pub cpu_ms: f64,
}

impl Simulate {
    /// The number of locations, and of isolates in each, that issue this many tokens per second. Cloudflare does not
    /// publish it. These guesses are rather too high than too low, and higher numbers cost more.
    pub(crate) fn spread(&self, rate: f64) -> (u32, u32) {
        let (locations, isolates) = match rate {
            rate if rate < 10.0 => (3, 2),
            rate if rate < 1_000.0 => (10, 5),
            _ => (50, 20),
        };
        (self.locations.unwrap_or(locations), self.isolates.unwrap_or(isolates))
    }
}

/// Parses a rate, which must be more than 0.
fn rate(text: &str) -> Result<f64, String> {
    let rate: f64 = text.parse().map_err(|_| format!("`{text}` is not a number"))?;
    if rate > 0.0 && rate.is_finite() { Ok(rate) } else { Err("it must be more than 0".to_owned()) }
}

/// Options of `cargo xtask dev`.
#[derive(Debug, clap::Args)]
pub struct Dev {
    /// The port to listen on, on 127.0.0.1
    #[arg(long, value_name = "N", default_value_t = 8787, value_parser = clap::value_parser!(u16).range(1..))]
    pub port: u16,
    /// Directory for keys and client records between runs [default: .wrangler/state in the checkout]
    #[arg(long, value_name = "DIR")]
    pub state: Option<PathBuf>,
    /// Load this dex configuration, or bare list of staticClients (YAML or JSON), instead of the example
    #[arg(long, value_name = "FILE")]
    pub clients: Option<PathBuf>,
    /// Set this variable of the Worker, overriding wrangler.toml (repeatable); an empty value is passed as empty
    #[arg(long = "var", value_name = "NAME=VALUE", value_parser = variable)]
    pub vars: Vec<(String, String)>,
}

/// Parses `NAME=VALUE`. The name must be a valid name of an environment variable; the value is taken literally.
fn variable(text: &str) -> Result<(String, String), String> {
    let (name, value) =
        text.split_once('=').ok_or("it must be NAME=VALUE (NAME= for an empty value)".to_owned())?;
    let starts_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !starts_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("`{name}` is not the name of a variable (letters, digits and _)"));
    }
    Ok((name.to_owned(), value.to_owned()))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::{Args, Command, variable};

    fn var(name: &str, value: &str) -> Result<(String, String), String> {
        Ok((name.to_owned(), value.to_owned()))
    }

    #[test]
    fn a_variable_keeps_its_value_exactly() {
        assert_eq!(variable("GRANT_TYPES="), var("GRANT_TYPES", ""));
        assert_eq!(variable("A=b=c"), var("A", "b=c"));
        assert_eq!(variable("A= x, 'y' \"z\":$HOME "), var("A", " x, 'y' \"z\":$HOME "));
    }

    #[test]
    fn a_variable_needs_a_name() {
        for text in ["", "A", "=x", "1A=x", "A B=x", "A:B=x"] {
            assert!(variable(text).is_err(), "{text}");
        }
    }

    #[test]
    fn dev_has_the_documented_defaults() {
        let args = Args::parse_from(["cargo xtask", "dev"]);
        let Command::Dev(dev) = args.command else { panic!("not dev") };
        assert_eq!(dev.port, 8787);
        assert!(dev.state.is_none() && dev.clients.is_none() && dev.vars.is_empty());
    }

    #[test]
    fn variables_may_be_repeated_and_begin_with_a_dash() {
        let args = Args::parse_from(["cargo xtask", "dev", "--var", "A=1", "--var=B=-2"]);
        let Command::Dev(dev) = args.command else { panic!("not dev") };
        assert_eq!(dev.vars, [("A".to_owned(), "1".to_owned()), ("B".to_owned(), "-2".to_owned())]);
    }
}
