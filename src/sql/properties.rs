//! Properties of every text, tested on generated ones.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use squawk_lexer::{BOM, TokenKind};

use super::token::Tokens;
use super::*;

/// Pieces that open, close or hide something; strung together they reach states that random letters don't.
const PIECES: &[&str] = &[
    "'",
    "''",
    "\"",
    "E'",
    "e'",
    "U&'",
    "U&\"",
    "N'",
    "B'",
    "\\",
    "\\'",
    "$",
    "$$",
    "$a$",
    "$a",
    "$1",
    "$é$",
    "/*",
    "*/",
    "--",
    "\n",
    "\r\n",
    " ",
    "\t",
    "\u{b}",
    ";",
    "(",
    ")",
    "[",
    "]",
    ",",
    ".",
    "=",
    "1",
    "0x",
    "1e",
    "é",
    "🐘",
    BOM,
    "\0",
    "\\.",
    "\n\\.\n",
    "BEGIN",
    "begin atomic",
    "ATOMIC",
    "END",
    "CASE",
    "CREATE",
    "OR REPLACE",
    "FUNCTION",
    "PROCEDURE",
    "COPY",
    "FROM",
    "STDIN",
    "VACUUM",
    "REINDEX",
    "CONCURRENTLY",
    "INDEX",
    "TABLE",
    "SYSTEM",
    "DATABASE",
    "CLUSTER",
    "VERBOSE",
    "ON",
    "USING",
    "ALTER",
    "SET",
    "TABLESPACE",
    "DETACH",
    "PARTITION",
    "SUBSCRIPTION",
    "CONNECTION",
    "PUBLICATION",
    "WITH",
    "create_slot",
    "connect",
    "false",
    "true",
    "PREPARE",
    "TRANSACTION",
    "ROLLBACK",
    "COMMIT",
    "TO",
    "PREPARED",
    "t",
    "select",
];

/// Statements with what misleads a splitter. Each is one statement, which a transaction block takes.
const HARMLESS: &[&str] = &[
    "SELECT 1",
    "SELECT ';', '--', '/*', '$$', '\"', ''';'",
    "SELECT E'\\';', E'\\\\', E'''', e'a' \n 'b\\';'",
    "SELECT U&'\\0061;', U&\"a;\", N';', B'01', X'1F'",
    "SELECT $$;$$, $a$ $$;' $b$ $a$, $_é$;$_é$, a$1, a$$",
    "SELECT 1 /* ; ' \" $$ /* ; */ ; */ + 1 -- ; ' $$ /*\n + 1",
    "SELECT 1 AS \";\", 2 AS \"\"\";\", 3 AS \"VACUUM\"",
    "CREATE RULE r AS ON INSERT TO t DO ALSO (SELECT 1; NOTIFY x; SELECT (2))",
    "CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; SELECT 2 end; END",
    "CREATE OR REPLACE PROCEDURE p(a int DEFAULT (1)) BEGIN ATOMIC; END",
    "CREATE FUNCTION g() RETURNS void LANGUAGE plpgsql AS $f$ BEGIN VACUUM; COMMIT; END; $f$",
    "DO $$ BEGIN EXECUTE 'VACUUM'; END $$",
    "CREATE TABLE IF NOT EXISTS t (a int DEFAULT 1, \"b;\" text)",
    "COPY t (a) FROM STDIN",
    "COPY (SELECT 1 FROM stdin) TO STDOUT",
    "ALTER DATABASE d SET work_mem = '8MB'",
    "REINDEX (VERBOSE) TABLE t",
    "CLUSTER t USING t_key",
];

/// Statements as their tokens, and their names.
const OUTSIDE: &[(&[&str], &str)] = &[
    (&["vacuum", "(", "full", ")", "t"], "VACUUM"),
    (&["create", "unique", "index", "concurrently", "on", "t", "(", "a", ")"], "CREATE INDEX CONCURRENTLY"),
    (&["drop", "index", "concurrently", "if", "exists", "t_key"], "DROP INDEX CONCURRENTLY"),
    (&["reindex", "(", "verbose", ",", "concurrently", "on", ")", "table", "t"], "REINDEX CONCURRENTLY"),
    (&["reindex", "index", "concurrently", "t_key"], "REINDEX CONCURRENTLY"),
    (&["reindex", "(", "concurrently", "false", ")", "schema", "s"], "REINDEX SCHEMA"),
    (&["cluster", "verbose"], "CLUSTER without a table"),
    (&["alter", "system", "reset", "all"], "ALTER SYSTEM"),
    (&["alter", "database", "\"d\"", "set", "tablespace", "x"], "ALTER DATABASE ... SET TABLESPACE"),
    (
        &["alter", "table", "only", "s", ".", "t", "detach", "partition", "\"p;\"", "concurrently"],
        "ALTER TABLE ... DETACH PARTITION ... CONCURRENTLY",
    ),
    (
        &["create", "subscription", "s", "connection", "';'", "publication", "p", "with", "(", "connect", ")"],
        "CREATE SUBSCRIPTION",
    ),
    (&["commit", "prepared", "'a;'"], "COMMIT PREPARED"),
    (&["discard", "all"], "DISCARD ALL"),
];

