//! The Worker that runs on this machine: its address and its issuer.

use std::path::Path;

use edgemint_issuer::Issuer;
use edgemint_local::serve::dotenv::lines;
use serde_json::Value;

use crate::deployment::project::{Project, Target};
use crate::host::http::Http;

/// The default port of `wrangler dev`.
const DEFAULT_PORT: u16 = 8787;

/// A Worker that may be running on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LocalServer {
    /// The `iss` of its tokens.
    pub(crate) issuer: String,
    /// The base URL of its endpoints.
    pub(crate) address: String,
}

impl LocalServer {
    fn at(port: u16, issuer: &str) -> Option<Self> {
        let path = Issuer::parse(issuer).ok()?.path().trim_end_matches('/').to_owned();
        Some(Self { issuer: issuer.to_owned(), address: format!("http://127.0.0.1:{port}{path}") })
    }

    /// Whether it responds and its discovery document names this issuer.
    fn is_running(&self) -> bool {
        let document = Http::brief().document(&format!("{}/.well-known/openid-configuration", self.address));
        document.is_ok_and(|document| document.get("issuer").and_then(Value::as_str) == Some(&self.issuer))
    }
}

/// The issuer of the target to send requests to. For the local state, the running one if there is one.
pub(crate) fn issuer(project: &Project) -> Option<String> {
    let running = running(project).filter(|server| server.issuer == server.address);
    running.map(|server| server.issuer).or_else(|| project.issuer().map(str::to_owned))
}

/// The Worker that serves the local state on this machine, if one responds.
pub(crate) fn running(project: &Project) -> Option<LocalServer> {
    let Target::Local(state) = &project.target else { return None };
    // In `wrangler dev`, variables in .dev.vars override those in wrangler.toml.
    let vars = std::fs::read_to_string(project.dir.join(".dev.vars")).unwrap_or_default();
    let from_file = lines(&vars).find(|(name, _)| *name == "ISSUER").map(|(_, value)| value);
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

/// The Workers that `cargo xtask dev` serves this state with. The configuration of each is in a directory named after
/// its port, which is deleted when the Worker stops.
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
