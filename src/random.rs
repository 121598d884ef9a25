//! Random bytes, each for only one request.

use std::cell::RefCell;

/// Unused random bytes, or an error text. One call to the runtime fetches the bytes of many requests, because
/// it costs as much as for one request.
#[expect(clippy::disallowed_methods, reason = "this is where the host takes its random bytes")]
pub(crate) fn random() -> Result<[u8; 64], String> {
    thread_local! {
        static UNUSED: RefCell<Vec<[u8; 64]>> = const { RefCell::new(Vec::new()) };
    }
    UNUSED.with_borrow_mut(|unused| {
        if let Some(random) = unused.pop() {
            return Ok(random);
        }
        let mut fresh = [0; 2048];
        getrandom::fill(&mut fresh).map_err(|error| format!("no random bytes: {error}"))?;
        unused.extend(fresh.as_chunks().0);
        unused.pop().ok_or_else(|| "no random bytes".to_owned())
    })
}

/// A key for the lifetime of this isolate, or an error text.
#[expect(clippy::disallowed_methods, reason = "this is where the host takes its random bytes")]
pub(crate) fn isolate_key() -> Result<[u8; 32], String> {
    let mut key = [0; 32];
    getrandom::fill(&mut key).map_err(|error| format!("no random bytes: {error}"))?;
    Ok(key)
}
