//! What is known of a pooler between connections and their server.
//!
//! Without the caller's word it is found out when something is to be sent that depends on it. First the server process
//! is asked for its number: one that the login hasn't named is behind a pooler. Then that connection and another one
//! ask in turn: a pooler in transaction mode has proved itself when one connection meets two processes, or both meet
//! one. A pooler in session mode can't be proved; one that has stayed out of it counts as such, but for what is exact in
//! both modes.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::caller::Caller;
use super::connection::Connection;
use super::session::{Question, Session};
use crate::clock;
use crate::config::{PoolMode, ServerSettings};
use crate::error::{Error, ErrorKind, texts};
use crate::sql::SessionUse;

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
    asking: tokio::sync::Mutex<()>,
}

/// A server as poolers tell them apart: host, port, user, database.
type Place = (String, u16, String, String);

/// How often a pooler is asked again that hasn't shown its mode.
const MOST_DOUBTS: u8 = 3;

/// Servers that are remembered, before all of them are forgotten.
const MOST_PLACES: usize = 1000;

static PLACES: LazyLock<Mutex<HashMap<Place, Arc<Known>>>> = LazyLock::new(Mutex::default);

impl Known {
    pub(super) fn certain(pooling: Pooling) -> Arc<Known> {
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
            return Known::certain(mode.into());
        }
        let name = |name: Option<&str>| name.unwrap_or_default().to_owned();
        let place = (host.to_owned(), port, name(settings.server.get_user()), name(settings.server.get_dbname()));
        let mut places = PLACES.lock().unwrap_or_else(PoisonError::into_inner);
        if places.len() >= MOST_PLACES && !places.contains_key(&place) {
            places.clear();
        }
        places.entry(place).or_insert_with(|| Known::certain(Pooling::Unknown)).clone()
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

    fn learn(&self, pooling: Pooling) {
        if self.pooling() != Pooling::Transaction {
            self.state.store(pooling as u8, Ordering::Relaxed);
        }
    }
}

/// The way that a connection has taken, as far as a pooler may be on it.
pub(super) struct Way {
    pub(super) known: Arc<Known>,
    /// How to take it again; none where that might lead to another server.
    again: Option<(ServerSettings, Weak<dyn Caller>)>,
}

impl Way {
    pub(super) fn of(settings: &ServerSettings, caller: Option<&Arc<dyn Caller>>, host: &str, port: u16) -> Way {
        let known = Known::at(settings, host, port);
        let is_needed = known.pooling() == Pooling::Unknown && settings.server.get_hosts().len() == 1;
        let caller = caller.map_or_else(|| Weak::<Nobody>::new() as Weak<dyn Caller>, Arc::downgrade);
        Way { known, again: is_needed.then(|| (settings.clone(), caller)) }
    }

    #[cfg(test)]
    pub(super) fn without_pooler() -> Way {
        Way { known: Known::certain(Pooling::Session), again: None }
    }
}

/// The type of a caller that isn't there.
struct Nobody;

impl Caller for Nobody {
    fn ask(&self, _: super::caller::Question) -> super::caller::Answering {
        Box::pin(std::future::ready(Err(super::caller::Unanswered::Gone)))
    }
}

/// The most that a process can be numbered on Linux, and more than other systems have. Most poolers make their number
/// up, out of 32 bits.
const MOST_PROCESSES: i32 = 1 << 22;

/// Whether the number of a server process is none that a system has given.
pub(super) fn is_made_up(process_id: i32) -> bool {
    !(1..=MOST_PROCESSES).contains(&process_id)
}

/// How long the second connection may take. A pooler in session mode may keep it waiting for a server connection.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often both connections ask. Two would do where nobody else uses the pooler.
const ROUNDS: usize = 3;

const PROCESS: &str = "SELECT pg_catalog.pg_backend_pid()";

/// Finds out what there is between a connection and its server, unless that is known. Its status has to be `I`.
pub(super) async fn ask(connection: &Connection) {
    let way = connection.way();
    let _others_wait = way.known.asking.lock().await;
    if way.known.pooling() != Pooling::Unknown {
        return;
    }
    let pooling = match process_of(connection).await {
        // Whatever doesn't answer this is no server of PostgreSQL's, and certainly no pooler of it.
        None if connection.is_open() => Pooling::Session,
        None => return,
        Some(process) if process == connection.backend_key().0 => Pooling::Session,
        Some(process) => match clock::within(PATIENCE, meets_two(connection, way, process)).await {
            Some(true) => Pooling::Transaction,
            Some(false) | None => Pooling::Unproven,
        },
    };
    way.known.learn(pooling);
}

/// Whether the two connections show that no server process is theirs.
async fn meets_two(connection: &Connection, way: &Way, first: i32) -> bool {
    let own = process_of(connection).await;
    if own != Some(first) {
        return own.is_some();
    }
    let Some((settings, caller)) = &way.again else { return false };
    let Ok(other) = Session::open_at_once(settings, caller.upgrade().as_ref()).await else { return false };
    let mut others = None;
    for _ in 0..ROUNDS {
        let met = process_of(other.connection()).await;
        if met.is_none() {
            return false;
        }
        if met == own || others.is_some_and(|before| Some(before) != met) {
            return true;
        }
        others = met;
        let met = process_of(connection).await;
        if met != own {
            return met.is_some();
        }
    }
    false
}

/// The number of the server process that answers now.
async fn process_of(connection: &Connection) -> Option<i32> {
    let session = Session::on(connection);
    let (request, question): (_, Question) = session.question(PROCESS);
    connection.interpose(request);
    let answer = question.answer().await;
    answer.sets.first()?.value(0)?.parse().ok()
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
