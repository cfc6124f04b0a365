//! Finding out whether there is a pooler between a connection and its server, and in which mode.
//!
//! First the server process is asked for its number: one that the login hasn't named is behind a pooler. Then that
//! connection and another one ask in turn: a pooler in transaction mode has proved itself when one connection meets two
//! processes, or both meet one. A pooler in session mode can't be proved; one that has stayed out of it counts as such,
//! but for what is exact in both modes.

use std::pin::Pin;
use std::sync::Weak;
use std::time::Duration;

use super::connection::Connection;
use super::pooling::{Pooling, Way};
use super::runtime;
use super::session::{Question, Session};
use crate::clock;

/// How long the second connection may take. A pooler in session mode may keep it waiting for a server connection.
const PATIENCE: Duration = Duration::from_secs(1);

/// How often both connections ask. Two would do where nobody else uses the pooler.
const ROUNDS: usize = 3;

/// Which server process answers.
pub const PROCESS: &str = "SELECT pg_catalog.pg_backend_pid()";

impl Connection {
    /// What is known of a pooler, after asking, which the transaction status `I` allows.
    pub async fn ask_pooling(&self) -> Pooling {
        if self.pooling() == Pooling::Unknown && self.status() == b'I' {
            ask(self).await;
        }
        self.pooling()
    }
}

/// Asks on a connection whose requests wait for the answer.
pub(super) fn begin(connection: Connection) {
    let asked = Asked(connection);
    runtime::spawn(async move {
        ask(&asked.0).await;
        drop(asked);
    });
}

/// A connection whose requests wait no longer when this is dropped.
struct Asked(Connection);

impl Drop for Asked {
    fn drop(&mut self) {
        self.0.pooler_asked();
    }
}

/// Finds out what there is between a connection and its server, unless that is known. Its status has to be `I`. A
/// connection is opened for this, and may be what another one is opened for.
fn ask(connection: &Connection) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
    Box::pin(ask_once(connection))
}

async fn ask_once(connection: &Connection) {
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
    let caller = caller.as_ref().and_then(Weak::upgrade);
    let Ok(other) = Session::open_at_once(settings, caller.as_ref()).await else { return false };
    share_processes(connection, first, other.connection()).await
}

/// Whether two connections show that no server process is theirs, by asking in turn: it is so when one meets two of
/// them, or both meet one. `first` is the process that `one` has met last.
pub async fn share_processes(one: &Connection, first: i32, other: &Connection) -> bool {
    let own = Some(first);
    let mut others = None;
    for _ in 0..ROUNDS {
        let met = process_of(other).await;
        if met.is_none() {
            return false;
        }
        if met == own || others.is_some_and(|before| Some(before) != met) {
            return true;
        }
        others = met;
        let met = process_of(one).await;
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
