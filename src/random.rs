//! Random bytes, each given to one request.

use std::cell::RefCell;

/// Random bytes that nobody has had, or a sentence when there are none to be had. To ask the runtime for those of many
/// requests costs as much as for those of one.
#[expect(clippy::disallowed_methods, reason = "this is where the host takes its random bytes")]
pub(crate) fn random() -> Result<[u8; 32], String> {
    thread_local! {
        static UNUSED: RefCell<Vec<[u8; 32]>> = const { RefCell::new(Vec::new()) };
    }
    UNUSED.with_borrow_mut(|unused| {
        if let Some(random) = unused.pop() {
            return Ok(random);
        }
        let mut fresh = [0; 1024];
        getrandom::fill(&mut fresh).map_err(|error| format!("no random bytes: {error}"))?;
        unused.extend(fresh.as_chunks().0);
        unused.pop().ok_or_else(|| "no random bytes".to_owned())
    })
}
