//! Which statements can't stand in a transaction block, and which begin or end one.

use std::ops::Range;

use squawk_lexer::TokenKind;

use super::script::{Statement, statements};
use super::token::{Token, Words};
use super::tree;

/// The first statement of a script that the server would refuse in a transaction block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutsideTransaction {
    /// The statement's name for messages, such as `CREATE INDEX CONCURRENTLY`.
    pub name: &'static str,
    /// Where the statement stands in the script, in bytes.
    pub range: Range<usize>,
    /// Where it begins in the script, in characters from 1, as the server counts the position of an error.
    pub position: usize,
}

/// Finds the first statement which every PostgreSQL from 13 to 18 refuses in a transaction block (SQLSTATE 25001),
/// whatever the database holds.
///
/// None does not mean that the server will accept the script: what depends on the state of the database (`REINDEX
/// TABLE` of a partitioned table, `DROP SUBSCRIPTION` with a slot), on the version, or on syntax that isn't known here
/// is left to it. What is found would be refused even behind a `COMMIT` of the script's own, because the statements of
/// one message never stand alone (`PreventInTransactionBlock` in PostgreSQL's `xact.c`).
pub fn outside_transaction(script: &str) -> Option<OutsideTransaction> {
    let mut statements = statements(script);
    while let Some(statement) = statements.next() {
        if statements.is_doubtful() {
            return None;
        }
        if let Some(name) = outside_name(&statement) {
            let before = script.get(..statement.range.start).unwrap_or_default();
            return Some(OutsideTransaction { name, position: before.chars().count() + 1, range: statement.range });
        }
        // The server doesn't know data in a script and reads it as SQL, so what follows may be part of a string.
        if statement.copy_data.is_some() {
            return None;
        }
    }
    None
}

/// Whether a server of this major version takes the statement in a transaction block, as far as its text tells.
pub(super) fn fits_transaction(statement: &Statement<'_>, server_version: u32) -> bool {
    outside_name(statement).is_none() && (server_version >= 12 || !adds_enum_value(statement))
}

/// `ALTER TYPE … ADD VALUE`, which a transaction block takes since PostgreSQL 12.
fn adds_enum_value(statement: &Statement<'_>) -> bool {
    let mut words = statement.words();
    words.eat("alter") && words.eat("type") && tree::adds_enum_value(statement)
}

/// Whether the script itself begins, commits, rolls back or prepares a transaction.
///
/// Savepoints don't count, `ROLLBACK TO SAVEPOINT` included: they stay within the transaction around them. Neither
/// do `COMMIT PREPARED` and `ROLLBACK PREPARED`, which concern another transaction, or what procedures, functions
/// and `DO` blocks contain.
pub fn has_transaction_control(script: &str) -> bool {
    statements(script).any(|statement| controls_transaction(&statement))
}

fn controls_transaction(statement: &Statement<'_>) -> bool {
    let mut words = statement.words();
    if words.eat("rollback") {
        let _noise = words.eat("work") || words.eat("transaction");
        return !words.eat("to") && !words.eat("prepared");
    }
    if words.eat("start") {
        return words.eat("transaction");
    }
    if words.eat("commit") {
        return !words.eat("prepared");
    }
    if words.eat("prepare") {
        return prepares_transaction(words);
    }
    words.eat("begin") || words.eat("end") || words.eat("abort")
}

/// How a text stands to what is put before it in its transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// No statement, one that can't stand in a transaction block, or one that has nothing to do or is refused outside of
    /// one: it is sent as it is.
    Alone,
    /// One that begins a transaction block, in which nothing may have taken a snapshot.
    Beginning,
    /// One that says the same by the extended protocol.
    Single,
    /// Several, or one that may be several or has `$1`.
    Shared,
}

