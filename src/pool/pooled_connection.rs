//! A connection as its pool knows it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::clock;
use crate::config::PoolSettings;
use crate::conn::{Connection, Sink};

/// A connection, with what its pool has to know of it.
pub(super) struct PooledConnection {
    connection: Connection,
    pub(super) listener: Arc<Listener>,
    created: Instant,
    pub(super) idle_since: Instant,
    /// How long it was idle before its present use; none when it comes from another one.
    pub(super) rested: Option<Duration>,
    pub(super) uses: u64,
    /// It was never handed out.
    pub(super) is_new: bool,
}

impl PooledConnection {
    pub(super) fn new(connection: Connection) -> Self {
        let now = clock::now();
        let listener = Arc::default();
        PooledConnection { connection, listener, created: now, idle_since: now, rested: None, uses: 0, is_new: true }
    }

    /// Its connection.
    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Older than it may become.
    pub(super) fn is_expired(&self, limits: &PoolSettings, now: Instant) -> bool {
        limits.max_lifetime.is_some_and(|limit| now.saturating_duration_since(self.created) >= limit)
    }

    /// Not to be used again, for its age or for how often it was used.
    pub(super) fn is_worn_out(&self, limits: &PoolSettings, now: Instant) -> bool {
        limits.max_uses.is_some_and(|most| self.uses >= most) || self.is_expired(limits, now)
    }

    /// How much longer it may be idle; zero when its time is up, `None` when nothing limits it.
    pub(super) fn time_left(&self, limits: &PoolSettings, above_min: bool, now: Instant) -> Option<Duration> {
        let idle = limits.idle_timeout.filter(|_| above_min).map(|limit| (self.idle_since, limit));
        let life = limits.max_lifetime.map(|limit| (self.created, limit));
        let left = |(since, limit): (Instant, Duration)| limit.saturating_sub(now.saturating_duration_since(since));
        idle.into_iter().chain(life).map(left).min()
    }
}

/// The receiver that last had a connection as a client; it still gets notices and notifications.
#[derive(Default)]
pub(super) struct Listener(Mutex<Option<Arc<dyn Sink>>>);

impl Listener {
    fn lock(&self) -> MutexGuard<'_, Option<Arc<dyn Sink>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn get(&self) -> Option<Arc<dyn Sink>> {
        self.lock().clone()
    }

    /// Makes a receiver its observer if it has none.
    pub(super) fn offer(&self, sink: &Arc<dyn Sink>) {
        self.lock().get_or_insert_with(|| sink.clone());
    }

    pub(super) fn set(&self, sink: Arc<dyn Sink>) {
        *self.lock() = Some(sink);
    }
}
