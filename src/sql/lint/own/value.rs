//! The value of an enum, used before the transaction that adds it has committed.

use squawk_lexer::TokenKind;

use super::found::Found;
use crate::sql::lint::rules::own::ENUM_VALUE_BEFORE_COMMIT;
use crate::sql::lint::state::{State, Transaction};
use crate::sql::script::Statement;

pub(super) fn used(part: &Statement<'_>, state: &State) -> Option<Found> {
    if state.added_values.is_empty() || adds_value(part) {
        return None;
    }
    let literal = part.tokens().find(|token| {
        let is_literal = matches!(token.kind, TokenKind::Literal { .. });
        is_literal && state.added_values.contains(token.text)
    })?;
    let remedy = match state.transaction {
        Transaction::Script => format!("COMMIT;\n{};", part.text),
        _ => format!("-- By itself, once the transaction that adds the value has committed:\n{};", part.text),
    };
    let range = literal.start..literal.end();
    let part_text = Some(literal.text.to_owned());
    Some(Found { range, part: part_text, remedy: Some(remedy), ..Found::about(ENUM_VALUE_BEFORE_COMMIT, part) })
}

/// ALTER TYPE … ADD VALUE may name the new value to put another one beside it.
fn adds_value(part: &Statement<'_>) -> bool {
    let mut words = part.words();
    words.eat("alter") && words.eat("type")
}
