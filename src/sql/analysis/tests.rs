//! What the analysis says of statements of every kind, and that no text ends the process.

use super::{Options, Refusal, Statement, analyze};
use crate::sql::lint::Chosen;

fn each<T: Send>(script: &str, take: impl FnMut(&Statement<'_>) -> T + Send) -> Result<Vec<T>, Refusal> {
    version(script, 17, take)
}

fn version<T: Send>(
    script: &str,
    server_version: u32,
    mut take: impl FnMut(&Statement<'_>) -> T + Send,
) -> Result<Vec<T>, Refusal> {
    let options = Options { server_version, in_transaction: false, rules: Chosen::default() };
    let mut found = Vec::new();
    analyze(script, options, |statement| found.push(take(&statement)))?;
    Ok(found)
}

fn kinds(script: &str) -> Result<Vec<String>, Refusal> {
    each(script, |statement| statement.kind.to_string())
}

fn classes(script: &str) -> Vec<&'static str> {
    each(script, |statement| statement.class.as_str()).unwrap_or_default()
}

fn locks(script: &str, server_version: u32) -> Vec<(String, &'static str)> {
    let found = version(script, server_version, |statement| {
        statement.locks.iter().map(|lock| (lock.relation.clone(), lock.mode.as_str())).collect::<Vec<_>>()
    });
    found.unwrap_or_default().concat()
}

/// A shape is written as what is repeated before the middle, the middle, and what is repeated behind it.
fn repeated(head: &str, before: &str, middle: &str, behind: &str, times: usize) -> String {
    format!("{head}{}{middle}{}", before.repeat(times), behind.repeat(times))
}

/// What nests, and counts.
const NESTED: &[(&str, &str, &str, &str)] = &[
    ("SELECT ", "(", "1", ")"),
    ("SELECT ", "(SELECT ", "1", ")"),
    ("SELECT * FROM ", "(SELECT * FROM ", "t", ") x"),
    ("SELECT * FROM ", "(", "t CROSS JOIN u", ")"),
    ("SELECT 1 WHERE ", "1 IN (SELECT 1 WHERE ", "true", ")"),
    ("SELECT 1 WHERE ", "EXISTS (SELECT 1 WHERE ", "true", ")"),
    ("SELECT ", "CASE WHEN true THEN ", "1", " END"),
    ("SELECT ", "CASE ", "1", " WHEN 1 THEN 2 END"),
    ("SELECT ", "f(", "1", ")"),
    ("SELECT ARRAY", "[", "1", "]"),
    ("SELECT ", "a[", "1", "]"),
    ("", "(", "SELECT 1", ")"),
    ("", "WITH a AS (", "SELECT 1", ") SELECT 1"),
    ("SELECT ", "NOT (", "true", ")"),
    ("CREATE TABLE t (a int CHECK (", "(", "true", ")"),
    ("", "EXPLAIN (COSTS off) (", "SELECT 1", ")"),
];

/// Chains, which don't count.
const CHAINS: &[(&str, &str, &str, &str)] = &[
    ("SELECT 1", "+1", "", ""),
    ("SELECT 1", " + 1", "", ""),
    ("SELECT a", " AND b", "", ""),
    ("SELECT a", " OR b = 1", "", ""),
    ("DELETE FROM t WHERE id = 0", " OR t.id = 1", "", ""),
    ("DELETE FROM t WHERE id = 0", " AND t.id <> 1", "", ""),
    ("SELECT ", "NOT ", "true", ""),
    ("SELECT ", "- ", "1", ""),
    ("SELECT ", "@ ", "1", ""),
    ("SELECT a", "||b", "", ""),
    ("SELECT a", " = b", "", ""),
    ("SELECT a", "::int", "", ""),
    ("SELECT a", ".b", "", ""),
    ("SELECT a", "[1]", "", ""),
    ("SELECT a::int", "[]", "", ""),
    ("SELECT a", " COLLATE c", "", ""),
    ("SELECT a", " IS NULL", "", ""),
    ("SELECT a", " BETWEEN b AND c", "", ""),
    ("SELECT 1", " UNION SELECT 1", "", ""),
    ("SELECT * FROM a", " JOIN b ON true", "", ""),
    ("SELECT * FROM a", " CROSS JOIN b", "", ""),
    ("SELECT * FROM a", " NATURAL JOIN b", "", ""),
    ("SELECT * FROM a", " JOIN b", "", " ON true"),
    ("SELECT 1", ", 1", "", ""),
    ("SELECT 1 IN (1", ", 1", ")", ""),
    ("SELECT CASE", " WHEN a THEN b", " END", ""),
    ("", "/*", "SELECT 1", "*/"),
    ("SELECT 1 ", "/**/", "", ""),
    ("SELECT '", "''", "'", ""),
    ("", "SELECT 1;", "", ""),
    ("", ";", "", ""),
];

/// What is no statement at all.
const BROKEN: &[&str] = &[
    "(",
    ")",
    "[",
    "]",
    "{",
    "CASE ",
    "BEGIN ATOMIC ",
    "EXPLAIN ",
    "PREPARE a AS ",
    "WITH ",
    "CREATE ",
    "SELECT ",
    "NOT ",
    "CREATE RULE r AS ON INSERT TO t DO ",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC ",
    "a ",
    "1 ",
    "'",
    "\"",
    "$$",
    "/*",
    "- ",
    "+",
    ".",
    ",",
    "\u{feff}",
    "\0",
    "é",
    "CREATE SCHEMA a ",
    "JOIN ",
    "a[",
    "f(",
    "END ",
    "WHEN ",
    "DECLARE c CURSOR FOR ",
    "GRANT ",
    "ALTER TABLE t ",
    "CAST(",
    "::",
    "$1",
    "?",
    "U&\"",
    "E'\\",
];

#[test]
fn nesting_is_answered_up_to_the_limit_and_refused_behind_it() {
    for (head, before, middle, behind) in NESTED {
        for times in [500, 900] {
            let script = repeated(head, before, middle, behind, times);
            assert!(kinds(&script).is_ok_and(|kinds| kinds.len() == 1), "{times} x {before}");
        }
        for times in [1_100, 20_000] {
            let script = format!("SELECT 1;{}", repeated(head, before, middle, behind, times));
            assert_eq!(kinds(&script), Err(Refusal::TooDeep { start: 9 }), "{times} x {before}");
        }
    }
}

#[test]
fn chains_of_a_hundred_thousand_are_answered() {
    for (head, before, middle, behind) in CHAINS {
        let script = repeated(head, before, middle, behind, 100_000);
        let kinds = kinds(&script).unwrap_or_default();
        assert!(!kinds.contains(&"UNKNOWN".to_owned()), "{before}");
        assert!(!kinds.is_empty() || *before == ";" || *before == "/*", "{before}");
    }
}

#[test]
fn no_text_ends_the_process_however_long_or_broken() {
    for piece in BROKEN {
        for times in [100, 10_000] {
            for head in ["", "SELECT ", "SELECT * FROM t "] {
                let _answer = kinds(&format!("{head}{}", piece.repeat(times)));
            }
        }
    }
}

#[test]
fn eight_megabytes_of_a_shape_are_answered_or_refused() {
    for piece in ["(", "NOT ", "1+", "a AND ", "CASE ", "- ", "[", "a::", "JOIN b ", "/*"] {
        let script = format!("SELECT {}", piece.repeat(8 * 1024 * 1024 / piece.len()));
        let _answer = kinds(&script);
    }
}

#[test]
fn it_works_on_a_small_stack() {
    let script = repeated("SELECT ", "(SELECT ", "1", ")", 900);
    let small = std::thread::Builder::new().stack_size(256 * 1024).spawn(move || kinds(&script));
    let answer = small.map(|thread| thread.join().unwrap_or(Ok(Vec::new())));
    assert_eq!(answer.ok(), Some(Ok(vec!["SELECT".to_owned()])));
}

#[test]
fn what_cannot_be_parsed_is_unknown_and_its_neighbours_are_not() {
    let script = "SELECT 1; SELEC 2; CREATE TABLE; DROP TABLE t";
    assert_eq!(kinds(script), Ok(["SELECT", "UNKNOWN", "UNKNOWN", "DROP TABLE"].map(str::to_owned).into()));
    assert_eq!(classes(script), ["read", "unknown", "unknown", "destructive"]);
}

#[test]
fn the_gravest_class_inside_counts() {
    for (script, class) in [
        ("WITH a AS (INSERT INTO t VALUES (1) RETURNING *) SELECT * FROM a", "write"),
        ("WITH a AS (DELETE FROM t RETURNING *), b AS (SELECT 1) SELECT * FROM a", "destructive"),
        ("SELECT (SELECT 1 FROM t FOR UPDATE)", "write"),
        ("COPY (DELETE FROM t RETURNING *) TO STDOUT", "destructive"),
        ("COPY (SELECT 1) TO PROGRAM 'cat'", "server"),
        ("CREATE TABLE a AS WITH b AS (DELETE FROM t RETURNING *) SELECT * FROM b", "destructive"),
        ("CREATE TABLE a AS EXECUTE p", "opaque"),
        ("DECLARE c CURSOR FOR SELECT 1 FOR UPDATE", "write"),
        ("PREPARE p AS TRUNCATE t", "unknown"),
        ("PREPARE p AS DELETE FROM t", "destructive"),
        ("EXPLAIN (ANALYZE 'off', ANALYZE tRuE) DELETE FROM t", "destructive"),
        ("EXPLAIN DELETE FROM t", "read"),
        ("CREATE SCHEMA s CREATE TABLE t (a int) GRANT SELECT ON t TO x", "privilege"),
        ("ALTER TABLE t ADD COLUMN a int, DROP COLUMN b, OWNER TO x", "privilege"),
        ("ALTER TABLE t ADD COLUMN a int, DROP COLUMN b", "destructive"),
    ] {
        assert_eq!(classes(script), [class], "{script}");
    }
}

#[test]
fn a_condition_that_is_the_same_for_all_rows_is_none() {
    for condition in [
        "true",
        "1 = 1",
        "(NOT false)",
        "'a' <> 'b' AND 2 > 1",
        "id = id",
        "id = 1 OR true",
        "now() > 'today'",
        "current_user = 'x'",
        "1::int = 1",
        "true OR id = 1 OR false",
        "NULL IS NULL",
        "pg_catalog.now() IS NOT NULL",
    ] {
        assert_eq!(classes(&format!("DELETE FROM t WHERE {condition}")), ["destructive"], "{condition}");
        assert_eq!(classes(&format!("UPDATE t SET a = b WHERE {condition}")), ["destructive"], "{condition}");
    }
    for condition in [
        "id = 1",
        "true AND id = 1",
        "id = 1 OR false",
        "NOT gone",
        "EXISTS (SELECT FROM u)",
        "id IN (1)",
        "t.id = $1",
        "CURRENT OF c",
        "(id, a) = (1, 2)",
        "\"Id\" IS NULL",
        "lower(name) = 'a'",
        "id BETWEEN 1 AND 2",
    ] {
        assert_eq!(classes(&format!("DELETE FROM t WHERE {condition}")), ["write"], "{condition}");
    }
}

#[test]
fn names_of_relations_are_folded_and_unquoted() {
    for (table, name) in [
        ("T", "t"),
        ("Public.\"T\"", "public.T"),
        ("\"a\"\"b\".c", "a\"b.c"),
        ("U&\"d\\0061t\"", "dat"),
        ("U&\"d!0061t\" UESCAPE '!'", "dat"),
        ("/* x */ a /* y */ . b", "a.b"),
        ("ÄB", "Äb"),
    ] {
        assert_eq!(locks(&format!("TRUNCATE {table}"), 17), [(name.to_owned(), "ACCESS EXCLUSIVE")], "{table}");
    }
}

#[test]
fn versions_change_locks_and_what_a_transaction_takes() {
    let attach = "ALTER TABLE t ATTACH PARTITION p DEFAULT";
    assert_eq!(locks(attach, 11)[0].1, "ACCESS EXCLUSIVE");
    assert_eq!(locks(attach, 12)[0].1, "SHARE UPDATE EXCLUSIVE");
    let rename = "ALTER INDEX i RENAME TO j";
    assert_eq!(locks(rename, 11)[0].1, "ACCESS EXCLUSIVE");
    assert_eq!(locks(rename, 12)[0].1, "SHARE UPDATE EXCLUSIVE");
    let add = "ALTER TYPE e ADD VALUE 'a'";
    let fits = |server_version| version(add, server_version, |statement| statement.transactional);
    assert_eq!([fits(11), fits(12)], [Ok(vec![false]), Ok(vec![true])]);
}

#[test]
fn a_foreign_key_locks_both_tables() {
    let both = [("t".to_owned(), "SHARE ROW EXCLUSIVE"), ("s.u".to_owned(), "SHARE ROW EXCLUSIVE")];
    assert_eq!(locks("ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES s.u NOT VALID", 17), both);
    let other = [("s.u".to_owned(), "SHARE ROW EXCLUSIVE")];
    assert_eq!(locks("CREATE TABLE t (a int REFERENCES s.u (b), c int REFERENCES t)", 17), other);
}
