//! The measured servers: edgemint as deployed, the floors beside it, and the peers.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::{Context as _, Result};
use edgemint_issuer::{
    ClientId, ClientRecord, GeneratedSecret, Identity, IssuerKeys, Platform, SigningKey, StoredSecret,
    TrustedIssuer, TrustedIssuerId, subject,
};

use crate::bench::process::Server;
use crate::bench::request::{Body, Request};
use crate::install::{Tools, cargo_tools, npm};
use crate::process::directory::Directory;
use crate::process::port::Port;
use crate::process::progress::Progress;
use crate::process::{command, project};
use crate::serve::operator;
use crate::serve::worker::{Variant, build_worker};
use crate::serve::workerd;
use crate::serve::workerd::{Binding, Worker};

/// The client that requests tokens.
pub(super) const CLIENT: &str = "service";

/// The client that is a workload of another issuer.
pub(super) const WORKLOAD: &str = "workload";

/// The issuer that is measured.
const ISSUER: &str = "https://tokens.example.com";

/// The issuer that identifies the workload.
const PLATFORM: &str = "https://platform.example.com";

/// The kind of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A Worker in JavaScript that answers "hi".
    HelloJs,
    /// The same in Rust, with the crate `worker`.
    HelloRust,
    /// Only the work that every issuer in this runtime must do.
    Limit,
    /// The fewest lines of JavaScript that issue a token, with records kept in memory.
    FloorMemory,
    /// The same, with each record read from KV.
    FloorKv,
    /// edgemint.
    Edgemint,
    /// edgemint that reads each record from KV.
    EdgemintUncached,
    /// edgemint with the RFC 9068 profile.
    EdgemintRfc9068,
    /// @openauthjs/openauth, also in workerd.
    OpenAuth,
    /// oidc-provider, on Node.
    OidcProvider,
}

/// Everything that the servers need to start.
pub(super) struct Servers {
    tools: Tools,
    /// Directory for the files of servers.
    scratch: Directory,
    key: String,
    pub(super) secret: GeneratedSecret,
    pub(super) wrong_secret: GeneratedSecret,
}

impl Servers {
    /// Builds and installs what servers of these kinds need.
    pub(super) fn prepare(tools: &Tools, kinds: &[Kind], progress: &Progress) -> Result<Self> {
        let scratch = Directory::temporary("bench")?;
        build_worker(tools, Variant::Release, progress)?;
        let needs = |kind| kinds.contains(&kind);
        if needs(Kind::HelloRust) {
            build_hello(tools, &scratch.path().join("hello"), progress)?;
        }
        if needs(Kind::OpenAuth) || needs(Kind::OidcProvider) {
            npm::ensure_in(&bench(), "the peers", progress)?;
        }
        if needs(Kind::OpenAuth) {
            let out = format!("--outfile={}", scratch.path().join("openauth.js").display());
            let mut esbuild = tools.esbuild();
            esbuild.args(["servers/openauth.js", "--bundle", "--format=esm", "--log-level=error", &out]);
            command::run(
                esbuild
                    .args(["--external:node:*", "--conditions=workerd,worker,browser"])
                    .current_dir(bench()),
            )
            .context("could not bundle openauth")?;
        }
        Ok(Self {
            key: operator::edgemint(tools, "dev")?.new_key()?,
            tools: tools.clone(),
            scratch,
            secret: GeneratedSecret::from_random(&[7; 32]),
            wrong_secret: GeneratedSecret::from_random(&[8; 32]),
        })
    }

    /// Starts a server with the client in its store, and waits until it listens.
    pub(super) fn start(&self, kind: Kind) -> Result<Server> {
        let mut server = self.launch(kind)?;
        server.wait_until_it_listens()?;
        Ok(server)
    }

    /// Starts a server without waiting for it.
    pub(super) fn launch(&self, kind: Kind) -> Result<Server> {
        self.launch_as(kind, ISSUER)
    }

