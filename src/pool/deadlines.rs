//! Refusing waiters that have waited too long for a connection.

use std::sync::Arc;
use std::time::Instant;

use super::shared::Shared;
use super::state::State;
use super::task::Task;
use super::wait_queue::waited_too_long;
use crate::clock;

impl Shared {
    /// Starts the task that refuses waiters when their time is up.
    pub(super) fn watch_deadlines(self: &Arc<Self>, state: &mut State) {
        if state.waiting.next_deadline(state.sheltered()).is_some() {
            self.start(state, Task::Expire);
        }
    }

    /// Refuses those whose time is up; returns when the next one's is.
    pub(super) fn expire(self: &Arc<Self>) -> Option<Instant> {
        let mut state = self.lock();
        let sheltered = state.sheltered();
        let expired = state.waiting.expired(sheltered, clock::now());
        let next = state.waiting.next_deadline(sheltered);
        *state.running.mark(Task::Expire) = next.is_some();
        let is_any = !expired.is_empty();
        let reason = state.shortage.as_ref().map_or_else(waited_too_long, |shortage| shortage.answer.clone());
        expired.into_iter().for_each(|work| state.refuse(work, reason.clone()));
        drop(state);
        if is_any {
            self.wind_up();
        }
        next
    }
}
