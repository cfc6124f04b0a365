//! Which statements keep something in their session beyond their transaction, where a pooler in transaction mode gives
//! the session to somebody else.
//!
//! Judged on the tokens alone: what a function, a procedure or the body of a `DO` does isn't seen, nor a value that
//! comes as a parameter or is computed. Text that isn't understood keeps nothing.

use memchr::{memchr, memchr_iter, memchr2_iter};
use squawk_lexer::TokenKind;

use super::script::{Statement, statements};
use super::token::{Token, Tokens, Words};
use super::transaction::prepares_transaction;

/// What a statement needs its session for later on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionNeed {
    /// Notifications come to the session that listens.
    Notifications,
    /// Settings of the session, its role among them.
    Setting,
    /// An advisory lock that the session holds until it gives it back.
    AdvisoryLock,
    /// A table or another object that is there for this session alone.
    TemporaryObject,
    /// A statement prepared in SQL.
    PreparedStatement,
    /// A cursor that outlives its transaction.
    HeldCursor,
    /// A library loaded into the server process.
    Library,
}

/// A statement that keeps something in its session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionUse {
    /// What it is called in messages, such as `LISTEN`.
    pub name: &'static str,
    /// What for.
    pub need: SessionNeed,
}

/// All such statements of a script, in order. A temporary object that a later statement of the script drops again keeps
/// nothing.
pub fn session_uses(script: &str) -> Vec<SessionUse> {
    if !is_worth_reading(script) {
        return Vec::new();
    }
    let mut uses: Vec<(SessionUse, Option<String>)> = Vec::new();
    for statement in statements(script) {
        match made_by(&statement) {
            Some(found) => uses.push(found),
            None => {
                for dropped in dropped_by(&statement) {
                    uses.retain(|(_, made)| made.as_ref() != Some(&dropped));
                }
            }
        }
    }
    uses.into_iter().map(|(found, _)| found).collect()
}

/// Words that a statement begins with which keeps something by itself, and not by what it calls or selects into.
const KEEPERS: [&str; 10] =
    ["listen", "unlisten", "set", "reset", "load", "prepare", "execute", "deallocate", "create", "declare"];

/// Whether it can't be told from a few bytes that a script keeps nothing. Every query is looked at, and most are plain.
fn is_worth_reading(script: &str) -> bool {
    let Some(first) = Tokens::new(script).next() else { return false };
    let is_plain = match first.kind {
        // A byte order mark is a part of the word here.
        TokenKind::Ident => first.text.is_ascii() && !KEEPERS.iter().any(|word| first.is(word)),
        TokenKind::OpenParen => true,
        _ => false,
    };
    let bytes = script.as_bytes();
    let has_more = || memchr(b';', bytes).is_some_and(|at| at + 1 < bytes.trim_ascii_end().len());
    let has = |before: &[u8], at: usize, after: &[&[u8]]| {
        let (head, rest) = bytes.split_at_checked(at).unwrap_or_default();
        let begins = |word: &&[u8]| rest.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word));
        tail(head, before.len()).eq_ignore_ascii_case(before) && after.iter().any(begins)
    };
    let is_function = |at| has(b"set", at, &[b"_config"]) || has(b"advisory", at, &[b"_lock", b"_unlock"]);
    !is_plain
        || has_more()
        || memchr_iter(b'_', bytes).any(is_function)
        || memchr2_iter(b'p', b'P', bytes).any(|at| has(b"tem", at, &[b"p"]))
}

fn tail(bytes: &[u8], length: usize) -> &[u8] {
    bytes.get(bytes.len().saturating_sub(length)..).unwrap_or_default()
}

