//! Names: those in a statement, and those that PostgreSQL or a remedy makes of them.

use squawk_syntax::ast::{AstNode, ColumnNameRef, NameLike};
use squawk_syntax::quote::quote_ident;
use squawk_syntax::{SyntaxKind, SyntaxNode};

pub(super) use crate::sql::analysis::syntax::child;

/// PostgreSQL cuts a longer name. In bytes, without the zero at the end (NAMEDATALEN).
pub(super) const LONGEST: usize = 63;

/// The text of a node without the comments and blanks at its ends.
pub(super) fn text(node: &SyntaxNode) -> String {
    node.text().to_string().trim().to_owned()
}

pub(super) fn first(node: &SyntaxNode, kind: SyntaxKind) -> Option<SyntaxNode> {
    node.descendants().find(|node| node.kind() == kind)
}

/// A name as PostgreSQL keeps it: unquoted, or folded.
pub(super) fn plain(written: &str) -> String {
    match written.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')) {
        Some(quoted) => quoted.replace("\"\"", "\""),
        None => written.to_lowercase(),
    }
}

/// The name so that SQL means just it, quoted only where it has to be.
pub(super) fn quoted(name: &str) -> String {
    quote_ident(name)
}

/// A name that may have a schema before it, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Qualified {
    /// With its dot; empty without one.
    schema: String,
    last: String,
}

impl Qualified {
    pub(super) fn of(node: &SyntaxNode) -> Option<Qualified> {
        let path = node.descendants().find(|node| matches!(node.kind(), SyntaxKind::PATH_REF | SyntaxKind::PATH))?;
        let whole = text(&path);
        let last = path.children().filter(|node| is_segment(node.kind())).last()?;
        let last = text(&last);
        let schema = whole.strip_suffix(last.as_str()).unwrap_or_default().to_owned();
        Some(Qualified { schema, last })
    }

    /// The last part, as PostgreSQL keeps it.
    pub(super) fn name(&self) -> String {
        plain(&self.last)
    }

    pub(super) fn written(&self) -> String {
        format!("{}{}", self.schema, self.last)
    }

    /// Another name in the same schema.
    pub(super) fn sibling(&self, name: &str) -> String {
        format!("{}{}", self.schema, quoted(name))
    }
}

fn is_segment(kind: SyntaxKind) -> bool {
    matches!(kind, SyntaxKind::PATH_SEGMENT_REF | SyntaxKind::PATH_SEGMENT)
}

/// The names of the columns in a list, as PostgreSQL keeps them.
pub(super) fn columns(list: &SyntaxNode) -> Vec<String> {
    list.children().filter_map(ColumnNameRef::cast).map(|column| column.text()).collect()
}

/// The name that PostgreSQL makes up for a constraint or an index (`makeObjectName`).
pub(super) fn made_up(relation: &str, column: Option<&str>, label: &str) -> String {
    let separators = 1 + usize::from(column.is_some());
    let room = LONGEST.saturating_sub(label.len() + separators);
    let (mut first, mut second) = (relation, column.unwrap_or_default());
    while first.len() + second.len() > room {
        let longer = if first.len() > second.len() { &mut first } else { &mut second };
        let end = longer.floor_char_boundary(longer.len().saturating_sub(1));
        *longer = longer.get(..end).unwrap_or_default();
    }
    match column {
        Some(_) => format!("{first}_{second}_{label}"),
        None => format!("{first}_{label}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn made_up_names_are_postgresqls() {
        assert_eq!(made_up("orders", Some("user_id"), "fkey"), "orders_user_id_fkey");
        assert_eq!(made_up("orders", None, "pkey"), "orders_pkey");
        let long = "a".repeat(60);
        assert_eq!(made_up(&long, Some("b"), "key"), format!("{}_b_key", "a".repeat(57)));
    }

    #[test]
    fn names_are_quoted_only_where_they_have_to_be() {
        assert_eq!(plain("\"A\"\"b\""), "A\"b");
        assert_eq!(plain("Users"), "users");
        assert_eq!(quoted("order"), "\"order\"");
        assert_eq!(quoted("orders"), "orders");
    }
}
