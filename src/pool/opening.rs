//! A connection that is being opened.

use std::pin::{Pin, pin};
use std::sync::{Arc, Weak};
use std::time::Duration;

use deadpool::managed::{Object, PoolError};
use deadpool_postgres::Timeouts;

use super::containment::panicked;
use super::idle_connections::Held;
use super::observer::PoolObserver;
use super::shared::{Shared, pool_ended};
use super::state::{Shortage, State};
use crate::conn::Waiters;
use crate::error::{Error, ErrorKind, texts};

/// Counts as being opened until it is over, or dropped together with the task that opens it.
struct Opening {
    pool: Arc<Shared>,
    is_over: bool,
}

impl Shared {
    /// Starts opening a connection.
    pub(super) fn open(self: &Arc<Self>, state: &mut State) {
        state.opening += 1;
        let opening = Opening { pool: self.clone(), is_over: false };
        state.effects.spawn(opening.run());
    }
}

impl Opening {
    async fn run(mut self) {
        let pool = self.pool.clone();
        let mut timeouts = Timeouts::new();
        timeouts.wait = Some(Duration::ZERO);
        #[cfg(test)]
        pool.fault.at("open");
        let mut abandoned = pool.abandoned.subscribe();
        let opened = tokio::select! {
            opened = pool.connections.timeout_get(&timeouts) => opened.map_err(reason),
            _ = abandoned.wait_for(|abandoned| *abandoned) => Err(pool_ended()),
        };
        if let Ok(held) = &opened {
            #[cfg(test)]
            pool.fault.at("watch");
            PoolObserver::watch(&pool, held);
        }
        self.finish(opened);
    }

    fn finish(&mut self, opened: Result<Held, Error>) {
        self.is_over = true;
        let mut state = self.pool.lock();
        state.opening -= 1;
        match opened {
            // It may be lost already; then the pool can't use it.
            Ok(held) if held.connection().is_closed() => drop(Object::take(held)),
            Ok(held) => {
                state.shortage = None;
                state.idle.push(held);
            }
            Err(error) if error.kind == ErrorKind::Aborted => state.leaving = state.leaving.saturating_sub(1),
            Err(error) => {
                if let Some(work) = state.waiting.refuse() {
                    state.refuse(work, error);
                }
            }
        }
        if state.opening == 0 {
            (state.leaving, state.shortage) = (0, None);
        }
        self.pool.watch_idle(&mut state);
        drop(state);
        self.pool.go_on();
    }
}

/// A lost task gives its place back, and the request that it was for fails.
impl Drop for Opening {
    fn drop(&mut self) {
        if !self.is_over {
            self.finish(Err(panicked(texts::OPENING_FAILED)));
        }
    }
}

/// The requests that wait in a pool, for whoever opens a connection for them.
pub(super) struct PoolWaiters(Weak<Shared>);

impl PoolWaiters {
    pub(super) fn of(pool: &Arc<Shared>) -> Box<dyn Waiters> {
        Box::new(PoolWaiters(Arc::downgrade(pool)))
    }
}

impl Waiters for PoolWaiters {
    fn have_limits(&self) -> bool {
        self.0.upgrade().is_some_and(|pool| pool.limits.wait_timeout.is_some())
    }

    fn no_room(&self, answer: &Error) {
        let Some(pool) = self.0.upgrade() else { return };
        let mut state = pool.lock();
        let wanting = state.waiting.wanting();
        state.shortage = Some(Shortage { answer: answer.clone(), wanting });
        pool.watch_deadlines(&mut state);
    }

    fn gone(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async {
            while let Some(pool) = self.0.upgrade() {
                let mut departed = pin!(pool.departures.notified());
                departed.as_mut().enable();
                {
                    let mut state = pool.lock();
                    if state.opening.saturating_sub(state.leaving) > state.waiting.wanting() {
                        state.leaving += 1;
                        return;
                    }
                }
                departed.await;
            }
        })
    }
}

fn reason(error: PoolError<Error>) -> Error {
    match error {
        PoolError::Backend(error) => error,
        PoolError::Closed => pool_ended(),
        other => Error::closed(other.to_string()),
    }
}
