//! Requests that wait: JavaScript awaits what Rust asks for, and comes back with what it got.
//!
//! A future of the runtime's would do the same, at a price: two closures, a waker and a turn of the queue for each promise,
//! and a promise around the whole. Here a request is a task that is advanced until it wants a promise settled; that is
//! handed out, awaited by three lines of entry.js, and the task is advanced with the outcome. So it waits for one
//! promise at a time, and for nothing but promises.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use js_sys::Promise;
use wasm_bindgen::JsValue;

use crate::patience;
use crate::waiting::Waiting;

/// What a promise came to.
pub(crate) enum Settled {
    /// An `ArrayBuffer`.
    Bytes(Vec<u8>),
    /// A string.
    Text(String),
    /// Anything else.
    Value(JsValue),
}

/// The most requests that wait at once. A wait of 10 ms, as KV's usually is, lets 200,000 of them pass in a second.
const MANY: usize = 2_000;

/// The most bytes that the requests that wait hold in their texts and futures: an eighth of what Cloudflare gives an
/// isolate. What a request makes of its text is of the same order.
const BYTES: usize = 16 << 20;

/// The longest that a request waits for one promise, in seconds. What is asked outside is given up by `within` in glue.js
/// after [`patience::READ`], [`patience::WRITE`] or [`patience::COUNT`] milliseconds, and cryptography takes some
/// milliseconds. Twice that is for an isolate that is busy. A request that waits for longer is never resumed, because the
/// runtime has ended it, and is dropped.
const LONGEST: u64 = 2 * longest([patience::READ, patience::WRITE, patience::COUNT]) as u64 / 1000;

const fn longest([a, b, c]: [u32; 3]) -> u32 {
    let most = if a > b { a } else { b };
    if most > c { most } else { c }
}

/// A request, and how many bytes it counts for.
struct Task {
    work: Pin<Box<dyn Future<Output = JsValue>>>,
    bytes: usize,
}

thread_local! {
    /// The requests that wait.
    static TASKS: RefCell<Waiting<Task>> = RefCell::new(Waiting::new(MANY, BYTES, LONGEST));
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

/// Whether another request may wait, at the second `now`.
pub(crate) fn have_room(now: u64) -> bool {
    let (swept, has_room) = TASKS.with_borrow_mut(|tasks| (tasks.sweep(now), tasks.has_room()));
    // What a future does when it is dropped may come back to TASKS: nothing is dropped while they are borrowed.
    drop(swept);
    has_room
}

/// Begins the task `id` at the second `now`: what it came to, or the promise that it waits for. `length`: how many bytes
/// `work` holds beside itself.
pub(crate) fn begin(
    id: u32,
    now: u64,
    length: usize,
    work: impl Future<Output = JsValue> + 'static,
) -> JsValue {
    let bytes = length.saturating_add(size_of_val(&work));
    advance(id, now, Task { work: Box::pin(work), bytes })
}

/// Goes on with the task `id` at the second `now`, as [`begin`]. `undefined` when there is none: it died with another
/// instance, or waited for so long that it was dropped.
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
