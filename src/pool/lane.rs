//! The requests of the pool's own queue that share a connection: who joins, who waits too long, who is answered.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};

use super::depth::Depth;
use crate::clock;
use crate::config::Sharing;
use crate::conn::message::Message;
use crate::conn::reply::RequestKey;
use crate::conn::request::Request;
use crate::conn::{Connection, KnownText, Race, Reply, known_text};

/// Queries that take no longer than this can be many on one connection, and nobody waits long.
const VERY_QUICK: Duration = Duration::from_micros(250);
/// So long beyond the round trip a query waits behind another one before it is sent again.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);
/// So long a connection may be at what nobody waits for. Making another one takes about a tenth of it.
const CERTAINTY: Duration = Duration::from_millis(200);

/// Requests of the pool's own queue that one connection is running.
pub(super) struct Lane {
    riders: VecDeque<Rider>,
    /// How many of them nothing good is known of.
    strangers: usize,
    /// How many of them are still to be submitted.
    unsent: usize,
    /// Others may be on the way together with the first.
    shares: bool,
    /// A failure closes the connection.
    pub(super) retire: bool,
    /// One has failed.
    pub(super) failed: bool,
    /// When the last answer came.
    since: Instant,
}

struct Rider {
    key: RequestKey,
    known: Option<Arc<KnownText>>,
    is_stranger: bool,
    left: Instant,
    /// What to send when it is to be sent again.
    again: Option<Message>,
    /// Another try is under way or wanted.
    race: Option<Arc<Race>>,
    /// It is the other try.
    is_second: bool,
}

impl Rider {
    /// Nobody waits for its answer, or not for this one alone.
    fn is_moot(&self) -> bool {
        self.race.as_ref().is_some_and(|race| match race.tries() {
            0 => true,
            1 => false,
            _ => !self.is_second,
        })
    }
}

impl Lane {
    /// A connection starts with this request.
    pub(super) fn new(request: &Request, retire: bool, shares: bool) -> Self {
        let now = clock::now();
        let mut lane =
            Lane { riders: VecDeque::new(), strangers: 0, unsent: 0, shares, retire, failed: false, since: now };
        lane.board(request, None, now);
        lane
    }

    /// How many are on the way.
    pub(super) fn riding(&self) -> usize {
        self.riders.len()
    }

    fn board(&mut self, request: &Request, again: Option<Message>, now: Instant) {
        let is_stranger = !is_quick(request);
        self.strangers += usize::from(is_stranger);
        self.unsent += 1;
        let race = request.reply.race.clone();
        self.riders.push_back(Rider {
            key: request.reply.key(),
            known: request.known.clone(),
            is_stranger,
            left: now,
            again,
            is_second: race.is_some(),
            race,
        });
    }

    /// When the first answer can be here at the earliest: when it had the way behind it, and the one before it was here.
    fn due(&self, depth: &Depth) -> Instant {
        self.riders.front().map_or(self.since, |first| self.since.max(first.left + depth.way()))
    }

    /// Whether requests can join without waiting for an answer: nothing that must travel alone is on the way, and what is
    /// at the head doesn't take longer than others should wait. Near the server waiting for an answer costs little, so
    /// that nothing may be on the way that could take long.
    pub(super) fn is_open(&self, depth: &Depth, now: Instant) -> bool {
        self.shares && (depth.is_far() || self.strangers == 0) && !self.is_stuck(depth, now)
    }

    /// Whether there is something to look after: one waits behind another, or for nobody.
    pub(super) fn needs_care(&self) -> bool {
        self.riders.len() > 1 || self.riders.front().is_some_and(|first| first.race.is_some())
    }

    /// The first one has kept the connection for so long that it may hold up the others.
    fn is_stuck(&self, depth: &Depth, now: Instant) -> bool {
        now.saturating_duration_since(self.due(depth)) > depth.patience()
    }

