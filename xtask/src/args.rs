//! The command line of `cargo xtask`, and nothing that acts on it.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use edgemint_local::dev::DevArgs;

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
    /// Build the Worker into build/ (wrangler runs this itself)
    Build(Build),
    /// Run the issuer on this machine in the Workers runtime
    ///
    /// Installs missing tools, builds the Worker, creates a signing key on first use, loads the example client, and
    /// runs `wrangler dev` until Ctrl-C. Exit code: 0 when it is stopped (Ctrl-C, SIGTERM, SIGHUP) while it serves, 130
    /// when it is stopped before that, 1 on an error.
    Dev(DevArgs),
    /// A command that needs more crates than `dev` and `build`.
    #[command(flatten)]
    Check(Check),
}

/// The commands that need the feature `checks`.
#[derive(Debug, Subcommand)]
pub enum Check {
    /// Measure the cost of a token against floors and peers
    ///
    /// Runs the servers in bare workerd, with load from oha. Both are installed when missing. Takes about eleven
    /// minutes once everything is built. Writes docs/explanation/growth.svg unless --quick or --only is given. Exit code: 1
    /// when a ratio exceeds its bound.
    Bench(Bench),
    /// Run the fuzz targets with seeds from the vectors
    ///
    /// Needs a C++ compiler, but no nightly toolchain. Keeps corpora and findings in fuzz/ below the target directory.
    Fuzz(Fuzz),
    /// Write the npm packages and the template into dist/
    ///
    /// The same sources make the same bytes. Builds the Worker, and the release program of this machine's platform
    /// unless --cli is given.
    Package(Package),
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
    /// Optimise little: a quicker build, a slower and bigger Worker; for development, not for deployment
    #[arg(long)]
    pub quick: bool,
}

/// Options of `cargo xtask package`.
#[derive(Debug, clap::Args)]
pub struct Package {
    /// Package this program of a platform, such as linux-x64-gnu, instead of building one (repeatable)
    #[arg(long, value_name = "PLATFORM=FILE", value_parser = program)]
    pub cli: Vec<(String, PathBuf)>,
    /// Directory to write to [default: dist in the checkout]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// Parses `PLATFORM=FILE`.
fn program(text: &str) -> Result<(String, PathBuf), String> {
    let (platform, file) = text.split_once('=').ok_or("it must be PLATFORM=FILE".to_owned())?;
    Ok((platform.to_owned(), PathBuf::from(file)))
}

/// Options of `cargo xtask bench`.
#[derive(Debug, clap::Args)]
pub struct Bench {
    /// Use shorter runs and skip the million tokens: under three minutes
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
    /// Bytes that Cloudflare stores for each line of the log, with its own attributes
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    pub line_bytes: u32,
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
