//! The sessions that block a server process which waits for a lock.

use std::time::Duration;

use crate::error::Blocker;
use crate::wire::ResultSet;

/// Asks for what a process waits for. A lock on an index counts as one on its table. Where it waits for something else
/// than a relation (a row's transaction, an old snapshot), a relation is named that both have locked.
///
/// A prepared transaction is no process: `pg_blocking_pids` says 0, and its locks have no pid.
pub(super) fn question(pid: &str) -> String {
    format!(
        "WITH waiting AS (SELECT relation FROM pg_locks WHERE pid = {pid} AND NOT granted LIMIT 1), \
         mine AS (SELECT relation FROM pg_locks WHERE pid = {pid} AND relation IS NOT NULL), \
         blocking AS (SELECT DISTINCT unnest(pg_blocking_pids({pid})) AS pid) \
         SELECT b.pid, COALESCE(a.usename, p.owner), \
         COALESCE(NULLIF(a.application_name, ''), CASE WHEN a.usesysid IS NULL THEN a.backend_type END), \
         CASE WHEN b.pid = 0 THEN 'prepared' ELSE a.state END, \
         (date_part('epoch', clock_timestamp() - COALESCE(a.xact_start, p.prepared)) * 1000)::int8, \
         CASE WHEN b.pid = 0 THEN 'PREPARE TRANSACTION ' || quote_literal(p.gid) ELSE a.query END, \
         l.mode, n.nspname || '.' || c.relname, \
         b.pid <> 0 AND a.usesysid IS NULL AND COALESCE(a.backend_type, '') IN ('', 'autovacuum worker') \
         FROM blocking b LEFT JOIN pg_stat_activity a ON a.pid = b.pid AND b.pid <> 0 \
         LEFT JOIN LATERAL (SELECT k.mode, k.relation, k.virtualtransaction FROM pg_locks k \
         WHERE k.locktype = 'relation' AND k.mode <> 'SIReadLock' \
         AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database()) \
         AND (k.pid = b.pid OR b.pid = 0 AND k.pid IS NULL) \
         ORDER BY k.relation IS NOT DISTINCT FROM (SELECT relation FROM waiting) DESC, \
         k.relation IN (SELECT relation FROM mine) DESC, k.relation >= 16384 DESC, k.granted DESC, \
         array_position(ARRAY['AccessExclusiveLock', 'ExclusiveLock', 'ShareRowExclusiveLock', 'ShareLock', \
         'ShareUpdateExclusiveLock', 'RowExclusiveLock', 'RowShareLock'], k.mode) NULLS LAST LIMIT 1) l ON true \
         LEFT JOIN pg_prepared_xacts p ON b.pid = 0 AND p.transaction = (SELECT k.transactionid FROM pg_locks k \
         WHERE k.locktype = 'transactionid' AND k.pid IS NULL AND k.virtualtransaction = l.virtualtransaction LIMIT 1) \
         LEFT JOIN pg_index x ON x.indexrelid = l.relation \
         LEFT JOIN pg_class c ON c.oid = COALESCE(x.indrelid, l.relation) \
         LEFT JOIN pg_namespace n ON n.oid = c.relnamespace ORDER BY b.pid"
    )
}

/// What an answer says.
pub(super) fn read(set: &ResultSet) -> Vec<Blocker> {
    let row = |row: &Vec<Option<String>>| {
        let text = |column: usize| row.get(column).cloned().flatten().unwrap_or_default();
        Some(Blocker {
            pid: text(0).parse().ok()?,
            user: text(1),
            application: text(2),
            state: text(3),
            transaction_age: Duration::from_millis(text(4).parse().unwrap_or(0)),
            query: text(5),
            mode: mode(&text(6)),
            relation: text(7),
            is_autovacuum: text(8) == "t",
        })
    };
    set.rows.iter().filter_map(row).collect()
}

/// `AccessShareLock` as in LOCK TABLE: `ACCESS SHARE`.
fn mode(lock: &str) -> String {
    let mut words = String::new();
    for letter in lock.strip_suffix("Lock").unwrap_or(lock).chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_uppercase());
    }
    words
}

/// The blockers in a sentence; empty when none was seen.
pub(super) fn sentence(blockers: &[Blocker]) -> String {
    let one = |blocker: &Blocker| {
        let Blocker { pid, application, state, mode, relation, transaction_age, .. } = blocker;
        let process = match (*pid, blocker.prevents_wraparound()) {
            (0, _) => format!("a prepared transaction ({})", blocker.query),
            (pid, true) => format!("process {pid} (an autovacuum to prevent wraparound, which never makes way)"),
            (pid, false) if blocker.is_autovacuum => format!("process {pid} (an autovacuum)"),
            (pid, false) if application.is_empty() => format!("process {pid}"),
            (pid, false) => format!("process {pid} ({application})"),
        };
        let lock = if relation.is_empty() { String::new() } else { format!(" with {mode} on {relation}") };
        let state = if state.is_empty() { String::new() } else { format!(", {state}") };
        format!("{process}{lock}{state}, its transaction {} s old", transaction_age.as_secs())
    };
    blockers.iter().map(one).collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_those_of_lock_table() {
        let words = ["AccessShareLock", "ShareUpdateExclusiveLock", "ExclusiveLock", ""].map(mode);
        assert_eq!(words, ["ACCESS SHARE", "SHARE UPDATE EXCLUSIVE", "EXCLUSIVE", ""]);
    }

    #[test]
    fn a_row_is_a_blocker_and_what_is_null_is_empty() {
        let row = [Some("7"), Some("me"), None, Some("idle in transaction"), Some("1500"), Some("SELECT 1")];
        let row = row.into_iter().chain([Some("AccessShareLock"), Some("public.t"), Some("f")]);
        let set = ResultSet { rows: vec![row.map(|value| value.map(str::to_owned)).collect()], ..ResultSet::default() };
        let [blocker] = read(&set).try_into().unwrap();
        assert_eq!((blocker.pid, blocker.application.as_str(), blocker.mode.as_str()), (7, "", "ACCESS SHARE"));
        let said = sentence(&[blocker]);
        assert_eq!(said, "process 7 with ACCESS SHARE on public.t, idle in transaction, its transaction 1 s old");
    }

    #[test]
    fn one_that_never_yields_is_named() {
        let query = "autovacuum: VACUUM public.t (to prevent wraparound)".to_owned();
        let blocker = Blocker { pid: 9, is_autovacuum: true, query, ..Blocker::default() };
        assert!(sentence(&[blocker]).contains("to prevent wraparound"));
    }
}
