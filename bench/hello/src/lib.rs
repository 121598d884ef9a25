//! A Worker in Rust as the crate `worker` has them written, which answers "hi" and looks at nothing.

use worker::{Context, Env, Request, Response, Result, event};

#[event(fetch)]
async fn fetch(_request: Request, _env: Env, _context: Context) -> Result<Response> {
    Response::ok("hi")
}
