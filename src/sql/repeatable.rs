//! Which texts are one read that can safely be run twice.
//!
//! Judged on the tokens alone: a view, an operator, a cast, a column's policy or a function written as a column may
//! hide a function that does something, and a function of the caller's own may share a name with a built-in one. Any
//! text that isn't understood counts as a statement that mustn't be run twice.

use squawk_lexer::{LiteralKind, TokenKind};

use super::functions::is_harmless;
use super::script::statements;
use super::token::{Token, Tokens};

const READS: [&str; 4] = ["select", "values", "table", "with"];

/// Longer texts aren't looked at: that would take longer than sharing can save. In bytes.
const LONGEST: usize = 64 * 1024;

/// Words that make a statement, or a part of one, something else than a read.
const WRITES: [&str; 5] = ["insert", "update", "delete", "merge", "into"];

/// Words that stand before a parenthesis without calling anything: none of them can be the name of a function unless
/// it is quoted (`reserved_keyword` and `col_name_keyword` in PostgreSQL's `gram.y`).
#[rustfmt::skip]
const CLAUSES: [&str; 73] = [
    "all", "and", "any", "array", "as", "asc", "between", "bigint", "bit", "boolean", "both", "case", "cast", "char",
    "character", "coalesce", "dec", "decimal", "desc", "distinct", "else", "end", "except", "exists", "extract",
    "float", "for", "from", "greatest", "group", "grouping", "having", "in", "int", "integer", "intersect",
    "interval", "lateral", "leading", "least", "limit", "nchar", "not", "null", "nullif", "numeric", "offset", "on",
    "only", "or", "order", "overlay", "position", "precision", "real", "row", "select", "smallint", "some",
    "substring", "symmetric", "then", "time", "timestamp", "to", "trailing", "trim", "union", "using", "values",
    "varchar", "when", "where",
];

/// Words between two tables, with which a join begins. None of them can be the name of a column.
const JOINS: [&str; 7] = ["cross", "full", "inner", "left", "natural", "outer", "right"];

/// Words behind the parenthesis that closes a call.
const WINDOWS: [&str; 2] = ["filter", "over"];

/// Whether a text is exactly one read (`SELECT`, `VALUES`, `TABLE`, or such behind `WITH`) that locks no rows, writes
/// nothing, and calls none but built-in functions without effects.
pub fn is_repeatable_read(text: &str) -> bool {
    if text.len() > LONGEST || !begins_as_read(text) {
        return false;
    }
    let mut all = statements(text);
    let Some(statement) = all.next() else { return false };
    let mut seen = Seen::default();
    statement.tokens().all(|token| seen.take(token))
        && statement.copy_data.is_none()
        && all.next().is_none()
        && !all.is_doubtful()
}

/// Checked first, since a text that isn't a read may be very long.
fn begins_as_read(text: &str) -> bool {
    let head = Tokens::new(text).find(|token| token.kind != TokenKind::OpenParen);
    head.is_some_and(|token| READS.iter().any(|word| token.is(word)))
}

/// What has been seen of a statement.
#[derive(Default)]
struct Seen<'a> {
    /// The tokens before the next one, the newest first.
    before: [Option<Token<'a>>; 4],
    /// `DISTINCT ON (…)` is the one parenthesis behind which an expression begins, and with it maybe a call.
    distinct_on: bool,
}

impl<'a> Seen<'a> {
    /// Whether the statement can still be a harmless read with this token.
    fn take(&mut self, token: Token<'a>) -> bool {
        self.distinct_on |= token.is("on") && self.word(0, "distinct");
        let is_harmless = match token.kind {
            _ if self.begins_doubtful_join() => READS.iter().any(|word| token.is(word)),
            TokenKind::OpenParen => self.is_no_call() || self.is_harmless_call(),
            TokenKind::Ident => {
                let locks = self.word(0, "for") && ["no", "key", "share"].iter().any(|word| token.is(word));
                // Behind UESCAPE and its literal a quoted name ends, which may be a function's.
                !locks && !token.is("uescape") && !WRITES.iter().any(|word| token.is(word))
            }
            TokenKind::Unknown | TokenKind::Semi => false,
            // Older servers begin the next word there, as in `1INTO`.
            TokenKind::Literal { .. } | TokenKind::PositionalParam { .. } => !has_junk(&token),
            _ => true,
        };
        self.before.rotate_right(1);
        self.before[0] = Some(token);
        is_harmless
    }

