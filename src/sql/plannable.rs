//! Which texts are one statement whose result columns can't change while it is prepared.

use squawk_lexer::TokenKind;

use super::script::statements;

const PLANNED: [&str; 8] = ["select", "insert", "update", "delete", "values", "merge", "with", "table"];

/// Whether a text is exactly one statement that the server plans.
///
/// Only of these it compares the columns when they are executed again, and refuses when they have changed (`cached
/// plan must not change result type`, `RevalidateCachedQuery` in PostgreSQL's `plancache.c`). What `FETCH`, `EXECUTE`
/// or `CALL` answer can be different each time.
pub fn is_plannable(text: &str) -> bool {
    let mut all = statements(text);
    let Some(statement) = all.next() else { return false };
    let head = statement.tokens().find(|token| token.kind != TokenKind::OpenParen);
    head.is_some_and(|token| PLANNED.iter().any(|word| token.is(word))) && all.next().is_none() && !all.is_doubtful()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_planned_statement_is_found_whatever_stands_around_it() {
        for text in [
            "SELECT 1",
            "  -- why\n/* and /* how */ */ insert into t values (';') ;",
            "((select 1) union (select 2)) order by 1;",
            "WITH x AS (SELECT 1) TABLE x",
            "merge into t using s on true when matched then delete",
            "select $$;$$, \"a;b\"",
        ] {
            assert!(is_plannable(text), "{text}");
        }
    }

    #[test]
    fn several_statements_and_all_others_are_not() {
        for text in [
            "",
            ";",
            "select 1; select 2",
            "FETCH 10 FROM c",
            "EXECUTE s",
            "call p()",
            "show all",
            "explain select 1",
            "\"select\" 1",
            "selectx",
            r"select '\'; drop table t; --'",
        ] {
            assert!(!is_plannable(text), "{text}");
        }
    }
}
