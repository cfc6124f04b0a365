//! Each rule: where it has something to say, at which text, and where it hasn't.

use std::collections::BTreeSet;

use super::*;
use crate::sql::analysis::{Options, analyze};

const DEFAULT: Options = Options { server_version: 17, in_transaction: false, rules: Chosen::NONE };

fn lint_with(script: &str, options: Options) -> Vec<Finding> {
    let mut found = Vec::new();
    let done = analyze(script, options, |statement| found.extend(statement.findings));
    assert_eq!(done, Ok(()), "{script}");
    found
}

/// Whether a rule is on only where it is asked for.
fn is_optional(rule: &Rule) -> bool {
    squawk::rule(rule.name).is_some_and(|rule| rule.is_opt_in())
}

/// The texts that a rule speaks of.
fn texts<'a>(rule: &str, script: &'a str, options: Options) -> Vec<&'a str> {
    let found = lint_with(script, options);
    found
        .iter()
        .filter(|finding| finding.rule == rule)
        .filter_map(|finding| script.get(finding.range.clone()))
        .collect()
}

#[test]
fn a_setting_without_a_word_before_its_value_may_begin_with_any_character() {
    for script in ["SET NAMES '🐘'", "SET a é", "SET NAMES DEFAULT", "SET a TO 'é'", "SET a ="] {
        lint_with(script, DEFAULT);
    }
}

