//! A deployment as the documentation describes it: `--env production`, at a stand-in for Cloudflare's API, with the
//! Worker in bare workerd.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use xtask::Variant;

use crate::{Rehearsal, State, edgemint_program, tools};

/// The issuer's URL in wrangler.toml and in the documentation.
const ISSUER: &str = "https://tokens.example.com";

/// The address of `cargo xtask dev`.
const LOCAL: &str = "http://127.0.0.1:8787";

/// The placeholder for the ID of the namespace in wrangler.toml.
const NO_NAMESPACE: &str = "00000000000000000000000000000000";

/// The name of the Worker in wrangler.toml.
const WORKER: &str = "edgemint";

/// A project folder whose environment `production` is served.
pub struct Deployment {
    project: State,
    rehearsal: Rehearsal,
}

impl Deployment {
    /// Starts a deployment with a signing key and without clients. A quick client of the API takes the place of wrangler
    /// for records and secrets. The real wrangler runs all other commands.
    pub fn start() -> Self {
        let deployment = Self::new(|root, dir| {
            let node = tools().npm_program("node").expect("node is installed");
            let (node, script) =
                (node.get_program().to_string_lossy().into_owned(), dir.join("wrangler.mjs"));
            std::fs::write(&script, include_str!("quick_wrangler.mjs")).expect("a file");
            format!("exec '{node}' '{}' '{}' \"$@\"", script.display(), root.display())
        });
        let namespace = deployment.rehearsal.create_namespace("production-CLIENTS");
        deployment.edit(NO_NAMESPACE, &namespace);
        let text = |name: &str, value: &str| json!({ "type": "plain_text", "name": name, "text": value });
        let key = edgemint_testkit::signing_key("ES256", &[]);
        let bindings = vec![
            json!({ "type": "kv_namespace", "name": "CLIENTS", "namespace_id": namespace }),
            text("ISSUER", &deployment.issuer()),
            text("GRANT_TYPES", "client_credentials"),
            text("CLIENT_CACHE", "0"),
            json!({ "type": "secret_text", "name": "SIGNING_KEY_FIRST", "text": key }),
        ];
        deployment.deploy(bindings);
        deployment
    }

    /// Makes a project folder for an account in which nothing is deployed. The real wrangler runs all commands.
    pub fn before_the_first() -> Self {
        Self::new(|root, _| format!("exec '{}' \"$@\"", root.display()))
    }

    /// `wrangler`: the command for the project's wrangler, from the path of the real one and the project's folder.
    fn new(wrangler: impl FnOnce(&Path, &Path) -> String) -> Self {
        let (project, rehearsal) = (State::empty(), Rehearsal::start());
        let (root, dir) = (xtask::root(), project.path());
        crate::build(Variant::Release);
        std::os::unix::fs::symlink(root.join("build"), dir.join("build")).expect("a link");
        // The Worker is built already. The client cache would delay what pages show at once.
        let config = std::fs::read_to_string(root.join("wrangler.toml")).expect("it is there");
        let (before, after) = config.split_once("[build]\n").expect("wrangler.toml has a build command");
        let (_, after) = after.split_once("\n\n").expect("an empty line follows the build command");
        let vars = "[env.production.vars]\n";
        let config = format!("{before}{after}").replace(vars, &format!("{vars}CLIENT_CACHE = \"0\"\n"));
        let config = config.replace(ISSUER, &rehearsal.url(WORKER));
        std::fs::write(dir.join("wrangler.toml"), config).expect("a file");

        let (modules, bin) = (dir.join("node_modules/.bin"), dir.join("bin"));
        std::fs::create_dir_all(&modules).expect("a folder");
        std::fs::create_dir(&bin).expect("a folder");
        let real = root.join("node_modules/.bin");
        let command = wrangler(&real.join("wrangler"), dir);
        program(&modules.join("wrangler"), &format!("PATH='{}':\"$PATH\" {command}", real.display()));
        // npm's own npx takes half a second to find the same program.
        program(
            &bin.join("npx"),
            "name=$1; shift; exec \"$(dirname \"$0\")/../node_modules/.bin/$name\" \"$@\"",
        );
        let checked = dir.join("checked.sh");
        std::fs::write(&checked, include_str!("checked.sh")).expect("a file");
        let edgemint = edgemint_program().display();
        program(&bin.join("edgemint"), &format!("exec sh '{}' '{edgemint}' \"$@\"", checked.display()));
        Self { project, rehearsal }
    }

    /// Deploys the built Worker as a new version with these bindings, as wrangler would.
    fn deploy(&self, bindings: Vec<Value>) {
        let built = xtask::root().join(Variant::Release.out_dir());
        let modules = ["entry.js", "index.js", "index_bg.wasm"]
            .map(|name| (name.to_owned(), std::fs::read(built.join(name)).expect("it is built")));
        self.rehearsal.deploy(WORKER, modules.into(), bindings);
    }

    /// Replaces a text in wrangler.toml.
    pub fn edit(&self, old: &str, new: &str) {
        let file = self.path().join("wrangler.toml");
        let text = std::fs::read_to_string(&file).expect("it is there");
        assert!(text.contains(old), "{old} is not in wrangler.toml");
        std::fs::write(file, text.replace(old, new)).expect("a file");
    }

    /// The stand-in for Cloudflare.
    pub fn rehearsal(&self) -> &Rehearsal {
        &self.rehearsal
    }

    /// The project folder.
    pub fn path(&self) -> &Path {
        self.project.path()
    }

    /// The issuer's URL.
    pub fn issuer(&self) -> String {
        self.rehearsal.url(WORKER)
    }

    /// The text of the documentation, with the addresses of this deployment.
    pub fn adapted(&self, text: &str) -> String {
        text.replace(ISSUER, &self.issuer()).replace(LOCAL, &self.issuer())
    }

    /// A shell in the project folder, with `edgemint` and the project's `wrangler` in its PATH.
    pub fn shell(&self, script: &str) -> Command {
        let mut shell = Command::new("bash");
        let path = [self.path().join("bin"), self.path().join("node_modules/.bin")];
        let path = path.map(|folder| folder.display().to_string()).join(":");
        #[expect(clippy::disallowed_methods, reason = "PATH is needed to find the programs of this machine")]
        let others = std::env::var("PATH").unwrap_or_default();
        shell.args(["-eu", "-o", "pipefail", "-c", script]).current_dir(self.path());
        // wrangler keeps its settings in the home directory.
        shell.env("PATH", format!("{path}:{others}")).env("HOME", self.path());
        shell.envs(self.rehearsal.environment());
        shell
    }
}

fn program(file: &Path, command: &str) {
    std::fs::write(file, format!("#!/bin/sh\n{command}\n")).expect("a file");
    std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o755)).expect("it is ours");
}