/// Reads as their tokens, with a condition at the end.
const READS: &[&[&str]] = &[
    &["select", "a", "from", "t", "where", "lower", "(", "b", ")", "in", "(", "'x;'", ",", "$1", ")"],
    &[
        "with",
        "recursive",
        "x",
        "(",
        "n",
        ")",
        "as",
        "(",
        "values",
        "(",
        "1",
        ")",
        ")",
        "select",
        "n",
        "from",
        "x",
        "where",
        "true",
    ],
    &[
        "select",
        "pg_catalog",
        ".",
        "count",
        "(",
        "*",
        ")",
        "over",
        "(",
        "order",
        "by",
        "a",
        ")",
        "from",
        "t",
        "where",
        "true",
    ],
];

/// What makes a read none that can be repeated.
const WRITES: &[&[&str]] = &[
    &["delete", "from", "t", "returning", "a"],
    &["select", "a", "into", "x", "from", "t"],
    &["select", "nextval", "(", "'s'", ")"],
    &["select", "\"f\"", "(", ")"],
    &["select", "s", ".", "lower", "(", "a", ")", "from", "t"],
    &["select", "a", "from", "t", "for", "no", "key", "update"],
    &["select", "a", "from", "t", "for", "share"],
];

fn soup() -> impl Strategy<Value = String> {
    vec(select(PIECES), 0..60).prop_map(|pieces| pieces.concat())
}

fn spaced_soup() -> impl Strategy<Value = String> {
    vec(select(PIECES), 0..40).prop_map(|pieces| pieces.join(" "))
}

fn any_script() -> impl Strategy<Value = String> {
    prop_oneof![soup(), spaced_soup(), any::<String>(), "[ -~\\n]{0,80}"]
}

/// What may stand between two tokens.
fn gap() -> impl Strategy<Value = String> {
    let pieces = vec![" ", "\n", "\t", "/**/", "/* ; ' $$ /* \" */ */", "-- ; ' /* $$\n", "\r\n"];
    vec(select(pieces), 1..4).prop_map(|pieces| pieces.concat())
}

fn separator() -> impl Strategy<Value = String> {
    vec(gap(), 1..3).prop_map(|gaps| format!("{};", gaps.join(";")))
}

/// The words in any case with any gaps; quoted tokens stay as they are.
fn written(tokens: &'static [&'static str]) -> impl Strategy<Value = String> {
    (vec(gap(), tokens.len()), any::<u64>()).prop_map(|(gaps, capitals)| {
        let mut text = String::new();
        for (index, token) in tokens.iter().enumerate() {
            if index > 0 {
                text.push_str(&gaps[index]);
            }
            if token.contains(['"', '\'']) || capitals >> index & 1 == 0 {
                text.push_str(token);
            } else {
                text.push_str(&token.to_ascii_uppercase());
            }
        }
        text
    })
}

fn outside() -> impl Strategy<Value = (String, &'static str)> {
    select(OUTSIDE).prop_flat_map(|(tokens, name)| (written(tokens), Just(name)))
}