/// A rule, a script, and the text in it that the rule speaks of.
const FIRES: &[(&str, &str, &str)] = &[
    ("require-concurrent-index-creation", "CREATE INDEX i ON t (a) ;", "CREATE INDEX i ON t (a)"),
    ("require-concurrent-index-deletion", "DROP INDEX i", "DROP INDEX i"),
    ("constraint-missing-not-valid", "ALTER TABLE t ADD CHECK (a > 0)", "ADD CHECK (a > 0)"),
    ("adding-field-with-default", "ALTER TABLE t ADD c float DEFAULT random()", "random()"),
    (
        "adding-field-with-default",
        "ALTER TABLE t ADD c int GENERATED ALWAYS AS (1) STORED",
        "GENERATED ALWAYS AS (1) STORED",
    ),
    ("adding-foreign-key-constraint", "ALTER TABLE t ADD c int REFERENCES u", "REFERENCES u"),
    ("changing-column-type", "ALTER TABLE t ALTER a TYPE text", "TYPE text"),
    ("adding-not-nullable-field", "ALTER TABLE t ALTER a SET NOT NULL", "SET NOT NULL"),
    ("adding-serial-primary-key-field", "ALTER TABLE t ADD PRIMARY KEY (a)", "PRIMARY KEY (a)"),
    ("adding-required-field", "ALTER TABLE t ADD COLUMN c text NOT NULL", "ADD COLUMN c text NOT NULL"),
    ("disallowed-unique-constraint", "ALTER TABLE t ADD UNIQUE (a)", "UNIQUE (a)"),
    ("require-concurrent-partition-detach", "ALTER TABLE t DETACH PARTITION p", "DETACH PARTITION p"),
    ("require-concurrent-reindex", "REINDEX TABLE t", "REINDEX TABLE t"),
    ("require-lock-timeout", "SELECT 1; ALTER TABLE t ADD c text", "ALTER TABLE t ADD c text"),
    ("require-lock-timeout", "CREATE TABLE n (a int REFERENCES t)", "CREATE TABLE n (a int REFERENCES t)"),
    ("require-statement-timeout", "SET lock_timeout = 1; DROP TABLE t; DROP TABLE u", "DROP TABLE t"),
    ("ban-alter-domain-with-add-constraint", "ALTER DOMAIN d ADD CHECK (VALUE > 0)", "ADD CHECK (VALUE > 0)"),
    ("ban-create-domain-with-constraint", "CREATE DOMAIN d AS int CHECK (VALUE > 0)", "CHECK (VALUE > 0)"),
    ("ban-drop-column", "ALTER TABLE t DROP COLUMN a", "DROP COLUMN a"),
    ("ban-drop-table", "DROP TABLE t", "DROP TABLE t"),
    ("ban-drop-database", "DROP DATABASE d", "DROP DATABASE d"),
    ("ban-drop-schema", "DROP SCHEMA s", "DROP SCHEMA s"),
    ("ban-drop-view", "DROP VIEW v", "DROP VIEW v"),
    ("ban-drop-function", "DROP FUNCTION f(int)", "DROP FUNCTION f(int)"),
    ("ban-drop-type", "DROP TYPE e", "DROP TYPE e"),
    ("ban-drop-domain", "DROP DOMAIN d", "DROP DOMAIN d"),
    ("ban-drop-sequence", "DROP SEQUENCE s", "DROP SEQUENCE s"),
    ("ban-drop-extension", "DROP EXTENSION x", "DROP EXTENSION x"),
    ("ban-drop-constraint", "ALTER TABLE t DROP CONSTRAINT c", "DROP CONSTRAINT c"),
    ("ban-drop-not-null", "ALTER TABLE t ALTER a DROP NOT NULL", "DROP NOT NULL"),
    ("ban-drop-default", "ALTER TABLE t ALTER a DROP DEFAULT", "DROP DEFAULT"),
    ("ban-drop-generated-expression", "ALTER TABLE t ALTER a DROP EXPRESSION", "DROP EXPRESSION"),
    ("ban-alter-identity", "ALTER TABLE t ALTER a DROP IDENTITY", "DROP IDENTITY"),
    ("ban-set-schema", "ALTER TABLE t SET SCHEMA s", "SET SCHEMA s"),
    ("renaming-table", "ALTER TABLE t RENAME TO u", "RENAME TO u"),
    ("renaming-column", "ALTER TABLE t RENAME a TO b", "RENAME a TO b"),
    ("renaming-object", "ALTER VIEW v RENAME TO w", "RENAME TO w"),
    ("ban-truncate-cascade", "TRUNCATE t CASCADE", "CASCADE"),
    ("require-enum-value-ordering", "ALTER TYPE e ADD VALUE 'a'", "ADD VALUE 'a'"),
    ("prefer-bigint-over-int", "CREATE TABLE t (a int)", "int"),
    ("prefer-bigint-over-smallint", "CREATE TABLE t (a smallint)", "smallint"),
    ("prefer-identity", "CREATE TABLE t (a bigserial)", "bigserial"),
    ("prefer-text-field", "CREATE TABLE t (a varchar(9))", "varchar(9)"),
    ("prefer-timestamp-tz", "CREATE TABLE t (a timestamp)", "timestamp"),
    ("ban-char-field", "CREATE TABLE t (a char(9))", "char(9)"),
    (
        "identifier-too-long",
        "SELECT 1 AS a; CREATE TABLE a234567890123456789012345678901234567890123456789012345678901234 (a int)",
        "a234567890123456789012345678901234567890123456789012345678901234",
    ),
    ("prefer-robust-stmts", "CREATE TABLE t (a text)", "CREATE TABLE t (a text)"),
    ("transaction-nesting", "COMMIT", "COMMIT"),
    (
        "ban-concurrent-index-creation-in-transaction",
        "BEGIN; CREATE INDEX CONCURRENTLY i ON t (a); COMMIT",
        "CONCURRENTLY",
    ),
    ("ban-uncommitted-transaction", "BEGIN; SELECT 1", "BEGIN"),
    ("unused-ignore", "-- pgfleet-ignore nothing\nSELECT 1", "nothing"),
    ("lock-on-second-table", "BEGIN; LOCK TABLE a; ALTER TABLE b ADD c int; COMMIT", "ALTER TABLE b ADD c int"),
    (
        "lock-on-second-table",
        "BEGIN; DROP TABLE b; ALTER TABLE c ADD a int REFERENCES b; COMMIT",
        "ALTER TABLE c ADD a int REFERENCES b",
    ),
    ("enum-value-before-commit", "BEGIN; ALTER TYPE e ADD VALUE 'b'; INSERT INTO t VALUES ('a', 'b'); COMMIT", "'b'"),
    ("session-setting-leaks", "SET search_path = a, b", "SET search_path = a, b"),
    ("session-setting-leaks", "SET ROLE a; RESET work_mem", "SET ROLE a"),
    (
        "session-setting-leaks",
        "SELECT set_config('a.b', (SELECT 'c'), false)",
        "SELECT set_config('a.b', (SELECT 'c'), false)",
    ),
    ("rewriting-default", "ALTER TABLE t ADD c serial", "serial"),
    ("replacing-hot-view", "CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW v AS SELECT 1"),
    ("policy-on-hot-table", "DROP POLICY p ON t", "DROP POLICY p ON t"),
    ("policy-on-hot-table", "ALTER TABLE t FORCE ROW LEVEL SECURITY", "ALTER TABLE t FORCE ROW LEVEL SECURITY"),
    ("trigger-on-hot-table", "DROP TRIGGER g ON t", "DROP TRIGGER g ON t"),
    ("trigger-on-hot-table", "ALTER TABLE t DISABLE TRIGGER g", "ALTER TABLE t DISABLE TRIGGER g"),
    ("require-table-schema", "DROP TABLE t", "t"),
    ("ban-drop-trigger", "DROP TRIGGER g ON t", "DROP TRIGGER g ON t"),
    ("ban-alter-generated-expression", "ALTER TABLE t ALTER a SET EXPRESSION AS (1)", "SET EXPRESSION AS (1)"),
    ("ban-drop-index", "DROP INDEX i", "DROP INDEX i"),
    ("ban-set-default", "ALTER TABLE t ALTER a SET DEFAULT 1", "SET DEFAULT 1"),
    ("ban-disable-trigger", "ALTER TABLE t DISABLE TRIGGER g", "DISABLE TRIGGER g"),
    ("ban-replica-identity", "ALTER TABLE t REPLICA IDENTITY FULL", "REPLICA IDENTITY FULL"),
    ("ban-drop-policy", "DROP POLICY p ON t", "DROP POLICY p ON t"),
    ("ban-revoke", "REVOKE ALL ON t FROM a", "REVOKE ALL ON t FROM a"),
    ("ban-replace-view-function", "CREATE OR REPLACE VIEW v AS SELECT 1", "CREATE OR REPLACE VIEW v AS SELECT 1"),
    ("ban-alter-policy-condition", "ALTER POLICY p ON t USING (true)", "USING (true)"),
    ("ban-alter-policy-roles", "ALTER POLICY p ON t TO a", "TO a"),
    ("ban-create-policy", "CREATE POLICY p ON t", "CREATE POLICY p ON t"),
    ("ban-alter-function-options", "ALTER FUNCTION f() STABLE", "STABLE"),
    ("ban-alter-view-options", "ALTER VIEW v SET (security_barrier)", "SET (security_barrier)"),
    ("ban-alter-role-options", "ALTER ROLE a SET x = 1", "SET x = 1"),
    ("ban-alter-database-options", "ALTER DATABASE a SET x = 1", "SET x = 1"),
    ("ban-alter-row-level-security", "ALTER TABLE t ENABLE ROW LEVEL SECURITY", "ENABLE ROW LEVEL SECURITY"),
    ("ban-new-write-restriction", "ALTER TABLE t ADD CHECK (true)", "ADD CHECK (true)"),
    ("ban-add-enum-value", "ALTER TYPE e ADD VALUE 'a'", "ADD VALUE 'a'"),
    ("ban-add-composite-attribute", "ALTER TYPE e ADD ATTRIBUTE a text", "ADD ATTRIBUTE a text"),
    ("ban-add-column", "ALTER TABLE t ADD a text", "ADD a text"),
    ("ban-detach-inheritance", "ALTER TABLE t NO INHERIT u", "NO INHERIT u"),
    ("ban-alter-sequence-values", "ALTER SEQUENCE s RESTART", "RESTART"),
    ("ban-alter-system-options", "ALTER SYSTEM SET x = 1", "SET x = 1"),
    ("ban-alter-extension", "ALTER EXTENSION x UPDATE", "UPDATE"),
];

