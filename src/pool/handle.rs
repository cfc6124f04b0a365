//! The handle of a pool, for its users.

use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use deadpool::managed::Object;
use deadpool_postgres::PoolConfig;
use tokio::sync::{Notify, watch};

use super::connection_manager::ConnectionManager;
use super::idle_connections::Held;
use super::opening::PoolWaiters;
use super::pooled_connection::PooledConnection;
use super::shared::Shared;
use super::state::{Borrower, Lent, State};
use super::users::{PoolId, Users};
use super::wait_queue::Work;
use crate::clock;
use crate::config::{PoolSettings, ServerSettings};
use crate::conn::{Caller, Connection, ConnectionId, Reply, Request, Sink};

/// A connection for a client, on its way to the program.
pub struct Acquired {
    /// The connection.
    pub connection: Connection,
    /// It was never handed out before.
    pub is_new: bool,
    /// The pool that it goes back to if it is never delivered.
    pool: Weak<Shared>,
}

impl Acquired {
    /// The pool it comes from, while that exists.
    pub fn pool(&self) -> Option<Pool> {
        self.pool.upgrade().map(|shared| Pool { shared })
    }

    /// The program has it now.
    pub fn accept(mut self) -> (Connection, bool) {
        self.pool = Weak::new();
        (self.connection.clone(), self.is_new)
    }
}

impl Drop for Acquired {
    fn drop(&mut self) {
        if let Some(shared) = self.pool.upgrade() {
            Pool { shared }.release(self.connection.id(), false);
        }
    }
}

/// A pool allocates a place for each possible connection. One address has no more ports than this towards a server.
const MOST_CONNECTIONS: usize = 65_536;

/// A pool. Clones are the same pool.
#[derive(Clone)]
pub struct Pool {
    pub(super) shared: Arc<Shared>,
}

impl Pool {
    /// A pool without connections.
    pub fn new(server: ServerSettings, limits: PoolSettings) -> Pool {
        let limits = PoolSettings { max: limits.max.clamp(1, MOST_CONNECTIONS), ..limits };
        let config = PoolConfig::new(limits.max);
        let users = Arc::new(Users::default());
        let manager = ConnectionManager::new(server, limits.clone(), users.clone());
        let connections = deadpool::managed::Pool::builder(manager).config(config).build();
        let shared = Shared {
            connections: connections.expect("a pool without timeouts needs no runtime"),
            state: Mutex::new(State::new(&limits)),
            abandoned: watch::Sender::new(false),
            departures: Notify::new(),
            users,
            limits,
            #[cfg(test)]
            fault: Default::default(),
        };
        let shared = Arc::new(shared);
        shared.connections.manager().serve(PoolWaiters::of(&shared));
        Pool { shared }
    }

    /// Adds a user of the pool, which is told of connections that leave it, and returns the number that names the pool
    /// to that user. `caller` is asked for what only the program can say, in this user's program or any other's.
    pub fn join(&self, sink: Arc<dyn Sink>, caller: Option<Arc<dyn Caller>>) -> PoolId {
        self.shared.users.join(sink, caller)
    }

    /// Removes a user. The last one stays to be told of the pool's end, and the answer is true.
    pub fn leave(&self, id: PoolId) -> bool {
        self.shared.users.leave(id)
    }

    /// Whether both are the same pool.
    pub fn is(&self, other: &Pool) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The settings its connections are made from.
    pub fn settings(&self) -> (&ServerSettings, &PoolSettings) {
        (&self.shared.connections.manager().settings, &self.shared.limits)
    }

    /// Whether several users have it, in any threads: none of them may read a connection itself, because the others
    /// would have to wait for that thread.
    pub fn is_shared(&self) -> bool {
        self.shared.limits.shared
    }

    /// How the pool's connections are made now.
    pub fn way(&self) -> (ServerSettings, Arc<dyn Caller>) {
        let maker = self.shared.connections.manager();
        (maker.settings_now().into_owned(), maker.caller.clone())
    }

    /// Asks for a client. The answer is given at once when a connection is idle, and otherwise delivered as a
    /// [`Record::Value`] with an [`Acquired`], or as a failure.
    pub fn acquire(&self, reply: Reply) -> Option<Acquired> {
        let mut state = self.shared.lock();
        if let Some(held) = take_idle(&mut state) {
            let acquired = self.shared.lend_to_client(&mut state, held, &reply.sink);
            drop(state);
            acquired.connection.set_depth(1);
            return Some(acquired);
        }
        drop(state);
        self.shared.enqueue(Work::Client(reply));
        None
    }

    /// Runs a request on a connection of its own choice. `before` is called with that before it gets the request, if it
    /// is idle, and without one if the request has to wait.
    pub fn run(&self, work: Work, before: impl FnOnce(Option<&Connection>)) {
        let mut state = self.shared.lock();
        if let Some(held) = take_idle(&mut state) {
            return self.shared.assign(state, work, held, |connection| before(Some(connection)));
        }
        drop(state);
        before(None);
        self.shared.enqueue(work);
    }

    /// Runs several requests, each on a connection of its own choice; a failure closes that.
    pub fn run_all(&self, requests: Vec<Request>) {
        self.shared.enqueue_all(requests);
    }

