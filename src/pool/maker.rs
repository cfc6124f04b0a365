//! Making connections for `deadpool`, and checking them before they are used again.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use deadpool::managed::{Manager, RecycleError, RecycleResult};
use deadpool_postgres::Metrics;

use super::home::Homes;
use super::member::Member;
use super::shared::Shared;
use crate::config::ServerSettings;
use crate::conn::next_id;
use crate::conn::{Caller, ConnectionId, KeyRing, open};
use crate::error::{Error, texts};
use crate::rows::PoolEvent;

/// Opens connections to one server.
pub struct Maker {
    pub(super) settings: ServerSettings,
    /// Set when the caller has changed it since.
    password: Mutex<Option<Option<String>>>,
    /// Whoever uses the pool.
    pub(super) caller: Arc<dyn Caller>,
    /// What was made of the keys and the password.
    pub(super) ring: KeyRing,
    pub(super) pool: Weak<Shared>,
}

thread_local! {
    /// This thread only wants a connection that is idle; `deadpool` makes one whenever it finds none.
    static ONLY_IDLE: Cell<bool> = const { Cell::new(false) };
}

/// Runs `take`, which polls the pool once, without making a connection.
pub(super) fn only_idle<T>(take: impl FnOnce() -> T) -> T {
    ONLY_IDLE.set(true);
    let taken = take();
    ONLY_IDLE.set(false);
    taken
}

impl Maker {
    pub(super) fn new(settings: ServerSettings, pool: Weak<Shared>) -> Self {
        let caller = Arc::new(Homes(pool.clone()));
        Maker { settings, password: Mutex::new(None), caller, ring: KeyRing::default(), pool }
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

    fn tell(&self, connection: ConnectionId, event: PoolEvent) {
        if let Some(pool) = self.pool.upgrade() {
            pool.tell(connection, &event);
        }
    }
}

impl Manager for Maker {
    type Type = Member;
    type Error = Error;

    async fn create(&self) -> Result<Member, Error> {
        if ONLY_IDLE.get() {
            return Err(Error::closed(texts::NONE_IDLE));
        }
        let id = next_id();
        self.tell(id, PoolEvent::Opening);
        let settings = self.settings_now();
        let connection = match open(id, &settings, &self.ring, Some(&self.caller)).await {
            Ok(connection) => connection,
            Err(error) => {
                self.tell(id, PoolEvent::NotOpened(Box::new(error.clone())));
                return Err(error);
            }
        };
        let member = Member::new(self.pool.clone());
        member.observer.watch(&connection);
        self.tell(id, PoolEvent::Opened(connection.backend_key().0));
        Ok(member.with(connection))
    }

    async fn recycle(&self, member: &mut Member, _: &Metrics) -> RecycleResult<Error> {
        if member.connection().is_open() {
            Ok(())
        } else {
            Err(RecycleError::message("the connection was closed while it was idle"))
        }
    }
}