#[test]
fn each_rule_speaks_of_just_the_text_that_it_is_about() {
    let options = Options { rules: Chosen::ALL, ..DEFAULT };
    for (rule, script, text) in FIRES {
        assert_eq!(texts(rule, script, options), [*text], "{rule}: {script}");
    }
    let repack = texts("prefer-repack", "VACUUM FULL t", Options { server_version: 19, ..DEFAULT });
    assert_eq!(repack, ["VACUUM FULL t"]);
    let twice = texts("ban-duplicate-column-assignments", "INSERT INTO t (a, B, b) VALUES (1, 2, 3)", DEFAULT);
    assert_eq!(twice, ["B", "b"]);
    assert_eq!(texts("ban-duplicate-column-assignments", "UPDATE t SET a = 1, a = 2", DEFAULT), ["a", "a"]);
}

#[test]
fn each_rule_is_tried() {
    let tried: BTreeSet<_> = FIRES.iter().map(|(rule, ..)| *rule).collect();
    let untried: Vec<_> = rules::all().map(|rule| rule.name).filter(|name| !tried.contains(name)).collect();
    // The first two above; the third stands for two others.
    assert_eq!(untried, ["prefer-repack", "ban-duplicate-column-assignments", "require-timeout-settings"]);
}

#[test]
fn all_rules_that_squawk_has_on_are_known_and_those_that_are_optional_are_on_by_option_alone() {
    for rule in squawk::all() {
        let name = rule.to_string();
        assert!(rules::named(&name).is_some(), "{name}");
    }
    for (rule, script, _) in FIRES {
        let known = rules::named(rule).is_some_and(is_optional);
        assert_eq!(texts(rule, script, DEFAULT).is_empty(), known, "{rule}: {script}");
    }
    assert_eq!(Chosen::NONE.with("no-such-rule"), None);
}