    fn kind(&self, place: usize) -> Option<TokenKind> {
        self.before.get(place).copied().flatten().map(|token| token.kind)
    }

    fn word(&self, place: usize, word: &str) -> bool {
        self.before.get(place).copied().flatten().is_some_and(|token| token.is(word))
    }

    fn is_one_of(&self, place: usize, words: &[&str]) -> bool {
        words.iter().any(|word| self.word(place, word))
    }

    /// The parenthesis that comes now opens no list of arguments.
    fn is_no_call(&self) -> bool {
        match self.kind(0) {
            Some(TokenKind::Ident | TokenKind::QuotedIdent { .. }) => {}
            // `name.*(` and the like are nothing that the server takes.
            _ => return true,
        }
        if matches!(self.kind(1), Some(TokenKind::Dot)) {
            return false;
        }
        // The columns of an alias or of a common table expression, or the length of a type.
        let is_named = self.word(1, "as")
            || (self.word(1, "with") && self.kind(2).is_none())
            || (self.word(1, "recursive") && self.word(2, "with") && self.kind(3).is_none());
        is_named
            || self.is_one_of(0, &CLAUSES)
            || (self.word(0, "by") && self.is_one_of(1, &["group", "order", "partition"]))
            || (self.word(0, "varying") && self.is_one_of(1, &["bit", "char", "character"]))
            || (self.word(0, "zone") && self.word(1, "time"))
            || (self.word(0, "materialized") && self.word(1, "not") && self.word(2, "as"))
            || (self.is_one_of(0, &WINDOWS) && matches!(self.kind(1), Some(TokenKind::CloseParen)) && !self.distinct_on)
            || self.word(0, "join")
    }

    /// A parenthesis was opened behind a JOIN that could be the name of a function as well: only a query in it, which
    /// is no argument, tells them apart.
    fn begins_doubtful_join(&self) -> bool {
        matches!(self.kind(0), Some(TokenKind::OpenParen)) && self.word(1, "join") && !self.is_one_of(2, &JOINS)
    }

    /// The parenthesis that comes now opens the arguments of a built-in function without effects.
    fn is_harmless_call(&self) -> bool {
        let Some(name) = self.before[0] else { return false };
        let is_known = match name.kind {
            TokenKind::Ident => is_harmless(&name.text.to_ascii_lowercase()),
            _ => is_quoted(name.text, is_harmless),
        };
        let is_qualified = matches!(self.kind(1), Some(TokenKind::Dot));
        is_known && (!is_qualified || (self.is_catalog(2) && !matches!(self.kind(3), Some(TokenKind::Dot))))
    }

    fn is_catalog(&self, place: usize) -> bool {
        let Some(token) = self.before.get(place).copied().flatten() else { return false };
        token.is("pg_catalog") || is_quoted(token.text, |name| name == "pg_catalog")
    }
}

/// Whether letters are stuck to the end of a number.
fn has_junk(token: &Token<'_>) -> bool {
    let clean = match token.kind {
        TokenKind::Literal { kind: LiteralKind::Int { trailing_junk_start, empty_int: false, .. } }
        | TokenKind::Literal { kind: LiteralKind::Numeric { trailing_junk_start, empty_exponent_start: None } }
        | TokenKind::PositionalParam { trailing_junk_start } => trailing_junk_start as usize,
        TokenKind::Literal { kind: LiteralKind::Int { .. } | LiteralKind::Numeric { .. } } => 0,
        _ => return false,
    };
    clean < token.text.len()
}

