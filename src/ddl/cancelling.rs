//! Cancelling on the server what the caller has aborted.

use std::future::Future;
use std::pin::pin;
use std::time::Duration;

use crate::clock;
use crate::conn::{Connection, Operation};
use crate::error::{Error, texts};

/// When what was cancelled goes on, it is cancelled again after this long, and then after twice as long each time: a
/// request that overtakes its query is ignored.
const REPEAT: Duration = Duration::from_millis(10);

/// The connection that works for a caller that may give up.
pub(super) struct Cancelling<'a> {
    pub(super) connection: &'a Connection,
    pub(super) operation: &'a Operation,
    /// How long the server may take, before the connection is closed.
    pub(super) patience: Duration,
}

impl Cancelling<'_> {
    /// Waits for `work`, which the server does on the connection; cancels it when the caller aborts. No cancel request
    /// is on its way afterwards, so that none can hit what comes next.
    pub(super) async fn finish<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = pin!(work);
        tokio::select! {
            biased;
            done = &mut work => return done,
            () = self.operation.given_up() => {}
        }
        let since = clock::now();
        let mut pause = REPEAT;
        loop {
            let left = self.patience.saturating_sub(clock::now().saturating_duration_since(since));
            let mut request = pin!(clock::within(left, self.connection.cancel()));
            let done = tokio::select! {
                biased;
                done = &mut work => Some(done),
                _ = &mut request => None,
            };
            if let Some(done) = done {
                if request.await.is_none() {
                    self.connection.destroy(unstoppable());
                }
                return done;
            }
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = clock::sleep(pause.min(left)) => {}
            }
            if left.is_zero() {
                self.connection.destroy(unstoppable());
                return work.await;
            }
            pause *= 2;
        }
    }
}

fn unstoppable() -> Error {
    Error::closed(texts::TERMINATED)
}
