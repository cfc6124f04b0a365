//! Which statements may be sent behind others before those are answered, by their words.

/// Whether a text begins with a statement that does not change the session for the next one: nothing about
/// transactions, settings, cursors or temporary objects.
pub fn leaves_session_alone(text: &str) -> bool {
    let text = text.trim_start();
    let end = text.bytes().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(text.len());
    let word = text.get(..end).unwrap_or_default();
    ["select", "insert", "update", "delete", "values", "merge", "table"]
        .iter()
        .any(|plain| word.eq_ignore_ascii_case(plain))
}

/// Whether a statement may wait for something else than the processor: what changes or locks rows does when others have
/// locked them, and so may the server's own functions. Errs on the side of waiting.
pub fn may_wait(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let mut words = text.split(|c: char| !(c.is_alphanumeric() || c == '_')).filter(|word| !word.is_empty());
    let is_read = matches!(words.next(), Some("select" | "values" | "table"));
    !is_read
        || words.any(|word| {
            word == "for"
                || word.starts_with("pg_")
                || ["sleep", "lock", "dblink"].iter().any(|part| word.contains(part))
        })
}

/// Whether a text is one statement for certain: a semicolon inside a literal counts as an end.
pub fn is_one_statement(text: &str) -> bool {
    !text.trim_end().trim_end_matches(';').contains(';')
}

/// Whether a text may hold `$1`, of which a simple Query says that there is no such parameter, and a Bind that it is
/// missing.
pub fn may_have_parameters(text: &str) -> bool {
    text.as_bytes().windows(2).any(|pair| matches!(pair, [b'$', b'0'..=b'9']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_statements_leave_the_session_alone() {
        for text in ["SELECT 1", "  insert into t values (1)", "table t", "select 1; begin"] {
            assert!(leaves_session_alone(text), "{text}");
        }
        for text in ["BEGIN", "set x = 1", "COPY t TO STDOUT", "", "with x as (select 1) table x", "selected"] {
            assert!(!leaves_session_alone(text), "{text}");
        }
    }

    #[test]
    fn what_changes_or_locks_rows_or_asks_the_server_may_wait() {
        assert!(!may_wait("SELECT a FROM t WHERE b = $1"));
        for text in [
            "update t set a = 1",
            "select a from t FOR UPDATE",
            "SELECT pg_sleep($1)",
            "select pg_catalog.pg_advisory_lock(1)",
            "select my_lock(1)",
            "with x as (delete from t) select 1",
        ] {
            assert!(may_wait(text), "{text}");
        }
    }

    #[test]
    fn several_statements_are_told_by_a_semicolon_before_the_end() {
        assert!(is_one_statement("select 1 ;") && is_one_statement("select 1"));
        assert!(!is_one_statement("select 1; select 2") && !is_one_statement("select ';'"));
    }

    #[test]
    fn a_parameter_is_a_dollar_before_a_digit() {
        assert!(may_have_parameters("select $1") && !may_have_parameters("select $$a$$, $tag$b$tag$"));
    }
}
