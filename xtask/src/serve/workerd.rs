//! Bare workerd: Workers as they are deployed, without wrangler and Miniflare around them, which measure themselves.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::install::Tools;
use crate::process::lines::{Lines, PATIENCE};
use crate::process::project;

/// A Worker in a configuration of workerd.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// What the others call it: a word of letters.
    pub name: String,
    /// Its modules, files in the directory of the configuration; the first is the main one. `.wasm` or JavaScript.
    pub modules: Vec<String>,
    /// What it finds in its environment.
    pub bindings: Vec<(String, Binding)>,
    /// The port on 127.0.0.1 where it answers HTTP, if any; 0 for one that is free.
    pub port: Option<u16>,
}

/// What stands behind a name in the environment of a Worker.
#[derive(Clone, Debug)]
pub enum Binding {
    /// A variable or a secret.
    Text(String),
    /// A KV namespace, which a Worker of this name stands in for, with this entry point if not the default one.
    Kv(String, Option<String>),
    /// A KV namespace that another process serves at this port on 127.0.0.1.
    KvAt(u16),
    /// Another Worker, by name and entry point.
    Service(String, String),
    /// What the default export of a module makes of nothing: a file in the directory of the configuration.
    Made(String),
}

impl Worker {
    /// The configuration of a process that runs these, in Cap'n Proto's text.
    ///
    /// # Errors
    /// When wrangler.toml, which says how old a runtime they are written for, cannot be read.
    pub fn configuration(workers: &[Self]) -> Result<String> {
        let date = compatibility_date()?;
        let (mut services, mut sockets, mut definitions) = (String::new(), String::new(), String::new());
        let bindings = || workers.iter().flat_map(|worker| &worker.bindings);
        let made: String = bindings().filter_map(|(_, binding)| binding.module()).collect();
        services.extend(bindings().filter_map(|(_, binding)| binding.service()));
        for worker in workers {
            let name = &worker.name;
            let _ = write!(services, "(name = \"{name}\", worker = .{name}), ");
            if let Some(port) = worker.port {
                let _ = write!(
                    sockets,
                    "(name = \"{name}\", address = \"127.0.0.1:{port}\", http = (forwardedProtoHeader = \"X-Forwarded-Proto\"), service = \"{name}\"), "
                );
            }
            let modules: String = worker.modules.iter().map(|module| module_text(module)).collect();
            let bindings: String = worker.bindings.iter().map(|(name, binding)| binding.text(name)).collect();
            let _ = writeln!(
                definitions,
                "const {name} :Workerd.Worker = (modules = [{modules}], compatibilityDate = \"{date}\", bindings = [{bindings}]);"
            );
        }
        Ok(format!(
            "using Workerd = import \"/workerd/workerd.capnp\";\nconst config :Workerd.Config = (services = [{services}], sockets = [{sockets}], extensions = [(modules = [{made}])]);\n{definitions}"
        ))
    }
}

fn module_text(file: &str) -> String {
    let kind = if file.ends_with(".wasm") { "wasm" } else { "esModule" };
    format!("(name = \"{file}\", {kind} = embed \"{file}\"), ")
}

impl Binding {
    /// The module that it needs from outside of the Worker.
    fn module(&self) -> Option<String> {
        let Self::Made(file) = self else { return None };
        Some(format!("(name = \"made:{file}\", esModule = embed \"{file}\", internal = true), "))
    }

    /// The service that it needs beside the Workers.
    fn service(&self) -> Option<String> {
        let Self::KvAt(port) = self else { return None };
        Some(format!("(name = \"kv{port}\", external = (address = \"127.0.0.1:{port}\", http = ())), "))
    }