#[test]
fn a_finding_names_the_statements_own_objects_and_has_a_remedy() {
    let options = Options { rules: Chosen::ALL, ..DEFAULT };
    for (_, script, _) in FIRES {
        for finding in lint_with(script, options) {
            let Finding { rule, message, why, remedy, .. } = finding;
            assert!(!message.contains(['{', '}']) && message.ends_with('.'), "{rule}: {message}");
            assert!(!why.is_empty() && !remedy.is_empty(), "{rule}: {script}");
        }
    }
    let found = lint_with("ALTER TABLE \"S\".t ADD CONSTRAINT c FOREIGN KEY (a) REFERENCES u", DEFAULT);
    let found = found.iter().find(|finding| finding.rule == "adding-foreign-key-constraint");
    assert_eq!(
        found.map(|finding| finding.message.as_str()),
        Some(
            "The foreign key in CONSTRAINT c FOREIGN KEY (a) REFERENCES u reads all of \"S\".t while writes to both of \
             its tables wait."
        )
    );
}

/// A rule, and a script that it has nothing to say about.
const SILENT: &[(&str, &str)] = &[
    ("require-concurrent-index-creation", "CREATE INDEX CONCURRENTLY i ON t (a)"),
    ("require-concurrent-index-creation", "CREATE TABLE IF NOT EXISTS t (a int); CREATE INDEX i ON public.T (a)"),
    ("require-concurrent-index-creation", "CREATE TABLE s.\"T\" (a int); CREATE INDEX i ON s.\"T\" (a)"),
    ("require-concurrent-index-creation", "SET search_path = s; CREATE TABLE t (a int); CREATE INDEX i ON s.t (a)"),
    (
        "require-concurrent-index-creation",
        "CREATE TABLE a AS SELECT 1; ALTER TABLE a RENAME TO t; CREATE INDEX i ON t (a)",
    ),
    ("require-concurrent-index-creation", "SELECT 1 AS a INTO t; CREATE INDEX i ON t (a)"),
    ("require-concurrent-index-deletion", "CREATE TABLE t (a int); CREATE INDEX i ON t (a); DROP INDEX i"),
    ("constraint-missing-not-valid", "ALTER TABLE t ADD CHECK (a > 0) NOT VALID"),
    ("constraint-missing-not-valid", "CREATE TABLE t (a int); ALTER TABLE t ADD CHECK (a > 0)"),
    ("adding-field-with-default", "ALTER TABLE t ADD c int DEFAULT 1"),
    ("adding-field-with-default", "ALTER TABLE t ADD c timestamptz DEFAULT date_trunc('day', pg_catalog.now())"),
    ("adding-field-with-default", "CREATE TABLE t (a int); ALTER TABLE t ADD c float DEFAULT random()"),
    ("adding-foreign-key-constraint", "CREATE TABLE t (a int); ALTER TABLE t ADD FOREIGN KEY (a) REFERENCES u"),
    ("changing-column-type", "CREATE TABLE t (a int); ALTER TABLE t ALTER a TYPE text"),
    ("adding-not-nullable-field", "CREATE TABLE t (a int); ALTER TABLE t ALTER a SET NOT NULL"),
    ("adding-serial-primary-key-field", "ALTER TABLE t ADD PRIMARY KEY USING INDEX i"),
    ("adding-required-field", "ALTER TABLE t ADD c int NOT NULL DEFAULT 1"),
    ("disallowed-unique-constraint", "ALTER TABLE t ADD UNIQUE USING INDEX i"),
    ("require-lock-timeout", "SET lock_timeout = '1s'; ALTER TABLE t ADD c text"),
    ("require-lock-timeout", "BEGIN; SET LOCAL lock_timeout = '1s'; ALTER TABLE t ADD c text; COMMIT"),
    ("require-lock-timeout", "CREATE INDEX CONCURRENTLY i ON t (a)"),
    ("require-lock-timeout", "CREATE TABLE t (a int); ALTER TABLE t ADD c text"),
    ("require-statement-timeout", "SET statement_timeout = '1s'; ALTER TABLE t ADD c text"),
    ("ban-drop-table", "CREATE TEMP TABLE t (a int); DROP TABLE t"),
    ("prefer-bigint-over-int", "CREATE TABLE t (a bigint)"),
    ("transaction-nesting", "BEGIN; COMMIT"),
    ("ban-uncommitted-transaction", "BEGIN; ROLLBACK"),
    ("lock-on-second-table", "ALTER TABLE a ADD c int; ALTER TABLE b ADD c int"),
    ("lock-on-second-table", "BEGIN; ALTER TABLE a ADD c int; ALTER TABLE a ADD d int; COMMIT"),
    ("lock-on-second-table", "BEGIN; CREATE TABLE a (c int); ALTER TABLE a ADD d int; ALTER TABLE b ADD c int; COMMIT"),
    ("lock-on-second-table", "BEGIN; ALTER TABLE a ADD c int; COMMIT; BEGIN; ALTER TABLE b ADD c int; COMMIT"),
    ("enum-value-before-commit", "ALTER TYPE e ADD VALUE 'b'; INSERT INTO t VALUES ('b')"),
    (
        "enum-value-before-commit",
        "BEGIN; CREATE TYPE e AS ENUM ('a'); ALTER TYPE e ADD VALUE 'b'; SELECT 'b'::e; COMMIT",
    ),
    ("enum-value-before-commit", "BEGIN; ALTER TYPE e ADD VALUE 'b'; ALTER TYPE e ADD VALUE 'c' AFTER 'b'; COMMIT"),
    ("session-setting-leaks", "BEGIN; SET LOCAL a.b = 1; SET TRANSACTION READ ONLY; COMMIT"),
    ("session-setting-leaks", "SET a.b = 1; RESET a.b; SET ROLE x; RESET ALL"),
    ("session-setting-leaks", "SET a.b = 1; SET ROLE x; DISCARD ALL"),
    ("session-setting-leaks", "SELECT set_config('a.b', 'c', true)"),
    ("rewriting-default", "ALTER TABLE t ADD c float DEFAULT random()"),
    ("rewriting-default", "CREATE TABLE t (a int); ALTER TABLE t ADD c serial"),
    ("replacing-hot-view", "CREATE VIEW v AS SELECT 1; CREATE OR REPLACE VIEW v AS SELECT 2"),
    ("replacing-hot-view", "SET lock_timeout = 1; CREATE OR REPLACE VIEW v AS SELECT 2"),
    ("policy-on-hot-table", "CREATE TABLE t (a int); ALTER TABLE t ENABLE ROW LEVEL SECURITY; CREATE POLICY p ON t"),
    ("trigger-on-hot-table", "CREATE TABLE t (a int); CREATE TRIGGER g BEFORE INSERT ON t EXECUTE FUNCTION f()"),
    ("ban-drop-column", "-- pgfleet-ignore ban-drop-column\nALTER TABLE t DROP COLUMN a"),
    ("unused-ignore", "-- squawk-ignore ban-drop-column, prefer-timestamptz -- for good\nSELECT 1"),
];

