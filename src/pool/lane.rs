//! How many of the pool's own queries share a connection while every connection is busy.
//!
//! Sharing saves round trips and wake-ups, and makes a query wait for those before it. So the depth follows what
//! queries cost at the moment: it doubles while they take less than a millisecond each, and is back at one as soon as
//! one takes long.

use std::time::{Duration, Instant};

use crate::conn::request::Message;

/// Queries faster than this are worth sharing a connection.
const QUICK: Duration = Duration::from_millis(1);
/// A query that takes this long holds up nobody else from now on.
const SLOW: Duration = Duration::from_millis(5);

/// The depth that a pool uses now.
#[derive(Debug)]
pub(super) struct Depth {
    most: usize,
    now: usize,
}

impl Depth {
    /// At most `most` queries share a connection; 1 never shares.
    pub(super) fn new(most: usize) -> Self {
        Depth { most: most.max(1), now: 1 }
    }

    /// Queries were answered, one after the other, in this time.
    pub(super) fn learn(&mut self, answered: usize, took: Duration) {
        let each = took / u32::try_from(answered.max(1)).unwrap_or(u32::MAX);
        if each >= SLOW {
            self.now = 1;
        } else if each <= QUICK {
            self.now = (self.now * 2).min(self.most);
        }
    }

    /// How many of `waiting` queries one of `lanes` connections takes.
    pub(super) fn share(&self, waiting: usize, lanes: usize) -> usize {
        self.now.min(waiting.div_ceil(lanes.max(1)))
    }

    /// The most that may be on the way on one connection.
    pub(super) fn most(&self) -> usize {
        self.most
    }
}

/// Requests of the pool's own queue that one connection is running.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lane {
    /// On the way.
    pub(super) riding: usize,
    /// A failure closes the connection.
    pub(super) retire: bool,
    /// One has failed.
    pub(super) failed: bool,
    /// When the last answer came, or the first request left.
    pub(super) since: Instant,
}

/// Whether a request may share a connection with others: it must be one statement, and must not change what the next
/// one meets.
pub(super) fn may_share(message: &Message) -> bool {
    match message {
        Message::Extended(query) => leaves_session_alone(&query.text),
        Message::Simple(text) => leaves_session_alone(text) && is_one_statement(text),
        _ => false,
    }
}

fn leaves_session_alone(text: &str) -> bool {
    let text = text.trim_start();
    let end = text.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or_default();
    ["select", "insert", "update", "delete", "values", "merge", "table"]
        .iter()
        .any(|plain| word.eq_ignore_ascii_case(plain))
}

fn is_one_statement(text: &str) -> bool {
    !text.trim_end().trim_end_matches(';').contains(';')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_grows_while_queries_are_quick_and_collapses_when_one_is_slow() {
        let mut depth = Depth::new(16);
        assert_eq!(depth.share(100, 5), 1);
        for _ in 0..10 {
            depth.learn(4, Duration::from_micros(400));
        }
        assert_eq!(depth.share(1000, 5), 16);
        assert_eq!(depth.share(20, 5), 4, "no lane takes more than its part");
        depth.learn(1, Duration::from_millis(50));
        assert_eq!(depth.share(1000, 5), 1);
    }

    #[test]
    fn a_depth_of_one_never_shares() {
        let mut depth = Depth::new(1);
        depth.learn(1, Duration::ZERO);
        assert_eq!(depth.share(1000, 1), 1);
    }

    #[test]
    fn only_single_plain_statements_share() {
        let simple = |text: &str| may_share(&Message::Simple(text.into()));
        assert!(simple("SELECT 1"));
        assert!(simple("  select 1 ;"));
        for text in ["select 1; select 2", "BEGIN", "set x = 1", "COPY t TO STDOUT", "", "with x as (select 1) table x"]
        {
            assert!(!simple(text), "{text}");
        }
    }
}
