//! A connection that is being made.

use std::sync::Arc;

use super::shared::{Shared, State};
use crate::error::{Error, ErrorKind, texts};

/// One of those that count as being made: until it is finished, or given up together with the task that makes it.
pub(super) struct Making {
    pool: Arc<Shared>,
    is_finished: bool,
}

impl Making {
    pub(super) fn new(pool: &Arc<Shared>, state: &mut State) -> Self {
        state.creating += 1;
        Making { pool: pool.clone(), is_finished: false }
    }

    /// Made, or failed.
    pub(super) fn finish(mut self, state: &mut State) {
        self.is_finished = true;
        state.creating -= 1;
    }
}

/// A task that is lost loses nobody's place, and whoever it was for is told.
impl Drop for Making {
    fn drop(&mut self) {
        if self.is_finished {
            return;
        }
        let work = {
            let mut state = self.pool.lock();
            state.creating -= 1;
            state.waiting.pop()
        };
        if let Some(work) = work {
            work.reply().fail(Error::new(ErrorKind::Io, texts::OPENING_FAILED));
        }
        self.pool.go_on();
    }
}
