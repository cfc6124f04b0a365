//! The requests of the pool's own queue that one connection runs: which join, which are late, which are answered.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::depth::Depth;
use crate::clock;
use crate::config::Sharing;
use crate::conn::message::Message;
use crate::conn::reply::RequestKey;
use crate::conn::request::Request;
use crate::conn::{Connection, KnownText, Race, Reply, known_text};
use crate::error::contained;

/// Queries that take no longer than this can be many on one connection without a long wait.
const VERY_QUICK: Duration = Duration::from_micros(250);
/// How long beyond the round trip a query waits behind another one before it is sent again.
const PATIENCE: Duration = Duration::from_millis(20);
/// How long a connection may work on queries that are not waited for. Making another one takes about a tenth of it.
const CERTAINTY: Duration = Duration::from_millis(200);

/// Requests of the pool's own queue that one connection is running, in their order.
pub(super) struct Pipeline {
    requests: VecDeque<InFlight>,
    /// How many of them are not known to be quick.
    unproven: usize,
    /// How many of them are still to be submitted.
    unsent: usize,
    /// Others may be in flight together with the first.
    shares: bool,
    /// One has failed, which closes the connection.
    pub(super) failed: bool,
    /// When the last answer came.
    since: Instant,
}

struct InFlight {
    key: RequestKey,
    known: Option<Arc<KnownText>>,
    is_unproven: bool,
    sent: Instant,
    /// What to send when it is to be sent again.
    again: Option<Message>,
    /// Another try is under way or wanted.
    race: Option<Arc<Race>>,
    /// It is the second try.
    is_second: bool,
}

impl InFlight {
    /// No caller waits for its answer, or a second try was sent as well.
    fn is_unwanted(&self) -> bool {
        self.race.as_ref().is_some_and(|race| match race.tries() {
            0 => true,
            1 => false,
            _ => !self.is_second,
        })
    }
}

impl Pipeline {
    /// A connection starts with this request.
    pub(super) fn new(request: &Request, shares: bool) -> Self {
        let now = clock::now();
        let mut pipeline =
            Pipeline { requests: VecDeque::new(), unproven: 0, unsent: 0, shares, failed: false, since: now };
        pipeline.push(request, None, now);
        pipeline
    }

    /// How many are in flight.
    pub(super) fn len(&self) -> usize {
        self.requests.len()
    }

    fn push(&mut self, request: &Request, again: Option<Message>, now: Instant) {
        let is_unproven = !is_quick(request);
        self.unproven += usize::from(is_unproven);
        self.unsent += 1;
        let race = request.reply.race.clone();
        self.requests.push_back(InFlight {
            key: request.reply.key(),
            known: request.known.clone(),
            is_unproven,
            sent: now,
            again,
            is_second: race.is_some(),
            race,
        });
    }

    /// When the first answer can arrive at the earliest: a round trip after it was sent, and after the one before it.
    fn due(&self, depth: &Depth) -> Instant {
        self.requests.front().map_or(self.since, |first| self.since.max(first.sent + depth.way()))
    }

    /// Whether requests can join without waiting for an answer: no request that must be alone is in flight, and the
    /// first one doesn't take longer than others should wait. Near the server waiting for an answer costs little, so
    /// that no request that could take long may be in flight.
    pub(super) fn is_open(&self, depth: &Depth, now: Instant) -> bool {
        self.shares && (depth.is_far() || self.unproven == 0) && !self.is_stuck(depth, now)
    }

    /// Whether it has to be watched: a query waits behind another, or isn't waited for.
    pub(super) fn needs_care(&self) -> bool {
        self.requests.len() > 1 || self.requests.front().is_some_and(|first| first.race.is_some())
    }

    /// The first one has kept the connection for so long that it may hold up the others.
    fn is_stuck(&self, depth: &Depth, now: Instant) -> bool {
        now.saturating_duration_since(self.due(depth)) > depth.patience()
    }

    /// Those that have waited too long behind the first one, and can be sent again, the oldest first.
    ///
    /// Where no connection is free sending again costs the others: they join no more until it has left. So the first
    /// one must have held the others up for all that time by itself, which on a busy machine many short ones don't.
    /// Otherwise it is suspected of it earlier, for as many as there are `free` connections.
    pub(super) fn late(&self, depth: &Depth, free: usize, now: Instant) -> Vec<RequestKey> {
        let held_up = now.saturating_duration_since(self.due(depth));
        let most = match held_up {
            _ if held_up >= PATIENCE => usize::MAX,
            _ if held_up >= depth.suspicion() => free,
            _ => 0,
        };
        let limit = depth.way() + PATIENCE;
        let is_late = |one: &&InFlight| one.again.is_some() && now.saturating_duration_since(one.sent) >= limit;
        self.requests.iter().skip(1).filter(is_late).take(most).map(|one| one.key).collect()
    }