    /// The same, with this issuer.
    fn launch_as(&self, kind: Kind, name: &str) -> Result<Server> {
        let directory = self.directory()?;
        let port = Port::keep()?;
        if kind == Kind::OidcProvider {
            let mut node = self.tools.npm_program("node")?;
            node.arg(bench().join("servers/oidc-provider.mjs"));
            node.args([&port.number().to_string(), CLIENT, self.secret.expose(), &self.key]);
            return Server::start(node.env("NODE_ENV", "production"), port, None, directory);
        }
        let mut worker = Worker { name: "worker".into(), port: Some(port.number()), ..Worker::default() };
        let text = |name: &str, value: &str| (name.to_owned(), Binding::Text(value.to_owned()));
        let issuer = || {
            [
                text("ISSUER", name),
                text("GRANT_TYPES", "client_credentials"),
                text("SIGNING_KEY_A", &self.key),
                ("CLIENTS".to_owned(), Binding::Kv("kv".into(), None)),
            ]
        };
        match kind {
            Kind::HelloJs => {
                self.modules(&mut worker, directory.path(), &bench().join("servers"), &["hello.js"])?;
            }
            Kind::HelloRust => {
                self.modules(
                    &mut worker,
                    directory.path(),
                    &self.scratch.path().join("hello"),
                    &["index.js", "index_bg.wasm"],
                )?;
            }
            Kind::OpenAuth => {
                self.modules(&mut worker, directory.path(), self.scratch.path(), &["openauth.js"])?;
                worker.bindings.push(text("SECRET", self.secret.expose()));
            }
            Kind::Limit => {
                self.modules(&mut worker, directory.path(), &bench().join("servers"), &["limit.js"])?;
                worker.bindings.extend(issuer());
            }
            Kind::FloorMemory | Kind::FloorKv => {
                self.modules(&mut worker, directory.path(), &bench().join("servers"), &["floor.js"])?;
                worker.bindings.extend(issuer());
                if kind == Kind::FloorMemory {
                    worker.bindings.push(text("MEMORY", "yes"));
                }
            }
            Kind::Edgemint | Kind::EdgemintUncached | Kind::EdgemintRfc9068 => {
                let built = project::root().join(Variant::Release.out_dir());
                self.modules(
                    &mut worker,
                    directory.path(),
                    &built,
                    &["entry.js", "index.js", "index_bg.wasm"],
                )?;
                worker.bindings.extend(issuer());
                let cache = if kind == Kind::EdgemintUncached { "0" } else { "1h" };
                worker.bindings.push(text("CLIENT_CACHE", cache));
                if kind == Kind::EdgemintUncached {
                    worker.bindings.push(text("STALE_IF_ERROR", "0"));
                }
                if kind == Kind::EdgemintRfc9068 {
                    worker.bindings.push(text("TOKEN_PROFILE", "rfc9068"));
                }
            }
            Kind::OidcProvider => {}
        }
        // Beside every server, so that starting the stand-in adds the same time to all.
        let kv = Port::keep()?;
        let mut stand_in = Worker { name: "kv".into(), port: Some(kv.number()), ..Worker::default() };
        self.modules(&mut stand_in, directory.path(), &bench().join("servers"), &["kv.js"])?;
        stand_in.bindings.push(text("RECORDS", &self.records()?));
        fs::write(directory.path().join("config.capnp"), Worker::configuration(&[worker, stand_in])?)
            .context("could not write a configuration for workerd")?;
        Server::start(&mut workerd::command(&self.tools, directory.path())?, port, Some(kv), directory)
    }

