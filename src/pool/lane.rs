//! How many of the pool's own queries share a connection while every connection is busy.
//!
//! Sharing saves round trips and wake-ups, and makes a query wait for those before it. So the depth follows what
//! queries cost at the moment: it doubles while they take less than a millisecond each, and is back at one as soon as
//! one takes long. Beyond a few it goes only for texts whose answers have all been quick, and no further than the first
//! other text.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::conn::request::Request;
use crate::conn::{KnownText, known_text};

/// Queries faster than this are worth sharing a connection.
const QUICK: Duration = Duration::from_millis(1);
/// Queries faster than this can be many on one connection, and nobody waits long.
const VERY_QUICK: Duration = Duration::from_micros(250);
/// A query that takes this long holds up nobody else from now on.
const SLOW: Duration = Duration::from_millis(5);
/// How many queries of which nothing is known may share a connection.
const FEW: usize = 16;

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

    /// Queries took this long each.
    fn learn(&mut self, each: Duration) {
        if each >= SLOW {
            self.now = 1;
        } else if each <= QUICK {
            self.now = (self.now * 2).min(self.few());
        }
    }

    fn few(&self) -> usize {
        self.most.min(FEW)
    }

    /// How many of `waiting` queries one of `lanes` connections takes, if all of them are quick or not.
    fn share(&self, are_quick: bool, waiting: usize, lanes: usize) -> usize {
        let depth = if are_quick && self.now == self.few() { self.most } else { self.now };
        depth.min(waiting.div_ceil(lanes.max(1)))
    }

    /// The most that may be on the way on one connection.
    pub(super) fn most(&self) -> usize {
        self.most
    }
}

/// Requests of the pool's own queue that one connection is running.
#[derive(Debug)]
pub(super) struct Lane {
    riders: VecDeque<Rider>,
    /// How many of them nothing good is known of.
    strangers: usize,
    /// A failure closes the connection.
    pub(super) retire: bool,
    /// One has failed.
    pub(super) failed: bool,
    /// When the last answer came, or the first request left.
    since: Instant,
}

#[derive(Debug)]
struct Rider {
    known: Option<Arc<KnownText>>,
    is_stranger: bool,
}

impl Lane {
    /// A connection starts with this request.
    pub(super) fn new(request: &Request, retire: bool) -> Self {
        let mut lane = Lane { riders: VecDeque::new(), strangers: 0, retire, failed: false, since: Instant::now() };
        lane.board(request);
        lane
    }

    /// How many are on the way.
    pub(super) fn riding(&self) -> usize {
        self.riders.len()
    }

    fn board(&mut self, request: &Request) {
        let known = request.known.clone();
        let is_stranger = !is_quick(request);
        self.strangers += usize::from(is_stranger);
        self.riders.push_back(Rider { known, is_stranger });
    }

    /// The first `landed` were answered and `left` are still on the way; `depth` learns from it.
    pub(super) fn land(&mut self, landed: usize, left: usize, now: Instant, depth: &mut Depth) {
        let took = now.saturating_duration_since(self.since);
        let each = took / u32::try_from(landed.max(1)).unwrap_or(u32::MAX);
        self.since = now;
        depth.learn(each);
        while self.riders.len() > left {
            let Some(Rider { known, is_stranger }) = self.riders.pop_front() else { break };
            self.strangers -= usize::from(is_stranger);
            match known {
                Some(known) if each <= VERY_QUICK => known.learn(true),
                Some(known) if each > QUICK => known.learn(false),
                _ => {}
            }
        }
    }

    /// Takes on as many of the `waiting` as should share the connection, one of `lanes`: `next` gives the first one that
    /// is fit for it and wanted.
    pub(super) fn fill(
        &mut self,
        depth: &Depth,
        waiting: usize,
        lanes: usize,
        mut next: impl FnMut(&dyn Fn(&Request) -> bool) -> Option<Request>,
    ) -> Vec<Request> {
        let mut taken = Vec::new();
        let many = depth.share(true, waiting, lanes);
        let few = depth.share(false, waiting, lanes);
        let wanted = if self.strangers == 0 { many } else { few };
        // Few large refills instead of many small ones.
        if self.riders.len() > wanted / 2 {
            return taken;
        }
        while self.riders.len() < if self.strangers == 0 { many } else { few } {
            let riding = self.riders.len();
            let is_wanted = |request: &Request| {
                (is_quick(request) || riding < few) && known_text::may_share(&request.message, request.known.as_deref())
            };
            let Some(request) = next(&is_wanted) else { break };
            self.board(&request);
            taken.push(request);
        }
        taken
    }
}

fn is_quick(request: &Request) -> bool {
    request.known.as_ref().is_some_and(|known| known.is_quick())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_depth_grows_while_queries_are_quick_and_collapses_when_one_is_slow() {
        let mut depth = Depth::new(16);
        assert_eq!(depth.share(false, 100, 5), 1);
        for _ in 0..10 {
            depth.learn(Duration::from_micros(100));
        }
        assert_eq!(depth.share(false, 1000, 5), 16);
        assert_eq!(depth.share(false, 20, 5), 4, "no lane takes more than its part");
        depth.learn(Duration::from_millis(50));
        assert_eq!(depth.share(true, 1000, 5), 1);
    }

    #[test]
    fn only_quick_texts_go_beyond_a_few() {
        let mut depth = Depth::new(64);
        for _ in 0..10 {
            depth.learn(Duration::from_micros(10));
        }
        assert_eq!(depth.share(false, 1000, 5), FEW);
        assert_eq!(depth.share(true, 1000, 5), 64);
    }

    #[test]
    fn a_depth_of_one_never_shares() {
        let mut depth = Depth::new(1);
        depth.learn(Duration::ZERO);
        assert_eq!(depth.share(true, 1000, 1), 1);
    }
}