    /// The second try at a request, with when the first one was sent; none when that is answered.
    pub(super) fn second_try(&mut self, reply: &Reply) -> Option<(Instant, Request)> {
        let one = self.requests.iter_mut().find(|one| one.key == reply.key())?;
        let message = one.again.take()?;
        one.race.clone_from(&reply.race);
        let known = one.known.clone();
        Some((one.sent, Request { message, reply: reply.clone(), may_prepare: true, known }))
    }

    /// The first one, if a second try was planned: no other query is in front of it any more.
    pub(super) fn first_tried(&self) -> Option<RequestKey> {
        self.requests.front().filter(|first| first.race.is_some() && !first.is_second).map(|first| first.key)
    }

    /// Whether what is under way isn't waited for, and takes long.
    pub(super) fn is_unwanted(&self, depth: &Depth, now: Instant) -> bool {
        now.saturating_duration_since(self.due(depth)) >= CERTAINTY
            && !self.requests.is_empty()
            && self.requests.iter().all(InFlight::is_unwanted)
    }

    /// This many of the newest have been submitted.
    pub(super) fn submitted(&mut self, count: usize) {
        self.unsent = self.unsent.saturating_sub(count);
    }

    /// How many are answered, when the connection has this many requests left to answer.
    pub(super) fn answered(&self, load: usize) -> usize {
        self.requests.len().saturating_sub(load + self.unsent)
    }

    /// Whether the connection has answered everything, and has nothing more to come.
    pub(super) fn is_answered(&self, connection: &Connection) -> bool {
        let has_answered = || !connection.is_closed() && self.answered(connection.load()) == self.requests.len();
        self.requests.is_empty() || has_answered()
    }

    /// How long the only query was under way, if it is answered.
    pub(super) fn lone_round_trip(&self, load: usize, now: Instant) -> Option<Duration> {
        let lone = self.requests.front().filter(|_| self.requests.len() == 1 && self.answered(load) == 1);
        lone.map(|one| now.saturating_duration_since(one.sent))
    }

    /// Removes those that are answered, and reports their times to `depth`.
    pub(super) fn complete(&mut self, load: usize, now: Instant, depth: &mut Depth) {
        let answered = self.answered(load);
        if answered == 0 {
            return;
        }
        let took = now.saturating_duration_since(self.due(depth));
        let each = took / u32::try_from(answered).unwrap_or(u32::MAX);
        self.since = now;
        self.shares = true;
        let is_late = each > depth.patience();
        for InFlight { known, is_unproven, .. } in self.requests.drain(..answered) {
            self.unproven -= usize::from(is_unproven);
            match known {
                Some(known) if is_late => known.note_late(),
                Some(known) if each <= VERY_QUICK => known.note_quick(),
                _ => {}
            }
        }
        depth.learn(each);
    }

    /// Takes on what should share the connection by the rule of `sharing`, up to its `part` of all that there is to do
    /// and at most `most`: `next` gives the first request that fits and is wanted. Only requests of one receiver share
    /// a connection.
    pub(super) fn fill(
        &mut self,
        depth: &Depth,
        part: usize,
        most: usize,
        sharing: Sharing,
        now: Instant,
        mut next: impl FnMut(&dyn Fn(&Request) -> bool) -> Option<Request>,
    ) -> Vec<Request> {
        let few = depth.allows(false).min(part);
        let many = depth.allows(true).min(part);
        let room = |pipeline: &Pipeline| if pipeline.unproven == 0 { many } else { few };
        // Few large refills instead of many small ones.
        if !depth.is_far() && self.requests.len() > room(self) / 2 {
            return Vec::new();
        }
        let mut taken = Vec::with_capacity(room(self).saturating_sub(self.requests.len()).min(most));
        while self.requests.len() < room(self) && taken.len() < most {
            let under_way = self.requests.len();
            let sink = self.requests.front().map(|first| first.key.0);
            let is_wanted = |request: &Request| {
                // A busy receiver stops the reading, and requests of other receivers must not wait for that.
                sink.is_none_or(|sink| sink == request.reply.sink.id())
                    && (is_quick(request) || under_way < few)
                    && may_share(request, sharing)
            };
            let Some(request) = next(&is_wanted) else { break };
            let again = if sharing == Sharing::Reads { request.message.again() } else { None };
            self.push(&request, again, now);
            taken.push(request);
        }
        taken
    }
}

