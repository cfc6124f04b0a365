//! What the caller asks for: a script, where it runs, and how.

use std::sync::Arc;
use std::time::Duration;

use super::check::has_copy_data;
use crate::config::ServerSettings;
use crate::conn::message::Body;
use crate::conn::{Caller, Connection};
use crate::pool::Pool;

/// A script and how it shall run.
#[derive(Clone)]
pub struct Order {
    /// What to run.
    pub body: Body,
    /// How much of it is one transaction.
    pub mode: Mode,
    /// When COMMIT leaves.
    pub commit: Commit,
    /// How long the server may take to stop what was cancelled, before the connection is closed.
    pub cancel_timeout: Duration,
    /// How long it may wait and work.
    pub limits: Limits,
    /// What it sets for its session is undone.
    pub undoes_settings: bool,
    /// Whether the operation is told of notices.
    pub notices: bool,
    /// Whether the operation is told of each step.
    pub progress: bool,
}

/// How much of a script is one transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// All of it, between BEGIN and COMMIT.
    Transaction,
    /// It is one message, and the server decides.
    AsItIs,
    /// As much as can be; the rest by itself, in order.
    Auto,
}

/// How long a script may wait for locks, and work.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// How long one try may wait for locks, all of them together.
    pub lock_timeout: Option<Duration>,
    /// How long all tries may wait together, and between tries.
    pub lock_budget: Option<Duration>,
    /// How often it is tried again; none for as often as there is time.
    pub retries: Option<u32>,
    /// How long a statement may take.
    pub statement_timeout: Option<Duration>,
}

impl Limits {
    /// Whether waiting for a lock has an end.
    pub(super) fn bound_waiting(self) -> bool {
        self.lock_timeout.is_some() || self.lock_budget.is_some()
    }
}

impl Order {
    /// Nothing is asked for but to run it, so that it need not be analysed.
    pub fn is_plain(&self) -> bool {
        let is_asked = self.undoes_settings || self.progress || self.limits != Limits::default();
        !is_asked && self.mode != Mode::Auto && !is_for_psql(self.text())
    }

    /// The script's text.
    pub fn text(&self) -> &str {
        self.body.text()
    }
}

/// Whether a script has parts for psql: data for a COPY, or a command that is skipped.
fn is_for_psql(script: &str) -> bool {
    script.contains('\\') && (script.contains("\\restrict") || script.contains("\\unrestrict") || has_copy_data(script))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn is_plain(script: &str, limits: Limits) -> bool {
        let order = Order {
            body: Body::Text(script.into()),
            mode: Mode::Transaction,
            commit: Commit::Confirmed,
            cancel_timeout: Duration::MAX,
            limits,
            undoes_settings: false,
            notices: true,
            progress: false,
        };
        order.is_plain()
    }

    #[test]
    fn a_script_is_plain_unless_something_is_asked_for_or_it_is_psqls() {
        let none = Limits::default();
        for script in ["CREATE TABLE t ()", r"SELECT E'a\nb', 'C:\.'", "COPY t FROM STDIN"] {
            assert!(is_plain(script, none), "{script}");
        }
        for script in ["\\restrict x\nSELECT 1", "COPY t FROM STDIN;\n1\n\\.\n"] {
            assert!(!is_plain(script, none), "{script}");
        }
        assert!(!is_plain("SELECT 1", Limits { retries: Some(1), ..none }));
    }
}
