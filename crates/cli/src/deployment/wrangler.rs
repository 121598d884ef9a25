//! Calls of wrangler, which owns the credentials and the access to the records.
//!
//! Arguments never contain secrets: values pass through files of [`crate::host::scratch`].

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};
use edgemint_issuer::Object;
use edgemint_printable::shell;
use serde::{Deserialize, Serialize};

use crate::deployment::project::{Project, Target};
use crate::deployment::{failure, installed, trust};
use crate::host::Host;

const PROGRAM: &str = if cfg!(windows) { "wrangler.cmd" } else { "wrangler" };

/// The maximum number of times that a call on the local state runs. Each start of wrangler takes a second, so a pause
/// between them is not needed.
const LOCAL_ATTEMPTS: usize = 5;

/// An entry of wrangler's list of secrets.
#[derive(Deserialize)]
struct Secret {
    name: String,
}

/// An account of Cloudflare.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) name: String,
}

impl fmt::Display for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, name } = self;
        if id == name { f.write_str(id) } else { write!(f, "{name} ({id})") }
    }
}

/// The output of `wrangler whoami --json`.
#[derive(Deserialize)]
struct Identity {
    #[serde(default)]
    accounts: Vec<Account>,
}

/// An entry of wrangler's list of KV namespaces.
#[derive(Debug, Deserialize)]
pub(crate) struct Namespace {
    pub(crate) id: String,
    pub(crate) title: String,
}

/// An installed wrangler, and the deployment that it works on.
#[derive(Debug)]
pub(crate) struct Wrangler<'a> {
    program: PathBuf,
    /// The file that `program` runs, if `program` is Node.
    script: Option<PathBuf>,
    path: OsString,
    /// The account to work on. Otherwise, wrangler chooses one.
    account: Option<String>,
    project: &'a Project,
}

impl<'a> Wrangler<'a> {
    /// Finds the project's own wrangler, with the Node that package.json installs for it, or the one that was installed
    /// with this program, or the one on PATH.
    pub(crate) fn find(project: &'a Project, host: &Host) -> Result<Self> {
        let path = (host.variable)("PATH").unwrap_or_default();
        let own = project.dir.join("node_modules").join(".bin");
        let all = || std::iter::once(own.clone()).chain(std::env::split_paths(&path));
        let joined = std::env::join_paths(all()).context("cannot use the variable PATH")?;
        let with = |program, script| Self { program, script, path: joined, account: None, project };
        let in_project = own.join(PROGRAM);
        if in_project.is_file() {
            if !project.named {
                let folders = [project.dir.join("node_modules"), own];
                trust::must_be_ours(&folders, &project.config)?;
                trust::must_be_ours(&trust::of_program(&in_project), &project.config)?;
            }
            return Ok(with(in_project, None));
        }
        if let Some((node, script)) = installed::wrangler(host) {
            return Ok(with(node, Some(script)));
        }
        let on_path = all().map(|dir| dir.join(PROGRAM)).find(|program| program.is_file());
        let program = on_path.with_context(|| {
            format!(
                "cannot find wrangler. Run `npm install` in {}, where package.json lists it.",
                project.dir.display()
            )
        })?;
        Ok(with(program, None))
    }

    /// The same wrangler for this account.
    pub(crate) fn for_account(self, id: &str) -> Self {
        Self { account: Some(id.to_owned()), ..self }
    }

