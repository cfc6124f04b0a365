//! Which transaction a script runs in, as far as the server can be asked about it later.

use std::hash::{BuildHasher, Hasher, RandomState};

use crate::conn::Connection;
use crate::wire::ResultSet;

/// When the server was started, or came back from a crash if that was later, in microseconds since 1970: ids of
/// transactions are given out anew after a crash. A server whose process has died keeps its start time when it
/// recovers, but begins its statistics anew, and every role may see when that was.
const STARTED: &str = "(pg_catalog.date_part('epoch', GREATEST(pg_catalog.pg_postmaster_start_time(), \
     pg_catalog.pg_stat_get_bgwriter_stat_reset_time())) \
     OPERATOR(pg_catalog.*) 1000000.0::pg_catalog.float8)::pg_catalog.int8";

/// A transaction.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// Its id with the epoch, in digits; none on a standby, which writes nothing.
    pub(super) xact: Option<String>,
    /// When its server was started.
    pub(super) started: String,
    /// The server process that runs it. Behind a pooler that is not the one that the connection was told of.
    pub(super) pid: String,
}

/// Names of functions, which PostgreSQL 13 has renamed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Functions {
    current: &'static str,
    status: &'static str,
    id_type: &'static str,
}

impl Functions {
    /// Those of a connection's server; none if it can't report the status of a transaction.
    pub(super) fn of(connection: &Connection) -> Option<Functions> {
        match server_major(connection)? {
            ..10 => None,
            10..13 => Some(Functions { current: "txid_current", status: "txid_status", id_type: "int8" }),
            13.. => Some(Functions { current: "pg_current_xact_id", status: "pg_xact_status", id_type: "xid8" }),
        }
    }

    /// The query for the identity, sent behind the script in the same transaction. It comes after a savepoint: if it
    /// fails (a time limit, a server that is not quite PostgreSQL), the script must not fail with it.
    pub(super) fn identify(self, savepoint: &Savepoint) -> String {
        let Savepoint(name) = savepoint;
        let current = self.current;
        format!(
            "SAVEPOINT {name}; SELECT CASE WHEN pg_catalog.pg_is_in_recovery() THEN NULL \
             ELSE pg_catalog.{current}() END, {STARTED}, pg_catalog.pg_backend_pid()"
        )
    }

    /// The queries for its outcome: when the server was started and whether it is a standby, and the status. Two
    /// statements, because the second one fails for an id that the server has not given out.
    pub(super) fn inquire(self, xact: &str) -> String {
        let Functions { status, id_type, .. } = self;
        format!(
            "SELECT {STARTED}, pg_catalog.pg_is_in_recovery(); \
             SELECT pg_catalog.{status}('{xact}'::pg_catalog.{id_type})"
        )
    }
}

/// The major version of a connection's server, from 10 on.
pub(super) fn server_major(connection: &Connection) -> Option<u32> {
    let (_, version) = connection.parameters().iter().find(|(name, _)| name == "server_version")?;
    version.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}

/// The savepoint between a script and that query. No script can know its name: COMMIT behind a script that has failed
/// would go back to a savepoint of the script's own otherwise, and commit half of it.
pub(super) struct Savepoint(String);

impl Savepoint {
    pub(super) fn new() -> Savepoint {
        Savepoint(format!("pgfleet_{:016x}", RandomState::new().build_hasher().finish()))
    }

    /// Its name, which nothing else has.
    pub(super) fn name(&self) -> &str {
        &self.0
    }

    /// Commits the script, whether that query has failed or not. When the script has failed there is no such savepoint,
    /// and the transaction stays as it is.
    pub(super) fn commit(&self) -> String {
        format!("ROLLBACK TO SAVEPOINT {}; COMMIT", self.0)
    }
}

impl Identity {
    /// Reads the answer to the query.
    pub(super) fn read(sets: &[ResultSet]) -> Option<Identity> {
        let row = sets.iter().find(|set| !set.rows.is_empty())?;
        let digits = |column| row.value(column).filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
        let xact = digits(0).map(str::to_owned);
        Some(Identity { xact, started: digits(1)?.to_owned(), pid: digits(2)?.to_owned() })
    }

    /// A statement that ends the server process which still has the transaction; `only_idle`, only if it waits for its
    /// client, because COMMIT has never reached it.
    pub(super) fn terminate(&self, xact: &str, only_idle: bool) -> String {
        // pg_stat_activity has ids without their epoch.
        let short = xact.parse::<u64>().map_or(0, |id| id & u64::from(u32::MAX));
        let idle = if only_idle { " AND state LIKE 'idle in transaction%'" } else { "" };
        format!(
            "SELECT pg_catalog.pg_terminate_backend(pid) FROM pg_catalog.pg_stat_activity \
             WHERE pid = {} AND backend_xid = '{short}'::pg_catalog.xid{idle}",
            self.pid
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &[Option<&str>]) -> ResultSet {
        let row = values.iter().map(|value| value.map(str::to_owned)).collect();
        ResultSet { columns: Vec::new(), rows: vec![row], tag: "SELECT 1".into() }
    }

    #[test]
    fn an_identity_is_what_the_row_says() {
        let savepoint = ResultSet { tag: "SAVEPOINT".into(), ..ResultSet::default() };
        let identity =
            Identity::read(&[savepoint.clone(), set(&[Some("4294967301"), Some("17"), Some("42")])]).unwrap();
        assert_eq!(identity.xact.as_deref(), Some("4294967301"));
        assert!(identity.terminate("4294967301", true).contains("pid = 42 AND backend_xid = '5'"));
        assert_eq!(Identity::read(&[savepoint, set(&[None, Some("17"), Some("42")])]).unwrap().xact, None);
    }

    #[test]
    fn no_two_savepoints_have_the_same_name() {
        let (one, other) = (Savepoint::new(), Savepoint::new());
        assert_ne!(one.commit(), other.commit());
    }

    #[test]
    fn an_answer_that_is_no_identity_is_none() {
        assert_eq!(Identity::read(&[]), None);
        assert_eq!(Identity::read(&[set(&[Some("1'; DROP"), Some("x"), Some("1")])]), None);
        let identity = Identity::read(&[set(&[Some("1'; DROP"), Some("1"), Some("1")])]).unwrap();
        assert_eq!(identity.xact, None);
    }
}
