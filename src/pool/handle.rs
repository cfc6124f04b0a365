//! The handle of a pool, for those who use it.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, Weak};

use deadpool::managed::{Object, QueueMode};
use deadpool_postgres::PoolConfig;
use tokio::sync::watch;

use super::home::Home;
use super::maker::Maker;
use super::reaper;
use super::shared::{Borrower, Lent, Shared, State};
use super::waiting::Work;
use crate::clock;
use crate::config::{PoolSettings, ServerSettings};
use crate::conn::{Caller, Connection, ConnectionId, Reply, Request, Sink};

/// Unique in the process.
pub type PoolId = u32;

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// A client's hold on a connection, as it is handed to the one who asked.
pub struct Acquired {
    /// The connection.
    pub connection: Connection,
    /// Nobody has had it before.
    pub is_new: bool,
    /// Where it goes back to when it never reaches the one who asked.
    pub(super) pool: Weak<Shared>,
}

impl Acquired {
    /// The pool it comes from, while that exists.
    pub fn pool(&self) -> Option<Pool> {
        self.pool.upgrade().map(|shared| Pool { shared })
    }

    /// The one who asked has it now.
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

/// A pool has a place ready for each connection that it may come to, whether it does or not. One address has no more
/// ports than this towards a server.
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
        let mut config = PoolConfig::new(limits.max);
        config.queue_mode = QueueMode::Lifo;
        let shared = Arc::new_cyclic(|weak| {
            let maker = Maker::new(server, weak.clone());
            let objects = deadpool::managed::Pool::builder(maker).config(config).build();
            Shared {
                objects: objects.expect("a pool without timeouts needs no runtime"),
                state: Mutex::new(State::new(&limits)),
                abandoned: watch::Sender::new(false),
                limits,
            }
        });
        Pool { shared }
    }

    /// Adds a user of the pool, who is told of connections that leave it, and returns the number that names the pool to
    /// him. `caller` is asked for what only a program can say, he or any other user's.
    pub fn join(&self, sink: Arc<dyn Sink>, caller: Option<Arc<dyn Caller>>) -> PoolId {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        self.shared.lock().homes.push(Home { id, sink, caller, removals: 0 });
        id
    }

    /// Removes a user. The last one stays to be told of the pool's end, and the answer is true.
    pub fn leave(&self, id: PoolId) -> bool {
        let mut state = self.shared.lock();
        if state.homes.iter().all(|home| home.id == id) {
            return true;
        }
        state.homes.retain(|home| home.id != id);
        false
    }

    /// Whether both are the same pool.
    pub fn is(&self, other: &Pool) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared)
    }

    /// The settings its connections are made from.
    pub fn settings(&self) -> (&ServerSettings, &PoolSettings) {
        (&self.shared.objects.manager().settings, &self.shared.limits)
    }

    /// Whether several users have it, in whatever threads: none of them may read a connection by himself, because the others
    /// would have to wait until he gets to it.
    pub fn is_shared(&self) -> bool {
        self.shared.limits.shared
    }

    /// How the pool's connections are made now.
    pub fn way(&self) -> (ServerSettings, Arc<dyn Caller>) {
        let maker = self.shared.objects.manager();
        (maker.settings_now().into_owned(), maker.caller.clone())
    }

    /// Asks for a client. The answer is given at once when a connection is idle, and otherwise delivered as a
    /// [`Record::Value`] with an [`Acquired`], or as a failure.
    pub fn acquire(&self, reply: Reply) -> Option<Acquired> {
        let shared = &self.shared;
        {
            let mut state = shared.lock();
            if state.waiting.is_empty()
                && !state.ending
                && let Some(held) = shared.take_idle(&state)
            {
                return Some(state.lend_to_client(shared, held, &reply));
            }
        }
        shared.enqueue(Work::Client(reply));
        None
    }

    /// Runs a request on a connection of its own choice. `before` is called with that before it gets the request, if it is
    /// idle, and without one if the request has to wait.
    pub fn run(&self, work: Work, before: impl FnOnce(Option<&Connection>)) {
        {
            let state = self.shared.lock();
            if state.waiting.is_empty()
                && !state.ending
                && let Some(held) = self.shared.take_idle(&state)
            {
                before(Some(held.connection()));
                return self.shared.assign(state, work, held);
            }
        }
        before(None);
        self.shared.enqueue(work);
    }

    /// Runs several requests, each on a connection of its own choice; a failure closes that. `is_last` says that the caller
    /// has no more for now.
    pub fn run_all(&self, requests: Vec<Request>, is_last: bool) {
        self.shared.enqueue_all(requests, is_last);
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
        let lent = {
            let mut state = self.shared.lock();
            match state.lent.get(&connection) {
                Some(Lent { to: Borrower::Client, .. }) => state.lent.remove(&connection),
                _ => None,
            }
        };
        match lent {
            // It was struck off when it was closed.
            Some(Lent { held, gone: true, .. }) => {
                drop(Object::take(held));
                self.shared.go_on();
                true
            }
            Some(Lent { held, .. }) => {
                self.shared.take_back(held, destroy);
                true
            }
            None => false,
        }
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
        self.shared.objects.manager().set_password(password);
    }

    /// Every open connection, the oldest first, and whether nobody uses it.
    pub fn connections(&self, sink: &Arc<dyn Sink>) -> Vec<(Connection, bool)> {
        self.shared.connections(sink)
    }

    /// Closes an idle connection; false when it is not idle.
    pub fn remove(&self, connection: ConnectionId) -> bool {
        self.shared.remove(connection)
    }

    /// Connections, those being made included.
    pub fn total_count(&self) -> usize {
        let state = self.shared.lock();
        self.shared.objects.status().size + state.creating
    }

    /// Nothing is open, being opened or being closed but `unheld` connections, nothing will be for those who wait, and the
    /// user who goes by this number has `heard` of as many removals as he was told of: there is nothing to tell him until
    /// somebody asks again or gives a client back. A client that lost its connection and was not given back changes
    /// nothing but that it may be in the way of those who wait.
    pub fn is_at_rest(&self, id: PoolId, heard: u32, unheld: usize) -> bool {
        let state = self.shared.lock();
        let idle = self.shared.idle(&state);
        let has_heard = state.homes.iter().all(|home| home.id != id || home.removals == heard);
        let is_in_vain = state.waiting.is_empty() || (idle == 0 && self.shared.is_full(&state));
        has_heard && is_in_vain && state.open() + idle <= unheld
    }

    /// How many requests of a receiver wait for a connection, or for the end behind such.
    pub fn count_waiting(&self, sink: u64) -> usize {
        let state = self.shared.lock();
        if state.waiting.is_empty() {
            return 0;
        }
        let ends = state.ended.iter().filter(|reply| reply.sink.id() == sink).count();
        state.waiting.count(|reply| reply.sink.id() == sink) + ends
    }

    /// Connections that nobody uses.
    pub fn idle_count(&self) -> usize {
        let state = self.shared.lock();
        self.shared.idle(&state)
    }

    /// Requests that wait for a connection which nobody is making for them.
    pub fn waiting_count(&self) -> usize {
        let state = self.shared.lock();
        state.waiting.len().saturating_sub(state.waiting.sheltered(state.creating))
    }

    /// Lent connections that are closed when they come back, for their age.
    pub fn expired_count(&self) -> usize {
        let now = clock::now();
        let state = self.shared.lock();
        state.lent.values().filter(|lent| reaper::is_expired(&lent.held, &self.shared.limits, now)).count()
    }

    /// Closes a client's connection, for an environment that has gone away.
    pub fn abandon_client(&self, connection: ConnectionId) {
        let client = self.shared.lock().lent.get(&connection).map(|lent| lent.held.connection().clone());
        if let Some(client) = client {
            client.abandon();
        }
        self.release(connection, true);
    }

    /// Closes everything at once, for an environment that has gone away.
    pub fn abandon(&self) {
        self.shared.abandon();
    }
}
