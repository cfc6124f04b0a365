//! What is known of a pooler between connections and their server. Without the caller's word it is found out
//! ([`super::pooler_question`]) when something is to be sent that depends on it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};

use super::caller::Caller;
use crate::config::{PoolMode, ServerSettings};
use crate::error::{Error, ErrorKind, texts};
use crate::sql::SessionUse;
use crate::supabase::Startup;

/// What is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Pooling {
    /// Nothing.
    Unknown = 0,
    /// One server process for the whole session.
    Session = 1,
    /// There is a pooler, which has not shown that it is in transaction mode.
    Unproven = 2,
    /// A pooler in transaction mode.
    Transaction = 3,
}

impl From<PoolMode> for Pooling {
    fn from(mode: PoolMode) -> Pooling {
        match mode {
            PoolMode::Session => Pooling::Session,
            PoolMode::Transaction => Pooling::Transaction,
        }
    }
}

/// What all connections of the process to one server, as one user, know of its pooler.
pub(super) struct Known {
    state: AtomicU8,
    /// How often it has been in doubt.
    doubts: AtomicU8,
    /// One of them asks, and the others wait for what it learns.
    pub(super) asking: tokio::sync::Mutex<()>,
}

/// A server as poolers tell them apart: host, port, user, database.
type Place = (String, u16, String, String);

/// How often a pooler is asked again that hasn't shown its mode.
const MOST_DOUBTS: u8 = 3;

/// Servers that are remembered, before all of them are forgotten.
const MOST_PLACES: usize = 1000;

static PLACES: LazyLock<Mutex<HashMap<Place, Arc<Known>>>> = LazyLock::new(Mutex::default);

impl Known {
    fn new(pooling: Pooling) -> Arc<Known> {
        Arc::new(Known {
            state: AtomicU8::new(pooling as u8),
            doubts: AtomicU8::new(0),
            asking: tokio::sync::Mutex::default(),
        })
    }

    /// What is known of the server at an address of these settings.
    fn at(settings: &ServerSettings, host: &str, port: u16) -> Arc<Known> {
        // A replication connection has a server process for itself, and answers few questions.
        let is_replication = settings.startup.iter().any(|(name, _)| name == "replication");
        let mode = settings.pool_mode_at(host, port).or(is_replication.then_some(PoolMode::Session));
        if let Some(mode) = mode {
            return Known::new(mode.into());
        }
        let name = |name: Option<&str>| name.unwrap_or_default().to_owned();
        let place = (host.to_owned(), port, name(settings.server.get_user()), name(settings.server.get_dbname()));
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST_PLACES && !places.contains_key(&place) {
            places.clear();
        }
        places.entry(place).or_insert_with(|| Known::new(Pooling::Unknown)).clone()
    }

    pub(super) fn pooling(&self) -> Pooling {
        match self.state.load(Ordering::Relaxed) {
            1 => Pooling::Session,
            2 => Pooling::Unproven,
            3 => Pooling::Transaction,
            _ => Pooling::Unknown,
        }
    }

    /// A pooler has shown that it is in transaction mode. What is certain stays.
    pub(super) fn prove(&self) {
        if self.pooling() != Pooling::Session {
            self.state.store(Pooling::Transaction as u8, Ordering::Relaxed);
        }
    }

    /// A pooler that hasn't shown its mode has answered as one in transaction mode does: it has to be asked again. False
    /// when nothing is open any more.
    pub(super) fn doubt(&self) -> bool {
        let is_open = match self.pooling() {
            Pooling::Unknown => true,
            Pooling::Unproven => self.doubts.fetch_add(1, Ordering::Relaxed) < MOST_DOUBTS,
            Pooling::Session | Pooling::Transaction => false,
        };
        if is_open {
            self.learn(Pooling::Unknown);
        }
        is_open
    }

    pub(super) fn learn(&self, pooling: Pooling) {
        if self.pooling() != Pooling::Transaction {
            self.state.store(pooling as u8, Ordering::Relaxed);
        }
    }
}

/// The way that a connection has taken, as far as a pooler may be on it.
pub(super) struct Way {
    pub(super) known: Arc<Known>,
    /// How to take it again, leaving nothing in a session; none where that might lead to another server.
    pub(super) again: Option<(ServerSettings, Option<Weak<dyn Caller>>)>,
}

impl Way {
    pub(super) fn of(settings: &ServerSettings, caller: Option<&Arc<dyn Caller>>, host: &str, port: u16) -> Way {
        let known = Known::at(settings, host, port);
        let is_needed = known.pooling() == Pooling::Unknown && settings.server.get_hosts().len() == 1;
        Way { known, again: is_needed.then(|| (leaving_nothing(settings), caller.map(Arc::downgrade))) }
    }

    #[cfg(test)]
    pub(super) fn without_pooler() -> Way {
        Way { known: Known::new(Pooling::Session), again: None }
    }
}

/// The settings for a connection that only asks: they lead to the same pool of a pooler's, and nothing is set in the
/// session, which may be everybody's.
fn leaving_nothing(settings: &ServerSettings) -> ServerSettings {
    let startup = Startup::identifying(&settings.startup);
    ServerSettings { startup, pool_mode: Some(PoolMode::Transaction), ..settings.clone() }
}

/// The most that a process can be numbered on Linux, and more than other systems have. Most poolers make their number
/// up, out of 32 bits.
const MOST_PROCESSES: i32 = 1 << 22;

/// Whether the number of a server process is none that a system has given.
pub(super) fn is_made_up(process_id: i32) -> bool {
    !(1..=MOST_PROCESSES).contains(&process_id)
}

/// The error of a statement that a pooler in transaction mode would break.
pub fn refused(found: SessionUse) -> Error {
    Error::new(ErrorKind::Config, texts::transaction_mode(found.name, way_out(found))).with_code(CODE)
}

/// What programs match on.
pub const CODE: &str = "PGFLEET_TRANSACTION_MODE";

fn way_out(found: SessionUse) -> &'static str {
    use crate::sql::SessionNeed::{
        AdvisoryLock, HeldCursor, Library, Notifications, PreparedStatement, Setting, TemporaryObject,
    };
    match found.need {
        Notifications => texts::INSTEAD_OF_LISTEN,
        Setting => texts::INSTEAD_OF_SET,
        AdvisoryLock => texts::INSTEAD_OF_ADVISORY_LOCK,
        TemporaryObject => texts::INSTEAD_OF_TEMPORARY,
        PreparedStatement => texts::INSTEAD_OF_PREPARE,
        HeldCursor => texts::INSTEAD_OF_HOLD,
        Library => texts::INSTEAD_OF_LOAD,
    }
}