    /// The program without arguments, with the environment that it needs.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.script).env("PATH", &self.path);
        command.env("WRANGLER_SEND_METRICS", "false").env("WRANGLER_HIDE_BANNER", "true");
        command
    }

    /// The accounts that the login may work on.
    pub(crate) fn accounts(&self) -> Result<Vec<Account>> {
        let mut command = self.command();
        command.args(["whoami", "--json"]).arg("--config").arg(&self.project.config);
        let printed = self.run(command)?;
        let identity: Object<Identity> =
            serde_json::from_str(&printed).context("cannot parse the output of `wrangler whoami` as JSON")?;
        Ok(identity.0.accounts)
    }

    /// The KV namespaces of the account.
    pub(crate) fn namespaces(&self) -> Result<Vec<Namespace>> {
        let mut command = self.command();
        command.args(["kv", "namespace", "list"]).arg("--config").arg(&self.project.config);
        let printed = self.run(command)?;
        let namespaces: Vec<Object<Namespace>> =
            serde_json::from_str(&printed).context("cannot parse wrangler's list of namespaces as JSON")?;
        Ok(namespaces.into_iter().map(|Object(namespace)| namespace).collect())
    }

    /// Creates a KV namespace for an environment. Its title is `ENVIRONMENT-NAME`. Returns its ID, if wrangler prints it.
    pub(crate) fn create_namespace(&self, environment: &str, name: &str) -> Result<Option<String>> {
        let mut command = self.command();
        command.args(["kv", "namespace", "create", name, "--env", environment]);
        command.arg("--config").arg(&self.project.config);
        Ok(printed_id(&self.run(command)?))
    }

    /// Deploys an environment.
    pub(crate) fn deploy(&self, environment: &str) -> Result<()> {
        let mut command = self.command();
        command.args(["deploy", "--env", environment]).arg("--config").arg(&self.project.config);
        self.run(command).map(drop)
    }

    /// As [`Self::secret_names`]. None if the Worker does not exist.
    pub(crate) fn secret_names_if_deployed(&self, environment: &str) -> Result<Vec<String>> {
        match self.secret_names(environment) {
            Err(error) if failure::is_about_a_missing_worker(&error.to_string()) => Ok(Vec::new()),
            other => other,
        }
    }

    /// The names of the secrets of a deployed environment. Their values cannot be read.
    pub(crate) fn secret_names(&self, environment: &str) -> Result<Vec<String>> {
        let mut command = self.command();
        command.args(["secret", "list", "--format", "json", "--env", environment]);
        command.arg("--config").arg(&self.project.config);
        let printed = self.run(command)?;
        let secrets: Vec<Object<Secret>> =
            serde_json::from_str(&printed).context("cannot parse wrangler's list of secrets as JSON")?;
        Ok(secrets.into_iter().map(|Object(secret)| secret.name).collect())
    }

    /// Adds a secret to a deployed environment. The value passes through a pipe, so that no other process sees it.
    pub(crate) fn put_secret(&self, environment: &str, name: &str, value: &str) -> Result<()> {
        let mut command = self.command();
        command.args(self.secret_arguments("put", environment, name));
        self.run_with(command, value).map(drop)
    }

    /// Deletes a secret of a deployed environment.
    pub(crate) fn delete_secret(&self, environment: &str, name: &str) -> Result<()> {
        let mut command = self.command();
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
    ///
    /// Each of these calls can be repeated. In the local state, one fails now and then while another process uses the
    /// state, such as `edgemint dev`.
    pub(crate) fn kv(&self, arguments: &[&OsStr]) -> Result<String> {
        let mut attempts = if matches!(self.project.target, Target::Local(_)) { LOCAL_ATTEMPTS } else { 1 };
        loop {
            let mut command = self.command();
            command.args(self.kv_arguments(arguments));
            attempts -= 1;
            match self.run(command) {
                Err(error) if attempts > 0 && failure::is_about_local_state(&error.to_string()) => {}
                done => return done,
            }
        }
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
            // wrangler's log files in the home directory would repeat every record that it prints.
            .env("WRANGLER_WRITE_LOGS", "false")
            .env("WRANGLER_LOG", "log")
            .env("NO_COLOR", "1")
            .env_remove("FORCE_COLOR")
            // This variable would override the target on the command line.
            .env_remove("CLOUDFLARE_ENV")
            .stdin(if input.is_empty() { Stdio::null() } else { Stdio::piped() })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(account) = &self.account {
            command.env("CLOUDFLARE_ACCOUNT_ID", account);
        }
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

/// The only ID of a namespace, 32 hexadecimal digits, in wrangler's output.
fn printed_id(printed: &str) -> Option<String> {
    let is_id = |word: &&str| word.len() == 32 && word.bytes().all(|c| c.is_ascii_hexdigit());
    let mut ids = printed.split(|c: char| !c.is_ascii_alphanumeric()).filter(is_id);
    let id = ids.next()?;
    ids.all(|other| other == id).then(|| id.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_new_namespace_is_read_if_it_is_the_only_one() {
        let id = "5eed0000000000000000000000000001";
        let printed = format!("Success!\n[[kv_namespaces]]\nbinding = \"CLIENTS\"\nid = \"{id}\"\n");
        assert_eq!(printed_id(&printed).as_deref(), Some(id));
        assert_eq!(printed_id(&format!("{printed}{}", id.replace('1', "2"))), None);
        assert_eq!(printed_id("Success!"), None);
    }
}
