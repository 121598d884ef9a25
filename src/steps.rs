//! Requests that wait: JavaScript awaits what Rust asks for, and comes back with what it got.
//!
//! A future of the runtime's would do the same, at a price: two closures, a waker and a turn of the queue for each promise,
//! and a promise around the whole. Here a request is a task that is advanced until it wants a promise settled; that is
//! handed out, awaited by three lines of entry.js, and the task is advanced with the outcome. So it waits for one
//! promise at a time, and for nothing but promises.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use js_sys::Promise;
use wasm_bindgen::JsValue;

/// What a promise came to.
pub(crate) enum Settled {
    /// An `ArrayBuffer`.
    Bytes(Vec<u8>),
    /// A string.
    Text(String),
    /// Anything else.
    Value(JsValue),
}

/// More than any isolate has at once. Who hangs up is never heard of again, so what is over is swept out here.
const MANY: usize = 1_000;

/// In seconds: no request takes so long.
const LONGEST: u64 = 300;

struct Task {
    work: Pin<Box<dyn Future<Output = JsValue>>>,
    since: u64,
}

thread_local! {
    /// The requests that wait.
    static TASKS: RefCell<HashMap<u32, Task>> = RefCell::default();
    /// What the task that is being advanced wants to have settled.
    static WANTED: Cell<Option<Promise>> = const { Cell::new(None) };
    /// What became of what it wanted: a rejection is the text of its error.
    static OUTCOME: Cell<Option<Result<Settled, String>>> = const { Cell::new(None) };
}

/// What `promise` comes to, or the text of the error that it is rejected with.
pub(crate) async fn settled(promise: Promise) -> Result<Settled, String> {
    let mut promise = Some(promise);
    poll_fn(|_| match promise.take() {
        Some(promise) => {
            WANTED.set(Some(promise));
            Poll::Pending
        }
        None => OUTCOME.take().map_or(Poll::Pending, Poll::Ready),
    })
    .await
}

/// Begins the task `id` at the second `now`: what it came to, or the promise that it waits for.
pub(crate) fn begin(id: u32, now: u64, work: impl Future<Output = JsValue> + 'static) -> JsValue {
    advance(id, Task { work: Box::pin(work), since: now })
}

/// Goes on with the task `id`, as [`begin`]. `undefined` when there is none: it died with another instance.
pub(crate) fn resume(id: u32, outcome: Result<Settled, String>) -> JsValue {
    let task = TASKS.with_borrow_mut(|tasks| tasks.remove(&id));
    let Some(task) = task else { return JsValue::UNDEFINED };
    OUTCOME.set(Some(outcome));
    advance(id, task)
}

fn advance(id: u32, mut task: Task) -> JsValue {
    match task.work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => {
            let now = task.since;
            TASKS.with_borrow_mut(|tasks| {
                if tasks.len() >= MANY {
                    tasks.retain(|_, other| now < other.since.saturating_add(LONGEST));
                }
                tasks.insert(id, task);
            });
            WANTED.take().map_or(JsValue::UNDEFINED, JsValue::from)
        }
    }
}
