//! A pool's observer of its connections.

use std::sync::{Arc, Weak};

use super::idle_connections::Held;
use super::pooled_connection::Listener;
use super::shared::Shared;
use crate::conn::{Connection, ConnectionEvent, ConnectionId, Event, Observer, Sink, WeakConnection};
use crate::rows::Batch;

/// Observes a pooled connection: tells the pool when it is free or closed, and its listener about its events.
pub(super) struct PoolObserver {
    pool: Weak<Shared>,
    connection: WeakConnection,
    listener: Arc<Listener>,
}

impl PoolObserver {
    /// Watches a connection from now on. One that is watched already stays with its observer.
    pub(super) fn watch(pool: &Arc<Shared>, held: &Held) {
        let connection = held.connection();
        connection.watch(Arc::new(PoolObserver {
            pool: Arc::downgrade(pool),
            connection: connection.downgrade(),
            listener: held.listener.clone(),
        }));
    }

    fn both(&self) -> Option<(Arc<Shared>, Connection)> {
        Some((self.pool.upgrade()?, self.connection.upgrade()?))
    }
}

impl Observer for PoolObserver {
    fn answered(&self, by_server: bool) {
        if let Some((pool, connection)) = self.both() {
            pool.pipeline_answered(&connection, by_server);
        }
    }

    fn event(&self, connection: ConnectionId, event: Event) {
        let listener = self.listener.get();
        if let Event::Lost(error) = &event
            && let Some(pool) = self.pool.upgrade()
            && !pool.connection_lost(connection, error)
        {
            return;
        }
        // A client hears that its connection is closed when the pool has let it go.
        if let Some(listener) = listener
            && !matches!(event, Event::Closed)
        {
            listener.deliver(Batch::of(ConnectionEvent(connection, event)));
        }
    }

    fn listener(&self) -> Option<Arc<dyn Sink>> {
        self.listener.get()
    }

    fn closed(&self) {
        if let Some((pool, connection)) = self.both() {
            pool.strike_off(connection.id(), &self.listener);
            pool.go_on();
        } else if let (Some(listener), Some(connection)) = (self.listener.get(), self.connection.upgrade()) {
            listener.deliver(Batch::of(ConnectionEvent(connection.id(), Event::Closed)));
        }
    }
}
