//! The Worker: hands requests of the Workers runtime to the issuer, and its answers back.
//!
//! The only code that names the runtime. It decides nothing: what is granted or refused, and why, is
//! `edgemint_issuer`'s.

mod counts;
mod deadline;
mod environment;
mod event_log;
mod http;
mod kv_clients;
mod kv_revocations;
mod rate_limits;
mod web_crypto;

use std::cell::OnceCell;
use std::rc::Rc;

use edgemint_issuer::{Moment, Response};
use worker::{Context, Env, event};

use environment::EdgeAuthority;

thread_local! {
    /// The issuer of this isolate, or what is wrong with the configuration: neither changes before the next
    /// deployment starts new isolates.
    static AUTHORITY: OnceCell<Rc<Result<EdgeAuthority, Vec<String>>>> = const { OnceCell::new() };
}

/// Answers one request.
#[event(fetch)]
async fn fetch(request: web_sys::Request, env: Env, _context: Context) -> worker::Result<web_sys::Response> {
    console_error_panic_hook::set_once();
    let authority =
        AUTHORITY.with(|cell| Rc::clone(cell.get_or_init(|| Rc::new(environment::authority(&env)))));
    let incoming = http::Incoming::read(&request).await?;
    let authority = match authority.as_ref() {
        Ok(authority) => authority,
        Err(mistakes) => {
            event_log::write_mistakes(mistakes, moment()?.now);
            counts::write_misconfigured(&env);
            return http::send(&Response::misconfigured(&incoming.as_request().arrival));
        }
    };
    #[cfg(feature = "provoke-panic")]
    provoke_panic(&incoming);
    let outcome = authority.handle(&incoming.as_request(), &moment()?).await;
    if let Some(mut event) = outcome.event {
        counts::write(&env, &mut event);
        event_log::write(&event);
    }
    http::send(&outcome.response)
}

/// The facts of one request.
fn moment() -> worker::Result<Moment> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "milliseconds since 1970 are positive and fit"
    )]
    let now = js_sys::Date::now() as u64 / 1000;
    Ok(Moment { now, random: random()? })
}

/// 32 bytes of the runtime's random source.
#[expect(clippy::disallowed_methods, reason = "this is where the host takes its random bytes")]
fn random() -> worker::Result<[u8; 32]> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| worker::Error::RustError(format!("no random bytes: {error}")))?;
    Ok(bytes)
}

/// In the test build, `GET /panic` shows what a bug would do to the requests after it, `GET /out-of-memory` what one would
/// that takes all the memory there is.
#[cfg(feature = "provoke-panic")]
#[expect(clippy::panic, reason = "this is its job")]
fn provoke_panic(incoming: &http::Incoming) {
    match incoming.as_request().path {
        "/panic" => panic!("provoked"),
        "/out-of-memory" => {
            let mut taken = Vec::new();
            loop {
                taken.push(std::hint::black_box(Vec::<u8>::with_capacity(1 << 28)));
            }
        }
        _ => {}
    }
}
