//! Calls of wrangler, which owns the credentials and the access to the records.
//!
//! Arguments never contain secrets: values pass through files of [`crate::host::scratch`].

use std::ffi::{OsStr, OsString};
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use edgemint_issuer::Object;
use edgemint_printable::shell;
use serde::Deserialize;

use crate::deployment::project::{Project, Target};
use crate::deployment::{failure, trust};
use crate::host::Host;

const PROGRAM: &str = if cfg!(windows) { "wrangler.cmd" } else { "wrangler" };

/// An entry of wrangler's list of secrets.
#[derive(Deserialize)]
struct Secret {
    name: String,
}

/// An installed wrangler, and the deployment that it works on.
#[derive(Debug)]
pub(crate) struct Wrangler<'a> {
    program: PathBuf,
    path: OsString,
    project: &'a Project,
}

impl<'a> Wrangler<'a> {
    /// Finds the project's own wrangler, with the Node that package.json installs for it, or the one on PATH.
    pub(crate) fn find(project: &'a Project, host: &Host) -> Result<Self> {
        let path = (host.variable)("PATH").unwrap_or_default();
        let own = project.dir.join("node_modules").join(".bin");
        let program = std::iter::once(own.clone())
            .chain(std::env::split_paths(&path))
            .map(|dir| dir.join(PROGRAM))
            .find(|program| program.is_file())
            .with_context(|| {
                format!(
                    "cannot find wrangler. Run `npm ci` in {}, where package.json lists it.",
                    project.dir.display()
                )
            })?;
        if program.starts_with(&own) && !project.named {
            let folders = [project.dir.join("node_modules"), own.clone()];
            trust::must_be_ours(&folders, &project.config)?;
            trust::must_be_ours(&trust::of_program(&program), &project.config)?;
        }
        let path = std::env::join_paths(std::iter::once(own).chain(std::env::split_paths(&path)))
            .context("cannot use the variable PATH")?;
        Ok(Self { program, path, project })
    }

    /// The names of the secrets of a deployed environment. Their values cannot be read.
    pub(crate) fn secret_names(&self, environment: &str) -> Result<Vec<String>> {
        let mut command = Command::new(&self.program);
        command.args(["secret", "list", "--format", "json", "--env", environment]);
        command.arg("--config").arg(&self.project.config);
        let printed = self.run(command)?;
        let secrets: Vec<Object<Secret>> =
            serde_json::from_str(&printed).context("cannot parse wrangler's list of secrets as JSON")?;
        Ok(secrets.into_iter().map(|Object(secret)| secret.name).collect())
    }

    /// Adds a secret to a deployed environment. The value passes through a pipe, so that no other process sees it.
    pub(crate) fn put_secret(&self, environment: &str, name: &str, value: &str) -> Result<()> {
        let mut command = Command::new(&self.program);
        command.args(self.secret_arguments("put", environment, name));
        self.run_with(command, value).map(drop)
    }

    /// Deletes a secret of a deployed environment.
    pub(crate) fn delete_secret(&self, environment: &str, name: &str) -> Result<()> {
        let mut command = Command::new(&self.program);
        // wrangler prompts for confirmation. Without a terminal, it assumes yes.
        command.args(self.secret_arguments("delete", environment, name));
        self.run(command).map(drop)
    }

    /// The command that [`Self::put_secret`] or [`Self::delete_secret`] runs, as text for messages.
    pub(crate) fn told_secret(&self, verb: &str, environment: &str, name: &str) -> String {
        shell::command("wrangler", &self.secret_arguments(verb, environment, name))
    }

    fn secret_arguments(&self, verb: &str, environment: &str, name: &str) -> Vec<OsString> {
        let words = ["secret", verb, name, "--env", environment, "--config"].map(OsString::from);
        words.into_iter().chain([self.project.config.clone().into_os_string()]).collect()
    }

    /// Runs `wrangler kv …` on the target's records. Returns its output.
    pub(crate) fn kv(&self, arguments: &[&OsStr]) -> Result<String> {
        let mut command = Command::new(&self.program);
        command.args(self.kv_arguments(arguments));
        self.run(command)
    }

    /// The command that [`Self::kv`] runs, as text for messages.
    pub(crate) fn told(&self, arguments: &[&OsStr]) -> String {
        shell::command("wrangler", &self.kv_arguments(arguments))
    }

    fn kv_arguments(&self, arguments: &[&OsStr]) -> Vec<OsString> {
        let mut all: Vec<&OsStr> = vec!["kv".as_ref()];
        all.extend(arguments);
        all.extend(["--binding", "CLIENTS"].map(OsStr::new));
        match &self.project.target {
            Target::Local(state) => {
                all.extend(["--local".as_ref(), "--persist-to".as_ref(), state.as_os_str()]);
            }
            Target::Deployed(environment) => all.extend(["--remote", "--env", environment].map(OsStr::new)),
        }
        all.extend(["--config".as_ref(), self.project.config.as_os_str()]);
        all.into_iter().map(OsStr::to_owned).collect()
    }

    fn run(&self, command: Command) -> Result<String> {
        self.run_with(command, "")
    }

    fn run_with(&self, mut command: Command, input: &str) -> Result<String> {
        command
            .current_dir(&self.project.dir)
            .env("PATH", &self.path)
            .env("WRANGLER_SEND_METRICS", "false")
            // wrangler's log files in the home directory would repeat every record that it prints.
            .env("WRANGLER_WRITE_LOGS", "false")
            .env("WRANGLER_LOG", "log")
            .env("WRANGLER_HIDE_BANNER", "true")
            .env("NO_COLOR", "1")
            .env_remove("FORCE_COLOR")
            // This variable would override the target on the command line.
            .env_remove("CLOUDFLARE_ENV")
            .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let could_not = || format!("cannot run {}", self.program.display());
        let mut child = command.spawn().with_context(could_not)?;
        if let Some(mut pipe) = child.stdin.take() {
            // If wrangler exits without reading its input, its own message gives the reason.
            let _ = pipe.write_all(input.as_bytes());
        }
        let output = child.wait_with_output().with_context(could_not)?;
        if output.status.success() {
            return String::from_utf8(output.stdout).context("cannot read wrangler's output as text");
        }
        let [stderr, stdout] =
            [output.stderr, output.stdout].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let environment = command.get_args().skip_while(|word| *word != "--env").nth(1);
        let environment = environment.and_then(OsStr::to_str);
        bail!("{}", failure::explain(&stderr, &stdout, &self.project.dir, environment))
    }
}
