//! What a statement is about.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::names::{Qualified, child, text};
use crate::sql::analysis::locks::{Lock, Mode};

/// The nodes that name it: a table for its indexes, triggers and policies, several of a list.
pub(super) fn nodes(statement: &SyntaxNode) -> Vec<SyntaxNode> {
    use SyntaxKind::*;
    let all = |kind: SyntaxKind| statement.descendants().filter(|node| node.kind() == kind).collect();
    match statement.kind() {
        CREATE_INDEX => child(statement, TABLE_RELATION_NAME).into_iter().collect(),
        CREATE_TRIGGER | ALTER_TRIGGER | DROP_TRIGGER | ALTER_RULE | DROP_RULE => {
            child(statement, ON_RELATION).into_iter().collect()
        }
        CREATE_RULE => {
            let event = child(statement, RULE_ON);
            event.and_then(|event| child(&event, RELATION_NAME_REF)).into_iter().collect()
        }
        CREATE_POLICY | ALTER_POLICY | DROP_POLICY => child(statement, ON_TABLE).into_iter().collect(),
        TRUNCATE | VACUUM | ANALYZE => all(TABLE_RELATION_NAME),
        LOCK => child(statement, RELATION_LIST).into_iter().flat_map(|list| list.children()).collect(),
        REINDEX => statement.descendants().filter(|node| matches!(node.kind(), TABLE_NAME_REF | INDEX_REF)).collect(),
        _ => {
            let named = |node: &SyntaxNode| Qualified::of(node).is_some();
            let Some(first) = statement.children().find(named) else { return Vec::new() };
            statement.children().filter(|node| node.kind() == first.kind()).collect()
        }
    }
}

pub(super) fn names(statement: &SyntaxNode) -> Vec<Qualified> {
    nodes(statement).iter().filter_map(Qualified::of).collect()
}

/// Its names as they are written, for a sentence.
pub(super) fn written(statement: &SyntaxNode) -> String {
    let named: Vec<_> = nodes(statement).iter().map(shown).collect();
    if !named.is_empty() {
        return short(&named.join(", "));
    }
    let other = statement.children().find(|node| !matches!(node.kind(), SyntaxKind::IF_EXISTS));
    short(&other.map_or_else(|| text(statement), |node| text(&node)))
}

/// The relation alone of what may be more, such as ONLY or a list of columns.
fn shown(node: &SyntaxNode) -> String {
    match node.kind() {
        SyntaxKind::FUNCTION_SIG_LIST | SyntaxKind::PROCEDURE_SIG_LIST | SyntaxKind::ROUTINE_SIG_LIST => {
            short(&text(node))
        }
        _ => Qualified::of(node).map_or_else(|| short(&text(node)), |name| name.written()),
    }
}

/// A text for a sentence: in one line, and not too long.
pub(super) fn short(text: &str) -> String {
    const MOST: usize = 60;
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(MOST) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default().trim_end()),
        None => line,
    }
}

/// The locks of at least this mode on tables and views, not on their indexes and sequences.
pub(super) fn strong<'a>(
    statement: &SyntaxNode,
    locks: &'a [Lock],
    least: Mode,
) -> impl Iterator<Item = &'a Lock> + use<'a> {
    use SyntaxKind::*;
    let is_other =
        matches!(statement.kind(), DROP_INDEX | ALTER_INDEX | REINDEX | ALTER_SEQUENCE | DROP_SEQUENCE | COMMENT_ON);
    locks.iter().filter(move |lock| !is_other && lock.mode >= least)
}
