//! The Worker that runs on this machine: where it answers, and as which issuer.

use std::path::Path;

use edgemint_issuer::Issuer;
use serde_json::Value;

use crate::deployment::local_keys;
use crate::deployment::project::{Project, Target};
use crate::host::http::Http;

/// Where `wrangler dev` listens unless it is told otherwise.
const DEFAULT_PORT: u16 = 8787;

/// A Worker that may be running.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalServer {
    /// What its tokens have as `iss`.
    pub(crate) issuer: String,
    /// The URL that its endpoints are below.
    pub(crate) address: String,
}

impl LocalServer {
    fn at(port: u16, issuer: &str) -> Option<Self> {
        let path = Issuer::parse(issuer).ok()?.path().trim_end_matches('/').to_owned();
        Some(Self { issuer: issuer.to_owned(), address: format!("http://127.0.0.1:{port}{path}") })
    }

    /// Whether it answers: it says itself which issuer it is.
    fn is_running(&self) -> bool {
        let document = Http::brief().document(&format!("{}/.well-known/openid-configuration", self.address));
        document.is_ok_and(|document| document.get("issuer").and_then(Value::as_str) == Some(&self.issuer))
    }
}

/// The issuer of the target, as it can be asked: of the local state, the one that runs.
pub(crate) fn issuer(project: &Project) -> Option<String> {
    let running = running(project).filter(|server| server.issuer == server.address);
    running.map(|server| server.issuer).or_else(|| project.issuer().map(str::to_owned))
}

/// The one that answers on this machine for the local state, if one does.
pub(crate) fn running(project: &Project) -> Option<LocalServer> {
    let Target::Local(state) = &project.target else { return None };
    // What `wrangler dev` takes from files beside wrangler.toml goes before what stands in it.
    let vars = std::fs::read_to_string(project.dir.join(".dev.vars")).unwrap_or_default();
    let from_file = local_keys::lines(&vars).find(|(name, _)| *name == "ISSUER").map(|(_, value)| value);
    let configured = from_file.or(project.issuer());
    let of_wrangler = configured.into_iter().flat_map(|issuer| {
        let own = Issuer::parse(issuer).ok().filter(|_| issuer.starts_with("http://"));
        let own = own.map(|_| LocalServer {
            issuer: issuer.to_owned(),
            address: issuer.trim_end_matches('/').to_owned(),
        });
        own.into_iter().chain(LocalServer::at(DEFAULT_PORT, issuer))
    });
    of_xtask(state).into_iter().chain(of_wrangler).find(LocalServer::is_running)
}

/// Those that `cargo xtask dev` serves this state with: the configuration of each is in a folder that is named by its
/// port, and goes when it ends.
fn of_xtask(state: &Path) -> Vec<LocalServer> {
    let folders = std::fs::read_dir(state.join("dev")).into_iter().flatten().flatten();
    let mut ports: Vec<u16> =
        folders.filter_map(|folder| folder.file_name().to_str()?.parse().ok()).collect();
    ports.sort_unstable();
    let server = |port: u16| {
        let text = std::fs::read_to_string(state.join(format!("dev/{port}/wrangler.json"))).ok()?;
        let config: Value = serde_json::from_str(&text).ok()?;
        LocalServer::at(port, config.get("vars")?.get("ISSUER")?.as_str()?)
    };
    ports.into_iter().filter_map(server).collect()
}
