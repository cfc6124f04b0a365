//! `deadpool`'s manager: makes connections, and checks whether they can be used again.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use deadpool::managed::{Manager, RecycleError, RecycleResult};
use deadpool_postgres::Metrics;

use super::containment::panicked;
use super::event::PoolEvent;
use super::pooled_connection::PooledConnection;
use super::users::{AnyUser, Users};
use crate::clock;
use crate::config::{PoolSettings, ServerSettings};
use crate::conn::{Caller, ConnectionId, KeyRing, Opener, Waiters, next_id};
use crate::error::{Error, texts};

/// Opens connections to one server, on behalf of the pool's users.
pub(super) struct ConnectionManager {
    pub(super) settings: ServerSettings,
    limits: PoolSettings,
    /// Set when the program has changed it since.
    password: Mutex<Option<Option<String>>>,
    users: Arc<Users>,
    pub(super) caller: Arc<dyn Caller>,
    /// The pool's waiters, since there is a pool.
    waiters: OnceLock<Box<dyn Waiters>>,
    /// What was made of the keys and the password.
    pub(super) ring: KeyRing,
}

/// The outcome of an attempt to open a connection is reported in any case.
struct Attempt<'a> {
    id: ConnectionId,
    users: &'a Users,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.users.tell(self.id, &PoolEvent::NotOpened(Box::new(panicked(texts::OPENING_FAILED))));
        }
    }
}

impl ConnectionManager {
    pub(super) fn new(settings: ServerSettings, limits: PoolSettings, users: Arc<Users>) -> Self {
        let caller = Arc::new(AnyUser(users.clone()));
        let (password, waiters, ring) = (Mutex::new(None), OnceLock::new(), KeyRing::default());
        ConnectionManager { settings, limits, password, users, caller, waiters, ring }
    }

    /// Connections are opened for these waiters.
    pub(super) fn serve(&self, waiters: Box<dyn Waiters>) {
        // There is one pool, which says it once.
        let _ = self.waiters.set(waiters);
    }

    /// The password for connections from now on; `None` asks for it each time.
    pub(super) fn set_password(&self, password: Option<String>) {
        *self.password.lock().unwrap_or_else(PoisonError::into_inner) = Some(password);
    }

    pub(super) fn settings_now(&self) -> Cow<'_, ServerSettings> {
        let password = self.password.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(password) = password else { return Cow::Borrowed(&self.settings) };
        let mut settings = self.settings.clone();
        settings.asks_for_password = password.is_none();
        if let Some(password) = password {
            settings.server.password(password);
        }
        Cow::Owned(settings)
    }

    /// Whether a connection that comes back can be used again.
    pub(super) fn is_reusable(&self, pooled: &PooledConnection) -> bool {
        let connection = pooled.connection();
        connection.is_open() && !connection.may_be_cancelled() && !pooled.is_worn_out(&self.limits, clock::now())
    }
}

impl Manager for ConnectionManager {
    type Type = PooledConnection;
    type Error = Error;

    async fn create(&self) -> Result<PooledConnection, Error> {
        let id = next_id();
        let _attempt = Attempt { id, users: &self.users };
        self.users.tell(id, &PoolEvent::Opening);
        let settings = self.settings_now();
        let (ring, caller, waiters) = (&self.ring, Some(&self.caller), self.waiters.get().map(|waiters| &**waiters));
        let opened = Opener { id, settings: &settings, ring, caller, waiters }.open().await;
        if let Ok(connection) = &opened
            && self.settings.project.is_some()
        {
            self.users.tell(id, &PoolEvent::Found(connection.host().into()));
        }
        let event = match &opened {
            Ok(connection) => PoolEvent::Opened(connection.backend_key().0),
            Err(error) => PoolEvent::NotOpened(Box::new(error.clone())),
        };
        self.users.tell(id, &event);
        opened.map(PooledConnection::new)
    }

    /// `deadpool` itself has only connections whose holder was lost by a panic: the others are in
    /// [`super::idle_connections`].
    async fn recycle(&self, pooled: &mut PooledConnection, _: &Metrics) -> RecycleResult<Error> {
        if self.is_reusable(pooled) && pooled.connection().load() == 0 && pooled.connection().status() == b'I' {
            return Ok(());
        }
        pooled.connection().abandon();
        Err(RecycleError::message(texts::NOT_AT_REST))
    }
}
