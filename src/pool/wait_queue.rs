//! The waiters for a connection, first come, first served.

use std::collections::VecDeque;
use std::time::Instant;

use crate::conn::reply::RequestKey;
use crate::conn::{Race, Reply, Request};
use crate::error::{Error, ErrorKind, Phase, texts};

/// What a request wants a connection for.
pub enum Work {
    /// To have it as a client until it is released.
    Client(Reply),
    /// To use it for Rust's own queries, see [`super::Lease`].
    Lease(Reply),
    /// To run one request, whose failure closes the connection, as node-postgres's `pool.query` does.
    Request(Request),
}

impl Work {
    /// Where its outcome is told.
    pub fn reply(&self) -> &Reply {
        match self {
            Work::Client(reply) | Work::Lease(reply) => reply,
            Work::Request(request) => &request.reply,
        }
    }

    pub(super) fn into_reply(self) -> Reply {
        match self {
            Work::Client(reply) | Work::Lease(reply) => reply,
            Work::Request(request) => request.reply,
        }
    }
}

pub(super) struct Waiter {
    pub(super) work: Work,
    pub(super) deadline: Option<Instant>,
}

/// The queue, and in front of it the requests that are to be sent again.
#[derive(Default)]
pub(super) struct WaitQueue {
    queue: VecDeque<Waiter>,
    /// Requests that wait on a connection behind another one: they were here before all of the queue.
    second_tries: VecDeque<SecondTry>,
}

/// The second try at a request.
struct SecondTry {
    request: Request,
    deadline: Option<Instant>,
    /// No connection could be made for it; it takes one that is free.
    only_free: bool,
}

impl SecondTry {
    fn race(&self) -> Option<&Race> {
        self.request.reply.race.as_deref()
    }

    fn is_over(&self) -> bool {
        self.race().is_some_and(|race| race.tries() == 0)
    }
}

impl WaitQueue {
    /// How many were never sent.
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && !self.has_second_tries()
    }

    /// Whether there is something to be sent again, which comes before everything else.
    pub(super) fn has_second_tries(&self) -> bool {
        self.second_tries.iter().any(|second| !second.is_over())
    }

    /// How many want a connection to be made.
    pub(super) fn wanting(&self) -> usize {
        self.queue.len() + self.second_tries_wanting()
    }

    fn second_tries_wanting(&self) -> usize {
        self.second_tries.iter().filter(|second| !second.only_free && !second.is_over()).count()
    }

    /// How many of the connections that are being opened are for the queue.
    pub(super) fn sheltered(&self, creating: usize) -> usize {
        creating.saturating_sub(self.second_tries_wanting())
    }

    /// A request is to be sent again, when a connection is free.
    pub(super) fn push_second_try(&mut self, request: Request, deadline: Option<Instant>) {
        self.second_tries.push_back(SecondTry { request, deadline, only_free: false });
    }

    /// Drops what was answered before it could be sent again.
    pub(super) fn drop_answered(&mut self) {
        self.second_tries.retain(|second| !second.is_over());
    }

    /// A request need not be sent again, because no other request is in front of it any more.
    pub(super) fn drop_second_try(&mut self, key: RequestKey) {
        self.second_tries
            .retain(|second| second.request.reply.key() != key || second.race().is_none_or(|race| !race.give_up()));
    }

    pub(super) fn push(&mut self, work: Work, deadline: Option<Instant>) {
        self.queue.push_back(Waiter { work, deadline });
    }

    pub(super) fn pop(&mut self) -> Option<Work> {
        while let Some(second) = self.second_tries.pop_front() {
            if !second.is_over() {
                return Some(Work::Request(second.request));
            }
        }
        self.queue.pop_front().map(|waiter| waiter.work)
    }

    /// No connection could be made for the first one that wants one: takes it out if that has to be told.
    pub(super) fn refuse(&mut self) -> Option<Work> {
        let Some(place) = self.second_tries.iter().position(|second| !second.only_free && !second.is_over()) else {
            return self.queue.pop_front().map(|waiter| waiter.work);
        };
        let second = self.second_tries.get_mut(place)?;
        if second.race().is_some_and(|race| race.tries() > 1) {
            second.only_free = true;
            return None;
        }
        self.second_tries.remove(place).map(|second| Work::Request(second.request))
    }

    /// Takes the first one when it is a request of this kind.
    pub(super) fn pop_request(&mut self, is_wanted: impl Fn(&Request) -> bool) -> Option<Request> {
        match &self.queue.front()?.work {
            Work::Request(request) if is_wanted(request) => {}
            _ => return None,
        }
        match self.queue.pop_front()?.work {
            Work::Request(request) => Some(request),
            Work::Client(_) | Work::Lease(_) => None,
        }
    }

    /// Takes those whose time is up. The first `sheltered` have a connection being made for them, which has a time
    /// limit of its own and a better error.
    pub(super) fn expired(&mut self, sheltered: usize, now: Instant) -> Vec<Work> {
        let mut expired = Vec::new();
        while let Some(SecondTry { deadline: Some(deadline), .. }) = self.second_tries.front()
            && *deadline <= now
        {
            let second = self.second_tries.pop_front();
            expired.extend(second.map(|second| Work::Request(second.request)));
        }
        while let Some(Waiter { deadline: Some(deadline), .. }) = self.queue.get(sheltered)
            && *deadline <= now
        {
            expired.extend(self.queue.remove(sheltered).map(|waiter| waiter.work));
        }
        expired
    }

    /// Takes a request out that still waits.
    pub(super) fn remove(&mut self, is_it: impl Fn(&Reply) -> bool) -> Option<Work> {
        let place = self.queue.iter().position(|waiter| is_it(waiter.work.reply()))?;
        self.queue.remove(place).map(|waiter| waiter.work)
    }

    /// How many of those that were never sent match.
    pub(super) fn count(&self, is_such: impl Fn(&Reply) -> bool) -> usize {
        self.queue.iter().filter(|waiter| is_such(waiter.work.reply())).count()
    }

    /// When the next one's time is up.
    pub(super) fn next_deadline(&self, sheltered: usize) -> Option<Instant> {
        let second_tries = self.second_tries.front().and_then(|second| second.deadline);
        let queue = self.queue.get(sheltered).and_then(|waiter| waiter.deadline);
        second_tries.into_iter().chain(queue).min()
    }

    /// Takes all of them.
    pub(super) fn drain(&mut self) -> Vec<Work> {
        self.second_tries.clear();
        self.queue.drain(..).map(|waiter| waiter.work).collect()
    }
}

