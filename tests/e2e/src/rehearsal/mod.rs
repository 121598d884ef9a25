//! A deployment without an account: a stand-in for Cloudflare's API on 127.0.0.1, to which the real wrangler talks, and
//! the versions that it uploads, served by bare workerd.
//!
//! What each route does is taken from wrangler's source. A comment at each route says where. docs/internals/rehearsal.md
//! lists the guesses.

mod account;
mod api;
mod edge;
mod http;
mod instance;
mod kv;
mod multipart;
mod triggers;
mod user;
mod versions;
mod worker;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use xtask::{Lines, workerd};

use account::{Account, Namespace, Version, Worker};
use edge::Edge;
use http::Response;

/// The made-up token of the account.
const TOKEN: &str = "rehearsal-token-that-opens-nothing-anywhere";

/// The address of the person who deploys.
const EMAIL: &str = "operator@example.com";

/// The highest number of log lines that are kept.
const MAX_LOG: usize = 50_000;

/// A stand-in for Cloudflare. What it serves ends when this is dropped.
pub struct Rehearsal {
    port: u16,
    shared: Arc<Shared>,
}

/// What the threads of the stand-in share.
struct Shared {
    state: Mutex<State>,
    /// The addresses of Workers, by name. An address exists before its Worker.
    edges: Mutex<BTreeMap<String, Arc<Edge>>>,
    log: Lines,
}

/// What Cloudflare stores.
#[derive(Default)]
struct State {
    accounts: Vec<Account>,
    token_has_expired: bool,
    /// How long the version before a deployment still answers.
    overlap: Duration,
    failures: Vec<(Failure, String, u32)>,
    calls: Vec<String>,
    unknown: Vec<String>,
    count: u32,
}

/// A version of a Worker.
#[derive(Clone, Debug)]
pub struct Uploaded {
    /// Its ID.
    pub id: String,
    /// The names of its secrets.
    pub secrets: Vec<String>,
}

/// A failure of Cloudflare's API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Status 429, with this number of seconds in `Retry-After`.
    RateLimited(u32),
    /// Status 500, with an error in Cloudflare's form.
    Internal,
    /// Status 502 with a page of HTML, as a proxy answers.
    BadGateway,
}

impl Rehearsal {
    /// Starts a stand-in with one empty account.
    pub fn start() -> Self {
        let shared = Arc::new(Shared {
            state: Mutex::default(),
            edges: Mutex::default(),
            log: Lines::at_most(MAX_LOG),
        });
        let of_requests = Arc::clone(&shared);
        let port = http::serve(move |request| api::answer(&of_requests, request));
        let rehearsal = Self { port, shared };
        rehearsal.add_account("Example");
        rehearsal
    }

