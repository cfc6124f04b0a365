//! How a script runs as one piece, and what is known of it afterwards.
//!
//! BEGIN and the script leave together, with a question for the transaction's identity behind them; COMMIT leaves when
//! the script has succeeded, so that whoever dies in its middle commits nothing. When the answer to COMMIT is lost, the
//! identity is what the server is asked about. Decision 0030 has the alternatives.

mod cancelling;
mod identity;
mod outcome;
mod run;
mod verdict;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use crate::config::ServerSettings;
use crate::conn::request::Body;
use crate::conn::{Caller, Connection};
use crate::error::{Error, ErrorKind, Outcome};
use crate::pool::Pool;
use crate::sql;

pub use outcome::{End, judge};
pub use run::{Ended, run};

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
}

impl Order {
    /// The script's text.
    fn text(&self) -> &str {
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

/// What the caller wants of work that is under way: false until it shall be stopped. A sender that is dropped means that
/// nobody will hear of the outcome.
pub type Wish = watch::Receiver<bool>;

/// Refuses a script that the server would refuse, before anything is sent.
///
/// # Errors
/// `Refused` with SQLSTATE 25001 when a statement of the script can't run in a transaction.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html> calls it `active_sql_transaction`.
pub fn check(script: &str, in_transaction: bool) -> Result<(), Error> {
    match sql::outside_transaction(script).filter(|_| in_transaction) {
        None => Ok(()),
        Some(statement) => {
            let message = format!(
                "{} cannot run inside a transaction block, so nothing was sent. \
                 Run it by itself with executeDDL(sql, false).",
                statement.name
            );
            let error = Error::new(ErrorKind::Refused, message).with_code("25001");
            Err(error.with_outcome(Outcome::NotApplied, Vec::new()))
        }
    }
}
