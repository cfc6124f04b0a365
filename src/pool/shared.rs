//! What the handles of a pool and its connections share: giving connections to waiters, and taking them back.

use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{Notify, watch};

use super::connection_manager::ConnectionManager;
use super::containment::panicked;
use super::effects::Effects;
use super::idle_connections::Held;
use super::pipeline::{Pipeline, may_share};
use super::state::{Borrower, State};
use super::users::Users;
use super::wait_queue::Work;
use crate::clock;
use crate::config::PoolSettings;
use crate::conn::{Connection, Request, runtime};
use crate::error::{Error, contained, texts};

pub(super) struct Shared {
    /// Opens connections, and counts and limits them.
    pub(super) connections: deadpool::managed::Pool<ConnectionManager>,
    pub(super) limits: PoolSettings,
    pub(super) users: Arc<Users>,
    pub(super) state: Mutex<State>,
    /// True when the pool has no user any more: nothing is opened then.
    pub(super) abandoned: watch::Sender<bool>,
    /// Fewer wait for a connection than before.
    pub(super) departures: Notify,
    #[cfg(test)]
    pub(super) fault: super::containment::Fault,
}

/// The pool's lock. Nothing is delivered and nothing is called back while it is held: what follows from the changes is
/// done when it is released, in their order (docs/decisions/0048).
pub(super) struct Locked<'a> {
    pool: &'a Shared,
    /// Taken when it is released.
    state: Option<MutexGuard<'a, State>>,
}

impl Deref for Locked<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        self.state.as_ref().expect("it is locked until it is dropped")
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state.as_mut().expect("it is locked until it is dropped")
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        let Some(mut state) = self.state.take() else { return };
        let mut goes_on = false;
        while let Some(effects) = state.effects.take(goes_on) {
            drop(state);
            Effects::run(effects);
            state = self.pool.lock_state();
            goes_on = true;
        }
        let is_less_wanted = state.is_less_wanted();
        drop(state);
        if is_less_wanted {
            self.pool.departures.notify_waiters();
        }
    }
}

