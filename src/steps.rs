//! Requests that wait: JavaScript awaits the promises that Rust asks for, and returns their results.
//!
//! A future of the runtime would do the same, but it costs two closures, a waker and a turn of the queue for
//! each promise, and a promise around everything. Here a request is a task that runs until it needs a
//! promise. Rust returns that promise, three lines of entry.js await it, and the task goes on with the
//! result. So a task waits for one promise at a time, and only for promises.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use js_sys::Promise;
use wasm_bindgen::JsValue;

use crate::patience;
use crate::waiting::Waiting;

/// The result of a promise.
pub(crate) enum Settled {
    /// An `ArrayBuffer`.
    Bytes(Vec<u8>),
    /// A string.
    Text(String),
    /// Anything else.
    Value(JsValue),
}

/// The most requests that wait at once. With the usual wait for KV, 10 ms, 200,000 of them pass in a second.
const MANY: usize = 2_000;

/// The most bytes that waiting requests hold in their texts and futures: an eighth of an isolate's memory on
/// Cloudflare. The data that a request derives from its text is of the same order.
const BYTES: usize = 16 << 20;

/// The longest that a request waits for one promise, in seconds. `within` in glue.js gives up on services
/// after [`patience::READ`], [`patience::WRITE`] or [`patience::COUNT`] milliseconds, and cryptography takes
/// a few milliseconds. Twice the maximum leaves time for a busy isolate. A request that waits longer is
/// dropped: it never resumes, because the runtime has ended it.
const LONGEST: u64 = 2 * longest([patience::READ, patience::WRITE, patience::COUNT]) as u64 / 1000;

const fn longest([a, b, c]: [u32; 3]) -> u32 {
    let most = if a > b { a } else { b };
    if most > c { most } else { c }
}

/// A request, and the number of bytes that it counts for.
struct Task {
    work: Pin<Box<dyn Future<Output = JsValue>>>,
    bytes: usize,
}

thread_local! {
    /// The requests that wait.
    static TASKS: RefCell<Waiting<Task>> = RefCell::new(Waiting::new(MANY, BYTES, LONGEST));
    /// The promise that the running task needs.
    static WANTED: Cell<Option<Promise>> = const { Cell::new(None) };
    /// The outcome of that promise. A rejection is the text of its error.
    static OUTCOME: Cell<Option<Result<Settled, String>>> = const { Cell::new(None) };
}

/// The result of `promise`, or the text of the error that it is rejected with.
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

/// Whether another request may wait at `now` (seconds since 1970).
pub(crate) fn have_room(now: u64) -> bool {
    let (swept, has_room) = TASKS.with_borrow_mut(|tasks| (tasks.sweep(now), tasks.has_room()));
    // A future may access TASKS when it is dropped, so nothing is dropped while TASKS is borrowed.
    drop(swept);
    has_room
}

/// Begins the task `id` at `now` (seconds since 1970). Returns its result, or the promise that it waits for.
/// `length` is the number of bytes that `work` holds outside itself.
pub(crate) fn begin(
    id: u32,
    now: u64,
    length: usize,
    work: impl Future<Output = JsValue> + 'static,
) -> JsValue {
    let bytes = length.saturating_add(size_of_val(&work));
    advance(id, now, Task { work: Box::pin(work), bytes })
}

/// Resumes the task `id` at `now`, as [`begin`] does. Returns `undefined` when there is no such task: it died
/// with another instance, or was dropped after [`LONGEST`].
pub(crate) fn resume(id: u32, now: u64, outcome: Result<Settled, String>) -> JsValue {
    let task = TASKS.with_borrow_mut(|tasks| tasks.take(id));
    let Some(task) = task else { return JsValue::UNDEFINED };
    OUTCOME.set(Some(outcome));
    advance(id, now, task)
}

fn advance(id: u32, now: u64, mut task: Task) -> JsValue {
    match task.work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(answer) => answer,
        Poll::Pending => {
            let bytes = task.bytes;
            let displaced = TASKS.with_borrow_mut(|tasks| tasks.insert(id, now, bytes, task));
            drop(displaced);
            WANTED.take().map_or(JsValue::UNDEFINED, JsValue::from)
        }
    }
}
