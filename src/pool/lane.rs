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

    /// How many queries may be on the way on a connection, if all of them are quick or not.
    fn allows(&self, are_quick: bool) -> usize {
        if are_quick && self.now == self.few() { self.most } else { self.now }
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

    /// Takes on what should share the connection, up to its `part` of all that there is to do and at most `most`: `next`
    /// gives the first request that is fit for it and wanted.
    pub(super) fn fill(
        &mut self,
        depth: &Depth,
        part: usize,
        most: usize,
        mut next: impl FnMut(&dyn Fn(&Request) -> bool) -> Option<Request>,
    ) -> Vec<Request> {
        let mut taken = Vec::new();
        let few = depth.allows(false).min(part);
        let many = depth.allows(true).min(part);
        let room = |lane: &Lane| if lane.strangers == 0 { many } else { few };
        // Few large refills instead of many small ones.
        if self.riders.len() > room(self) / 2 {
            return taken;
        }
        while self.riders.len() < room(self) && taken.len() < most {
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
    use std::task::{Context, Poll};

    use super::*;
    use crate::conn::request::Message;
    use crate::conn::{Reply, Sink};
    use crate::wire::Batch;
    use crate::wire::json::TemplateTable;
    use crate::wire::shape::{ShapeTable, TypeMask};

    #[derive(Default)]
    struct Nobody(ShapeTable, TemplateTable);

    impl Sink for Nobody {
        fn deliver(&self, _: Batch) {}
        fn shapes(&self) -> &ShapeTable {
            &self.0
        }
        fn templates(&self) -> &TemplateTable {
            &self.1
        }
        fn id(&self) -> u64 {
            1
        }
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    fn request(text: &str) -> Request {
        let sink = Arc::new(Nobody::default());
        let reply = Reply { sink, request: 1, mask: TypeMask(0), eager: false, unordered: true };
        Request { message: Message::Simple(text.into()), reply, may_prepare: false, known: None }
    }

    /// How many of many waiting requests a connection takes on that has one already.
    fn taken(part: usize, most: usize) -> usize {
        let mut depth = Depth::new(16);
        (0..10).for_each(|_| depth.learn(Duration::from_micros(100)));
        let mut lane = Lane::new(&request("select 1"), true);
        let next = |is_wanted: &dyn Fn(&Request) -> bool| Some(request("select 2")).filter(is_wanted);
        lane.fill(&depth, part, most, next).len()
    }

    #[test]
    fn a_connection_takes_no_more_than_its_part_and_than_it_may_have_uses() {
        assert_eq!(taken(1000, usize::MAX), 15);
        assert_eq!(taken(4, usize::MAX), 3);
        assert_eq!(taken(4, 2), 2);
        assert_eq!(taken(1, usize::MAX), 0);
    }

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
