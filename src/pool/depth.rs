//! How many of the pool's own queries share a connection while every connection is busy.
//!
//! Sharing saves round trips and wake-ups, and makes a query wait for those before it. So the depth follows what
//! queries cost at the moment: it doubles while they take less than a millisecond each, and is back at one as soon as
//! one takes long. Beyond a few it goes only for texts whose answers have been quick, and no further than the first
//! other text.

use std::ops::RangeInclusive;
use std::time::Duration;

/// Queries that take the server no longer than this are worth sharing a connection.
const QUICK: Duration = Duration::from_millis(1);
/// A query that takes this long doesn't share a connection from now on.
const SLOW: Duration = Duration::from_millis(5);
/// Far from the server these limits are parts of the round trip: it varies as much, and a query that waits for half of
/// it at most still gains by sharing.
const QUICK_PART: u32 = 8;
/// As [`QUICK_PART`], for how long others wait without loss.
const PATIENCE_PART: u32 = 2;
/// From this round trip on requests share a connection without waiting for the answers to those before them.
const LONG_WAY: Duration = Duration::from_millis(1);
/// How many queries of which nothing is known may share a connection.
const FEW: usize = 16;
/// Near the server requests are handed to connections that have not answered yet when there are so many for each. Fewer
/// are answered almost as soon by whichever connection is free next; where there are more, it no longer matters that a
/// connection answers its first request by itself.
const CROWD: RangeInclusive<usize> = 4..=64;

/// The depth that a pool uses now.
#[derive(Debug)]
pub(super) struct Depth {
    most: usize,
    now: usize,
    /// The shortest round trip that was measured.
    round_trip: Option<Duration>,
}

impl Depth {
    /// At most `most` queries share a connection; 1 never shares.
    pub(super) fn new(most: usize) -> Self {
        Depth { most: most.max(1), now: 1, round_trip: None }
    }

    /// A round trip of this length was measured.
    pub(super) fn meet(&mut self, round_trip: Option<Duration>) {
        self.round_trip = self.round_trip.into_iter().chain(round_trip).min();
    }

    pub(super) fn way(&self) -> Duration {
        self.round_trip.unwrap_or_default()
    }

    /// Whether waiting for an answer costs more than the writes that it saves.
    pub(super) fn is_far(&self) -> bool {
        self.way() >= LONG_WAY
    }

    /// Whether requests join those that a connection is still to answer, when there are so many for each.
    pub(super) fn shares_out(&self, part: usize) -> bool {
        self.is_far() || (CROWD.contains(&part) && self.now == self.few())
    }

    /// Queries took the server this long each.
    pub(super) fn learn(&mut self, each: Duration) {
        if each >= self.suspicion() {
            self.now = 1;
        } else if each <= QUICK.max(self.way() / QUICK_PART) {
            self.now = (self.now * 2).min(self.few());
        }
    }

    /// How long a query may take before it counts as one that holds up others.
    pub(super) fn patience(&self) -> Duration {
        QUICK.max(self.way() / PATIENCE_PART)
    }

    /// How long a query may take before it is suspected of holding up those behind it for long.
    pub(super) fn suspicion(&self) -> Duration {
        SLOW.max(self.patience())
    }

    fn few(&self) -> usize {
        self.most.min(FEW)
    }

    /// How many queries may be in flight on a connection, if all of them are quick or not.
    pub(super) fn allows(&self, are_quick: bool) -> usize {
        if are_quick && self.now == self.few() { self.most } else { self.now }
    }

    /// The most that may be in flight on one connection.
    pub(super) fn most(&self) -> usize {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_grows_while_queries_are_quick_and_collapses_when_one_is_slow() {
        let mut depth = Depth::new(16);
        assert_eq!(depth.allows(false), 1);
        for _ in 0..10 {
            depth.learn(Duration::from_micros(100));
        }
        assert_eq!(depth.allows(false), 16);
        depth.learn(Duration::from_millis(50));
        assert_eq!(depth.allows(true), 1);
    }

    #[test]
    fn only_quick_texts_go_beyond_a_few() {
        let mut depth = Depth::new(64);
        for _ in 0..10 {
            depth.learn(Duration::from_micros(10));
        }
        assert_eq!(depth.allows(false), FEW);
        assert_eq!(depth.allows(true), 64);
    }

    #[test]
    fn a_depth_of_one_never_shares() {
        let mut depth = Depth::new(1);
        depth.learn(Duration::ZERO);
        assert_eq!(depth.allows(true), 1);
    }
}
