//! A connection as the pool knows it.

use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};
use std::time::Instant;

use super::shared::Shared;
use crate::clock;
use crate::conn::{Connection, ConnectionId, Observer, Sink, WeakConnection};
use crate::rows::{Batch, Event};

/// A pooled connection.
pub struct Member {
    connection: Option<Connection>,
    pub(super) observer: Arc<MemberObserver>,
    pub(super) created: Instant,
    pub(super) idle_since: Instant,
    pub(super) uses: u64,
    /// Nobody has had it yet.
    pub(super) fresh: bool,
}

impl Member {
    pub(super) fn new(pool: Weak<Shared>) -> Self {
        let observer = Arc::new(MemberObserver { pool, connection: OnceLock::new(), owner: Mutex::new(None) });
        let now = clock::now();
        Member { connection: None, observer, created: now, idle_since: now, uses: 0, fresh: true }
    }

    pub(super) fn with(mut self, connection: Connection) -> Self {
        self.connection = Some(connection);
        self
    }

    /// Its connection.
    pub fn connection(&self) -> &Connection {
        match &self.connection {
            Some(connection) => connection,
            None => unreachable!("a member is only given out with its connection"),
        }
    }
}

/// Listens to a pooled connection: tells the pool when it is free or gone, and the owner what happens on it.
pub(super) struct MemberObserver {
    pool: Weak<Shared>,
    connection: OnceLock<WeakConnection>,
    /// The environment that last had the connection as a client; it stays told of notices and notifications.
    owner: Mutex<Option<Arc<dyn Sink>>>,
}

impl MemberObserver {
    /// Watches the connection of its member from now on.
    pub(super) fn watch(self: &Arc<Self>, connection: &Connection) {
        // A member has one connection.
        let _ = self.connection.set(connection.downgrade());
        connection.watch(self.clone());
    }

    fn connection(&self) -> Option<Connection> {
        self.connection.get().and_then(WeakConnection::upgrade)
    }

    /// Lets a sink hear what happens if nobody else does.
    pub(super) fn offer(&self, sink: &Arc<dyn Sink>) {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| sink.clone());
    }

    pub(super) fn set_owner(&self, sink: Arc<dyn Sink>) {
        *self.owner.lock().unwrap_or_else(PoisonError::into_inner) = Some(sink);
    }
}

impl Observer for MemberObserver {
    fn answered(&self, by_server: bool) {
        if let (Some(pool), Some(connection)) = (self.pool.upgrade(), self.connection()) {
            pool.lane_answered(&connection, by_server);
        }
    }

    fn event(&self, connection: ConnectionId, event: Event) {
        let owner = self.owner.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Event::Lost(error) = &event
            && let Some(pool) = self.pool.upgrade()
            && !pool.connection_lost(connection, error)
        {
            return;
        }
        // Whoever has it as a client hears that it is closed when the pool has let it go.
        if let Some(owner) = owner
            && !matches!(event, Event::Closed)
        {
            owner.deliver(Batch::of_event(connection, event));
        }
    }

    fn listener(&self) -> Option<Arc<dyn Sink>> {
        self.owner.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn closed(&self) {
        let Some(connection) = self.connection() else { return };
        let pool = self.pool.upgrade();
        if let Some(pool) = &pool {
            pool.forget(&connection);
        }
        if let Some(owner) = self.owner.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            owner.deliver(Batch::of_event(connection.id(), Event::Closed));
        }
        if let Some(pool) = pool {
            pool.go_on();
        }
    }
}
