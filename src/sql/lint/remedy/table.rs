//! The table that an ALTER TABLE is about.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use crate::sql::lint::names::{Qualified, child, made_up, quoted, text};

/// The table that is altered.
pub(super) struct Table {
    /// `ALTER TABLE`, with IF EXISTS, ONLY and the name.
    pub(super) head: String,
    pub(super) name: Qualified,
}

impl Table {
    pub(super) fn of(statement: &SyntaxNode) -> Option<Table> {
        let relation = child(statement, SyntaxKind::TABLE_RELATION_NAME)?;
        let name = Qualified::of(&relation)?;
        let words =
            if statement.kind() == SyntaxKind::ALTER_FOREIGN_TABLE { "ALTER FOREIGN TABLE" } else { "ALTER TABLE" };
        let exists = child(statement, SyntaxKind::IF_EXISTS).map_or("", |_| "IF EXISTS ");
        Some(Table { head: format!("{words} {exists}{}", text(&relation)), name })
    }

    pub(super) fn alter(&self, action: &str) -> String {
        format!("{} {action}", self.head)
    }

    /// A name that PostgreSQL would make up for something of the table.
    pub(super) fn made_up(&self, column: Option<&str>, label: &str) -> String {
        quoted(&made_up(&self.name.name(), column, label))
    }
}
