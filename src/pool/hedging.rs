//! Watching queries that share a connection: none waits behind another for long while other connections are free
//! (docs/decisions/0029).

use std::collections::HashSet;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::effects::Effect;
use super::shared::Shared;
use super::state::{Borrower, Lent, State};
use super::task::Task;
use crate::clock;
use crate::conn::reply::RequestKey;
use crate::conn::{Connection, Reply, Request};
use crate::error::Error;

/// Requests that have waited too long behind another one, and where.
struct Late {
    connection: Connection,
    requests: HashSet<RequestKey>,
}

impl Late {
    /// Starts races with another try for those that are not being answered; to be called without the pool's lock.
    fn contend(self) -> (Connection, Vec<Reply>) {
        // Answers that have arrived, and wait for their receiver, are not late. Requests that share a connection have
        // the same receiver.
        let mut keeps_up = None;
        let mut is_behind = |reply: &Reply| {
            let mut cx = Context::from_waker(Waker::noop());
            !*keeps_up.get_or_insert_with(|| reply.sink.poll_ready(&mut cx).is_ready())
        };
        let replies = self.connection.contend(|reply| self.requests.contains(&reply.key()) && !is_behind(reply));
        (self.connection, replies)
    }
}

impl State {
    /// Requests that have waited too long behind others, of which so many can be sent at once.
    fn late(&self, mut free: usize) -> Vec<Late> {
        let now = clock::now();
        let mut all = Vec::new();
        for Lent { held, to, .. } in self.lent.values() {
            let Borrower::Pipeline(pipeline) = to else { continue };
            let requests: HashSet<_> = pipeline.late(&self.depth, free, now).into_iter().collect();
            if !requests.is_empty() {
                free = free.saturating_sub(requests.len());
                all.push(Late { connection: held.connection().clone(), requests });
            }
        }
        all
    }

    /// The second tries at requests that race against them, the oldest first.
    fn second_tries(&mut self, contended: Vec<(Connection, Vec<Reply>)>) -> Vec<Request> {
        let mut tries = Vec::new();
        for (connection, replies) in contended {
            for reply in replies {
                let second = match self.lent.get_mut(&connection.id()) {
                    Some(Lent { to: Borrower::Pipeline(pipeline), .. }) => pipeline.second_try(&reply),
                    _ => None,
                };
                // The first try was answered meanwhile. Or it was lost, and left the answer to this one.
                if second.is_none() && reply.race.as_ref().is_some_and(|race| !race.give_up()) {
                    self.effects.push(Effect::Fail(reply, Error::lost()));
                }
                tries.extend(second);
            }
        }
        tries.sort_by_key(|(sent, _)| *sent);
        tries.into_iter().map(|(_, request)| request).collect()
    }

    /// Closes connections that only work on queries that are not waited for: another try answers their callers, and the
    /// rest would hold a connection for nothing. Returns whether there were any.
    fn close_unwanted(&mut self) -> bool {
        let now = clock::now();
        let is_unwanted = |lent: &Lent| match &lent.to {
            Borrower::Pipeline(pipeline) => pipeline.is_unwanted(&self.depth, now) && lent.held.connection().give_up(),
            Borrower::Client | Borrower::Lease => false,
        };
        let unwanted: Vec<_> = self.lent.iter().filter(|(_, lent)| is_unwanted(lent)).map(|(id, _)| *id).collect();
        for lent in unwanted.iter().filter_map(|id| self.lent.remove(id)).collect::<Vec<_>>() {
            self.abandon(lent.held);
        }
        !unwanted.is_empty()
    }
}

impl Shared {
    /// Connections that are idle, or can be opened.
    fn free(&self, state: &State) -> usize {
        let room = self.limits.max.saturating_sub(self.size() + state.opening);
        if state.waiting.is_empty() { state.idle.len() + room } else { 0 }
    }

    /// Checks the pipelines once. False when there is nothing more to check.
    pub(super) fn hedge(self: &Arc<Self>) -> bool {
        let mut state = self.lock();
        state.waiting.drop_answered();
        let late = state.late(self.free(&state));
        drop(state);
        let contended = late.into_iter().map(Late::contend).collect();
        let mut state = self.lock();
        let second_tries = state.second_tries(contended);
        let is_changed = state.close_unwanted() || !second_tries.is_empty();
        let deadline = self.limits.wait_timeout.map(|limit| clock::now() + limit);
        second_tries.into_iter().for_each(|request| state.waiting.push_second_try(request, deadline));
        let needs_care = |lent: &Lent| matches!(&lent.to, Borrower::Pipeline(pipeline) if pipeline.needs_care());
        let goes_on = state.lent.values().any(needs_care);
        *state.running.mark(Task::Hedge) = goes_on;
        drop(state);
        if is_changed {
            self.go_on();
        }
        goes_on
    }
}

#[cfg(test)]
mod tests {
    use crate::config::PoolSettings;
    use crate::conn::inbox::Inbox;
    use crate::conn::scripted::start;
    use crate::conn::{Connection, Race, Reply};
    use crate::error::ErrorKind;
    use crate::pool::Pool;

    /// Asks for the second try at a request that its connection has no more.
    fn ask(pool: &Pool, connection: &Connection, reply: &Reply) {
        let contended = vec![(connection.clone(), vec![reply.clone()])];
        assert!(pool.shared.lock().second_tries(contended).is_empty());
    }

    #[tokio::test]
    async fn a_request_whose_first_try_is_lost_before_there_is_a_second_one_fails_once() {
        let pool = Pool::new(start(|_, _| None), PoolSettings::of_one());
        let lease = pool.lease().await.unwrap();
        let (inbox, race) = (Inbox::new(), Race::of_two());
        let reply = Reply { race: Some(race.clone()), ..inbox.expect() };
        ask(&pool, lease.connection(), &reply);
        assert_eq!(race.tries(), 1, "the first one is still to answer");
        ask(&pool, lease.connection(), &reply);
        assert_eq!(inbox.ended(reply.request).await.error.unwrap().kind, ErrorKind::Lost);
        assert_eq!(race.tries(), 0);
    }
}