impl Shared {
    fn lock_state(&self) -> MutexGuard<'_, State> {
        // Each change is complete before anything that could panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        Locked { pool: self, state: Some(self.lock_state()) }
    }

    /// Open connections, in use or not.
    pub(super) fn size(&self) -> usize {
        let status = self.connections.status();
        status.size.saturating_sub(status.available)
    }

    pub(super) fn is_full(&self, state: &State) -> bool {
        self.size() + state.opening >= self.limits.max
    }

    pub(super) fn enqueue(self: &Arc<Self>, mut work: Work) {
        if let Work::Request(request) = &mut work
            && self.limits.pipeline_depth > 1
        {
            request.study();
        }
        let mut state = self.lock();
        if state.ending {
            return state.refuse(work, pool_ended());
        }
        if let Some(most) = self.limits.max_waiting
            && state.waiting.len() >= most
            && state.idle.len() == 0
            && self.is_full(&state)
        {
            return state.refuse(work, Error::closed(texts::pool_is_busy(most)).with_code("EMAXWAITING"));
        }
        let deadline = self.limits.wait_timeout.map(|limit| clock::now() + limit);
        // Requests that have waited longer have found no connection free, and come first when one is.
        let is_behind = !state.waiting.is_empty() && self.is_full(&state);
        state.waiting.push(work, deadline);
        drop(state);
        if !is_behind {
            self.pump();
        }
    }

    /// As [`Shared::enqueue`] for each of them, in order.
    pub(super) fn enqueue_all(self: &Arc<Self>, requests: Vec<Request>) {
        let mut requests = requests.into_iter().map(Work::Request);
        if self.limits.max_waiting.is_none() {
            let deadline = self.limits.wait_timeout.map(|limit| clock::now() + limit);
            let mut state = self.lock();
            if !state.ending {
                let is_behind = !state.waiting.is_empty() && self.is_full(&state);
                requests.by_ref().for_each(|work| state.waiting.push(work, deadline));
                drop(state);
                if !is_behind {
                    self.pump();
                }
            }
        }
        // Each for itself, where each can be refused.
        requests.for_each(|work| self.enqueue(work));
    }

    /// Serves waiters as long as there are connections.
    pub(super) fn pump(self: &Arc<Self>) {
        loop {
            let mut state = self.lock();
            if state.waiting.is_empty() {
                return;
            }
            if let Some(held) = state.idle.pop() {
                let Some(work) = state.waiting.pop() else { return state.idle.put_back(held) };
                self.assign(state, work, held, |_| {});
            } else if state.opening < state.waiting.wanting() && !self.is_full(&state) {
                match runtime::start() {
                    Ok(()) => self.open(&mut state),
                    Err(error) => {
                        let Some(work) = state.waiting.pop() else { return };
                        state.refuse(work, error);
                    }
                }
            } else {
                let shared = if state.depth.is_far() {
                    let part = state.part();
                    self.share_out(&mut state, part, clock::now())
                } else {
                    Vec::new()
                };
                self.watch_deadlines(&mut state);
                drop(state);
                shared.into_iter().for_each(|(connection, requests)| self.send_along(&connection, requests));
                return;
            }
        }
    }

    /// Gives a connection to the first request that waits. `before` is called with it before it gets a request.
    pub(super) fn assign(
        self: &Arc<Self>,
        mut state: Locked<'_>,
        work: Work,
        mut held: Held,
        before: impl FnOnce(&Connection),
    ) {
        match work {
            Work::Client(reply) => {
                let acquired = self.lend_to_client(&mut state, held, &reply.sink);
                state.hand_over(acquired.connection.clone(), reply, acquired);
            }
            Work::Lease(reply) => {
                let lease = self.lend_to_lease(&mut state, held);
                state.hand_over(lease.connection().clone(), reply, lease);
            }
            Work::Request(request) => {
                held.uses += 1;
                // Without a client there is no 'connect' event, now or later.
                held.is_new = false;
                held.connection().take_failure();
                // Near the server nothing joins a text of which nothing is known, so that it need not be analysed. A
                // request that is sent again has waited so long that it may take long itself.
                let shares = request.reply.race.is_none()
                    && (request.known.is_some() || state.depth.is_far())
                    && may_share(&request, self.limits.sharing);
                state.depth.meet(held.connection().round_trip());
                let pipeline = Pipeline::new(&request, shares);
                let connection = state.lend(held, Borrower::Pipeline(pipeline));
                drop(state);
                contained(|| before(&connection));
                self.submit(&connection, 1, std::iter::once(request));
            }
        }
    }

    /// Hands requests to a connection that was lent to them, of which this many may be in flight at a time.
    pub(super) fn submit(
        self: &Arc<Self>,
        connection: &Connection,
        depth: usize,
        mut requests: impl ExactSizeIterator<Item = Request>,
    ) {
        let count = requests.len();
        let submitted = contained(|| {
            connection.set_depth(depth);
            connection.submit_all(requests.by_ref());
        });
        if submitted.is_none() {
            // No holder would give it back; the requests that it has got fail with it.
            let error = panicked(texts::SENDING_FAILED);
            connection.destroy(error.clone());
            for request in requests {
                contained(|| request.reply.fail(error.clone()));
            }
        }
        self.submitted(connection, count);
    }

    /// A connection comes back from its user.
    pub(super) fn take_back(self: &Arc<Self>, mut state: Locked<'_>, mut held: Held, destroy: bool) {
        held.rested = None;
        let is_over = state.ending && state.waiting.is_empty();
        if destroy || is_over || !self.connections.manager().is_reusable(&held) {
            state.close(held);
            drop(state);
            self.go_on();
        } else if let Some(work) = state.waiting.pop() {
            self.assign(state, work, held, |_| {});
        } else {
            state.idle.push(held);
            self.watch_idle(&mut state);
        }
    }

    /// Does what a change in the number of connections makes possible.
    pub(super) fn go_on(self: &Arc<Self>) {
        self.pump();
        self.wind_up();
    }
}

pub(super) fn pool_ended() -> Error {
    Error::closed(texts::POOL_ENDED)
}