    /// The variables with which the real wrangler talks to this stand-in, and to nothing else.
    pub fn environment(&self) -> Vec<(String, String)> {
        [
            ("CLOUDFLARE_API_BASE_URL", format!("http://127.0.0.1:{}/client/v4", self.port)),
            ("CLOUDFLARE_API_TOKEN", TOKEN.to_owned()),
            // Without the ID, each command of wrangler first asks for the accounts.
            ("CLOUDFLARE_ACCOUNT_ID", self.state().accounts[0].id.clone()),
            ("WRANGLER_SEND_METRICS", "false".to_owned()),
            ("WRANGLER_WRITE_LOGS", "false".to_owned()),
            // With its banner, wrangler asks npm's registry for a newer wrangler.
            ("WRANGLER_HIDE_BANNER", "true".to_owned()),
            // In CI, wrangler omits the names of accounts. The tests expect the same output everywhere.
            ("CI", "false".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
        .into()
    }

    /// The address of a Worker, which answers 404 until it is deployed. It stays the same for each version.
    pub fn url(&self, worker: &str) -> String {
        self.shared.edge(worker).url()
    }

    /// Creates a KV namespace in the first account. Returns its ID.
    pub fn create_namespace(&self, title: &str) -> String {
        let mut state = self.state();
        let id = state.new_id();
        state.accounts[0].namespaces.insert(id.clone(), Namespace::new(title));
        id
    }

    /// Uploads modules, the main module first, and deploys them with these bindings, for tests about something else than
    /// wrangler. The first account gets the Worker, at workers.dev.
    pub fn deploy(&self, worker: &str, modules: Vec<(String, Vec<u8>)>, bindings: Vec<Value>) {
        let edge = self.shared.edge(worker);
        let mut state = self.state();
        let version = Version {
            id: state.new_uuid(),
            number: 1,
            created_on: state.tick(),
            annotations: json!({}),
            main_module: modules[0].0.clone(),
            modules,
            bindings,
            compatibility_date: Some(workerd::compatibility_date().expect("it is in wrangler.toml")),
            compatibility_flags: Vec::new(),
        };
        let id = version.id.clone();
        let stored = state.accounts[0].workers.entry(worker.to_owned()).or_insert_with(|| Worker::new(edge));
        stored.versions.push(version);
        stored.is_on_workers_dev = true;
        stored.apply_triggers();
        let request = http::Request::default();
        let mut call = api::Call::on_the_first_account(&self.shared, state, &request);
        let deployed = versions::deploy(&mut call, worker, vec![(id, 100.0)], json!({}));
        deployed.unwrap_or_else(|error| panic!("{}", error.message));
    }

    /// Adds an account that the token can use. Returns its ID.
    pub fn add_account(&self, name: &str) -> String {
        let mut state = self.state();
        let id = state.new_id();
        state.accounts.push(Account { id: id.clone(), name: name.to_owned(), ..Account::default() });
        id
    }

    /// Lets the next `times` calls fail whose method and path contain `call`, such as `PUT /accounts`.
    pub fn fail(&self, failure: Failure, call: &str, times: u32) {
        self.state().failures.push((failure, call.to_owned(), times));
    }

    /// Lets the token expire, or makes it valid again.
    pub fn set_token_expired(&self, has_expired: bool) {
        self.state().token_has_expired = has_expired;
    }

    /// Lets the version before answer every second request for this time after each deployment.
    pub fn set_overlap(&self, overlap: Duration) {
        self.state().overlap = overlap;
    }

    /// The versions of a Worker of the first account, the oldest first.
    pub fn versions(&self, worker: &str) -> Vec<Uploaded> {
        let state = self.state();
        let versions = state.accounts[0].workers.get(worker).map(|worker| worker.versions.as_slice());
        let described = |version: &Version| Uploaded {
            id: version.id.clone(),
            secrets: version.secrets().into_keys().map(str::to_owned).collect(),
        };
        versions.unwrap_or_default().iter().map(described).collect()
    }

    /// The calls so far: method and path.
    pub fn calls(&self) -> Vec<String> {
        self.state().calls.clone()
    }

    /// The calls of routes that the stand-in does not have.
    pub fn unknown_calls(&self) -> Vec<String> {
        self.state().unknown.clone()
    }

    /// The log lines of every version that has served.
    pub fn log(&self) -> Vec<String> {
        self.shared.log.all()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Rehearsal {
    fn drop(&mut self) {
        let edges: Vec<Arc<Edge>> =
            self.shared.edges.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect();
        edges.iter().for_each(|edge| edge.switch(Vec::new(), Duration::ZERO));
        // The server's thread keeps the state until the process ends, so its directories would stay.
        self.state().accounts.clear();
    }
}

impl Shared {
    fn edge(&self, worker: &str) -> Arc<Edge> {
        let mut edges = self.edges.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(edges.entry(worker.to_owned()).or_insert_with(Edge::new))
    }
}

impl State {
    /// A new ID, 32 hexadecimal digits.
    fn new_id(&mut self) -> String {
        self.count += 1;
        format!("{:032x}", 0x5eed_0000_0000_0000_0000_0000_0000_0000_u128 + u128::from(self.count))
    }

    /// A new ID in the form of a UUID.
    fn new_uuid(&mut self) -> String {
        let id = self.new_id();
        format!("{}-{}-4{}-8{}-{}", &id[..8], &id[8..12], &id[13..16], &id[17..20], &id[20..])
    }

    /// The time of a change. The clock of the stand-in goes on by one second per change, so that no two are equal.
    fn tick(&mut self) -> String {
        self.count += 1;
        let (minutes, seconds) = (self.count / 60, self.count % 60);
        format!("2026-01-01T{:02}:{:02}:{seconds:02}.000000Z", minutes / 60, minutes % 60)
    }

    /// The response of a failure that was asked for, if one is left for this call.
    fn provoked(&mut self, called: &str) -> Option<Response> {
        let failures = self.failures.iter_mut();
        let mut failures = failures.filter(|(_, call, times)| *times > 0 && called.contains(call.as_str()));
        let (failure, _, times) = failures.next()?;
        *times -= 1;
        let envelope = |code: u32, message: &str| {
            let errors = [json!({ "code": code, "message": message })];
            json!({ "success": false, "errors": errors, "messages": [], "result": null }).to_string()
        };
        Some(match *failure {
            Failure::RateLimited(seconds) => {
                // The code and the text: "More than 1200 requests per 300 seconds reached" in Cloudflare's limits.
                let text = envelope(971, "Please wait and consider throttling your request speed");
                let mut response = Response::new(429, "application/json", text);
                response.headers.push(("retry-after".to_owned(), seconds.to_string()));
                response
            }
            Failure::Internal => {
                Response::new(500, "application/json", envelope(10013, "An unknown error has occurred."))
            }
            Failure::BadGateway => {
                Response::new(502, "text/html", "<html><head><title>502 Bad Gateway</title></head></html>")
            }
        })
    }
}
