//! Making connections for `deadpool`, and checking them before they are used again.

use std::cell::Cell;
use std::sync::{Arc, Weak};

use deadpool::managed::{Manager, RecycleError, RecycleResult};
use deadpool_postgres::Metrics;

use super::member::Member;
use super::shared::Shared;
use crate::config::ServerSettings;
use crate::conn::connection::next_id;
use crate::conn::{Connection, PasswordProvider, open};
use crate::error::Error;

/// Opens connections to one server.
pub struct Maker {
    pub(super) settings: ServerSettings,
    pub(super) provider: Option<Arc<dyn PasswordProvider>>,
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
    pub(super) fn new(
        settings: ServerSettings,
        provider: Option<Arc<dyn PasswordProvider>>,
        pool: Weak<Shared>,
    ) -> Self {
        Maker { settings, provider, pool }
    }
}

impl Manager for Maker {
    type Type = Member;
    type Error = Error;

    async fn create(&self) -> Result<Member, Error> {
        if ONLY_IDLE.get() {
            return Err(Error::closed("No connection was idle."));
        }
        let established = open(&self.settings, self.provider.as_ref()).await?;
        let member = Member::new(self.pool.clone());
        let connection = Connection::start(next_id(), established, member.observer.clone());
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