    fn directory(&self) -> Result<Directory> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        Directory::create(self.scratch.path().join(NEXT.fetch_add(1, Ordering::Relaxed).to_string()))
    }

    fn modules(&self, worker: &mut Worker, to: &Path, from: &Path, files: &[&str]) -> Result<()> {
        for file in files {
            fs::copy(from.join(file), to.join(file))
                .with_context(|| format!("could not copy {}", from.join(file).display()))?;
            worker.modules.push((*file).to_owned());
        }
        Ok(())
    }

    /// The lines of the store: the client, the workload, and the issuer of the workload.
    fn records(&self) -> Result<String> {
        let mut workload = ClientRecord::new(ClientId::parse(WORKLOAD)?, "A workload");
        let id = TrustedIssuerId::parse(PLATFORM)?;
        workload.identities.push(Identity {
            id: "r1".into(),
            issuer: id.clone(),
            subject: Some(subject(&ClientId::parse(CLIENT)?)),
            subject_prefix: None,
            claims: BTreeMap::new(),
            audience: Some(CLIENT.to_owned()),
            created: 1,
            expires: None,
        });
        let key = SigningKey::parse("SIGNING_KEY_A", &self.key)?;
        let mut jwk: serde_json::Value = serde_json::from_str(&key.public_jwk())?;
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), key.kid().into());
        }
        let keys = IssuerKeys::Jwks(serde_json::json!({ "keys": [jwk] }));
        let issuer = TrustedIssuer::new(id, "A platform", Platform::Custom, keys);
        let of_issuer = format!("{}\t{}\n", issuer.id.kv_key(), issuer.to_json());
        Ok(line_of(&self.record(CLIENT)?) + &line_of(&workload) + &of_issuer)
    }

    /// An identity token of the workload: a token of another edgemint, for the client as its audience.
    pub(super) fn identity_token(&self) -> Result<String> {
        let mut platform = self.launch_as(Kind::Edgemint, PLATFORM)?;
        platform.wait_until_it_listens()?;
        self.token(&platform)
    }

    /// A DPoP proof for the measured token endpoint.
    pub(super) fn proof(&self) -> Result<String> {
        let mut node = self.tools.npm_program("node")?;
        node.arg(bench().join("servers/proof.mjs")).arg(format!("{ISSUER}/token"));
        Ok(command::run(&mut node)?.trim().to_owned())
    }

    /// A client record with the secret.
    pub(super) fn record(&self, id: &str) -> Result<ClientRecord> {
        let mut record = ClientRecord::new(ClientId::parse(id)?, "A service");
        let hash = self.secret.hash();
        record.secrets.push(StoredSecret { id: "s1".into(), created: 1, expires: None, hash });
        Ok(record)
    }

    /// A request for a token.
    pub(super) fn token_request(&self) -> Request {
        Request {
            method: "POST",
            path: "/token".into(),
            basic: Some((CLIENT.into(), self.secret.expose().into())),
            dpop: None,
            body: Body::Form("grant_type=client_credentials".into()),
            expected: 200,
        }
    }

    /// A token issued by `server`.
    pub(super) fn token(&self, server: &Server) -> Result<String> {
        let answer = self.token_request().send(server.port())?.body;
        let token = answer.split_once("\"access_token\":\"").and_then(|(_, rest)| rest.split_once('"'));
        token.map(|(token, _)| token.to_owned()).with_context(|| format!("no token in the answer: {answer}"))
    }

    /// The compressed size of the Worker, as wrangler counts it.
    pub(super) fn gzipped_kib(&self) -> Result<f64> {
        crate::serve::worker::gzipped_kib(&self.tools, &[])
    }

    /// Directory for files that are deleted at the end of the run.
    pub(super) fn scratch(&self) -> &Path {
        self.scratch.path()
    }
}

/// A record as one line of the KV stand-in's input.
pub(super) fn line_of(record: &ClientRecord) -> String {
    format!("{}\t{}\n", record.id.kv_key(), record.to_json())
}

/// Builds the Worker of bench/hello with worker-build, as the crate `worker` says.
fn build_hello(tools: &Tools, out_dir: &Path, progress: &Progress) -> Result<()> {
    let programs = cargo_tools::worker_tools(progress)?;
    let step = progress.step("building bench/hello");
    let mut worker_build = tools.worker_build(&programs)?;
    worker_build.args(["--release", "--out-dir"]).arg(out_dir).arg(bench().join("hello"));
    command::run(&mut worker_build).context("could not build bench/hello")?;
    step.done();
    Ok(())
}

fn bench() -> PathBuf {
    project::root().join("bench")
}