#[test]
fn no_rule_speaks_without_need() {
    for (rule, script) in SILENT {
        assert_eq!(texts(rule, script, DEFAULT), Vec::<&str>::new(), "{rule}: {script}");
    }
}

#[test]
fn rules_on_types_and_names_hold_for_new_tables_too() {
    let script = "CREATE TABLE t (a int); ALTER TABLE t ADD b varchar(9) NOT NULL, ADD UNIQUE (a)";
    let found: Vec<_> = lint_with(script, DEFAULT).into_iter().map(|finding| finding.rule).collect();
    assert_eq!(
        found,
        [
            "prefer-robust-stmts",
            "prefer-bigint-over-int",
            "prefer-robust-stmts",
            "prefer-text-field",
            "prefer-robust-stmts"
        ]
    );
}

#[test]
fn a_table_whose_creation_is_rolled_back_is_not_new() {
    let script = "BEGIN; CREATE TABLE t (a int); ROLLBACK; DROP TABLE t";
    assert_eq!(texts("ban-drop-table", script, DEFAULT), ["DROP TABLE t"]);
    let other = "CREATE TABLE archive.t (a int); CREATE INDEX i ON t (a)";
    assert_eq!(texts("require-concurrent-index-creation", other, DEFAULT), ["CREATE INDEX i ON t (a)"]);
}

