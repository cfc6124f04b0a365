//! Staying awake for the answer of a lone query: when, and doing so.
//!
//! Going to sleep and being woken takes longer than a near server needs for a short query, above all on a virtual
//! machine, where an idle processor goes back to the host (docs/decisions/0027). So a waiting thread polls for at most
//! [`LIMIT`], where that has proved worth it: with a server that is not so near, or on the same processor, it never is.
//!
//! All of it stands here, and not beside the event loop in `src/node/`, because Rust's tests link everything but that
//! layer.

use std::time::{Duration, Instant};

use super::connection_id::ConnectionId;
use crate::clock;

/// How long a thread polls. About what sleeping costs, so that polling in vain at most doubles it.
pub const LIMIT: Duration = Duration::from_micros(100);
/// A thread that pauses for so long between two polls was taken off its processor, probably in favour of the server.
const AWAY: Duration = Duration::from_micros(10);
/// How many queries are waited for asleep after the first poll in vain. Doubles with each further one.
const SHORTEST_PAUSE: u32 = 8;
const LONGEST_PAUSE: u32 = 4096;
/// So many successes in a row halve the next pause.
const PROOF: u32 = 8;

/// Keeps an event loop turning; timers, immediates and other sockets are served in each turn.
pub trait Turns {
    /// Starts; each turn calls [`BusyWait::turned`]. False where that isn't possible.
    fn begin(&mut self) -> bool;
    /// Stops.
    fn end(&mut self);
}

/// An event loop that may stay awake for one answer.
pub struct BusyWait<T> {
    turns: T,
    awaited: Option<ConnectionId>,
    is_on: bool,
}

impl<T: Turns> BusyWait<T> {
    /// Sleeps as event loops do, until told otherwise.
    pub fn new(turns: T) -> Self {
        BusyWait { turns, awaited: None, is_on: false }
    }

    /// Whether it stays awake.
    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// The connection whose answer it stays awake for.
    pub fn awaited(&self) -> Option<ConnectionId> {
        self.awaited
    }

    /// A query is about to be made on a connection, with no other under way.
    pub fn expect(&mut self, connection: ConnectionId, history: &mut History) {
        self.awaited = history.begin().then_some(connection);
        if self.awaited.is_some() && !self.is_on {
            self.is_on = self.turns.begin();
        }
    }

    /// The event loop has had a turn in which nothing has come; `history` is that of the connection it waits for.
    pub fn turned(&mut self, history: Option<&mut History>) {
        if !history.is_some_and(|history| history.look(clock::now())) {
            self.awaited = None;
            self.turns.end();
            self.is_on = false;
        }
    }

    /// The answer that it waits for was here at that time.
    pub fn answered(&mut self, history: &mut History, at: Instant) {
        self.awaited = None;
        history.answered(at);
    }
}

/// What is known of waiting awake on one connection.
#[derive(Debug)]
pub struct History {
    /// Queries to wait for asleep.
    paused: u32,
    next_pause: u32,
    successes: u32,
    wait: Option<Wait>,
}

/// A wait under way: the first and the last look, once there was one.
#[derive(Debug)]
struct Wait(Option<(Instant, Instant)>);

impl Default for History {
    fn default() -> Self {
        History { paused: 0, next_pause: SHORTEST_PAUSE, successes: 0, wait: None }
    }
}

impl History {
    /// A query is about to be made, with no other under way; returns whether its answer is waited for awake.
    pub fn begin(&mut self) -> bool {
        self.wait = (self.paused == 0).then_some(Wait(None));
        self.paused = self.paused.saturating_sub(1);
        self.wait.is_some()
    }

    /// The thread is about to look whether something has come; returns whether it shall look again if not.
    pub fn look(&mut self, now: Instant) -> bool {
        let Some(Wait(looks)) = &mut self.wait else { return false };
        let began = looks.map_or(now, |(began, _)| began);
        *looks = Some((began, now));
        if now.duration_since(began) < LIMIT {
            return true;
        }
        self.wait = None;
        self.failed();
        false
    }

    /// The answer is here.
    pub fn answered(&mut self, now: Instant) {
        match self.wait.take() {
            // It was here before the first look, without a wait.
            None | Some(Wait(None)) => {}
            Some(Wait(Some((_, last)))) if now.duration_since(last) < AWAY => self.succeeded(),
            Some(_) => self.failed(),
        }
    }

    fn succeeded(&mut self) {
        self.successes += 1;
        if self.successes >= PROOF {
            self.successes = 0;
            self.next_pause = (self.next_pause / 2).max(SHORTEST_PAUSE);
        }
    }

