//! A version of a Worker in bare workerd: exactly the modules that were uploaded, with the bindings that the metadata
//! names.

use std::collections::BTreeMap;
use std::process::{Child, Stdio};

use serde_json::Value;
use xtask::workerd::{self, Binding, DurableObject};
use xtask::{Lines, PATIENCE};

use super::account::{Namespace, Version, Worker};
use crate::{State, tools};

/// The date for a Worker without one, from Cloudflare's documentation of compatibility dates.
const OLDEST_DATE: &str = "2021-11-02";

/// A running process, which is ended when this is dropped.
pub(super) struct Instance {
    child: Child,
    port: u16,
    agent: ureq::Agent,
    _state: State,
}

impl Instance {
    /// Starts a version. Returns when it accepts requests, or why it does not.
    pub(super) fn start(
        worker: &Worker,
        version: &Version,
        namespaces: &BTreeMap<String, Namespace>,
        log: &Lines,
    ) -> Result<Self, String> {
        let state = State::empty();
        let write = |name: &str, bytes: &[u8]| -> Result<(), String> {
            let file = state.path().join(name);
            let folder = file.parent().unwrap_or(state.path());
            std::fs::create_dir_all(folder)
                .and_then(|()| std::fs::write(&file, bytes))
                .map_err(|error| error.to_string())
        };
        for (name, bytes) in &version.modules {
            write(name, bytes)?;
        }
        let mut bindings = Vec::new();
        for binding in &version.bindings {
            let (name, made) = bound(binding, namespaces)?;
            if let Some(module) = made.module() {
                write(module.0, module.1.as_bytes())?;
            }
            bindings.push((name, made.into_binding()));
        }
        let others =
            version.modules.iter().map(|(name, _)| name).filter(|name| **name != version.main_module);
        let modules = std::iter::once(&version.main_module).chain(others).cloned().collect();
        let date = version.compatibility_date.clone().unwrap_or_else(|| OLDEST_DATE.to_owned());
        let durable_objects = worker.classes.iter().map(|class| DurableObject {
            class: class.clone(),
            key: class.clone(),
            storage: worker.objects.path().to_owned(),
        });
        let worker = workerd::Worker {
            name: "worker".into(),
            modules,
            bindings,
            port: Some(0),
            compatibility: Some((date, version.compatibility_flags.clone())),
            durable_objects: durable_objects.collect(),
            ..workerd::Worker::default()
        };
        let config = workerd::Worker::configuration(&[worker]).map_err(|error| error.to_string())?;
        write("config.capnp", config.as_bytes())?;
        let mut command =
            workerd::command_that_tells_ports(tools(), state.path()).map_err(|error| error.to_string())?;
        let command = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| error.to_string())?;
        let (told, own_log) = (Lines::default(), Lines::at_most(super::MAX_LOG));
        told.collect(child.stdout.take(), str::to_owned);
        own_log.collect(child.stderr.take(), {
            let log = log.clone();
            move |line| {
                log.push(line.to_owned());
                line.to_owned()
            }
        });
        let Some(port) = workerd::port(&told, "worker") else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(own_log.to_the_end().join("\n"));
        };
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .timeout_connect(Some(PATIENCE))
            .timeout_recv_response(Some(PATIENCE))
            .timeout_recv_body(Some(PATIENCE));
        Ok(Self { child, port, agent: config.build().into(), _state: state })
    }

    /// The URL where this version answers, for the edge.
    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The connections to it.
    pub(super) fn agent(&self) -> &ureq::Agent {
        &self.agent
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A binding, and the module that it needs.
enum Made {
    Plain(Binding),
    /// The name of a module, and its text.
    By(String, String),
}

impl Made {
    fn module(&self) -> Option<(&String, &String)> {
        match self {
            Self::Plain(_) => None,
            Self::By(name, text) => Some((name, text)),
        }
    }

    fn into_binding(self) -> Binding {
        match self {
            Self::Plain(binding) => binding,
            Self::By(name, _) => Binding::Made(name),
        }
    }
}

/// The binding that workerd gets for one in the metadata of an upload. The names of the members are those of
/// `createWorkerUploadForm` in wrangler.
fn bound(binding: &Value, namespaces: &BTreeMap<String, Namespace>) -> Result<(String, Made), String> {
    let text = |member: &str| binding.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
    let name = text("name");
    let made = match Version::kind(binding) {
        "plain_text" | "secret_text" => Made::Plain(Binding::Text(text("text"))),
        "kv_namespace" => {
            let id = text("namespace_id");
            let namespace = namespaces.get(&id).ok_or(format!("KV namespace '{id}' not found."))?;
            Made::Plain(Binding::KvAt(namespace.server.port()))
        }
        "durable_object_namespace" => Made::Plain(Binding::DurableObjects(text("class_name"))),
        "ratelimit" => {
            let number = |pointer| binding.pointer(pointer).and_then(Value::as_u64).unwrap_or_default();
            let source = include_str!("rate_limit.js")
                .replace("LIMIT_OF_BINDING", &number("/simple/limit").to_string())
                .replace("PERIOD_OF_BINDING", &number("/simple/period").to_string());
            Made::By(format!("rate_limit_{name}.js"), source)
        }
        "analytics_engine" => {
            Made::By(format!("dataset_{name}.js"), include_str!("../stand_in_counts.js").to_owned())
        }
        other => return Err(format!("the rehearsal serves no binding of the type {other} ({name})")),
    };
    Ok((name, made))
}
