//! A pool's record of connections that were lost while they were idle.

use std::collections::VecDeque;
use std::time::Duration;

use crate::error::Error;

/// The most that are remembered; the oldest are forgotten first.
const MOST: usize = 20;

/// A connection that has been idle for less, and breaks at its next use, broke for another reason.
const IDLE_ENOUGH: Duration = Duration::from_secs(1);

/// How long connections were idle that were lost without a reason of the server's.
#[derive(Default)]
pub(super) struct LostIdle(VecDeque<Duration>);

impl LostIdle {
    /// One was lost that had been idle for so long.
    pub(super) fn note(&mut self, idle: Duration, error: &Error) {
        if error.server.is_some() {
            return;
        }
        if self.0.len() == MOST {
            self.0.pop_front();
        }
        self.0.push_back(idle);
    }

    /// One was lost at its first use after it had been idle for so long.
    pub(super) fn note_at_use(&mut self, idle: Duration, error: &Error) {
        if idle >= IDLE_ENOUGH {
            self.note(idle, error);
        }
    }

    /// All that are remembered, the newest last.
    pub(super) fn all(&self) -> Vec<Duration> {
        self.0.iter().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{ErrorKind, ServerError};

    fn lost() -> Error {
        Error::new(ErrorKind::Lost, "gone")
    }

    #[test]
    fn the_last_ones_are_remembered() {
        let mut record = LostIdle::default();
        (0..30).for_each(|seconds| record.note(Duration::from_secs(seconds), &lost()));
        let all = record.all();
        assert_eq!(
            (all.len(), all.first(), all.last()),
            (20, Some(&Duration::from_secs(10)), Some(&Duration::from_secs(29)))
        );
    }

    #[test]
    fn a_reason_of_the_servers_counts_as_none_of_them_and_so_does_a_short_rest() {
        let mut record = LostIdle::default();
        let fields = vec![(b'C', "57P01".to_owned()), (b'M', "terminating connection".to_owned())];
        record.note(Duration::from_secs(9), &Error::from_server(ServerError { length: 0, fields }));
        record.note_at_use(Duration::from_millis(900), &lost());
        assert!(record.all().is_empty());
        record.note_at_use(Duration::from_secs(1), &lost());
        assert_eq!(record.all(), [Duration::from_secs(1)]);
    }
}
