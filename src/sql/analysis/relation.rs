//! The names of relations, as the server keeps them.

use squawk_syntax::SyntaxNode;
use squawk_syntax::ast::{AstNode, PathSegment, PathSegmentRef};

/// The name in this node, folded and unquoted, with its schema where one is written.
pub(super) fn name(node: &SyntaxNode) -> String {
    segments(node).join(".")
}

/// The name in this node without its last part: the table of a column.
pub(super) fn owner_name(node: &SyntaxNode) -> String {
    let segments = segments(node);
    segments.split_last().map(|(_, owner)| owner.join(".")).unwrap_or_default()
}

fn segments(node: &SyntaxNode) -> Vec<String> {
    let text = |node: SyntaxNode| match PathSegmentRef::cast(node.clone()) {
        Some(segment) => Some(segment.text()),
        None => PathSegment::cast(node).map(|segment| segment.text()),
    };
    node.descendants().filter_map(text).collect()
}
