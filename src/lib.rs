//! The edgemint Worker.
use worker::event;

#[event(fetch)]
async fn fetch(_request: web_sys::Request, _env: worker::Env, _ctx: worker::Context) -> worker::Result<web_sys::Response> {
    web_sys::Response::new_with_opt_str(Some("ok")).map_err(worker::Error::from)
}
