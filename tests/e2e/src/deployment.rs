//! A deployment as the documentation describes it: `--env production`, with the Worker in bare workerd and a stand-in
//! for wrangler. The tests of operators use the real wrangler, which takes seconds per command.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use xtask::Port;

use crate::{Bare, RemoteKv, State, edgemint_program, tools};

/// The issuer's URL in wrangler.toml and in the documentation.
const ISSUER: &str = "https://tokens.example.com";

/// The address of `cargo xtask dev`.
const LOCAL: &str = "http://127.0.0.1:8787";

/// A project folder whose environment `production` is served.
pub struct Deployment {
    project: State,
    worker: Bare,
    _port: Port,
}

impl Deployment {
    /// Starts a deployment with a signing key and without clients.
    pub fn start() -> Self {
        let (project, port) = (State::empty(), Port::keep().expect("a free port"));
        let issuer = format!("http://127.0.0.1:{}", port.number());
        let dir = project.path();
        let config = std::fs::read_to_string(xtask::root().join("wrangler.toml")).expect("it is there");
        std::fs::write(dir.join("wrangler.toml"), config.replace(ISSUER, &issuer)).expect("a file");
        let bin = dir.join("node_modules/.bin");
        std::fs::create_dir_all(&bin).expect("a folder");
        std::fs::write(dir.join("wrangler.mjs"), include_str!("stand_in_wrangler.mjs")).expect("a file");
        let node = tools().npm_program("node").expect("node is installed");
        let node = node.get_program().to_string_lossy();
        let dir_name = dir.display();
        program(
            &bin.join("wrangler"),
            &format!("exec '{node}' '{dir_name}/wrangler.mjs' '{dir_name}' \"$@\""),
        );
        let tools = dir.join("bin");
        std::fs::create_dir(&tools).expect("a folder");
        program(&tools.join("edgemint"), &format!("exec '{}' \"$@\"", edgemint_program().display()));

        let key = edgemint_testkit::signing_key("ES256", &[]);
        let secrets = serde_json::json!({ "SIGNING_KEY_FIRST": key }).to_string();
        std::fs::write(dir.join("secrets.json"), secrets).expect("a file");
        let kv = RemoteKv::of_file(dir.join("records.json"));
        let vars = [
            ("ISSUER", issuer.as_str()),
            ("GRANT_TYPES", "client_credentials"),
            ("CLIENT_CACHE", "0"),
            ("SIGNING_KEY_FIRST", &key),
        ];
        let vars = vars.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let worker = Bare::start_at(&port, &vars, kv.port());
        Self { project, worker, _port: port }
    }

    /// The project folder.
    pub fn path(&self) -> &Path {
        self.project.path()
    }

    /// The issuer's URL.
    pub fn issuer(&self) -> String {
        self.worker.url()
    }

    /// The text of the documentation, with the addresses of this deployment.
    pub fn adapted(&self, text: &str) -> String {
        text.replace(ISSUER, &self.issuer()).replace(LOCAL, &self.issuer())
    }

    /// A shell in the project folder, with `edgemint` and the stand-in for `wrangler` in its PATH.
    pub fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("bash");
        let path = [self.path().join("bin"), self.path().join("node_modules/.bin")];
        let path = path.map(|folder| folder.display().to_string()).join(":");
        #[expect(clippy::disallowed_methods, reason = "PATH is needed to find the programs of this machine")]
        let others = std::env::var("PATH").unwrap_or_default();
        shell.args(["-eu", "-o", "pipefail", "-c", script]).current_dir(self.path());
        shell.env("PATH", format!("{path}:{others}"));
        shell
    }
}

fn program(file: &Path, command: &str) {
    std::fs::write(file, format!("#!/bin/sh\n{command}\n")).expect("a file");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}