/// Whether a request may share a connection with others. A text that can't be read without a panic has one for itself.
pub(super) fn may_share(request: &Request, sharing: Sharing) -> bool {
    contained(|| known_text::may_share(&request.message, request.known.as_deref(), sharing)).unwrap_or(false)
}

fn is_quick(request: &Request) -> bool {
    request.known.as_ref().is_some_and(|known| known.is_quick())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::Reply;
    use crate::conn::message::Message;
    use crate::conn::null_sink::NullSink;
    use crate::rows::TypeMask;

    fn request(text: &str) -> Request {
        request_of(1, text)
    }

    fn request_of(sink: u64, text: &str) -> Request {
        let reply = Reply {
            sink: NullSink::numbered(sink),
            request: 1,
            mask: TypeMask(0),
            eager: false,
            unordered: true,
            race: None,
        };
        Request { message: Message::Simple(text.into()), reply, may_prepare: false, known: None }
    }

    /// How many of many waiting requests a connection takes on that has one already.
    fn taken(part: usize, most: usize) -> usize {
        let mut depth = Depth::new(16);
        (0..10).for_each(|_| depth.learn(Duration::from_micros(100)));
        let mut pipeline = Pipeline::new(&request("select 1"), true);
        let next = |is_wanted: &dyn Fn(&Request) -> bool| Some(request("select 2")).filter(is_wanted);
        pipeline.fill(&depth, part, most, Sharing::Reads, clock::now(), next).len()
    }

    #[test]
    fn a_connection_takes_no_more_than_its_part_and_than_it_may_have_uses() {
        assert_eq!(taken(1000, usize::MAX), 15);
        assert_eq!(taken(4, usize::MAX), 3);
        assert_eq!(taken(4, 2), 2);
        assert_eq!(taken(1, usize::MAX), 0);
    }

    #[test]
    fn requests_of_another_receiver_do_not_join() {
        let mut depth = Depth::new(16);
        (0..10).for_each(|_| depth.learn(Duration::from_micros(100)));
        let mut pipeline = Pipeline::new(&request_of(1, "select 1"), true);
        let mut waiting = vec![request_of(2, "select 2"), request_of(1, "select 3")];
        let next = |is_wanted: &dyn Fn(&Request) -> bool| waiting.pop_if(|request| is_wanted(request));
        assert_eq!(pipeline.fill(&depth, 16, usize::MAX, Sharing::Reads, clock::now(), next).len(), 1);
    }

    /// How many of two requests with this text join another one, and of how many the pool can make a second try.
    fn joined(text: &str, sharing: Sharing) -> (usize, usize) {
        let mut depth = Depth::new(16);
        (0..10).for_each(|_| depth.learn(Duration::from_micros(100)));
        let mut pipeline = Pipeline::new(&request("select 1"), true);
        let mut waiting = vec![request(text), request(text)];
        let next = |is_wanted: &dyn Fn(&Request) -> bool| waiting.pop_if(|request| is_wanted(request));
        let taken = pipeline.fill(&depth, 16, usize::MAX, sharing, clock::now(), next).len();
        (taken, pipeline.requests.iter().filter(|one| one.again.is_some()).count())
    }

    #[test]
    fn what_joins_by_the_rule_for_reads_can_be_sent_again_and_nothing_else_can() {
        assert_eq!(joined("select a from t", Sharing::Reads), (2, 2));
        assert_eq!(joined("update t set a = 1", Sharing::Reads), (0, 0));
        assert_eq!(joined("update t set a = 1", Sharing::All), (2, 0));
        assert_eq!(joined("select a from t", Sharing::All), (2, 0));
        assert_eq!(joined("select a from t", Sharing::None), (0, 0));
    }

    /// A pipeline with two tries of which the other ones are under way or not.
    fn unwanted(tries: [usize; 2], second: bool) -> bool {
        let mut pipeline = Pipeline::new(&request("select 1"), true);
        pipeline.requests.clear();
        let now = clock::now();
        for tries in tries {
            let race = Race::of_two();
            (tries..2).for_each(|_| assert!(race.give_up() || race.win()));
            let mut request = request("select 1");
            if second {
                request.reply.race = Some(race.clone());
            }
            pipeline.push(&request, None, now);
            pipeline.requests.back_mut().unwrap().race = Some(race);
        }
        let depth = Depth::new(16);
        assert!(!pipeline.is_unwanted(&depth, now), "it has only begun");
        pipeline.is_unwanted(&depth, now + CERTAINTY)
    }

    #[test]
    fn a_connection_is_unwanted_when_all_are_answered_elsewhere_or_will_be() {
        assert!(unwanted([2, 0], false) && unwanted([0, 0], false) && unwanted([0, 0], true));
        assert!(!unwanted([2, 1], false) && !unwanted([1, 0], false));
        assert!(!unwanted([2, 0], true) && !unwanted([1, 0], true));
    }

    #[test]
    fn the_way_to_the_server_is_no_part_of_what_a_query_takes() {
        let mut depth = Depth::new(16);
        depth.meet(Some(Duration::from_millis(80)));
        let sent = clock::now();
        let mut pipeline = Pipeline::new(&request("select 1"), true);
        pipeline.submitted(1);
        pipeline.complete(0, sent + Duration::from_millis(81), &mut depth);
        assert_eq!(depth.allows(false), 2);
        let mut pipeline = Pipeline::new(&request("select 1"), true);
        pipeline.submitted(1);
        pipeline.complete(0, clock::now() + Duration::from_millis(200), &mut depth);
        assert_eq!(depth.allows(false), 1);
    }

    /// A pipeline whose only query was answered this late, and the depth that learns of it.
    fn late(known: Option<&Arc<KnownText>>, depth: &mut Depth, sent: Instant) {
        let request = Request { known: known.cloned(), ..request("select 1") };
        let mut pipeline = Pipeline::new(&request, true);
        pipeline.submitted(1);
        pipeline.requests[0].sent = sent;
        pipeline.since = sent;
        pipeline.complete(0, sent + Duration::from_millis(50), depth);
    }

    #[test]
    fn a_late_answer_ends_sharing_and_its_text_is_not_among_the_quick_any_more() {
        let known = Arc::new(KnownText::new("select 1"));
        (0..200).for_each(|_| known.note_quick());
        for known in [None, Some(&known)] {
            let mut depth = Depth::new(64);
            (0..10).for_each(|_| depth.learn(Duration::from_micros(10)));
            late(known, &mut depth, clock::now());
            assert_eq!(depth.allows(true), 1);
        }
        assert!(!known.is_quick());
    }

    #[test]
    fn on_a_long_way_requests_join_until_an_answer_is_late() {
        let mut depth = Depth::new(16);
        depth.meet(Some(Duration::from_millis(20)));
        let pipeline = Pipeline::new(&request("select 1"), true);
        let after = |millis| clock::now() + Duration::from_millis(millis);
        assert!(pipeline.is_open(&depth, after(25)));
        assert!(!pipeline.is_open(&depth, after(35)));
        assert!(!Pipeline::new(&request("select 1; select 2"), false).is_open(&depth, after(0)));
    }

    #[test]
    fn near_the_server_only_crowds_join_and_only_behind_what_is_quick() {
        let mut depth = Depth::new(64);
        assert!(!depth.shares_out(10));
        (0..10).for_each(|_| depth.learn(Duration::from_micros(10)));
        assert!(depth.shares_out(10) && !depth.shares_out(2) && !depth.shares_out(200));
        let known = Arc::new(KnownText::new("select 1"));
        let pipeline = |known: &Arc<KnownText>| {
            let request = Request { known: Some(known.clone()), ..request("select 1") };
            Pipeline::new(&request, true)
        };
        assert!(!pipeline(&known).is_open(&depth, clock::now()));
        (0..200).for_each(|_| known.note_quick());
        assert!(pipeline(&known).is_open(&depth, clock::now()));
        assert!(!pipeline(&known).is_open(&depth, clock::now() + Duration::from_millis(5)));
    }

    #[test]
    fn a_request_that_is_not_submitted_yet_has_no_answer() {
        let mut depth = Depth::new(16);
        let mut pipeline = Pipeline::new(&request("select 1"), true);
        assert_eq!(pipeline.lone_round_trip(0, clock::now()), None);
        pipeline.complete(0, clock::now(), &mut depth);
        assert_eq!(pipeline.len(), 1);
        pipeline.submitted(1);
        assert_eq!(pipeline.answered(1), 0);
        assert!(pipeline.lone_round_trip(0, clock::now()).is_some());
        pipeline.complete(0, clock::now(), &mut depth);
        assert_eq!(pipeline.len(), 0);
    }
}