#[test]
fn a_transaction_of_others_is_one() {
    let options = Options { in_transaction: true, ..DEFAULT };
    assert_eq!(texts("transaction-nesting", "BEGIN; SELECT 1", options), ["BEGIN"]);
    let script = "ALTER TABLE a ADD c int; ALTER TABLE b ADD c int";
    assert_eq!(texts("lock-on-second-table", script, options), ["ALTER TABLE b ADD c int"]);
    let script = "ALTER TYPE e ADD VALUE 'x'; SELECT 'x'::e";
    assert_eq!(texts("enum-value-before-commit", script, options), ["'x'"]);
}

#[test]
fn ranges_hold_behind_copy_data_emoji_and_statements_that_are_broken_or_odd() {
    let script = "SET NAMES 'utf8'; COPY t FROM STDIN;\n;'🐘\n\\.\nSELECT (; /* 🐘 */ DROP TABLE t;";
    assert_eq!(texts("ban-drop-table", script, DEFAULT), Vec::<&str>::new(), "all behind the parenthesis is one");
    let script =
        "COPY t FROM STDIN;\n;'🐘\n\\.\nCREATE TABLE ); ALTER 🐘; /* 🐘 */ DROP TABLE t;\nFOO; drop table \"🐘\" ;";
    assert_eq!(texts("ban-drop-table", script, DEFAULT), ["DROP TABLE t", "drop table \"🐘\""]);
}

#[test]
fn no_text_makes_it_panic_or_crawl() {
    let deep = format!("CREATE VIEW v AS SELECT {}1{}", "(".repeat(900), ")".repeat(900));
    let long = format!("CREATE VIEW v AS SELECT {}1", "1+".repeat(100_000));
    let nested = format!("ALTER TABLE t ADD CHECK ({}a{}), ADD c serial", "NOT (".repeat(300), ")".repeat(300));
    for script in [deep, long, nested, "ALTER TABLE t ADD".to_owned(), "SET".to_owned(), "DROP INDEX".to_owned()] {
        lint_with(&script, Options { rules: Chosen::ALL, ..DEFAULT });
    }
    for (_, script, _) in FIRES {
        for end in (0..script.len()).filter(|end| script.is_char_boundary(*end)) {
            lint_with(script.get(..end).unwrap_or_default(), Options { rules: Chosen::ALL, ..DEFAULT });
        }
    }
}