/// What a statement keeps, and the name of the object if it is one.
fn made_by(statement: &Statement<'_>) -> Option<(SessionUse, Option<String>)> {
    use SessionNeed::{HeldCursor, Library, Notifications, PreparedStatement};
    let plain = |name, need| Some((SessionUse { name, need }, None));
    let mut words = statement.words();
    if words.eat("listen") {
        plain("LISTEN", Notifications)
    } else if words.eat("unlisten") {
        plain("UNLISTEN", Notifications)
    } else if words.eat("set") {
        set(words).and_then(|name| plain(name, SessionNeed::Setting))
    } else if words.eat("reset") {
        plain("RESET", SessionNeed::Setting)
    } else if words.eat("load") {
        plain("LOAD", Library)
    } else if words.eat("prepare") {
        if prepares_transaction(words) { None } else { plain("PREPARE", PreparedStatement) }
    } else if words.eat("execute") {
        plain("EXECUTE", PreparedStatement)
    } else if words.eat("deallocate") {
        plain("DEALLOCATE", PreparedStatement)
    } else if words.eat("create") {
        created(words)
    } else if words.eat("declare") {
        let is_held = is_held(words.clone());
        if is_held { plain("DECLARE ... WITH HOLD", HeldCursor) } else { calls(statement) }
    } else if words.eat("do") || words.eat("alter") || words.eat("drop") || words.eat("comment") {
        None
    } else if words.eat("explain") {
        let runs = statement.tokens().any(|token| token.is("analyze") || token.is("analyse"));
        if runs { calls(statement) } else { None }
    } else {
        calls(statement).or_else(|| selected_into(statement))
    }
}

