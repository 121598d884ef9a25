//! `edgemint dev`: serves tokens on this machine, with the Worker that npm installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use clap::Args as ClapArgs;
use edgemint_local::dev::{self, DevArgs, Ready, Setup};
use edgemint_local::process::progress::Progress;
use edgemint_local::serve::operator::Edgemint;
use edgemint_local::serve::state;
use edgemint_local::serve::wrangler_config::Worker;
use serde::Serialize;

use crate::deployment::installed;
use crate::deployment::project::{Project, Target};
use crate::deployment::session::Session;
use crate::deployment::wrangler::Wrangler;
use crate::flags::target::TargetArgs;
use crate::host::Host;
use crate::terminal::output::Output;

/// Run the issuer on this machine
///
/// Creates a signing key on first use, loads an example client, and runs `wrangler dev` until Ctrl-C. Works in an empty
/// directory, where it keeps its files in .wrangler. In a project, it uses the project's wrangler.toml. Exit code: 0
/// when it is stopped while it serves, 130 when it is stopped before that.
#[derive(Debug, ClapArgs)]
#[command(after_help = "\
Examples:
  npx edgemint dev
  edgemint dev --port 9000 --clients dex.yaml")]
pub(crate) struct Dev {
    #[command(flatten)]
    pub(crate) dev: DevArgs,
}

/// The result, once the Worker serves: JSON for scripts. People read [`Ready`].
#[derive(Serialize)]
struct Report<'a> {
    ready: &'a str,
    /// A command for a shell that requests a token.
    request: Option<&'a str>,
}

pub(crate) fn run(args: &Dev, Session { config, host, output }: Session<'_>) -> Result<ExitCode> {
    let args = &args.dev;
    dev::check(args)?;
    let config = config.map(|path| host.current_dir.join(path));
    let found = config.clone().or_else(|| Project::nearest(&host.current_dir));
    let (project, state) = match found {
        Some(found) => {
            let project = open(config.as_deref(), args, host)?;
            let state = dev::state_dir(args, found.parent().unwrap_or(&host.current_dir))?;
            if args.state.is_none() {
                state::share_keys(&state, &project.dir)?;
            }
            (project, state)
        }
        None => alone(args, host)?,
    };
    let worker = Worker { config: project.config.clone(), main: main_module(&project, host)?, rebuild: None };
    let wrangler = Wrangler::find(&project, host)?.command();
    let program = std::env::current_exe().context("cannot find the path of this program")?;
    let edgemint = Edgemint { program, config: project.config.clone(), path: None };
    let progress = if output.is_json() { Progress::silent() } else { Progress::to_stderr() };
    let mut told = Ok(());
    dev::run(args, Setup { worker, wrangler, edgemint, state }, &progress, |ready| {
        told = tell(ready, output);
    })?;
    told.map(|()| ExitCode::SUCCESS)
}

fn open(config: Option<&Path>, args: &DevArgs, host: &Host) -> Result<Project> {
    let target = TargetArgs { local: true, state: args.state.clone(), env: None };
    Project::find(config, &target, host)
}

/// The project of a directory without wrangler.toml: the installed configuration, in the state directory.
fn alone(args: &DevArgs, host: &Host) -> Result<(Project, PathBuf)> {
    let installed = installed::config(&installed::worker(None, host)?)?;
    let state = dev::state_dir(args, &host.current_dir)?;
    let config = state.join("wrangler.toml");
    fs::write(&config, installed).with_context(|| format!("cannot write {}", config.display()))?;
    let project = open(Some(&config), args, host)?.with_target(Target::Local(state.clone()))?;
    Ok((project, state))
}

/// The main module: the one that wrangler.toml names, or the installed one.
fn main_module(project: &Project, host: &Host) -> Result<PathBuf> {
    let own = project.main();
    if let Some(own) = own.as_ref().filter(|own| own.is_file()) {
        return Ok(own.clone());
    }
    let installed = installed::worker(Some(&project.dir), host).map(|dir| dir.join("entry.js"));
    if let (Some(own), Err(_)) = (&own, &installed) {
        ensure!(
            own.is_file(),
            "cannot find the Worker {}. Run `npm install` in {}, or build the Worker.",
            own.display(),
            project.dir.display()
        );
    }
    installed
}

fn tell(ready: &Ready, output: &mut Output) -> Result<()> {
    if output.is_json() {
        return output.result_json(&Report { ready: &ready.url, request: ready.request.as_deref() });
    }
    output.result_lines(&ready.to_string().lines().collect::<Vec<_>>())
}
