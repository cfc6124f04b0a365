//! A mark in a text by which other sessions find the server process that runs it.

use super::identity::Savepoint;

/// A comment that no other text has: a pooler doesn't tell which process will run it.
pub(super) struct Claim {
    /// The comment, to stand before the text.
    pub(super) comment: String,
    /// The expression for the number of the process.
    pub(super) pid: String,
}

impl Claim {
    pub(super) fn new() -> Claim {
        let comment = format!("/* pgfleet:{} */ ", Savepoint::new().name());
        let pid = format!(
            "(SELECT pid FROM pg_stat_activity WHERE query LIKE '{comment}%' AND pid <> pg_backend_pid() LIMIT 1)"
        );
        Claim { comment, pid }
    }
}