/// How a text stands to what is put before it.
pub fn standing(text: &str) -> Standing {
    let mut all = statements(text);
    let Some(first) = all.next() else { return Standing::Alone };
    if all.next().is_some() || all.is_doubtful() {
        return Standing::Shared;
    }
    let begins = |words: &[&str]| words.iter().any(|word| first.words().eat(word));
    // A refusal of these says that there is no transaction block, or it is a warning.
    let needs_block = ["lock", "declare", "savepoint", "release", "set", "fetch", "move", "close"];
    if outside_name(&first).is_some() || begins(&needs_block) || begins(&["rollback", "commit", "end", "abort"]) {
        return Standing::Alone;
    }
    let mut words = first.words();
    if words.eat("prepare") && words.eat("transaction") {
        return Standing::Alone;
    }
    if begins(&["begin", "start"]) {
        return Standing::Beginning;
    }
    let is_parameter = |token: &Token<'_>| matches!(token.kind, TokenKind::PositionalParam { .. });
    if first.tokens().any(|token| is_parameter(&token)) { Standing::Shared } else { Standing::Single }
}

/// Whether a text ends a transaction and goes on: by a statement behind it, or `AND CHAIN`.
pub fn begins_transactions_within(text: &str) -> bool {
    let mut ended = false;
    statements(text).any(|statement| {
        let mut words = statement.words();
        let begins = words.eat("begin") || words.eat("start");
        let ends = !begins && controls_transaction(&statement);
        let goes_on = ended || (ends && chains(statement.words()));
        ended |= ends;
        goes_on
    })
}

/// `… AND CHAIN`; with NO nothing is chained.
fn chains(mut words: Words<'_>) -> bool {
    let _first = words.next();
    let _noise = words.eat("work") || words.eat("transaction");
    words.eat("and") && words.eat("chain")
}

/// Behind PREPARE: a prepared statement may be called "transaction" as well.
pub(super) fn prepares_transaction(mut words: Words<'_>) -> bool {
    words.eat("transaction") && matches!(words.peek(), Some(TokenKind::Literal { .. }))
}

/// The keywords that a name is found by can't begin anything else: where CONCURRENTLY stands here, it is reserved.
fn outside_name(statement: &Statement<'_>) -> Option<&'static str> {
    let mut words = statement.words();
    if words.eat("create") {
        created(words, statement)
    } else if words.eat("drop") {
        dropped(words)
    } else if words.eat("alter") {
        altered(words, statement)
    } else if words.eat("reindex") {
        reindexed(words, statement)
    } else if words.eat("vacuum") {
        Some("VACUUM")
    } else if words.eat("cluster") {
        tree::clusters_all(statement).then_some("CLUSTER without a table")
    } else if words.eat("discard") {
        words.eat("all").then_some("DISCARD ALL")
    } else if words.eat("commit") {
        words.eat("prepared").then_some("COMMIT PREPARED")
    } else if words.eat("rollback") {
        words.eat("prepared").then_some("ROLLBACK PREPARED")
    } else {
        None
    }
}

fn created(mut words: Words<'_>, statement: &Statement<'_>) -> Option<&'static str> {
    if words.eat("database") {
        return Some("CREATE DATABASE");
    }
    if words.eat("tablespace") {
        return Some("CREATE TABLESPACE");
    }
    if words.eat("subscription") {
        return tree::creates_slot(statement).then_some("CREATE SUBSCRIPTION");
    }
    let _unique = words.eat("unique");
    (words.eat("index") && words.eat("concurrently")).then_some("CREATE INDEX CONCURRENTLY")
}

fn dropped(mut words: Words<'_>) -> Option<&'static str> {
    if words.eat("database") {
        Some("DROP DATABASE")
    } else if words.eat("tablespace") {
        Some("DROP TABLESPACE")
    } else {
        (words.eat("index") && words.eat("concurrently")).then_some("DROP INDEX CONCURRENTLY")
    }
}

fn altered(mut words: Words<'_>, statement: &Statement<'_>) -> Option<&'static str> {
    if words.eat("system") {
        Some("ALTER SYSTEM")
    } else if words.eat("database") {
        tree::moves_database(statement).then_some("ALTER DATABASE ... SET TABLESPACE")
    } else if words.eat("subscription") {
        tree::reaches_publisher(statement).then_some("ALTER SUBSCRIPTION")
    } else if words.eat("table") && ends_with(statement, "concurrently") {
        tree::detaches_concurrently(statement).then_some("ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY")
    } else {
        None
    }
}