/// Statements that a rule finds besides the plainest one of FIRES.
const ALSO: &[(&str, &str)] = &[
    ("ban-drop-column", "ALTER TYPE c DROP ATTRIBUTE a"),
    ("ban-drop-column", "ALTER FOREIGN TABLE t DROP COLUMN a"),
    ("changing-column-type", "ALTER TYPE c ALTER ATTRIBUTE a TYPE text"),
    ("ban-drop-constraint", "ALTER DOMAIN d DROP CONSTRAINT c"),
    ("ban-drop-default", "ALTER DOMAIN d DROP DEFAULT"),
    ("ban-drop-default", "ALTER VIEW v ALTER a DROP DEFAULT"),
    ("ban-drop-not-null", "ALTER DOMAIN d DROP NOT NULL"),
    ("ban-drop-table", "DROP FOREIGN TABLE t"),
    ("ban-drop-view", "DROP MATERIALIZED VIEW v"),
    ("ban-drop-function", "DROP ROUTINE f"),
    ("ban-drop-function", "DROP PROCEDURE f"),
    ("ban-drop-function", "DROP AGGREGATE f(int)"),
    ("ban-drop-type", "DROP CAST (int AS text)"),
    ("renaming-column", "ALTER TYPE c RENAME ATTRIBUTE a TO b"),
    ("renaming-column", "ALTER VIEW v RENAME a TO b"),
    ("renaming-column", "ALTER MATERIALIZED VIEW v RENAME a TO b"),
    ("renaming-object", "ALTER TABLE t RENAME CONSTRAINT a TO b"),
    ("renaming-object", "ALTER ROLE a RENAME TO b"),
    ("renaming-object", "ALTER INDEX a RENAME TO b"),
    ("ban-set-schema", "ALTER FUNCTION f() SET SCHEMA s"),
    ("transaction-nesting", "ROLLBACK"),
    ("prefer-text-field", "ALTER TABLE t ALTER a TYPE varchar(3)"),
    ("prefer-bigint-over-int", "ALTER TABLE t ADD a int"),
    (
        "constraint-missing-not-valid",
        "BEGIN; ALTER TABLE t ADD CONSTRAINT c CHECK (true) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c; COMMIT",
    ),
];

#[test]
fn rules_that_a_script_may_concern_are_not_left_out() {
    for (rule, script) in ALSO {
        assert_eq!(texts(rule, script, DEFAULT).len(), 1, "{rule}: {script}");
    }
}

#[test]
fn remedies_take_no_more_than_some_times_the_script() {
    let columns: Vec<_> = (0..20_000).map(|column| format!("c{column} int")).collect();
    let script = format!("CREATE TABLE t ({})", columns.join(", "));
    let found = lint_with(&script, DEFAULT);
    assert!(found.len() > 20_000);
    let bytes: usize = found.iter().map(|finding| finding.remedy.len() + finding.message.len()).sum();
    assert!(bytes < 40 * script.len(), "{bytes} bytes for a script of {}", script.len());
    let actions: Vec<_> = (0..20_000).map(|column| format!("ADD c{column} serial")).collect();
    assert!(lint_with(&format!("ALTER TABLE t {}", actions.join(", ")), DEFAULT).len() > 20_000);
}

#[test]
fn the_documentation_has_all_rules_as_they_are() {
    let documentation = include_str!("../../../docs/lint.md");
    let listed: Vec<_> = documentation.lines().filter(|line| line.starts_with("| `")).collect();
    let (_, optional) = documentation.split_once("## By option").unwrap_or_default();
    let is_below = |rule: &Rule| optional.contains(&format!("| `{}` |", rule.name));
    let rows = rules::all().map(|rule| {
        let message = rule.message.replace("{on}", "…").replace("{part}", "…");
        format!("| `{}` | {} | {message} | {} | {} |", rule.name, rule.severity.as_str(), rule.why, rule.remedy)
    });
    assert_eq!(listed, rows.collect::<Vec<_>>());
    for rule in rules::all() {
        assert_eq!(is_optional(rule), is_below(rule), "{}", rule.name);
    }
}
