//! Settings that a script sets for its session and that the server doesn't list in `pg_settings`.

use std::collections::BTreeSet;

use squawk_lexer::TokenKind;

use super::script::statements;
use super::token::{Token, Words};

/// The names of those settings: settings of programs (`app.user`), `role` and `session_authorization`. What a function
/// sets isn't seen.
pub fn unlisted_settings(script: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in statements(script) {
        let tokens: Vec<Token<'_>> = statement.tokens().collect();
        names.extend(set_by(statement.words()));
        for window in tokens.windows(3) {
            if let [function, open, name] = window
                && function.is("set_config")
                && open.kind == TokenKind::OpenParen
            {
                names.extend(name.literal());
            }
        }
    }
    names.retain(|name| name.contains('.') || name == "role" || name == "session_authorization");
    names
}

fn set_by(mut words: Words<'_>) -> Option<String> {
    if !words.eat("set") && !words.eat("reset") {
        return None;
    }
    if words.eat("session") && words.eat("authorization") {
        return Some("session_authorization".into());
    }
    if words.eat("local") {
        return None;
    }
    Some(words.qualified()?.1.join("."))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_server_does_not_list_is_named() {
        let script = "SET app.user = '1'; SET SESSION a.B TO 2; SET LOCAL c.d = 3; SET search_path = x; SET ROLE r;
            SET SESSION AUTHORIZATION s; SELECT pg_catalog.set_config('e.f', 'x', false), set_config('work_mem', '1', true)";
        let names: Vec<String> = unlisted_settings(script).into_iter().collect();
        assert_eq!(names, ["a.b", "app.user", "e.f", "role", "session_authorization"]);
    }
}
