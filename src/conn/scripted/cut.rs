//! Dropping a future at each of its awaits, and seeing what is left then.

use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use tokio::runtime::Handle;

use crate::clock;

/// Drops a future at this await, counted from 0 on, unless it is done before. `None` says that it was dropped.
pub async fn cut<F: Future>(future: F, at: usize) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut left = at;
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending if left == 0 => Poll::Ready(None),
        Poll::Pending => {
            left -= 1;
            Poll::Pending
        }
    })
    .await
}

/// Waits until all tasks that can run have run. Needs a stopped clock, which only advances when no task can run.
pub async fn settle() {
    clock::sleep(Duration::from_millis(1)).await;
}

/// How many tasks there are besides the test itself.
pub fn tasks() -> usize {
    Handle::current().metrics().num_alive_tasks()
}