fn reindexed(mut words: Words<'_>, statement: &Statement<'_>) -> Option<&'static str> {
    const WHOLE: [(&str, &str); 3] =
        [("schema", "REINDEX SCHEMA"), ("database", "REINDEX DATABASE"), ("system", "REINDEX SYSTEM")];
    if words.peek() == Some(TokenKind::OpenParen) {
        return tree::reindex_outside(statement);
    }
    let whole = WHOLE.into_iter().find(|(kind, _)| words.eat(kind));
    let known = whole.is_some() || words.eat("table") || words.eat("index");
    if known && words.eat("concurrently") {
        return Some("REINDEX CONCURRENTLY");
    }
    whole.map(|(_, name)| name)
}

/// Checked first, so that long statements need not be parsed.
fn ends_with(statement: &Statement<'_>, word: &str) -> bool {
    let text = statement.text.as_bytes();
    let tail = text.len().saturating_sub(word.len());
    text.get(tail..).is_some_and(|tail| tail.eq_ignore_ascii_case(word.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these is refused with 25001 in a transaction block by servers of the versions 13 to 18 that know its
    /// syntax, on any database.
    const REFUSED: &[(&str, &str)] = &[
        ("VACUUM", "VACUUM"),
        ("vacuum full analyze t", "VACUUM"),
        ("VACUUM (FREEZE, ANALYZE) t", "VACUUM"),
        ("/* weekly */ VaCuUm -- everything", "VACUUM"),
        ("CREATE DATABASE other", "CREATE DATABASE"),
        ("create database other with owner = postgres template template0", "CREATE DATABASE"),
        ("DROP DATABASE other", "DROP DATABASE"),
        ("DROP DATABASE IF EXISTS other WITH (FORCE)", "DROP DATABASE"),
        ("CREATE TABLESPACE fast LOCATION '/nowhere'", "CREATE TABLESPACE"),
        ("DROP TABLESPACE IF EXISTS fast", "DROP TABLESPACE"),
        ("ALTER SYSTEM SET work_mem = '8MB'", "ALTER SYSTEM"),
        ("alter system reset all", "ALTER SYSTEM"),
        ("ALTER DATABASE other SET TABLESPACE pg_default", "ALTER DATABASE ... SET TABLESPACE"),
        ("alter database \"other\" set tablespace \"pg_default\"", "ALTER DATABASE ... SET TABLESPACE"),
        ("DISCARD ALL", "DISCARD ALL"),
        ("COMMIT PREPARED 'two-phase'", "COMMIT PREPARED"),
        ("ROLLBACK PREPARED 'two-phase'", "ROLLBACK PREPARED"),
        ("CREATE INDEX CONCURRENTLY ON t (a)", "CREATE INDEX CONCURRENTLY"),
        ("CREATE INDEX CONCURRENTLY t_a ON t (a) WHERE a > 0", "CREATE INDEX CONCURRENTLY"),
        ("create unique index concurrently if not exists t_a on t (a)", "CREATE INDEX CONCURRENTLY"),
        ("CREATE/**/INDEX-- no lock\nCONCURRENTLY t_a ON missing (a)", "CREATE INDEX CONCURRENTLY"),
        ("DROP INDEX CONCURRENTLY t_key", "DROP INDEX CONCURRENTLY"),
        ("DROP INDEX CONCURRENTLY IF EXISTS missing", "DROP INDEX CONCURRENTLY"),
        ("REINDEX TABLE CONCURRENTLY t", "REINDEX CONCURRENTLY"),
        ("REINDEX INDEX CONCURRENTLY t_key", "REINDEX CONCURRENTLY"),
        ("REINDEX SCHEMA CONCURRENTLY public", "REINDEX CONCURRENTLY"),
        ("REINDEX (VERBOSE) TABLE CONCURRENTLY t", "REINDEX CONCURRENTLY"),
        ("REINDEX (CONCURRENTLY) TABLE t", "REINDEX CONCURRENTLY"),
        ("REINDEX (VERBOSE, CONCURRENTLY ON) INDEX t_key", "REINDEX CONCURRENTLY"),
        ("REINDEX (CONCURRENTLY 1) TABLE t", "REINDEX CONCURRENTLY"),
        ("REINDEX (CONCURRENTLY 'true') TABLE t", "REINDEX CONCURRENTLY"),
        ("REINDEX (CONCURRENTLY FALSE, CONCURRENTLY TRUE) TABLE t", "REINDEX CONCURRENTLY"),
        ("REINDEX (CONCURRENTLY FALSE) TABLE CONCURRENTLY t", "REINDEX CONCURRENTLY"),
        ("REINDEX SCHEMA public", "REINDEX SCHEMA"),
        ("reindex database postgres", "REINDEX DATABASE"),
        ("REINDEX SYSTEM postgres", "REINDEX SYSTEM"),
        ("REINDEX (VERBOSE) DATABASE postgres", "REINDEX DATABASE"),
        ("REINDEX (VERBOSE, CONCURRENTLY OFF) SCHEMA public", "REINDEX SCHEMA"),
        ("CLUSTER", "CLUSTER without a table"),
        ("cluster verbose", "CLUSTER without a table"),
        ("ALTER TABLE parted DETACH PARTITION part CONCURRENTLY", "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY"),
        (
            "alter table if exists only public.missing detach partition public.part /* now */ concurrently",
            "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY",
        ),
        ("CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p", "CREATE SUBSCRIPTION"),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p, q WITH (copy_data = false)",
            "CREATE SUBSCRIPTION",
        ),
        (
            "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (Create_Slot, connect = on)",
            "CREATE SUBSCRIPTION",
        ),
        ("ALTER SUBSCRIPTION s REFRESH PUBLICATION", "ALTER SUBSCRIPTION"),
        ("alter subscription s refresh publication with (copy_data = false)", "ALTER SUBSCRIPTION"),
        ("ALTER SUBSCRIPTION s SET PUBLICATION p, q", "ALTER SUBSCRIPTION"),
        ("ALTER SUBSCRIPTION s SET PUBLICATION p WITH (copy_data = false)", "ALTER SUBSCRIPTION"),
        ("ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (refresh)", "ALTER SUBSCRIPTION"),
        ("ALTER SUBSCRIPTION s DROP PUBLICATION p WITH (Refresh = on)", "ALTER SUBSCRIPTION"),
        ("ALTER SUBSCRIPTION s SET (failover = true)", "ALTER SUBSCRIPTION"),
        ("ALTER SUBSCRIPTION s SET (slot_name = 'x', two_phase = false)", "ALTER SUBSCRIPTION"),
        ("SELECT 1; VACUUM t", "VACUUM"),
        ("COMMIT; VACUUM t", "VACUUM"),
        ("ROLLBACK; CREATE DATABASE other; BEGIN", "CREATE DATABASE"),
        ("SELECT E'it\\'s; BEGIN'; DISCARD ALL; VACUUM", "DISCARD ALL"),
        ("SELECT $a$ VACUUM; $$ $a$; DROP DATABASE other", "DROP DATABASE"),
    ];

    /// None of these is refused with 25001 by any server, on a database that has what they name.
    const LEFT_TO_THE_SERVER: &[&str] = &[
        "",
        ";;-- VACUUM",
        "SELECT 1",
        "SELECT 'VACUUM; DISCARD ALL'",
        "SELECT E'\\'; VACUUM; --'",
        "SELECT E'a'\n'b\\'; VACUUM; --'",
        "SELECT $$; VACUUM; $$, $x$; VACUUM; $$; DISCARD ALL; $x$",
        "SELECT 1 AS \"a; VACUUM; \"",
        "SELECT U&'!0061; VACUUM; ' UESCAPE '!'",
        "SELECT 1 /* ; VACUUM; /* ; */ ; DISCARD ALL; */",
        "SELECT 1 -- ; VACUUM",
        "SELECT 1 AS vacuum",
        "CREATE TABLE vacuum (a int); SELECT a FROM vacuum",
        "CREATE TABLE cluster (database int, concurrently_done int)",
        "ANALYZE t",
        "EXPLAIN SELECT 1",
        "CREATE INDEX ON t (a)",
        "CREATE UNIQUE INDEX IF NOT EXISTS \"concurrently\" ON t (a)",
        "CREATE INDEX t_concurrently ON t (a)",
        "DROP INDEX t_key",
        "DROP INDEX IF EXISTS \"concurrently\"",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY seen",
        "REINDEX TABLE t",
        "REINDEX INDEX t_key",
        "REINDEX (VERBOSE) TABLE t",
        "REINDEX (CONCURRENTLY FALSE) TABLE t",
        "REINDEX (CONCURRENTLY OFF) TABLE t",
        "REINDEX (CONCURRENTLY 0) INDEX t_key",
        "REINDEX (CONCURRENTLY, CONCURRENTLY 'off') TABLE t",
        "REINDEX (CONCURRENTLY maybe) TABLE t",
        "CLUSTER t USING t_key",
        "CLUSTER VERBOSE t USING t_key",
        "CLUSTER t_key ON t",
        "ALTER TYPE mood ADD VALUE 'calm'",
        "ALTER TABLE parted DETACH PARTITION part",
        "ALTER TABLE parted DETACH PARTITION part FINALIZE",
        "ALTER TABLE t RENAME COLUMN a TO \"concurrently\"",
        "ALTER TABLE t ALTER COLUMN a SET STATISTICS 10",
        "ALTER TABLE ALL IN TABLESPACE pg_default SET TABLESPACE pg_default",
        "ALTER INDEX t_key SET TABLESPACE pg_default",
        "ALTER TABLESPACE pg_default SET (seq_page_cost = 1)",
        "ALTER DATABASE postgres SET work_mem = '8MB'",
        "ALTER DATABASE postgres SET tablespace.of = 'mine'",
        "ALTER DATABASE postgres RESET ALL",
        "ALTER DATABASE postgres CONNECTION LIMIT 50",
        "ALTER DATABASE postgres OWNER TO postgres",
        "DISCARD PLANS",
        "DISCARD SEQUENCES",
        "DISCARD TEMP",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (connect = false)",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (\"connect\" = false)",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (U&\"connect\" = 'off')",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (create_slot = false)",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (create_slot = /* ! */ off, slot_name = NONE, enabled = false)",
        "CREATE SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1' PUBLICATION p WITH (create_slot = 0, connect)",
        "ALTER SUBSCRIPTION s SET PUBLICATION p WITH (refresh = false)",
        "ALTER SUBSCRIPTION s ADD PUBLICATION p WITH (copy_data = true, refresh = off)",
        "ALTER SUBSCRIPTION s SET (slot_name = NONE, synchronous_commit = 'off')",
        "ALTER SUBSCRIPTION s DISABLE",
        "ALTER SUBSCRIPTION s ENABLE",
        "ALTER SUBSCRIPTION s CONNECTION 'host=127.0.0.1 port=1'",
        "ALTER SUBSCRIPTION s SKIP (lsn = NONE)",
        "ALTER SUBSCRIPTION s OWNER TO CURRENT_USER",
        "ALTER SUBSCRIPTION s RENAME TO failover",
        "CREATE FUNCTION f() RETURNS void LANGUAGE sql AS 'VACUUM'",
        "DO $$ BEGIN IF false THEN EXECUTE 'VACUUM'; END IF; END $$",
        "PREPARE vacuum AS SELECT 1",
        "PREPARE transaction AS SELECT 1",
        "DECLARE c CURSOR FOR SELECT 1; CLOSE c",
        "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; NOTIFY vacuum; SELECT 2)",
        "COMMENT ON TABLE t IS 'REINDEX DATABASE'",
        "CHECKPOINT",
        "COMMIT; SELECT 1; BEGIN",
        "SAVEPOINT a; ROLLBACK TO a",
    ];

    #[test]
    fn statements_that_no_transaction_block_takes_are_named() {
        for (script, name) in REFUSED {
            let found = outside_transaction(script).map(|found| found.name);
            assert_eq!(found, Some(*name), "{script}");
        }
    }

    #[test]
    fn everything_else_is_left_to_the_server() {
        for script in LEFT_TO_THE_SERVER {
            assert_eq!(outside_transaction(script), None, "{script}");
        }
    }

    #[test]
    fn the_place_of_the_first_one_is_told_in_bytes_and_in_characters() {
        let script = "SELECT 'größe'; -- ä\n VACUUM t; DISCARD ALL";
        let found = outside_transaction(script);
        let start = script.find("VACUUM").unwrap_or_default();
        assert_eq!(
            found,
            Some(OutsideTransaction {
                name: "VACUUM",
                range: start..start + "VACUUM t".len(),
                position: start + 1 - "öße".len() - "ä".len() + "öße".chars().count() + "ä".chars().count(),
            })
        );
    }

    #[test]
    fn text_behind_a_literal_that_a_setting_can_move_is_not_judged() {
        // Off, `standard_conforming_strings` makes one literal of everything up to the last quote.
        let script = r"SELECT 'C:\'; VACUUM; --'";
        assert_eq!(outside_transaction(script), None);
        assert!(outside_transaction(r"VACUUM; SELECT 'C:\'").is_some());
        assert!(outside_transaction(r"SELECT 'C:\dir'; VACUUM").is_some());
    }

    #[test]
    fn text_behind_inline_copy_data_is_not_judged() {
        assert_eq!(outside_transaction("COPY t FROM STDIN;\n1\n\\.\nVACUUM;"), None);
        assert!(outside_transaction("VACUUM; COPY t FROM STDIN;\n1\n\\.\n").is_some());
    }

    #[test]
    fn a_statement_too_long_to_be_parsed_is_not_judged() {
        let deep = format!("REINDEX (CONCURRENTLY {}1{}) TABLE t", "(".repeat(100_000), ")".repeat(100_000));
        assert_eq!(outside_transaction(&deep), None);
    }

    #[test]
    fn scripts_with_their_own_transactions_are_recognised() {
        for script in [
            "BEGIN",
            "begin isolation level serializable; SELECT 1; end",
            "SELECT 1; START TRANSACTION READ ONLY",
            "SELECT 1; COMMIT",
            "COMMIT AND CHAIN",
            "ABORT",
            "ROLLBACK",
            "ROLLBACK WORK",
            "ROLLBACK TRANSACTION AND NO CHAIN",
            "END WORK",
            "/* two phases */ PREPARE TRANSACTION 'a'",
        ] {
            assert!(has_transaction_control(script), "{script}");
        }
    }

    #[test]
    fn statements_that_stay_within_the_transaction_are_not_control() {
        for script in [
            "",
            "SELECT 'COMMIT; BEGIN'",
            "SAVEPOINT a; ROLLBACK TO a; RELEASE a",
            "ROLLBACK TRANSACTION TO SAVEPOINT a",
            "COMMIT PREPARED 'a'; ROLLBACK PREPARED 'a'",
            "PREPARE transaction AS SELECT 1; PREPARE transaction (int) AS SELECT $1",
            "DO $$ BEGIN COMMIT; END $$",
            "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2 end; END",
            "CREATE TABLE begin_ (\"commit\" int)",
            "START_REPLICATION",
        ] {
            assert!(!has_transaction_control(script), "{script}");
        }
    }
}