    fn text(&self, name: &str) -> String {
        let name = quoted(name);
        match self {
            Self::Text(text) => format!("(name = {name}, text = {}), ", quoted(text)),
            Self::Kv(service, entrypoint) => {
                let entrypoint = entrypoint.as_ref().map(|entry| format!(", entrypoint = \"{entry}\""));
                let entrypoint = entrypoint.unwrap_or_default();
                format!("(name = {name}, kvNamespace = (name = \"{service}\"{entrypoint})), ")
            }
            Self::KvAt(port) => format!("(name = {name}, kvNamespace = \"kv{port}\"), "),
            Self::Service(service, entrypoint) => {
                format!("(name = {name}, service = (name = \"{service}\", entrypoint = \"{entrypoint}\")), ")
            }
            Self::Made(file) => format!("(name = {name}, wrapped = (moduleName = \"made:{file}\")), "),
        }
    }
}

/// Text of Cap'n Proto has the escapes of C, and JSON's are among them for what stands in here.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// That of wrangler.toml.
fn compatibility_date() -> Result<String> {
    let file = project::root().join("wrangler.toml");
    let text = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("compatibility_date = "));
    Ok(line.context("wrangler.toml has no compatibility_date")?.trim_matches('"').to_owned())
}

/// `workerd serve` with the `config.capnp` in `directory`. The native program, so that its process is the server.
///
/// # Errors
/// When workerd is not installed.
pub fn command(tools: &Tools, directory: &Path) -> Result<Command> {
    let mut workerd = tools.workerd()?;
    workerd.args(["serve", "config.capnp"]).current_dir(directory);
    Ok(workerd)
}

/// As [`command`], but its standard output has nothing except where it listens, as [`port`] reads it. What the Workers
/// log is on its standard error.
///
/// # Errors
/// When workerd is not installed.
pub fn command_that_tells_ports(tools: &Tools, directory: &Path) -> Result<Command> {
    let workerd = tools.workerd()?;
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" serve --control-fd=3 config.capnp 3>&1 >&2"]).arg(workerd.get_program());
    shell.current_dir(directory);
    Ok(shell)
}

/// Waits until the Worker of this name listens: the port. None when workerd ends instead.
#[must_use]
pub fn port(told: &Lines, name: &str) -> Option<u16> {
    let mut port = None;
    told.come_to(PATIENCE, |lines| {
        port = lines.iter().find_map(|line| told_port(line, name));
        port.is_some()
    });
    port
}

/// `{"event":"listen","socket":"worker","port":1234}` → 1234.
fn told_port(line: &str, name: &str) -> Option<u16> {
    let told: Value = serde_json::from_str(line).ok()?;
    let is_it = told.get("event")? == "listen" && told.get("socket")? == name;
    is_it.then(|| told.get("port")?.as_u64()?.try_into().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{Binding, Worker, told_port};

    #[test]
    fn the_port_of_a_worker_is_read() {
        let line = r#"{"event":"listen","socket":"worker","port":36635}"#;
        assert_eq!((told_port(line, "worker"), told_port(line, "kv")), (Some(36635), None));
        assert_eq!((told_port("nothing", "worker"), told_port("{}", "worker")), (None, None));
    }

    #[test]
    fn a_configuration_names_modules_bindings_and_ports() {
        let kv = Worker { name: "kv".into(), modules: vec!["kv.js".into()], ..Worker::default() };
        let bindings = vec![
            ("A".into(), Binding::Text("say \"a\"\n".into())),
            ("CLIENTS".into(), Binding::Kv("kv".into(), None)),
            ("REMOTE".into(), Binding::KvAt(4321)),
        ];
        let modules = vec!["a.js".into(), "b.wasm".into()];
        let worker = Worker { name: "worker".into(), modules, bindings, port: Some(1234) };
        let text = Worker::configuration(&[kv, worker]).expect("wrangler.toml is there");
        for part in [
            "(name = \"b.wasm\", wasm = embed \"b.wasm\")",
            "(name = \"A\", text = \"say \\\"a\\\"\\n\")",
            "(name = \"CLIENTS\", kvNamespace = (name = \"kv\"))",
            "address = \"127.0.0.1:1234\"",
            "(name = \"REMOTE\", kvNamespace = \"kv4321\")",
            "(name = \"kv4321\", external = (address = \"127.0.0.1:4321\"",
            "const kv :Workerd.Worker = ",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(text.matches("address").count(), 2);
    }
}