    /// Those that have waited too long behind another one are to be sent again, `most` of them: they race against the
    /// requests that are returned with when the first try left, as far as their answers have not begun. The other one
    /// is suspected of holding them up when it takes longer than `suspicion`.
    pub(super) fn overtaken(
        &mut self,
        connection: &Connection,
        depth: &Depth,
        suspicion: Duration,
        most: usize,
        now: Instant,
    ) -> Vec<(Instant, Request)> {
        if most == 0 || now.saturating_duration_since(self.due(depth)) < suspicion {
            return Vec::new();
        }
        let limit = depth.way() + PATIENCE;
        let is_late = |rider: &Rider| now.saturating_duration_since(rider.left) >= limit;
        let mut riders = self
            .riders
            .iter_mut()
            .skip(1)
            .filter(|rider| rider.again.is_some() && is_late(rider))
            .take(most)
            .peekable();
        if riders.peek().is_none() {
            return Vec::new();
        }
        let mut wanted: HashMap<RequestKey, &mut Rider> = riders.map(|rider| (rider.key, rider)).collect();
        // Answers that are here, and wait for their receiver, are not late.
        let mut keeps_up = None;
        let mut is_behind = |reply: &Reply| {
            let mut cx = Context::from_waker(Waker::noop());
            !*keeps_up.get_or_insert_with(|| reply.sink.poll_ready(&mut cx).is_ready())
        };
        let mut requests = Vec::new();
        for reply in connection.contend(|reply| wanted.contains_key(&reply.key()) && !is_behind(reply)) {
            let Some(rider) = wanted.remove(&reply.key()) else { continue };
            let Some(message) = rider.again.take() else { continue };
            rider.race.clone_from(&reply.race);
            let known = rider.known.clone();
            requests.push((rider.left, Request { message, reply, may_prepare: true, known }));
        }
        requests
    }

    /// The first one, if another try at it is wanted: it waits behind nobody any more.
    pub(super) fn first_tried(&self) -> Option<RequestKey> {
        self.riders.front().filter(|first| first.race.is_some() && !first.is_second).map(|first| first.key)
    }

    /// Whether nobody waits for what is under way, and it takes its time.
    pub(super) fn is_moot(&self, depth: &Depth, now: Instant) -> bool {
        now.saturating_duration_since(self.due(depth)) >= CERTAINTY
            && !self.riders.is_empty()
            && self.riders.iter().all(Rider::is_moot)
    }

    /// So many of the youngest have been submitted.
    pub(super) fn submitted(&mut self, count: usize) {
        self.unsent = self.unsent.saturating_sub(count);
    }

    /// How many are answered, when the connection has this many requests left to answer.
    pub(super) fn landed(&self, load: usize) -> usize {
        self.riders.len().saturating_sub(load + self.unsent)
    }

    /// Whether the connection has answered everything, and has nothing more to come.
    pub(super) fn is_answered(&self, connection: &Connection) -> bool {
        let is_landed = || !connection.is_closed() && self.landed(connection.load()) == self.riders.len();
        self.riders.is_empty() || is_landed()
    }

    /// How long the only query was under way, if it is answered.
    pub(super) fn lone_trip(&self, load: usize, now: Instant) -> Option<Duration> {
        let lone = self.riders.front().filter(|_| self.riders.len() == 1 && self.landed(load) == 1);
        lone.map(|rider| now.saturating_duration_since(rider.left))
    }

    /// Takes off those that are answered; `depth` learns from it.
    pub(super) fn land(&mut self, load: usize, now: Instant, depth: &mut Depth) {
        let landed = self.landed(load);
        if landed == 0 {
            return;
        }
        let took = now.saturating_duration_since(self.due(depth));
        let each = took / u32::try_from(landed).unwrap_or(u32::MAX);
        self.since = now;
        self.shares = true;
        let is_late = each > depth.patience();
        let stall = self.riders.front().filter(|_| is_late).map(|first| depth.stall(first.left, now));
        let mut is_accident = is_late;
        for Rider { known, is_stranger, .. } in self.riders.drain(..landed) {
            self.strangers -= usize::from(is_stranger);
            match (known, stall) {
                (Some(known), Some(stall)) => is_accident &= known.note_late(stall),
                (Some(known), None) if each <= VERY_QUICK => known.note_quick(),
                _ => is_accident = false,
            }
        }
        if !is_accident {
            depth.learn(each);
        }
    }

