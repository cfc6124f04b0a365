//! What is dropped: first out of sight, so that it is quickly back.

use squawk_syntax::ast::{AlterTableAction, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::steps::Steps;
use super::table::Table;
use super::{Case, bounded};
use crate::sql::lint::names::{Qualified, child, made_up, plain, quoted, text};
use crate::sql::lint::target;

/// DROP INDEX CONCURRENTLY takes one index, and no CASCADE.
pub(super) fn indexes(case: &Case<'_>) -> Vec<String> {
    let exists = child(case.statement, SyntaxKind::IF_EXISTS).map_or("", |_| "IF EXISTS ");
    let indexes = case.statement.children().filter(|node| node.kind() == SyntaxKind::INDEX_REF);
    indexes.map(|index| format!("DROP INDEX CONCURRENTLY {exists}{}", text(&index))).collect()
}

/// The column stays until no program names it, and programs that don't can write rows.
pub(super) fn column(case: &Case<'_>) -> Option<String> {
    let table = Table::of(case.statement)?;
    let action = case.action();
    let column = text(&child(&action, SyntaxKind::COLUMN_NAME_REF)?);
    let loosened = table.alter(&format!("ALTER COLUMN {column} DROP NOT NULL"));
    let is_other = |node: &SyntaxNode| *node != action && AlterTableAction::can_cast(node.kind());
    let others: Vec<_> = case.statement.children().filter(is_other).map(|node| text(&node)).collect();
    let mut statements = vec![loosened];
    if !others.is_empty() {
        statements.push(table.alter(&others.join(", ")));
    }
    let mut remedy = bounded(case, &statements);
    remedy.push_str(&format!("\n-- Once no program names the column:\n-- {};", table.alter(&text(&action))));
    Some(remedy)
}

pub(super) fn trigger(case: &Case<'_>) -> Option<String> {
    let trigger = case.statement.children().find(|node| node.kind() != SyntaxKind::IF_EXISTS)?;
    let table = target::names(case.statement).into_iter().next()?.written();
    let disabled = format!("ALTER TABLE {table} DISABLE TRIGGER {}", text(&trigger));
    Some(later(bounded(case, &[disabled]), case))
}

pub(super) fn database(case: &Case<'_>) -> Option<String> {
    let database = case.statement.children().find(|node| node.kind() != SyntaxKind::IF_EXISTS)?;
    let mut steps = Steps::default();
    steps.sql(format!("ALTER DATABASE {} ALLOW_CONNECTIONS false", text(&database)));
    Some(later(steps.finish(), case))
}

pub(super) fn extension(case: &Case<'_>) -> Option<String> {
    let is_option = |node: &SyntaxNode| matches!(node.kind(), SyntaxKind::CASCADE | SyntaxKind::RESTRICT);
    let option = case.statement.children().find(is_option);
    let text = match option {
        Some(option) => super::edit::without(case, option.kind())?,
        None => case.text.to_owned(),
    };
    Some(bounded(case, &[format!("{} RESTRICT", text.trim_end())]))
}

/// Everything that is dropped under another name. None for what has no name that can be changed.
pub(super) fn renamed(case: &Case<'_>) -> Option<String> {
    use SyntaxKind::*;
    let what = match case.statement.kind() {
        DROP_TABLE => "TABLE",
        DROP_FOREIGN_TABLE => "FOREIGN TABLE",
        DROP_VIEW => "VIEW",
        DROP_MATERIALIZED_VIEW => "MATERIALIZED VIEW",
        DROP_SEQUENCE => "SEQUENCE",
        DROP_TYPE => "TYPE",
        DROP_DOMAIN => "DOMAIN",
        DROP_SCHEMA => "SCHEMA",
        DROP_FUNCTION => "FUNCTION",
        DROP_PROCEDURE => "PROCEDURE",
        DROP_ROUTINE => "ROUTINE",
        DROP_AGGREGATE => "AGGREGATE",
        _ => return None,
    };
    let takes_exists = matches!(
        case.statement.kind(),
        DROP_TABLE | DROP_FOREIGN_TABLE | DROP_VIEW | DROP_MATERIALIZED_VIEW | DROP_SEQUENCE
    );
    let is_absent_fine = child(case.statement, IF_EXISTS).is_some();
    if is_absent_fine && !takes_exists {
        return None;
    }
    let exists = if is_absent_fine { "IF EXISTS " } else { "" };
    let objects = objects(case.statement);
    let rename = |node: &SyntaxNode| {
        let name = Qualified::of(node).map_or_else(|| plain(&text(node)), |name| name.name());
        let dropped = quoted(&made_up(&name, None, "dropped"));
        format!("ALTER {what} {exists}{} RENAME TO {dropped}", text(node))
    };
    let statements: Vec<_> = objects.iter().map(rename).collect();
    (!statements.is_empty()).then(|| later(bounded(case, &statements), case))
}

/// The nodes with the names, a function's with its parameters.
fn objects(statement: &SyntaxNode) -> Vec<SyntaxNode> {
    use SyntaxKind::*;
    let is_list = |kind| matches!(kind, FUNCTION_SIG_LIST | PROCEDURE_SIG_LIST | ROUTINE_SIG_LIST);
    if let Some(list) = statement.children().find(|node| is_list(node.kind())) {
        return list.children().collect();
    }
    let is_name = |node: &SyntaxNode| !matches!(node.kind(), IF_EXISTS | CASCADE | RESTRICT);
    statement.children().filter(is_name).collect()
}

fn later(mut remedy: String, case: &Case<'_>) -> String {
    let text = case.text.lines().map(|line| format!("-- {line}")).collect::<Vec<_>>().join("\n");
    remedy.push_str("\n-- Once nobody misses it, under its name of then:\n");
    remedy.push_str(&text);
    remedy.push(';');
    remedy
}
