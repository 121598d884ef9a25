//! What Cloudflare stores for an account: KV namespaces, and Workers with their versions and deployments.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::edge::Edge;
use crate::{RemoteKv, State};

/// An account.
#[derive(Default)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) namespaces: BTreeMap<String, Namespace>,
    pub(super) workers: BTreeMap<String, Worker>,
}

/// A KV namespace, and the server where workerd reads it.
pub(super) struct Namespace {
    pub(super) title: String,
    pub(super) records: Arc<Mutex<BTreeMap<String, String>>>,
    pub(super) server: RemoteKv,
}

impl Namespace {
    pub(super) fn new(title: &str) -> Self {
        let records = Arc::default();
        Self { title: title.to_owned(), server: RemoteKv::of_records(Arc::clone(&records)), records }
    }
}

/// A Worker.
pub(super) struct Worker {
    pub(super) versions: Vec<Version>,
    /// The newest is the last one. It is served.
    pub(super) deployments: Vec<Deployment>,
    pub(super) edge: Arc<Edge>,
    /// The settings that belong to no version: `tags`, `observability`, `logpush`.
    pub(super) settings: BTreeMap<String, Value>,
    pub(super) migration_tag: Option<String>,
    /// The classes of Durable Objects that migrations have created, and the objects.
    pub(super) classes: BTreeSet<String>,
    pub(super) objects: State,
    /// Whether the Worker answers at its address below workers.dev.
    pub(super) is_on_workers_dev: bool,
    /// Routes and custom domains.
    pub(super) routes: Vec<String>,
    pub(super) domains: Vec<String>,
}

/// A version: the code and everything that is bound to it. It never changes.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) id: String,
    pub(super) number: usize,
    pub(super) created_on: String,
    pub(super) annotations: Value,
    pub(super) main_module: String,
    /// Names and contents.
    pub(super) modules: Vec<(String, Vec<u8>)>,
    /// As in the metadata of the upload, with the values of secrets.
    pub(super) bindings: Vec<Value>,
    pub(super) compatibility_date: Option<String>,
    pub(super) compatibility_flags: Vec<String>,
}

/// Which versions serve which share of the requests.
#[derive(Clone, Debug)]
pub(super) struct Deployment {
    pub(super) id: String,
    pub(super) created_on: String,
    pub(super) annotations: Value,
    /// The IDs of versions, with percentages.
    pub(super) versions: Vec<(String, f64)>,
}

impl Worker {
    pub(super) fn new(edge: Arc<Edge>) -> Self {
        Self {
            versions: Vec::new(),
            deployments: Vec::new(),
            edge,
            settings: BTreeMap::new(),
            migration_tag: None,
            classes: BTreeSet::new(),
            objects: State::empty(),
            is_on_workers_dev: false,
            routes: Vec::new(),
            domains: Vec::new(),
        }
    }

    pub(super) fn version(&self, id: &str) -> Option<&Version> {
        self.versions.iter().find(|version| version.id == id)
    }

    /// The version that was uploaded last, which may not be the one that is served.
    pub(super) fn latest(&self) -> Option<&Version> {
        self.versions.last()
    }

    /// Whether the latest version serves every request.
    pub(super) fn latest_is_deployed(&self) -> bool {
        let latest = self.latest().map(|version| version.id.as_str());
        let deployed = self.deployments.last().map(|deployment| deployment.versions.as_slice());
        matches!(deployed, Some([(id, _)]) if Some(id.as_str()) == latest)
    }

    /// Tells the edge whether requests come here at all.
    pub(super) fn apply_triggers(&self) {
        let is_reachable = self.is_on_workers_dev || !self.routes.is_empty() || !self.domains.is_empty();
        self.edge.set_reachable(is_reachable);
    }
}

impl Version {
    /// The name of a binding.
    pub(super) fn name(binding: &Value) -> &str {
        binding.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// The type of a binding.
    pub(super) fn kind(binding: &Value) -> &str {
        binding.get("type").and_then(Value::as_str).unwrap_or_default()
    }

    /// The bindings as Cloudflare returns them: without the values of secrets.
    pub(super) fn public_bindings(&self) -> Vec<Value> {
        let mut bindings = self.bindings.clone();
        for binding in &mut bindings {
            if Self::kind(binding) == "secret_text"
                && let Some(members) = binding.as_object_mut()
            {
                members.remove("text");
            }
        }
        bindings
    }

    /// The secrets, by name.
    pub(super) fn secrets(&self) -> BTreeMap<&str, &Value> {
        let secrets = self.bindings.iter().filter(|binding| Self::kind(binding) == "secret_text");
        secrets.filter_map(|binding| Some((Self::name(binding), binding.get("text")?))).collect()
    }

    /// The version as Cloudflare describes it.
    pub(super) fn described(&self) -> Value {
        json!({
            "id": self.id,
            "number": self.number,
            "metadata": {
                "created_on": self.created_on,
                "modified_on": self.created_on,
                "source": "wrangler",
                "author_email": super::EMAIL,
            },
            "annotations": self.annotations,
            "resources": {
                "bindings": self.public_bindings(),
                "script": { "etag": self.id, "handlers": ["fetch"], "last_deployed_from": "wrangler" },
                "script_runtime": {
                    "compatibility_date": self.compatibility_date,
                    "compatibility_flags": self.compatibility_flags,
                    "usage_model": "standard",
                },
            },
            "startup_time_ms": 1,
        })
    }
}

impl Deployment {
    /// The deployment as Cloudflare describes it.
    pub(super) fn described(&self) -> Value {
        let versions = self.versions.iter();
        let versions: Vec<Value> =
            versions.map(|(id, percentage)| json!({ "version_id": id, "percentage": percentage })).collect();
        json!({
            "id": self.id,
            "source": "wrangler",
            "strategy": "percentage",
            "author_email": super::EMAIL,
            "created_on": self.created_on,
            "annotations": self.annotations,
            "versions": versions,
        })
    }
}