    /// Takes on what should share the connection by the rule of `sharing`, up to its `part` of all that there is to do and
    /// at most `most`: `next` gives the first request that is fit for it and wanted. Only one receiver's share one.
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
        let room = |lane: &Lane| if lane.strangers == 0 { many } else { few };
        // Few large refills instead of many small ones.
        if !depth.is_far() && self.riders.len() > room(self) / 2 {
            return Vec::new();
        }
        let mut taken = Vec::with_capacity(room(self).saturating_sub(self.riders.len()).min(most));
        while self.riders.len() < room(self) && taken.len() < most {
            let riding = self.riders.len();
            let sink = self.riders.front().map(|first| first.key.0);
            let is_wanted = |request: &Request| {
                // A receiver that is busy has reading wait, which is nobody else's to wait for.
                sink.is_none_or(|sink| sink == request.reply.sink.id())
                    && (is_quick(request) || riding < few)
                    && known_text::may_share(&request.message, request.known.as_deref(), sharing)
            };
            let Some(request) = next(&is_wanted) else { break };
            let again = if sharing == Sharing::Reads { request.message.again() } else { None };
            self.board(&request, again, now);
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
        let mut lane = Lane::new(&request("select 1"), true, true);
        let next = |is_wanted: &dyn Fn(&Request) -> bool| Some(request("select 2")).filter(is_wanted);
        lane.fill(&depth, part, most, Sharing::Reads, clock::now(), next).len()
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
        let mut lane = Lane::new(&request_of(1, "select 1"), true, true);
        let mut waiting = vec![request_of(2, "select 2"), request_of(1, "select 3")];
        let next = |is_wanted: &dyn Fn(&Request) -> bool| waiting.pop_if(|request| is_wanted(request));
        assert_eq!(lane.fill(&depth, 16, usize::MAX, Sharing::Reads, clock::now(), next).len(), 1);
    }

    /// How many of two requests with this text join another one, and of how many the pool can make a second try.
    fn joined(text: &str, sharing: Sharing) -> (usize, usize) {
        let mut depth = Depth::new(16);
        (0..10).for_each(|_| depth.learn(Duration::from_micros(100)));
        let mut lane = Lane::new(&request("select 1"), true, true);
        let mut waiting = vec![request(text), request(text)];
        let next = |is_wanted: &dyn Fn(&Request) -> bool| waiting.pop_if(|request| is_wanted(request));
        let taken = lane.fill(&depth, 16, usize::MAX, sharing, clock::now(), next).len();
        (taken, lane.riders.iter().filter(|rider| rider.again.is_some()).count())
    }

    #[test]
    fn what_joins_by_the_rule_for_reads_can_be_sent_again_and_nothing_else_can() {
        assert_eq!(joined("select a from t", Sharing::Reads), (2, 2));
        assert_eq!(joined("update t set a = 1", Sharing::Reads), (0, 0));
        assert_eq!(joined("update t set a = 1", Sharing::All), (2, 0));
        assert_eq!(joined("select a from t", Sharing::All), (2, 0));
        assert_eq!(joined("select a from t", Sharing::None), (0, 0));
    }

    /// A lane with two tries of which the other ones are under way or not.
    fn moot(tries: [usize; 2], second: bool) -> bool {
        let mut lane = Lane::new(&request("select 1"), true, true);
        lane.riders.clear();
        let now = clock::now();
        for tries in tries {
            let race = Race::of_two();
            (tries..2).for_each(|_| assert!(race.give_up() || race.win()));
            let mut request = request("select 1");
            if second {
                request.reply.race = Some(race.clone());
            }
            lane.board(&request, None, now);
            lane.riders.back_mut().unwrap().race = Some(race);
        }
        let depth = Depth::new(16);
        assert!(!lane.is_moot(&depth, now), "it has only begun");
        lane.is_moot(&depth, now + CERTAINTY)
    }

    #[test]
    fn a_connection_is_for_nobody_when_all_are_answered_elsewhere_or_will_be() {
        assert!(moot([2, 0], false) && moot([0, 0], false) && moot([0, 0], true));
        assert!(!moot([2, 1], false) && !moot([1, 0], false));
        assert!(!moot([2, 0], true) && !moot([1, 0], true));
    }