/// A quoted identifier as it is written. One with Unicode escapes is none of them.
fn is_quoted(text: &str, is_wanted: impl Fn(&str) -> bool) -> bool {
    text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).is_some_and(is_wanted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_of_tables_and_built_in_functions_are() {
        for text in [
            "SELECT 1",
            "select a, b from t where id = $1 and name like $2 order by a limit 10 offset 5;",
            "-- why\n (select 1) union all (select 2)",
            "VALUES (1, 'a'), (2, 'b')",
            "TABLE t",
            "WITH x AS (SELECT 1), y AS MATERIALIZED (TABLE x) SELECT * FROM y",
            "with recursive t(n) as (values (1) union all select n + 1 from t where n < 100) select sum(n) from t",
            "WITH t(n) AS NOT MATERIALIZED (SELECT 1) SELECT n FROM t",
            "SELECT count(*) FILTER (WHERE a > 1) OVER (PARTITION BY (b) ORDER BY (c)) FROM t GROUP BY (d)",
            "SELECT COUNT (DISTINCT a), max(b), coalesce(c, now()) FROM s.t",
            "select pg_catalog.lower(a), \"upper\"(b), \"pg_catalog\".\"length\"(c), PG_CATALOG.LTRIM(d) from t",
            "SELECT a::numeric(10, 2), b::character varying(20), CAST(c AS varchar(5)), d::timestamptz(3) FROM t",
            "SELECT * FROM a JOIN (SELECT 1 AS x) b ON (a.x = b.x) LEFT JOIN LATERAL (SELECT 2) c ON (true)",
            "SELECT * FROM unnest($1::int[]) WITH ORDINALITY AS t(id, place)",
            "SELECT * FROM (VALUES (1, 2)) AS v(a, b) WHERE a IN (1, 2) AND b = ANY ($1) AND NOT (a ILIKE 'x')",
            "SELECT * FROM a CROSS JOIN ((b JOIN c USING (x)) LEFT OUTER JOIN (d NATURAL JOIN e) ON (true))",
            "SELECT DISTINCT ON (a) a, lower(b) FROM t WHERE (a, b) OVERLAPS (c, d) AND b LIKE '!%' ESCAPE '!'",
            "SELECT substring(a from (1) for (2)), extract(year from b), b AT TIME ZONE ('UTC') FROM t",
            "SELECT row_to_json(t), json_agg(t), array(select 1), array[1,2], (t).a FROM t",
            "SELECT case when (a) then (b) else (c) end, 'nextval(''s'')', $$setval($$, \"into\" FROM \"update\"",
            "SELECT a FROM t WHERE id = $1 /* for update */ -- into\n",
            "SELECT 1e5, 0x1F, 1.5, .5, 1_000",
            "select generate_series(1, 10), random(), current_setting('x.y', true), current_date",
        ] {
            assert!(is_repeatable_read(text), "{text}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for text in [
            "",
            ";",
            "select 1; select 2",
            "BEGIN",
            "set x = 1",
            "insert into t values (1)",
            "UPDATE t SET a = 1",
            "explain analyze select 1",
            "copy t to stdout",
            "call p()",
            "show all",
            "execute s",
            "fetch 1 from c",
            "\"select\" 1",
            // Locks and writes.
            "SELECT a FROM t FOR UPDATE",
            "select a from t for\n/**/ no key update",
            "select a from t for share",
            "select a from t FOR KEY SHARE OF t SKIP LOCKED",
            "SELECT a INTO b FROM t",
            "SELECT 1INTO b",
            "SELECT a FROM t WHERE id = $1for update",
            "with x as (delete from t returning a) select a from x",
            "with x as (insert into t values (1) returning a) table x",
            "WITH x AS (UPDATE t SET a = 1 RETURNING a) SELECT a FROM x",
            "with x as (merge into t using s on true when matched then do nothing returning 1) select 1",
            "with x as (select 1) insert into t table x",
            // Functions.
            "SELECT nextval('s')",
            "select NextVal ('s')",
            "select nextval/* ( */('s')",
            "select pg_catalog.nextval('s')",
            "select \"nextval\"('s')",
            "select \"Lower\"('s')",
            "select U&\"lower\"('s')",
            "select public.lower(a) from t",
            "select other.pg_catalog.lower(a) from t",
            "select public.coalesce(a) from t",
            "select my_function(a) from t",
            "select * from my_function(1)",
            "select * from my_function(1) as t(a)",
            "select pg_sleep(1)",
            "select pg_advisory_lock(1)",
            "select set_config('a', 'b', false)",
            "select dblink('a', 'b')",
            "select lo_unlink(1)",
            "select U&\"n!0065xtval\" UESCAPE '!' ('s')",
            "select lower\u{a0}('s')",
            "select join(1)",
            "select a from t order by join((select 1))",
            "select distinct on (a) join(a) from t",
            "select distinct on (a) over(a) from t",
            "select distinct on (a) filter(a) from t",
            "select 1 + ilike(1)",
            "select a from t order by ilike(a)",
            "select a from t order by escape(a)",
            "select a from t where a like escape(a)",
            "select a from t where a like 'x' escape escape('!')",
            "select filter(1)",
            "select by(1)",
            "select zone(1)",
            "select not materialized(1)",
            "select varying(1)",
            // Literals that end elsewhere with another setting, or not at all.
            r"select '\', nextval(''s''), '\''",
            "select \\ 1",
        ] {
            assert!(!is_repeatable_read(text), "{text}");
        }
    }
}
