//! The API's envelope, its errors and its table of routes.
//!
//! "cli.js" in the comments of routes is `node_modules/wrangler/wrangler-dist/cli.js`, of the version that package.json
//! pins. "API schema" is Cloudflare's OpenAPI document.

use std::sync::{MutexGuard, PoisonError};

use serde_json::{Value, json};

use super::account::Account;
use super::http::{Request, Response, unescaped};
use super::{Shared, State, kv, triggers, user, versions, worker};

/// The result of a route.
pub(super) type Answer = Result<Value, ApiError>;

/// Why the API rejects a request.
#[derive(Clone, Debug)]
pub(super) struct ApiError {
    pub(super) status: u16,
    pub(super) code: u32,
    pub(super) message: String,
    pub(super) retry_after: Option<u32>,
}

impl ApiError {
    pub(super) fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// The code is in cli.js, `WORKER_NOT_FOUND_ERR_CODE`.
    pub(super) fn no_worker() -> Self {
        Self::new(404, 10007, "This Worker does not exist on your account.")
    }

    /// The text and the code that Cloudflare uses for a path that it does not know.
    fn no_route(path: &str) -> Self {
        let message = format!("Could not route to {path}, perhaps your object identifier is invalid?");
        Self::new(404, 7003, message)
    }
}

/// A request, with what a route needs beside it.
pub(super) struct Call<'a> {
    pub(super) request: &'a Request,
    pub(super) shared: &'a Shared,
    pub(super) state: MutexGuard<'a, State>,
    account: usize,
}

impl<'a> Call<'a> {
    pub(super) fn on_the_first_account(
        shared: &'a Shared,
        state: MutexGuard<'a, State>,
        request: &'a Request,
    ) -> Self {
        Self { request, shared, state, account: 0 }
    }

    /// The account that the path names.
    pub(super) fn account(&mut self) -> &mut Account {
        &mut self.state.accounts[self.account]
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, ApiError> {
        serde_json::from_slice(&self.request.body)
            .map_err(|error| ApiError::new(400, 10001, format!("could not parse the request body: {error}")))
    }
}

/// Answers a request. Every response has Cloudflare's envelope: `success`, `errors`, `messages`, `result`.
pub(super) fn answer(shared: &Shared, request: &Request) -> Response {
    let mut state = shared.state.lock().unwrap_or_else(PoisonError::into_inner);
    let path = request.path.strip_prefix("/client/v4").unwrap_or(&request.path).to_owned();
    let called = format!("{} {path}", request.method);
    state.calls.push(called.clone());
    if let Some(response) = state.provoked(&called) {
        return response;
    }
    let answer = authorized(&state, request, &path).and_then(|()| route(shared, state, request, &path));
    let (status, mut envelope, retry_after) = match answer {
        // A list that has cursors brings its own `result_info`.
        Ok(Value::Object(mut whole)) if whole.contains_key("result_info") => {
            let info = whole.remove("result_info");
            let result = whole.remove("result");
            (200, json!({ "success": true, "result": result, "result_info": info }), None)
        }
        Ok(result) => (200, json!({ "success": true, "result": result }), None),
        Err(ApiError { status, code, message, retry_after }) => {
            let errors = [json!({ "code": code, "message": message })];
            (status, json!({ "success": false, "errors": errors, "result": null }), retry_after)
        }
    };
    if let Some(members) = envelope.as_object_mut() {
        members.entry("errors").or_insert_with(|| json!([]));
        members.entry("messages").or_insert_with(|| json!([]));
    }
    let mut response = Response::new(status, "application/json", envelope.to_string());
    response.headers.extend(retry_after.map(|seconds| ("retry-after".to_owned(), seconds.to_string())));
    response
}

/// Checks the token. Which code Cloudflare uses where: issues 2054 and 2060 of wrangler-legacy show 9109 for the lists
/// of accounts, and the texts of wrangler's own checks (`isAuthenticationError` in cli.js) show 10000 for the rest.
fn authorized(state: &State, request: &Request, path: &str) -> Result<(), ApiError> {
    let token = request.header("authorization").and_then(|value| value.strip_prefix("Bearer "));
    if token.is_some_and(|token| token == super::TOKEN) && !state.token_has_expired {
        return Ok(());
    }
    Err(match path {
        "/accounts" | "/memberships" | "/user" => ApiError::new(403, 9109, "Invalid access token"),
        "/user/tokens/verify" => ApiError::new(401, 1000, "Invalid API Token"),
        _ => ApiError::new(403, 10000, "Authentication error"),
    })
}

fn route<'a>(shared: &'a Shared, state: MutexGuard<'a, State>, request: &'a Request, path: &str) -> Answer {
    let words: Vec<String> = path.split('/').skip(1).map(unescaped).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let method = request.method.as_str();
    if let Some(answer) = user::route(&state, method, &words) {
        return answer;
    }
    let ["accounts", id, rest @ ..] = words.as_slice() else { return triggers::zones(state, method, &words) };
    // The code and the text of a request for an account of somebody else, as in many issues of workers-sdk.
    let account = state.accounts.iter().position(|account| account.id == *id);
    let account = account.ok_or_else(|| ApiError::new(403, 10000, "Authentication error"))?;
    let mut call = Call { request, shared, state, account };
    match (method, rest) {
        (_, ["storage", "kv", "namespaces", rest @ ..]) => kv::route(&mut call, method, rest),
        (_, ["workers", "scripts", name, rest @ ..]) => match rest {
            ["versions" | "deployments", ..] => versions::route(&mut call, method, name, rest),
            ["subdomain" | "routes" | "domains" | "schedules", ..] => {
                triggers::route(&mut call, method, name, rest)
            }
            _ => worker::route(&mut call, method, name, rest),
        },
        (_, ["workers", "services", name]) => worker::service(&mut call, method, name),
        ("GET", ["workers", "workers", name]) => triggers::subdomain_of(&mut call, name),
        // cli.js `getWorkersDevSubdomain`.
        ("GET", ["workers", "subdomain"]) => Ok(json!({ "subdomain": "rehearsal" })),
        // cli.js `checkAndConfirmForceDeleteIfNecessary`: no Worker consumes the logs of another one.
        ("GET", ["workers", "tails", "by-consumer", _]) => Ok(json!([])),
        // cli.js `findWorkerContainerApplications`, through the namespaces of Durable Objects: there are no containers.
        ("GET", ["workers", "durable_objects", "namespaces"]) => Ok(json!([])),
        ("GET", ["containers", "applications"]) => Ok(json!([])),
        _ => {
            call.state.unknown.push(format!("{method} {path}"));
            Err(ApiError::no_route(path))
        }
    }
}

/// The answer to a path below a known one that the stand-in does not know.
pub(super) fn unknown(call: &mut Call<'_>) -> Answer {
    let (method, path) = (&call.request.method, &call.request.path);
    call.state.unknown.push(format!("{method} {path}"));
    Err(ApiError::no_route(path))
}
