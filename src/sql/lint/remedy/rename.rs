//! Renames that leave the old name in use, by a view.

use squawk_syntax::SyntaxKind;

use super::table::Table;
use super::{Case, bounded};
use crate::sql::lint::names::{Qualified, child, made_up, plain, quoted, text};

/// The view has the rights of whoever reads it, where the server knows that.
const INVOKER: &str = "-- From PostgreSQL 15 on, WITH (security_invoker = true) before AS keeps row level security. \
                       Grant on the view what was granted on the table.";

pub(super) fn table(case: &Case<'_>) -> Option<String> {
    let table = Table::of(case.statement)?;
    let new = Qualified::of(&child(case.statement, SyntaxKind::TABLE_RENAME_TO)?)?;
    let old = table.name.written();
    let new = table.name.sibling(&new.name());
    Some(viewed(case, &[case.text.to_owned(), format!("CREATE VIEW {old} AS SELECT * FROM {new}")], &old))
}

pub(super) fn column(case: &Case<'_>) -> Option<String> {
    let table = Table::of(case.statement)?;
    let rename = child(case.statement, SyntaxKind::RENAME_COLUMN)?;
    let old = text(&child(&rename, SyntaxKind::COLUMN_NAME_REF)?);
    let new = text(&child(&rename, SyntaxKind::COLUMN_NAME)?);
    let written = table.name.written();
    let base = made_up(&table.name.name(), None, "base");
    let statements = [
        case.text.to_owned(),
        table.alter(&format!("RENAME TO {}", quoted(&base))),
        format!("CREATE VIEW {written} AS SELECT *, {new} AS {old} FROM {}", table.name.sibling(&base)),
    ];
    Some(viewed(case, &statements, &written))
}

pub(super) fn object(case: &Case<'_>) -> Option<String> {
    if case.statement.kind() != SyntaxKind::ALTER_VIEW {
        return None;
    }
    let view = Qualified::of(&child(case.statement, SyntaxKind::VIEW_REF)?)?;
    let new = Qualified::of(&child(case.statement, SyntaxKind::VIEW_RENAME_TO)?)?;
    let (old, new) = (view.written(), view.sibling(&new.name()));
    Some(viewed(case, &[case.text.to_owned(), format!("CREATE VIEW {old} AS SELECT * FROM {new}")], &old))
}

pub(super) fn moved(case: &Case<'_>) -> Option<String> {
    use SyntaxKind::*;
    if !matches!(case.statement.kind(), ALTER_TABLE | ALTER_VIEW | ALTER_FOREIGN_TABLE) {
        return None;
    }
    let object = case.statement.children().find_map(|node| Qualified::of(&node))?;
    let schema = child(case.statement, SET_SCHEMA)?.children().last()?;
    let old = object.written();
    let new = format!("{}.{}", quoted(&plain(&text(&schema))), quoted(&object.name()));
    Some(viewed(case, &[case.text.to_owned(), format!("CREATE VIEW {old} AS SELECT * FROM {new}")], &old))
}

fn viewed(case: &Case<'_>, statements: &[String], view: &str) -> String {
    let remedy = bounded(case, statements);
    format!("{INVOKER}\n{remedy}\n-- Once every program uses the new name: DROP VIEW {view};")
}
