//! What the caller asks for: a script, where it runs, and how.

use std::sync::Arc;
use std::time::Duration;

use crate::config::ServerSettings;
use crate::conn::message::Body;
use crate::conn::{Caller, Connection};
use crate::pool::Pool;

/// A script and how it shall run.
pub struct Order {
    /// What to run.
    pub body: Body,
    /// Between BEGIN and COMMIT, or as it is in one message.
    pub in_transaction: bool,
    /// When COMMIT leaves.
    pub commit: Commit,
    /// How long the server may take to stop what was cancelled, before the connection is closed.
    pub cancel_timeout: Duration,
    /// Whether the operation is told of notices.
    pub notices: bool,
}

impl Order {
    /// The script's text.
    pub(super) fn text(&self) -> &str {
        match &self.body {
            Body::Text(text) => text,
            Body::Query(query) => &query.text,
        }
    }
}

/// When COMMIT leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commit {
    /// When the script has succeeded: two round trips.
    Confirmed,
    /// Behind the script: one round trip. A script whose sender is lost may be committed.
    Pipelined,
}

/// Where a script runs.
pub enum Place {
    /// On a connection of the pool's choice.
    Pool(Pool),
    /// On the connection of a client, which has no other work meanwhile.
    Client(Connection, Box<Apart>),
}

/// How to reach the same server by another connection.
#[derive(Clone)]
pub struct Apart {
    /// As the first one.
    pub settings: ServerSettings,
    /// As the first one's.
    pub caller: Option<Arc<dyn Caller>>,
}

impl From<&Pool> for Apart {
    fn from(pool: &Pool) -> Apart {
        let (settings, caller) = pool.way();
        Apart { settings, caller: Some(caller) }
    }
}
