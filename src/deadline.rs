//! How long the Worker waits for what it asks: nothing that hangs holds up a request for longer.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use worker::Delay;

/// For a read of KV, which takes some 10 ms, and at most some 100 when it is cold.
pub(crate) const READ: Duration = Duration::from_secs(2);

/// For a write of KV, which is kept at a central place before it is acknowledged.
pub(crate) const WRITE: Duration = Duration::from_secs(5);

/// For the rate limiting, which counts on the same machine.
pub(crate) const COUNT: Duration = Duration::from_millis(500);

/// What `asked` gives; nothing when it takes longer than `time`.
pub(crate) async fn within<T>(time: Duration, asked: impl Future<Output = T>) -> Option<T> {
    let mut asked = pin!(asked);
    let mut time = pin!(Delay::from(time));
    poll_fn(|context| match asked.as_mut().poll(context) {
        Poll::Ready(answer) => Poll::Ready(Some(answer)),
        Poll::Pending => time.as_mut().poll(context).map(|()| None),
    })
    .await
}
