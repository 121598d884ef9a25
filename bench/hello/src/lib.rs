//! A minimal Worker with the crate `worker`: answers "hi" without reading the request.

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> Result<Response> {
    Response::ok("hi")
}
