//! Bare workerd: runs Workers as deployed, without wrangler and Miniflare around them, whose cost would be measured
//! too.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::install::Tools;
use crate::process::lines::{Lines, PATIENCE};
use crate::process::project;

/// A Worker in a configuration of workerd.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// The name that other Workers use for it: one word of letters.
    pub name: String,
    /// Its modules (`.wasm` or JavaScript), files in the directory of the configuration. The first is the main module.
    pub modules: Vec<String>,
    /// The bindings in its environment.
    pub bindings: Vec<(String, Binding)>,
    /// The port on 127.0.0.1 where it answers HTTP, if any; 0 for any free port.
    pub port: Option<u16>,
    /// Its compatibility date and flags, if not those of wrangler.toml.
    pub compatibility: Option<(String, Vec<String>)>,
    /// The classes of Durable Objects that it exports.
    pub durable_objects: Vec<DurableObject>,
    /// Whether what it fetches may be on this machine.
    pub fetches_locally: bool,
    /// The header from which the runtime takes `request.cf`, as JSON. Only for a Worker behind a proxy of a test: a
    /// client that can send the header claims any certificate.
    pub network_report: Option<String>,
    /// The port on 127.0.0.1 where another process serves the Cache API, if that is to work.
    pub cache: Option<u16>,
}

/// A class of Durable Objects, with SQL.
#[derive(Clone, Debug)]
pub struct DurableObject {
    /// The name of the exported class.
    pub class: String,
    /// The name of its namespace: the same name means the same objects.
    pub key: String,
    /// The directory of the objects.
    pub storage: PathBuf,
}

/// The object behind a name in the environment of a Worker.
#[derive(Clone, Debug)]
pub enum Binding {
    /// A variable or a secret.
    Text(String),
    /// A KV namespace, implemented by the Worker with this name, and by this entry point if not the default one.
    Kv(String, Option<String>),
    /// A KV namespace that another process serves at this port on 127.0.0.1.
    KvAt(u16),
    /// Another Worker, by name and entry point.
    Service(String, String),
    /// The namespace of a class in [`Worker::durable_objects`].
    DurableObjects(String),
    /// The same of another Worker: the class, and the Worker's name.
    DurableObjectsOf(String, String),
    /// The value that the default export of a module returns. The module is a file in the directory of the
    /// configuration.
    Made(String),
}

impl Worker {
    /// The configuration of a process that runs these Workers, in Cap'n Proto's text format.
    ///
    /// # Errors
    /// When wrangler.toml, which contains the compatibility date, cannot be read.
    pub fn configuration(workers: &[Self]) -> Result<String> {
        let date = compatibility_date()?;
        let (mut services, mut sockets, mut definitions) = (String::new(), String::new(), String::new());
        let bindings = || workers.iter().flat_map(|worker| &worker.bindings);
        let made: String = bindings().filter_map(|(_, binding)| binding.module()).collect();
        // Several Workers may need the same service.
        services.extend(bindings().filter_map(|(_, binding)| binding.service()).collect::<BTreeSet<_>>());
        if workers.iter().any(|worker| worker.fetches_locally) {
            services
                .push_str("(name = \"local\", network = (allow = [\"public\", \"private\", \"local\"])), ");
        }
        for port in workers.iter().filter_map(|worker| worker.cache).collect::<BTreeSet<_>>() {
            let _ = write!(
                services,
                "(name = \"cache{port}\", external = (address = \"127.0.0.1:{port}\", http = ())), "
            );
        }
        for worker in workers {
            let name = &worker.name;
            let _ = write!(services, "(name = \"{name}\", worker = .{name}), ");
            let objects = durable_objects(worker, &mut services);
            if let Some(port) = worker.port {
                let report = worker.network_report.as_ref();
                let report = report.map(|header| format!(", cfBlobHeader = {}", quoted(header)));
                let _ = write!(
                    sockets,
                    "(name = \"{name}\", address = \"127.0.0.1:{port}\", http = (forwardedProtoHeader = \"X-Forwarded-Proto\"{}), service = \"{name}\"), ",
                    report.unwrap_or_default()
                );
            }
            let modules: String = worker.modules.iter().map(|module| module_text(module)).collect();
            let bindings: String = worker.bindings.iter().map(|(name, binding)| binding.text(name)).collect();
            let (date, flags) =
                worker.compatibility.as_ref().map_or((&date, [].as_slice()), |(date, flags)| (date, flags));
            let outbound = if worker.fetches_locally { ", globalOutbound = \"local\"" } else { "" };
            let cache = worker.cache.map(|port| format!(", cacheApiOutbound = \"cache{port}\""));
            let cache = cache.unwrap_or_default();
            let flags: String = flags.iter().map(|flag| format!("{}, ", quoted(flag))).collect();
            let _ = writeln!(
                definitions,
                "const {name} :Workerd.Worker = (modules = [{modules}], compatibilityDate = \"{date}\", compatibilityFlags = [{flags}], bindings = [{bindings}]{objects}{outbound}{cache});"
            );
        }
        Ok(format!(
            "using Workerd = import \"/workerd/workerd.capnp\";\nconst config :Workerd.Config = (services = [{services}], sockets = [{sockets}], extensions = [(modules = [{made}])]);\n{definitions}"
        ))
    }
}

