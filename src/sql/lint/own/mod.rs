//! What squawk's rules lack.

mod hot;
mod leak;
mod second;
mod timeout;
mod value;
pub(super) mod volatile;

use std::ops::Range;

use squawk_syntax::SyntaxNode;

pub(super) use leak::Resets;

use super::names::text;
use super::state::State;
use crate::sql::analysis::locks::Lock;
use crate::sql::script::Statement;

/// A finding of ours, before it has its words.
pub(super) struct Found {
    pub(super) rule: &'static str,
    /// In bytes of the statement.
    pub(super) range: Range<usize>,
    /// What `{on}` and `{part}` stand for.
    pub(super) on: Option<String>,
    pub(super) part: Option<String>,
    /// The node that it is about; the whole statement without one.
    pub(super) node: Option<SyntaxNode>,
    /// Where there is no syntax to make it from.
    pub(super) remedy: Option<String>,
}

impl Found {
    fn about(rule: &'static str, part: &Statement<'_>) -> Found {
        Found { rule, range: 0..part.text.len(), on: None, part: None, node: None, remedy: None }
    }

    fn in_node(rule: &'static str, statement: &SyntaxNode, node: &SyntaxNode) -> Found {
        let range = node.text_range() - statement.text_range().start();
        let start = usize::from(range.start());
        let range = start..start + text(node).len();
        Found { rule, range, on: None, part: None, node: Some(node.clone()), remedy: None }
    }
}

/// A statement that squawk has parsed, and what it asks for.
pub(super) struct Parsed<'a> {
    pub(super) node: &'a SyntaxNode,
    pub(super) locks: &'a [Lock],
    pub(super) fits_transaction: bool,
}

/// What is to be said of a statement that comes next.
pub(super) fn found(
    index: usize,
    part: &Statement<'_>,
    parsed: Option<&Parsed<'_>>,
    state: &State,
    resets: &Resets,
    bounds: &mut timeout::Bounds,
) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(parsed) = parsed {
        found.extend(timeout::missing(part, parsed, state, bounds));
        found.extend(second::locked(part, parsed, state));
        found.extend(hot::changed(part, parsed.node, state));
        found.extend(volatile::rewriting(parsed.node, state));
        found.extend(leak::set(index, part, parsed.node, state, resets));
    }
    found.extend(leak::set_config(part, state));
    found.extend(value::used(part, state));
    found
}

pub(super) use timeout::Bounds;
