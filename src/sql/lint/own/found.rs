//! What a rule of ours has found.

use std::ops::Range;

use squawk_syntax::SyntaxNode;

use crate::sql::analysis::locks::Lock;
use crate::sql::lint::names::text;
use crate::sql::script::Statement;

/// A finding of ours, before it has its words.
pub(in crate::sql::lint) struct Found {
    pub(in crate::sql::lint) rule: &'static str,
    /// In bytes of the statement.
    pub(in crate::sql::lint) range: Range<usize>,
    /// What `{on}` and `{part}` stand for.
    pub(in crate::sql::lint) on: Option<String>,
    pub(in crate::sql::lint) part: Option<String>,
    /// The node that it is about; the whole statement without one.
    pub(in crate::sql::lint) node: Option<SyntaxNode>,
    /// Where there is no syntax to make it from.
    pub(in crate::sql::lint) remedy: Option<String>,
}

impl Found {
    pub(super) fn about(rule: &'static str, part: &Statement<'_>) -> Found {
        Found { rule, range: 0..part.text.len(), on: None, part: None, node: None, remedy: None }
    }

    pub(super) fn in_node(rule: &'static str, statement: &SyntaxNode, node: &SyntaxNode) -> Found {
        let range = node.text_range() - statement.text_range().start();
        let start = usize::from(range.start());
        let range = start..start + text(node).len();
        Found { rule, range, on: None, part: None, node: Some(node.clone()), remedy: None }
    }
}

/// A statement that squawk has parsed, and what it asks for.
pub(in crate::sql::lint) struct Parsed<'a> {
    pub(in crate::sql::lint) node: &'a SyntaxNode,
    pub(in crate::sql::lint) locks: &'a [Lock],
    pub(in crate::sql::lint) fits_transaction: bool,
}