/// The part of a Worker's definition that declares its Durable Objects. Adds the service that stores them.
fn durable_objects(worker: &Worker, services: &mut String) -> String {
    let Some(first) = worker.durable_objects.first() else { return String::new() };
    let name = &worker.name;
    let path = quoted(&first.storage.to_string_lossy());
    let _ = write!(services, "(name = \"{name}Disk\", disk = (path = {path}, writable = true)), ");
    let classes = worker.durable_objects.iter();
    let classes: String = classes
        .map(|DurableObject { class, key, .. }| {
            format!("(className = {}, uniqueKey = {}, enableSql = true), ", quoted(class), quoted(key))
        })
        .collect();
    format!(", durableObjectNamespaces = [{classes}], durableObjectStorage = (localDisk = \"{name}Disk\")")
}

fn module_text(file: &str) -> String {
    let kind = if file.ends_with(".wasm") { "wasm" } else { "esModule" };
    format!("(name = \"{file}\", {kind} = embed \"{file}\"), ")
}

impl Binding {
    /// The module that the binding needs from outside the Worker.
    fn module(&self) -> Option<String> {
        let Self::Made(file) = self else { return None };
        Some(format!("(name = \"made:{file}\", esModule = embed \"{file}\", internal = true), "))
    }

    /// The service that the binding needs beside the Workers.
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
            Self::DurableObjects(class) => {
                format!("(name = {name}, durableObjectNamespace = {}), ", quoted(class))
            }
            Self::DurableObjectsOf(class, worker) => format!(
                "(name = {name}, durableObjectNamespace = (className = \"{class}\", serviceName = \"{worker}\")), "
            ),
            Self::Made(file) => format!("(name = {name}, wrapped = (moduleName = \"made:{file}\")), "),
        }
    }
}

/// The text as a string of Cap'n Proto. Its escapes are those of C, which include the JSON escapes that occur here.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// The compatibility date of wrangler.toml.
///
/// # Errors
/// When wrangler.toml cannot be read, or has none.
pub fn compatibility_date() -> Result<String> {
    let file = project::root().join("wrangler.toml");
    let text = fs::read_to_string(&file).with_context(|| format!("could not read {}", file.display()))?;
    let line = text.lines().find_map(|line| line.strip_prefix("compatibility_date = "));
    Ok(line.context("wrangler.toml has no compatibility_date")?.trim_matches('"').to_owned())
}

/// `workerd serve` with the `config.capnp` in `directory`. This is the native program, so its process is the server.
///
/// # Errors
/// When workerd is not installed.
pub fn command(tools: &Tools, directory: &Path) -> Result<Command> {
    let mut workerd = tools.workerd()?;
    workerd.args(["serve", "config.capnp"]).current_dir(directory);
    Ok(workerd)
}

/// As [`command`], but its stdout contains only the ports where it listens, in the format that [`port`] reads. The logs
/// of the Workers are on its stderr.
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

/// Waits until the Worker with this name listens, and returns the port. `None` when workerd ends instead.
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
    use super::{Binding, DurableObject, Worker, told_port};

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
            ("SEEN".into(), Binding::DurableObjects("Seen".into())),
        ];
        let modules = vec!["a.js".into(), "b.wasm".into()];
        let worker = Worker {
            name: "worker".into(),
            modules,
            bindings,
            port: Some(1234),
            compatibility: Some(("2026-01-02".into(), vec!["a_flag".into()])),
            durable_objects: vec![DurableObject {
                class: "Seen".into(),
                key: "k".into(),
                storage: "/d".into(),
            }],
            network_report: Some("cf-blob".into()),
            cache: Some(5432),
            ..Worker::default()
        };
        let text = Worker::configuration(&[kv, worker]).expect("wrangler.toml is there");
        for part in [
            "(name = \"b.wasm\", wasm = embed \"b.wasm\")",
            "(name = \"A\", text = \"say \\\"a\\\"\\n\")",
            "(name = \"CLIENTS\", kvNamespace = (name = \"kv\"))",
            "address = \"127.0.0.1:1234\"",
            "(name = \"REMOTE\", kvNamespace = \"kv4321\")",
            "(name = \"kv4321\", external = (address = \"127.0.0.1:4321\"",
            "const kv :Workerd.Worker = ",
            "(name = \"cache5432\", external = (address = \"127.0.0.1:5432\"",
            ", cacheApiOutbound = \"cache5432\");",
            "durableObjectNamespaces = [(className = \"Seen\", uniqueKey = \"k\", enableSql = true), ]",
            "(name = \"workerDisk\", disk = (path = \"/d\", writable = true))",
            "(name = \"SEEN\", durableObjectNamespace = \"Seen\")",
            "http = (forwardedProtoHeader = \"X-Forwarded-Proto\", cfBlobHeader = \"cf-blob\")",
            "compatibilityDate = \"2026-01-02\", compatibilityFlags = [\"a_flag\", ]",
        ] {
            assert!(text.contains(part), "{part} is not in {text}");
        }
        assert_eq!(text.matches("address").count(), 3);
    }
}