    /// Takes a request out of the queue, unanswered; false when it does not wait any more.
    pub fn forget(&self, sink: u64, request: i32) -> bool {
        let is_taken = {
            let mut state = self.shared.lock();
            state.waiting.remove(|reply| reply.request == request && reply.sink.id() == sink).is_some()
        };
        if is_taken {
            self.shared.wind_up();
        }
        is_taken
    }

    /// Takes a client's connection back; `destroy` closes it. False when it is not lent to a client.
    pub fn release(&self, connection: ConnectionId, destroy: bool) -> bool {
        let mut state = self.shared.lock();
        let Some(Lent { to: Borrower::Client, .. }) = state.lent.get(&connection) else { return false };
        match state.lent.remove(&connection) {
            // It was removed when it was closed.
            Some(Lent { held, gone: true, .. }) => {
                drop(Object::take(held));
                drop(state);
                self.shared.go_on();
            }
            Some(Lent { held, .. }) => self.shared.take_back(state, held, destroy),
            None => return false,
        }
        true
    }

    /// Accepts no more requests, serves those that wait, and closes every connection as it comes back. `reply` is
    /// answered when the last one is closed.
    pub fn end(&self, reply: Option<Reply>) {
        {
            let mut state = self.shared.lock();
            state.ending = true;
            state.ended.extend(reply);
        }
        self.shared.pump();
        self.shared.wind_up();
    }

    /// Changes the password of connections that are made from now on; `None` asks the caller for it.
    pub fn set_password(&self, password: Option<String>) {
        self.shared.connections.manager().set_password(password);
    }

    /// Every open connection, the oldest first, and whether it is idle. `sink` becomes the observer of those that have
    /// none.
    pub fn connections(&self, sink: &Arc<dyn Sink>) -> Vec<(Connection, bool)> {
        let state = self.shared.lock();
        let list = |pooled: &PooledConnection, is_idle| {
            pooled.listener.offer(sink);
            (pooled.connection().clone(), is_idle)
        };
        let lent = state.lent.values().map(|lent| list(&lent.held, false));
        let mut all: Vec<_> = lent.chain(state.idle.iter().map(|held| list(held, true))).collect();
        all.sort_by_key(|(connection, _)| connection.id());
        all
    }

    /// Closes an idle connection; false when it is not idle.
    pub fn remove(&self, connection: ConnectionId) -> bool {
        self.shared.remove(connection)
    }

    /// Connections, those being made included.
    pub fn total_count(&self) -> usize {
        let state = self.shared.lock();
        self.shared.size() + state.opening
    }

    /// Nothing is open, being opened or being closed but `unheld` connections, nothing will be for the waiters, and the
    /// user of this number has `heard` of as many removals as it was told of: there is nothing to tell it until the
    /// next request or release. A client that lost its connection and was not released only matters in that it may be
    /// in the way of the waiters.
    pub fn is_at_rest(&self, id: PoolId, heard: u32, unheld: usize) -> bool {
        let state = self.shared.lock();
        let idle = state.idle.len();
        let has_heard = self.shared.users.has_heard(id, heard);
        let is_in_vain = state.waiting.is_empty() || (idle == 0 && self.shared.is_full(&state));
        has_heard && is_in_vain && state.busy() + idle <= unheld
    }

    /// How many requests of a receiver wait for a connection, or for the end after these.
    pub fn count_waiting(&self, sink: u64) -> usize {
        let state = self.shared.lock();
        if state.waiting.is_empty() {
            return 0;
        }
        let ends = state.ended.iter().filter(|reply| reply.sink.id() == sink).count();
        state.waiting.count(|reply| reply.sink.id() == sink) + ends
    }

    /// Idle connections.
    pub fn idle_count(&self) -> usize {
        self.shared.lock().idle.len()
    }

    /// Requests that wait for a connection while none is being made for them.
    pub fn waiting_count(&self) -> usize {
        let state = self.shared.lock();
        state.waiting.len().saturating_sub(state.waiting.sheltered(state.opening))
    }

    /// Lent connections that are closed when they come back, for their age.
    pub fn expired_count(&self) -> usize {
        let now = clock::now();
        let state = self.shared.lock();
        state.lent.values().filter(|lent| lent.held.is_expired(&self.shared.limits, now)).count()
    }

    /// How long connections were idle that were lost then without a reason of the server's; the newest last.
    pub fn lost_idle(&self) -> Vec<Duration> {
        self.shared.lock().lost_idle.all()
    }

    /// Closes a client's connection, for an environment that has ended.
    pub fn abandon_client(&self, connection: ConnectionId) {
        let client = self.shared.lock().lent.get(&connection).map(|lent| lent.held.connection().clone());
        if let Some(client) = client {
            client.abandon();
        }
        self.release(connection, true);
    }

    /// Closes everything at once, for an environment that has ended.
    pub fn abandon(&self) {
        self.shared.abandon();
    }
}

/// An idle connection, unless a request waits for one or the pool is ending.
fn take_idle(state: &mut State) -> Option<Held> {
    if state.waiting.is_empty() && !state.ending { state.idle.pop() } else { None }
}

impl Shared {
    pub(super) fn lend_to_client(
        self: &Arc<Self>,
        state: &mut State,
        mut held: Held,
        sink: &Arc<dyn Sink>,
    ) -> Acquired {
        held.uses += 1;
        let is_new = std::mem::take(&mut held.is_new);
        held.listener.set(sink.clone());
        let connection = state.lend(held, Borrower::Client);
        Acquired { connection, is_new, pool: Arc::downgrade(self) }
    }
}
