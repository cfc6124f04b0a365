//! Closing connections that were idle too long or have become too old.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::state::State;
use super::task::Task;
use crate::clock;

impl Shared {
    /// Starts the reaper when something may have to be closed for its idle time or age.
    pub(super) fn watch_idle(self: &Arc<Self>, state: &mut State) {
        if (self.limits.idle_timeout.is_some() || self.limits.max_lifetime.is_some()) && state.idle.len() > 0 {
            self.start(state, Task::Reap);
        }
    }

    /// Closes idle connections whose time is up; returns when to come back, or `None` when nothing is idle.
    pub(super) fn reap(self: &Arc<Self>) -> Option<Instant> {
        let now = clock::now();
        let mut state = self.lock();
        let above_min = self.size().saturating_sub(self.limits.min);
        let (expired, next) = state.idle.take_expired(&self.limits, above_min, now);
        expired.into_iter().for_each(|held| state.close(held));
        *state.running.mark(Task::Reap) = next.is_some();
        // One more millisecond, so that the time is really up on waking.
        next.map(|pause| now + pause + Duration::from_millis(1))
    }
}