    #[test]
    fn the_way_to_the_server_is_no_part_of_what_a_query_takes() {
        let mut depth = Depth::new(16);
        depth.meet(Some(Duration::from_millis(80)));
        let left = clock::now();
        let mut lane = Lane::new(&request("select 1"), true, true);
        lane.submitted(1);
        lane.land(0, left + Duration::from_millis(81), &mut depth);
        assert_eq!(depth.allows(false), 2);
        let mut lane = Lane::new(&request("select 1"), true, true);
        lane.submitted(1);
        lane.land(0, clock::now() + Duration::from_millis(200), &mut depth);
        assert_eq!(depth.allows(false), 1);
    }

    /// A lane whose only query was answered this late, and the depth that learns of it.
    fn late(known: Option<&Arc<KnownText>>, depth: &mut Depth, left: Instant) {
        let request = Request { known: known.cloned(), ..request("select 1") };
        let mut lane = Lane::new(&request, true, true);
        lane.submitted(1);
        lane.riders[0].left = left;
        lane.since = left;
        lane.land(0, left + Duration::from_millis(50), depth);
    }

    #[test]
    fn one_late_answer_of_a_text_that_was_very_often_quick_changes_nothing() {
        let mut depth = Depth::new(64);
        (0..10).for_each(|_| depth.learn(Duration::from_micros(10)));
        let known = Arc::new(KnownText::new("select 1"));
        (0..200).for_each(|_| known.note_quick());
        let left = clock::now();
        late(Some(&known), &mut depth, left);
        // It had left before the first one was noticed.
        late(Some(&known), &mut depth, left + Duration::from_millis(40));
        assert_eq!((depth.allows(true), known.is_quick()), (64, true));
        late(Some(&known), &mut depth, left + Duration::from_millis(60));
        assert_eq!((depth.allows(true), known.is_quick()), (1, false));
    }

    #[test]
    fn a_late_answer_of_any_other_text_ends_sharing() {
        let mut depth = Depth::new(64);
        (0..10).for_each(|_| depth.learn(Duration::from_micros(10)));
        late(None, &mut depth, clock::now());
        assert_eq!(depth.allows(true), 1);
    }

    #[test]
    fn on_a_long_way_requests_join_until_an_answer_is_late() {
        let mut depth = Depth::new(16);
        depth.meet(Some(Duration::from_millis(20)));
        let lane = Lane::new(&request("select 1"), true, true);
        let after = |millis| clock::now() + Duration::from_millis(millis);
        assert!(lane.is_open(&depth, after(25)));
        assert!(!lane.is_open(&depth, after(35)));
        assert!(!Lane::new(&request("select 1; select 2"), true, false).is_open(&depth, after(0)));
    }

    #[test]
    fn near_the_server_only_crowds_join_and_only_behind_what_is_quick() {
        let mut depth = Depth::new(64);
        assert!(!depth.shares_out(10));
        (0..10).for_each(|_| depth.learn(Duration::from_micros(10)));
        assert!(depth.shares_out(10) && !depth.shares_out(2) && !depth.shares_out(200));
        let known = Arc::new(KnownText::new("select 1"));
        let lane = |known: &Arc<KnownText>| {
            let request = Request { known: Some(known.clone()), ..request("select 1") };
            Lane::new(&request, true, true)
        };
        assert!(!lane(&known).is_open(&depth, clock::now()));
        (0..200).for_each(|_| known.note_quick());
        assert!(lane(&known).is_open(&depth, clock::now()));
        assert!(!lane(&known).is_open(&depth, clock::now() + Duration::from_millis(5)));
    }

    #[test]
    fn a_request_that_is_not_submitted_yet_has_no_answer() {
        let mut depth = Depth::new(16);
        let mut lane = Lane::new(&request("select 1"), true, true);
        assert_eq!(lane.lone_trip(0, clock::now()), None);
        lane.land(0, clock::now(), &mut depth);
        assert_eq!(lane.riding(), 1);
        lane.submitted(1);
        assert_eq!(lane.landed(1), 0);
        assert!(lane.lone_trip(0, clock::now()).is_some());
        lane.land(0, clock::now(), &mut depth);
        assert_eq!(lane.riding(), 0);
    }
}
