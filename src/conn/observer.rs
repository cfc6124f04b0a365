//! The observer of a connection's events.

use std::sync::Arc;

use super::connection_id::ConnectionId;
use super::event::Event;
use super::sink::Sink;

/// Told of what happens on the one connection that it watches. Called from the connection's task, without locks held.
pub trait Observer: Send + Sync {
    /// Requests were answered by the server, or could not be sent to it, and the load is less than it was.
    fn answered(&self, by_server: bool);
    /// Something happened that no request asked for.
    fn event(&self, connection: ConnectionId, event: Event);
    /// The receiver of notices, notifications and parameters, if there is one. They are delivered to it with the
    /// answers that they came among, instead of one by one by [`Observer::event`], and no more is read than it can
    /// listen to.
    fn listener(&self) -> Option<Arc<dyn Sink>> {
        None
    }
    /// The socket is closed; the last call.
    fn closed(&self);
}