/// The text between two statements, or around them, holds nothing but semicolons, white space and comments.
fn is_empty_sql(text: &str) -> bool {
    Tokens::new(text.strip_prefix(BOM).unwrap_or(text)).all(|token| token.kind == TokenKind::Semi)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, cases: 1024, ..ProptestConfig::default() })]

    #[test]
    fn statements_lie_in_the_script_one_after_the_other_and_leave_no_sql_out(script in any_script()) {
        let mut end = 0;
        for statement in statements(&script) {
            let Statement { text, range, copy_data } = statement;
            prop_assert_eq!(script.get(range.clone()), Some(text));
            prop_assert!(!range.is_empty());
            prop_assert!(is_empty_sql(&script[end..range.start]));
            end = range.end;
            if let Some(data) = copy_data {
                prop_assert!(is_empty_sql(&script[end..data.start]));
                prop_assert!(script[data.end..].starts_with("\\."));
                end = data.end + "\\.".len();
            }
        }
        prop_assert!(is_empty_sql(&script[end..]));
    }

    #[test]
    fn a_statement_alone_is_the_same_statement(script in any_script()) {
        for statement in statements(&script) {
            prop_assume!(!statement.text.starts_with(BOM));
            let alone: Vec<_> = statements(statement.text).collect();
            prop_assert_eq!(alone.len(), 1);
            prop_assert_eq!(alone[0].text, statement.text);
        }
    }

    #[test]
    fn only_a_statement_of_the_script_is_refused(script in any_script()) {
        if let Some(found) = outside_transaction(&script) {
            prop_assert!(statements(&script).any(|statement| statement.range == found.range));
            prop_assert_eq!(found.position, script[..found.range.start].chars().count() + 1);
        }
        prop_assume!(statements(&script).all(|statement| !statement.text.starts_with(BOM)));
        let controls = statements(&script).any(|statement| has_transaction_control(statement.text));
        prop_assert_eq!(has_transaction_control(&script), controls);
    }

    #[test]
    fn statements_come_back_as_they_were_joined(
        parts in vec((select(HARMLESS), separator()), 0..8),
        head in gap(),
    ) {
        let script = parts.iter().fold(head, |script, (part, separator)| script + part + separator);
        let texts: Vec<_> = statements(&script).map(|statement| statement.text).collect();
        let expected: Vec<_> = parts.iter().map(|(part, _)| *part).collect();
        prop_assert_eq!(texts, expected);
        prop_assert_eq!(outside_transaction(&script), None);
        prop_assert!(!has_transaction_control(&script));
    }

    #[test]
    fn the_first_refused_statement_is_found_wherever_it_stands(
        before in vec((select(HARMLESS), separator()), 0..4),
        (refused, name) in outside(),
        end in separator(),
        after in any_script(),
    ) {
        let mut script = before.iter().fold(String::new(), |script, (part, separator)| script + part + separator);
        let start = script.len();
        script.push_str(&refused);
        script.push_str(&end);
        // Inline data for a COPY in front would take in the statement.
        script.push_str(&after.replace("\\.", ""));
        let found = outside_transaction(&script);
        prop_assert_eq!(found.map(|found| (found.name, found.range)), Some((name, start..start + refused.len())));
    }

    #[test]
    fn a_refused_statement_in_a_string_is_not_one((refused, _) in outside()) {
        for script in [
            format!("SELECT {}", quote_literal(&refused)),
            format!("SELECT 1 AS {}", quote_identifier(&refused)),
            format!("DO $body$ BEGIN; {refused}; END $body$"),
            format!("SELECT 1 /* ; {refused}; */"),
        ] {
            prop_assert_eq!(outside_transaction(&script), None);
        }
    }

    #[test]
    fn a_repeatable_read_is_one_plannable_statement_that_names_no_write_outside_of_quotes(script in any_script()) {
        if is_repeatable_read(&script) {
            prop_assert!(is_plannable(&script));
            let writes = ["insert", "update", "delete", "merge", "into"];
            prop_assert!(!Tokens::new(&script).any(|token| writes.iter().any(|word| token.is(word))));
        }
    }

    #[test]
    fn a_read_is_repeatable_whatever_stands_between_its_words_and_not_with_a_write_in_it(
        read in select(READS).prop_flat_map(written),
        write in select(WRITES).prop_flat_map(written),
        text in any_script(),
    ) {
        prop_assert!(is_repeatable_read(&read), "{read}");
        for script in [format!("{read} {write}"), format!("{read}\n;{write}"), format!("WITH x AS ({write}) {read}")] {
            prop_assert!(!is_repeatable_read(&script), "{script}");
        }
        let quoted = format!("{read} AND {} = {}", quote_identifier(&text), quote_literal(&text));
        prop_assert!(is_repeatable_read(&quoted), "{quoted}");
    }

    #[test]
    fn a_quoted_text_is_one_token_with_that_value(text in any_script()) {
        let script = format!("a{};{};", quote_literal(&text), quote_identifier(&text));
        let tokens: Vec<_> = Tokens::new(&script).map(|token| token.text).collect();
        let [_, literal, ";", identifier, ";"] = tokens[..] else {
            return Err(TestCaseError::fail(format!("{tokens:?}")));
        };
        let inside = literal.strip_prefix('E').unwrap_or(literal);
        prop_assert_eq!(literal != inside, text.contains('\\'));
        prop_assert_eq!(unescaped(&inside[1..inside.len() - 1], &['\'', '\\']), text.clone());
        prop_assert_eq!(unescaped(&identifier[1..identifier.len() - 1], &['"']), text);
    }
}

/// Reads each doubled character as one.
fn unescaped(text: &str, doubled: &[char]) -> String {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if doubled.contains(&c) {
            assert_eq!(chars.next(), Some(c));
        }
        value.push(c);
    }
    value
}
