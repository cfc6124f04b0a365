//! Settings that a script sets for its session and that the server doesn't list in `pg_settings`.

use std::collections::BTreeSet;

use squawk_lexer::TokenKind;

use super::concurrent_index::{identifier, literal};
use super::script::statements;
use super::token::Token;

/// The names of those settings: settings of programs (`app.user`), `role` and `session_authorization`. What a function
/// sets isn't seen.
pub fn unlisted_settings(script: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for statement in statements(script) {
        let tokens: Vec<Token<'_>> = statement.tokens().collect();
        names.extend(set_by(&tokens));
        for window in tokens.windows(3) {
            if let [function, open, name] = window
                && function.is("set_config")
                && open.kind == TokenKind::OpenParen
            {
                names.extend(literal(name));
            }
        }
    }
    names.retain(|name| name.contains('.') || name == "role" || name == "session_authorization");
    names
}

fn set_by(tokens: &[Token<'_>]) -> Option<String> {
    let (first, mut rest) = tokens.split_first()?;
    if !first.is("set") && !first.is("reset") {
        return None;
    }
    if let [session, authorization, ..] = rest
        && session.is("session")
        && authorization.is("authorization")
    {
        return Some("session_authorization".into());
    }
    if rest.first()?.is("session") {
        rest = rest.get(1..)?;
    }
    if rest.first()?.is("local") {
        return None;
    }
    let mut name = identifier(rest.first()?)?;
    while let [_, dot, next, ..] = rest
        && dot.kind == TokenKind::Dot
    {
        name = format!("{name}.{}", identifier(next)?);
        rest = rest.get(2..)?;
    }
    Some(name)
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
