//! Making connections for `deadpool`, and checking them before they are used again.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use deadpool_postgres::Metrics;
use deadpool::managed::{Manager, RecycleError, RecycleResult};

use super::member::Member;
use super::pool::Shared;
use crate::config::ServerSettings;
use crate::conn::connection::next_id;
use crate::conn::{Connection, PasswordProvider, open};
use crate::error::Error;

/// Opens connections to one server.
pub struct Maker {
    pub(super) settings: ServerSettings,
    pub(super) provider: Option<Arc<dyn PasswordProvider>>,
    pub(super) pool: Weak<Shared>,
    /// How many connections may be made: `deadpool` makes one whenever it finds none, also when the pool only meant to
    /// take an idle one.
    tickets: AtomicUsize,
}

impl Maker {
    pub(super) fn new(
        settings: ServerSettings,
        provider: Option<Arc<dyn PasswordProvider>>,
        pool: Weak<Shared>,
    ) -> Self {
        Maker { settings, provider, pool, tickets: AtomicUsize::new(0) }
    }

    pub(super) fn allow_one(&self) {
        self.tickets.fetch_add(1, Ordering::AcqRel);
    }

    pub(super) fn take_ticket(&self) -> bool {
        self.tickets.fetch_update(Ordering::AcqRel, Ordering::Acquire, |count| count.checked_sub(1)).is_ok()
    }
}

impl Manager for Maker {
    type Type = Member;
    type Error = Error;

    async fn create(&self) -> Result<Member, Error> {
        if !self.take_ticket() {
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