/// What stands behind SET, unless it ends with the transaction.
fn set(mut words: Words<'_>) -> Option<&'static str> {
    let is_value = |words: &Words<'_>| matches!(words.text(), Some("." | "=")) || words.clone().eat("to");
    let mut later = words.clone();
    // `local.x`, `transaction.x` and the like are settings of programs.
    if (later.eat("local") || later.eat("constraints") || later.eat("transaction")) && !is_value(&later) {
        return None;
    }
    let mut later = words.clone();
    if later.eat("session") && !is_value(&later) {
        if later.eat("characteristics") && !is_value(&later) {
            return Some("SET SESSION CHARACTERISTICS");
        }
        if later.eat("authorization") && !is_value(&later) {
            return Some("SET SESSION AUTHORIZATION");
        }
        words.eat("session");
    }
    // Of the transaction alone, even by SET.
    const OF_TRANSACTION: [&str; 3] = ["transaction_isolation", "transaction_read_only", "transaction_deferrable"];
    let name = words.next().and_then(|token| token.identifier());
    let is_of_transaction = name.is_some_and(|name| OF_TRANSACTION.contains(&name.to_ascii_lowercase().as_str()));
    (!is_of_transaction).then_some("SET")
}

/// Behind CREATE: a temporary object, unless it ends with its transaction.
fn created(mut words: Words<'_>) -> Option<(SessionUse, Option<String>)> {
    if words.eat("or") {
        words.expect("replace")?;
    }
    let mut is_temporary = false;
    while ["global", "local", "temp", "temporary", "unlogged", "recursive"].into_iter().any(|word| {
        let found = words.eat(word);
        is_temporary |= found && word.starts_with("temp");
        found
    }) {}
    let kind = words.next()?;
    let is_table = kind.is("table");
    if words.eat("if") {
        words.expect("not")?;
        words.expect("exists")?;
    }
    let (_, parts) = words.qualified()?;
    if !is_temporary && parts.first().is_none_or(|schema| parts.len() < 2 || schema != "pg_temp") {
        return None;
    }
    let rest: Vec<Token<'_>> = words.collect();
    let is_dropped = |three: &[Token<'_>]| matches!(three, [on, commit, drop] if on.is("on") && commit.is("commit") && drop.is("drop"));
    if is_table && rest.windows(3).any(is_dropped) {
        return None;
    }
    let name = if is_table { "CREATE TEMPORARY TABLE" } else { "CREATE of a temporary object" };
    Some((SessionUse { name, need: SessionNeed::TemporaryObject }, parts.last().cloned()))
}

/// The names of what a DROP drops, without their schemas.
fn dropped_by(statement: &Statement<'_>) -> Vec<String> {
    let mut words = statement.words();
    if !words.eat("drop") {
        return Vec::new();
    }
    words.filter_map(|token| token.identifier()).collect()
}

/// Behind DECLARE: WITH HOLD stands before FOR.
fn is_held(words: Words<'_>) -> bool {
    let head: Vec<Token<'_>> = words.take_while(|token| !token.is("for")).collect();
    head.windows(2).any(|pair| matches!(pair, [with, hold] if with.is("with") && hold.is("hold")))
}

/// Functions that take a lock for the session, or give one back.
const LOCKS: [&str; 7] = [
    "pg_advisory_lock",
    "pg_advisory_lock_shared",
    "pg_try_advisory_lock",
    "pg_try_advisory_lock_shared",
    "pg_advisory_unlock",
    "pg_advisory_unlock_shared",
    "pg_advisory_unlock_all",
];

/// A built-in function that is called and keeps something.
fn calls(statement: &Statement<'_>) -> Option<(SessionUse, Option<String>)> {
    if statement.words().eat("create") {
        return None;
    }
    let tokens: Vec<Token<'_>> = statement.tokens().collect();
    let found = |name, need| Some((SessionUse { name, need }, None));
    tokens.iter().enumerate().find_map(|(at, open)| {
        let name =
            (open.kind == TokenKind::OpenParen).then(|| tokens.get(at.checked_sub(1)?)?.identifier()).flatten()?;
        let before = |distance: usize| at.checked_sub(distance).and_then(|at| tokens.get(at));
        if before(2).is_some_and(|token| token.kind == TokenKind::Dot)
            && before(3).and_then(Token::identifier).as_deref() != Some("pg_catalog")
        {
            return None;
        }
        if let Some(lock) = LOCKS.iter().find(|lock| **lock == name) {
            return found(lock, SessionNeed::AdvisoryLock);
        }
        let sets = name == "set_config" && is_false(third_argument(tokens.get(at + 1..).unwrap_or_default())?);
        if sets { found("set_config(..., false)", SessionNeed::Setting) } else { None }
    })
}

/// The argument `is_local` of `set_config`, by its place or by its name, behind the parenthesis.
fn third_argument<'a, 'b>(tokens: &'b [Token<'a>]) -> Option<&'b [Token<'a>]> {
    let mut depth = 0_usize;
    let mut arguments = Vec::new();
    let mut start = 0;
    for (at, token) in tokens.iter().enumerate() {
        match token.text {
            ")" if depth == 0 => {
                arguments.push(tokens.get(start..at)?);
                break;
            }
            "(" | "[" => depth += 1,
            ")" | "]" => depth = depth.saturating_sub(1),
            "," if depth == 0 => {
                arguments.push(tokens.get(start..at)?);
                start = at + 1;
            }
            _ => {}
        }
    }
    let is_named =
        |argument: &&&[Token<'_>]| argument.len() > 2 && argument.first().is_some_and(|name| name.is("is_local"));
    match arguments.iter().find(is_named) {
        // Behind `=>` or `:=`, whose characters are tokens of their own.
        Some(argument) => argument.last().map(std::slice::from_ref),
        None => arguments.get(2).copied(),
    }
}

/// Whether an expression is certainly false.
fn is_false(expression: &[Token<'_>]) -> bool {
    let Some((value, behind)) = expression.split_first() else { return false };
    let says_false = |text: String| {
        let text = text.trim().to_ascii_lowercase();
        // An "o" may be "on" as well.
        let is_clear = !matches!(text.as_str(), "" | "o");
        is_clear && ["false", "no", "off", "0"].iter().any(|word| word.starts_with(&text))
    };
    // With or without a cast behind it.
    let is_alone = behind.first().is_none_or(|token| matches!(token.text, ":" | "::"));
    is_alone && (value.is("false") || value.literal().is_some_and(says_false))
}

/// `SELECT … INTO TEMP name`.
fn selected_into(statement: &Statement<'_>) -> Option<(SessionUse, Option<String>)> {
    let mut words = statement.words();
    let mut before: Option<Token<'_>> = None;
    loop {
        let token = words.next()?;
        let writes = before.is_some_and(|word| word.is("insert") || word.is("merge"));
        before = Some(token);
        if !token.is("into") || writes {
            continue;
        }
        let mut target = words.clone();
        let _scope = target.eat("local") || target.eat("global");
        let mut is_temporary = target.eat("temp") || target.eat("temporary");
        let _table = target.eat("table");
        let parts = target.qualified().map(|(_, parts)| parts).unwrap_or_default();
        // `INTO temp FROM …` makes a table of that name.
        const CLAUSES: [&str; 13] = [
            "from",
            "where",
            "group",
            "having",
            "window",
            "union",
            "intersect",
            "except",
            "order",
            "limit",
            "offset",
            "fetch",
            "for",
        ];
        is_temporary &= parts.first().is_some_and(|first| !CLAUSES.contains(&first.as_str()));
        if is_temporary || (parts.len() > 1 && parts.first().is_some_and(|schema| schema == "pg_temp")) {
            let found = SessionUse { name: "SELECT INTO TEMPORARY", need: SessionNeed::TemporaryObject };
            return Some((found, parts.last().cloned()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(script: &str) -> Vec<&'static str> {
        session_uses(script).into_iter().map(|found| found.name).collect()
    }

    /// Each of these is such a statement, of this name.
    const KEPT: &[(&str, &str)] = &[
        ("LISTEN c", "LISTEN"),
        ("/* a */ listen \"c\" -- b", "LISTEN"),
        ("unlisten *", "UNLISTEN"),
        ("SET search_path = a", "SET"),
        ("set session work_mem to '1MB'", "SET"),
        ("SET TIME ZONE 'UTC'", "SET"),
        ("SET ROLE r", "SET"),
        ("set names 'utf8'", "SET"),
        ("SET local.x = '1'", "SET"),
        ("SET transaction.x TO '1'", "SET"),
        ("SET session.x = '1'", "SET"),
        ("SET \"search_path\" = a", "SET"),
        ("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", "SET SESSION CHARACTERISTICS"),
        ("SET SESSION AUTHORIZATION r", "SET SESSION AUTHORIZATION"),
        ("RESET ALL", "RESET"),
        ("reset role", "RESET"),
        ("LOAD 'auto_explain'", "LOAD"),
        ("PREPARE s AS SELECT 1", "PREPARE"),
        ("prepare transaction as select 1", "PREPARE"),
        ("EXECUTE s(1)", "EXECUTE"),
        ("DEALLOCATE ALL", "DEALLOCATE"),
        ("DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DECLARE ... WITH HOLD"),
        ("declare c binary scroll cursor with hold for select 1", "DECLARE ... WITH HOLD"),
        ("CREATE TEMP TABLE t (a int)", "CREATE TEMPORARY TABLE"),
        ("create local temporary table if not exists t as select 1", "CREATE TEMPORARY TABLE"),
        ("CREATE TEMP TABLE t (a int) ON COMMIT DELETE ROWS", "CREATE TEMPORARY TABLE"),
        ("CREATE TABLE pg_temp.t (a int)", "CREATE TEMPORARY TABLE"),
        ("CREATE TABLE \"pg_temp\".t (a int)", "CREATE TEMPORARY TABLE"),
        ("CREATE OR REPLACE TEMP VIEW v AS SELECT 1", "CREATE of a temporary object"),
        ("CREATE TEMP SEQUENCE s", "CREATE of a temporary object"),
        (
            "create or replace function pg_temp.f() returns int language sql as 'select 1'",
            "CREATE of a temporary object",
        ),
        ("SELECT 1 INTO TEMP t", "SELECT INTO TEMPORARY"),
        ("select a into local temporary table t from b", "SELECT INTO TEMPORARY"),
        ("WITH x AS (SELECT 1) SELECT * INTO TEMPORARY t FROM x", "SELECT INTO TEMPORARY"),
        ("SELECT pg_advisory_lock(1)", "pg_advisory_lock"),
        ("select pg_catalog.pg_try_advisory_lock ($1, $2)", "pg_try_advisory_lock"),
        ("SELECT 1 WHERE \"pg_advisory_lock_shared\"(1) IS NULL", "pg_advisory_lock_shared"),
        ("SELECT PG_ADVISORY_UNLOCK(1)", "pg_advisory_unlock"),
        ("WITH x AS (SELECT pg_advisory_unlock_all()) SELECT 1", "pg_advisory_unlock_all"),
        ("explain analyze select pg_advisory_lock(1)", "pg_advisory_lock"),
        ("SELECT set_config('a.b', 'c', false)", "set_config(..., false)"),
        ("select pg_catalog.set_config('search_path', '', false);", "set_config(..., false)"),
        ("SELECT set_config('a.b', f(1, array[2, 3]), 'f')", "set_config(..., false)"),
        ("SELECT set_config('a.b', 'c', 'off'::boolean)", "set_config(..., false)"),
        ("SELECT set_config(is_local => false, setting_name => 'a.b', new_value => 'c')", "set_config(..., false)"),
    ];

    /// None of these keeps anything, or it can't be told.
    const LEFT_ALONE: &[&str] = &[
        "",
        "SELECT 1",
        "SELECT 'LISTEN c'; -- SET x = 1",
        "SET LOCAL work_mem = '1MB'",
        "set transaction isolation level serializable",
        "SET CONSTRAINTS ALL DEFERRED",
        "SET transaction_read_only = on",
        "SET SESSION transaction_isolation TO 'serializable'",
        "SET LOCAL ROLE r; SET LOCAL SESSION AUTHORIZATION r",
        "PREPARE TRANSACTION 'x'",
        "COMMIT PREPARED 'x'",
        "DECLARE c CURSOR FOR SELECT 1",
        "DECLARE c CURSOR WITHOUT HOLD FOR WITH hold AS (SELECT 1) TABLE hold",
        "CREATE TEMP TABLE t (a int) ON COMMIT DROP",
        "create temp table t on commit drop as select 1",
        "CREATE TEMP TABLE t (a int); INSERT INTO t VALUES (1); DROP TABLE IF EXISTS t",
        "SELECT 1 INTO TEMP t; DROP TABLE pg_temp.t",
        "CREATE TABLE temp (a int); INSERT INTO temp VALUES (1); SELECT a FROM temp",
        "CREATE UNLOGGED TABLE t (a int)",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path = '' AS 'SELECT pg_advisory_lock(1)'",
        "SELECT 1 INTO temp FROM t",
        "INSERT INTO temp SELECT 1",
        "SELECT pg_advisory_xact_lock(1), pg_try_advisory_xact_lock_shared(2)",
        "SELECT mine.pg_advisory_lock(1)",
        "SELECT pg_advisory_lock FROM t",
        "EXPLAIN SELECT pg_advisory_lock(1)",
        "DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$",
        "SELECT set_config('a.b', 'c', true)",
        "SELECT set_config('a.b', 'c', $1)",
        "SELECT set_config('a.b', 'false', 't')",
        "SELECT set_config(is_local := true, setting_name := 'a.b', new_value := 'false')",
        "ALTER ROLE r SET work_mem = '1MB'",
        "UPDATE t SET a = 1",
        "NOTIFY c, 'LISTEN'",
        "BEGIN; COMMIT",
        "DISCARD ALL",
    ];

    #[test]
    fn what_keeps_something_in_its_session_is_named() {
        for (script, name) in KEPT {
            assert_eq!(names(script), [*name], "{script}");
            assert_eq!(names(&format!("SELECT 1; {script};")), [*name], "{script}");
        }
        assert_eq!(names("SET a = 1; LISTEN c; SELECT 1"), ["SET", "LISTEN"]);
    }

    #[test]
    fn what_ends_with_its_transaction_is_left_alone() {
        for script in LEFT_ALONE {
            assert!(names(script).is_empty(), "{script}");
        }
    }

    #[test]
    fn a_few_bytes_tell_plain_queries_and_no_others() {
        for (script, _) in KEPT {
            for script in [(*script).to_owned(), format!("\u{feff}{script}"), format!("-- a\n/* b */{script};")] {
                assert!(is_worth_reading(&script), "{script}");
            }
        }
        for plain in [
            "",
            "-- a",
            "SELECT a_b FROM t;",
            "/* LISTEN c */ -- d\n(select 1)",
            "insert into t (set_at, locked) values ($1, $2)",
            "BEGIN",
            "savepoint a",
            "EXPLAIN ANALYZE SELECT 1",
        ] {
            assert!(!is_worth_reading(plain), "{plain}");
        }
    }
}