/// The error of waiters that waited too long, in node-postgres's words.
pub(super) fn waited_too_long() -> Error {
    Error::new(ErrorKind::Timeout(Phase::Wait), texts::WAITED_TOO_LONG).with_code("ETIMEDOUT")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use super::*;
    use crate::clock;
    use crate::conn::message::Message;
    use crate::conn::null_sink::NullSink;
    use crate::rows::TypeMask;

    fn request(number: i32, race: Option<&Arc<Race>>) -> Request {
        let sink = NullSink::numbered(1);
        let race = race.cloned();
        let reply = Reply { sink, request: number, mask: TypeMask(0), eager: false, unordered: true, race };
        Request { message: Message::Simple("select 1".into()), reply, may_prepare: false, known: None }
    }

    fn number(work: Option<Work>) -> Option<i32> {
        work.map(|work| work.reply().request)
    }

    /// One that has never left, and two that are to be sent again.
    fn waiting(deadline: Option<Instant>) -> (WaitQueue, [Arc<Race>; 2]) {
        let (mut waiting, races) = (WaitQueue::default(), [Race::of_two(), Race::of_two()]);
        waiting.push(Work::Request(request(3, None)), None);
        waiting.push_second_try(request(1, Some(&races[0])), deadline);
        waiting.push_second_try(request(2, Some(&races[1])), deadline);
        (waiting, races)
    }

    #[test]
    fn what_is_sent_again_comes_before_all_that_never_left_and_does_not_count_as_waiting() {
        let (mut waiting, _races) = waiting(None);
        assert_eq!((waiting.len(), waiting.wanting(), waiting.sheltered(3)), (1, 3, 1));
        assert_eq!([1, 2, 3].map(|_| number(waiting.pop())), [Some(1), Some(2), Some(3)]);
        assert!(waiting.is_empty());
    }

    #[test]
    fn what_is_answered_meanwhile_is_not_sent_again() {
        let (mut waiting, [first, second]) = waiting(None);
        assert!(first.win() && waiting.has_second_tries());
        assert_eq!((waiting.wanting(), number(waiting.pop())), (2, Some(2)));
        let (mut waiting, [_, third]) = self::waiting(None);
        waiting.drop_second_try((1, 1));
        assert!(second.win() && third.win() && !waiting.has_second_tries());
        waiting.drop_answered();
        assert_eq!(number(waiting.pop()), Some(3));
    }

    #[test]
    fn a_second_try_that_is_dropped_leaves_the_first_one_to_answer() {
        let (mut waiting, [first, _]) = waiting(None);
        waiting.drop_second_try((1, 1));
        assert_eq!(first.tries(), 1);
        assert_eq!(number(waiting.pop()), Some(2));
    }

    #[test]
    fn a_connection_that_cannot_be_made_fails_nothing_whose_first_try_is_under_way() {
        let (mut waiting, [_, second]) = waiting(None);
        assert!(!second.lose());
        assert_eq!(number(waiting.refuse()), None);
        assert_eq!((waiting.wanting(), waiting.has_second_tries()), (2, true));
        assert_eq!([2, 3].map(|_| number(waiting.refuse())), [Some(2), Some(3)]);
        assert_eq!(number(waiting.pop()), Some(1));
    }

    #[test]
    fn what_is_sent_again_waits_no_longer_than_others() {
        let deadline = clock::now();
        let (mut waiting, _races) = waiting(Some(deadline));
        assert_eq!(waiting.next_deadline(0), Some(deadline));
        assert_eq!(waiting.expired(0, deadline).len(), 2);
        assert!(waiting.expired(0, deadline + Duration::from_secs(9)).is_empty());
        assert_eq!(number(waiting.pop()), Some(3));
    }
}