    fn failed(&mut self) {
        self.successes = 0;
        self.paused = self.next_pause;
        self.next_pause = (self.next_pause * 2).min(LONGEST_PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An event loop that counts how often it began to stay awake, and stopped.
    #[derive(Default)]
    struct EventLoop(usize, usize);

    impl Turns for EventLoop {
        fn begin(&mut self) -> bool {
            self.0 += 1;
            true
        }
        fn end(&mut self) {
            self.1 += 1;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_loop_stays_awake_until_the_limit_and_goes_on_for_the_next_query_when_the_answer_came() {
        let (mut busy_wait, mut history) = (BusyWait::new(EventLoop::default()), History::default());
        busy_wait.expect(1, &mut history);
        busy_wait.turned(Some(&mut history));
        assert_eq!((busy_wait.is_on(), busy_wait.awaited()), (true, Some(1)));
        busy_wait.answered(&mut history, clock::now());
        busy_wait.expect(1, &mut history);
        busy_wait.turned(Some(&mut history));
        assert_eq!((busy_wait.turns.0, busy_wait.turns.1), (1, 0));
        tokio::time::advance(LIMIT).await;
        busy_wait.turned(Some(&mut history));
        assert_eq!((busy_wait.turns.0, busy_wait.turns.1, busy_wait.awaited()), (1, 1, None));
        busy_wait.expect(1, &mut history);
        assert!(!busy_wait.is_on());
    }

    #[test]
    fn the_loop_sleeps_when_the_connection_it_waits_for_is_closed() {
        let (mut busy_wait, mut history) = (BusyWait::new(EventLoop::default()), History::default());
        busy_wait.expect(1, &mut history);
        busy_wait.turned(None);
        assert!(!busy_wait.is_on());
    }

    const LOOK: Duration = Duration::from_micros(2);

    /// Begins a query and looks until `answer` is here; says how often, and none when the thread slept.
    fn ask(history: &mut History, now: &mut Instant, answer: Duration) -> Option<u32> {
        if !history.begin() {
            *now += answer;
            return None;
        }
        let end = *now + answer;
        let mut looks = 0;
        loop {
            if !history.look(*now) {
                *now = end;
                break;
            }
            looks += 1;
            *now += LOOK;
            if *now >= end {
                break;
            }
        }
        history.answered(*now);
        Some(looks)
    }

    #[test]
    fn answers_of_a_near_server_are_always_waited_for() {
        let (mut history, mut now) = (History::default(), clock::now());
        for _ in 0..1000 {
            assert_eq!(ask(&mut history, &mut now, Duration::from_micros(40)), Some(20));
        }
    }

    #[test]
    fn a_distant_server_is_tried_ever_less() {
        let (mut history, mut now) = (History::default(), clock::now());
        let waited: Vec<usize> =
            (0..20_000).filter(|_| ask(&mut history, &mut now, Duration::from_millis(1)).is_some()).collect();
        let pauses: Vec<usize> = waited.windows(2).map(|pair| pair[1] - pair[0] - 1).collect();
        assert_eq!(pauses, [8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 4096, 4096]);
    }

    #[test]
    fn a_processor_that_the_server_needs_is_left_to_it() {
        let (mut history, mut now) = (History::default(), clock::now());
        let mut waits = 0;
        for _ in 0..1000 {
            if history.begin() {
                waits += 1;
                assert!(history.look(now));
                // The server has run, and the answer is here when this thread is back.
                now += Duration::from_micros(30);
                history.answered(now);
            }
        }
        assert_eq!(waits, 7);
    }

    #[test]
    fn an_answer_that_is_here_at_once_says_nothing() {
        let (mut history, mut now) = (History::default(), clock::now());
        for _ in 0..1000 {
            assert!(history.begin());
            now += Duration::from_micros(30);
            history.answered(now);
        }
        assert_eq!((history.next_pause, history.successes), (SHORTEST_PAUSE, 0));
    }

    #[test]
    fn slow_answers_among_quick_ones_cost_short_pauses() {
        let (mut history, mut now) = (History::default(), clock::now());
        let mut waited = 0;
        for n in 0..10_000 {
            let micros = if n % 50 == 0 { 1000 } else { 40 };
            waited += usize::from(ask(&mut history, &mut now, Duration::from_micros(micros)).is_some());
        }
        assert!(waited > 7000, "{waited}");
    }

    #[test]
    fn looking_without_a_wait_is_over_at_once() {
        let mut history = History::default();
        assert!(!history.look(clock::now()));
        history.answered(clock::now());
        assert!(history.begin());
    }
}
