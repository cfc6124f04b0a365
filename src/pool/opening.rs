//! A connection that is being opened.

use std::sync::Arc;
use std::time::Duration;

use deadpool::managed::{Object, PoolError};
use deadpool_postgres::Timeouts;

use super::containment::panicked;
use super::idle_connections::Held;
use super::observer::PoolObserver;
use super::shared::{Shared, pool_ended};
use super::state::State;
use crate::error::{Error, texts};

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
            Ok(held) => state.idle.push(held),
            Err(error) => {
                if let Some(work) = state.waiting.refuse() {
                    state.refuse(work, error);
                }
            }
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

fn reason(error: PoolError<Error>) -> Error {
    match error {
        PoolError::Backend(error) => error,
        PoolError::Closed => pool_ended(),
        other => Error::closed(other.to_string()),
    }
}
