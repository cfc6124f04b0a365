//! Those who wait for a connection, first come, first served.

use std::collections::VecDeque;
use std::time::Instant;

use crate::conn::{Reply, Request};
use crate::error::{Error, ErrorKind, Phase};

/// What somebody wants a connection for.
pub enum Work {
    /// To have it as a client until it is released.
    Client(Reply),
    /// To have it for this side's own questions, see [`super::Loan`].
    Loan(Reply),
    /// To run one request; whether a failure closes the connection, as node-postgres's `pool.query` does.
    Request {
        /// What to run.
        request: Request,
        /// A failure closes the connection.
        retire: bool,
    },
}

impl Work {
    /// Whom to tell.
    pub fn reply(&self) -> &Reply {
        match self {
            Work::Client(reply) | Work::Loan(reply) => reply,
            Work::Request { request, .. } => &request.reply,
        }
    }
}

pub(super) struct Waiter {
    pub(super) work: Work,
    pub(super) deadline: Option<Instant>,
}

/// The queue.
#[derive(Default)]
pub(super) struct Waiting {
    queue: VecDeque<Waiter>,
}

impl Waiting {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    pub(super) fn push(&mut self, work: Work, deadline: Option<Instant>) {
        self.queue.push_back(Waiter { work, deadline });
    }

    pub(super) fn pop(&mut self) -> Option<Work> {
        self.queue.pop_front().map(|waiter| waiter.work)
    }

    /// Takes the first one when it is a request of this kind whose failure closes the connection.
    pub(super) fn pop_request(&mut self, is_wanted: impl Fn(&Request) -> bool) -> Option<Request> {
        match &self.queue.front()?.work {
            Work::Request { request, retire: true } if is_wanted(request) => {}
            _ => return None,
        }
        match self.queue.pop_front()?.work {
            Work::Request { request, .. } => Some(request),
            Work::Client(_) | Work::Loan(_) => None,
        }
    }

    /// Takes those whose time is up. The first `sheltered` have a connection being made for them, which has a time
    /// limit of its own and a better error.
    pub(super) fn expired(&mut self, sheltered: usize, now: Instant) -> Vec<Work> {
        let mut expired = Vec::new();
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

    /// When the next one's time is up.
    pub(super) fn next_deadline(&self, sheltered: usize) -> Option<Instant> {
        self.queue.get(sheltered)?.deadline
    }

    /// Takes all of them.
    pub(super) fn drain(&mut self) -> Vec<Work> {
        self.queue.drain(..).map(|waiter| waiter.work).collect()
    }
}

/// The error of those who waited too long, in node-postgres's words.
pub(super) fn waited_too_long() -> Error {
    Error::new(ErrorKind::Timeout(Phase::Wait), "timeout exceeded when trying to connect").with_code("ETIMEDOUT")
}
