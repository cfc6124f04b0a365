//! Defaults that give each row a value of its own, which squawk doesn't see.

use squawk_syntax::ast::{AstNode, NameRef};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::found::Found;
use crate::sql::functions::is_harmless;
use crate::sql::lint::names::{child, text};
use crate::sql::lint::rules::own::REWRITING_DEFAULT;
use crate::sql::lint::state::State;

/// Functions without effects whose answer is another one each time.
const VOLATILE: [&str; 6] = ["clock_timestamp", "gen_random_uuid", "random", "timeofday", "uuidv4", "uuidv7"];

pub(super) fn rewriting(statement: &SyntaxNode, state: &State) -> Vec<Found> {
    if statement.kind() != SyntaxKind::ALTER_TABLE || state.is_about_new(statement) {
        return Vec::new();
    }
    let added = statement.children().filter(|action| action.kind() == SyntaxKind::ADD_COLUMN);
    let mut found = Vec::new();
    for column in added {
        let ty = column.children().find(|node| serial(node).is_some());
        let hidden = child(&column, SyntaxKind::DEFAULT_CONSTRAINT)
            .filter(|default| !is_constant(default) && child(default, SyntaxKind::ARRAY_EXPR).is_some());
        found.extend(ty.or(hidden).map(|node| Found::in_node(REWRITING_DEFAULT, statement, &node)));
    }
    found
}

/// The type behind a serial.
pub(in crate::sql::lint) fn serial(ty: &SyntaxNode) -> Option<&'static str> {
    if ty.kind() != SyntaxKind::PATH_TYPE {
        return None;
    }
    match text(ty).to_ascii_lowercase().as_str() {
        "serial" | "serial4" => Some("integer"),
        "bigserial" | "serial8" => Some("bigint"),
        "smallserial" | "serial2" => Some("smallint"),
        _ => None,
    }
}

/// Whether a default is worked out once for all rows: it calls nothing that isn't known to be stable.
pub(in crate::sql::lint) fn is_constant(default: &SyntaxNode) -> bool {
    let mut calls = default.descendants().filter(|node| node.kind() == SyntaxKind::CALL_EXPR);
    calls.all(|call| {
        let called = call.first_child().and_then(|called| called.descendants().filter_map(NameRef::cast).last());
        // A call without a name is one that SQL has words of its own for, such as EXTRACT.
        called.is_none_or(|name| {
            let name = name.text();
            is_harmless(&name) && !VOLATILE.contains(&name.as_str())
        })
    })
}
