//! Effects of a statement that may outlast the rollback of its transaction.

use super::transaction::{has_transaction_control, outside_transaction};

/// Whether a statement does anything that could be committed: beginning and ending transactions, and settings, leave
/// nothing behind.
pub fn has_lasting_effect(statement: &str) -> bool {
    const WITHOUT: [&str; 7] = ["savepoint", "release", "set", "show", "reset", "rollback", "begin"];
    let first = statement.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
    !WITHOUT.iter().any(|word| first.eq_ignore_ascii_case(word)) && !has_transaction_control(statement)
}

/// Whether a statement may commit part of its work and fail then: several transactions of the server's own, or of a
/// procedure's.
pub fn may_commit_by_itself(statement: &str) -> bool {
    let starts_with = |word: &str| statement.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
    if starts_with("call") {
        return true;
    }
    if starts_with("do") {
        let text = statement.to_ascii_lowercase();
        return ["commit", "call", "execute"].iter().any(|word| text.contains(word));
    }
    // CREATE DATABASE and the like clean up after themselves.
    const SEVERAL: [&str; 5] = ["CONCURRENTLY", "VACUUM", "REINDEX", "CLUSTER", "SUBSCRIPTION"];
    outside_transaction(statement).is_some_and(|found| SEVERAL.iter().any(|word| found.name.contains(word)))
}

/// Whether a script may make the server read data next: `COPY … FROM STDIN` does, and so does `FROM STDOUT`, which it
/// takes for the same. Errs on the side of reading.
pub fn may_read_data(script: &str) -> bool {
    let names = |name: &[u8]| script.as_bytes().windows(name.len()).any(|word| word.eq_ignore_ascii_case(name));
    names(b"stdin") || names(b"stdout")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn transactions_and_settings_leave_nothing_behind() {
        for statement in ["BEGIN", "savepoint s", "ROLLBACK TO s", "SET x = 1", "show all", "COMMIT"] {
            assert!(!has_lasting_effect(statement), "{statement}");
        }
        assert!(has_lasting_effect("CREATE TABLE t ()") && has_lasting_effect("setval"));
    }

    #[test]
    fn only_what_runs_in_several_transactions_commits_by_itself() {
        for statement in
            ["CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "VACUUM t", "CALL p()", "do $$ begin commit; end $$"]
        {
            assert!(may_commit_by_itself(statement), "{statement}");
        }
        for statement in ["CREATE DATABASE d", "DO $$ begin perform 1/0; end $$", "CREATE TABLE t ()"] {
            assert!(!may_commit_by_itself(statement), "{statement}");
        }
    }

    #[test]
    fn data_is_read_by_copies_from_the_client() {
        assert!(may_read_data("copy t from Stdin") && may_read_data("COPY t FROM STDOUT"));
        assert!(!may_read_data("COPY t FROM '/tmp/t'"));
    }
}
