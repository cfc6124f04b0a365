//! ALTER TABLE: the actions that are safe as they are, and the others step by step.

use squawk_syntax::ast::{AlterTableAction, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::steps::Steps;
use super::table::Table;
use super::{Case, column, constraint};
use crate::sql::lint::names::{child, plain, text};

/// The statement with the action that the finding is about done safely.
pub(super) fn altered(case: &Case<'_>) -> Option<String> {
    let table = Table::of(case.statement)?;
    let meant = case.action();
    let mut steps = Steps::default();
    steps.leave(case.transaction);
    let mut plain_actions: Vec<String> = Vec::new();
    for action in case.statement.children().filter(|child| AlterTableAction::can_cast(child.kind())) {
        if action != meant {
            plain_actions.push(text(&action));
            continue;
        }
        flush(&table, &mut plain_actions, &mut steps);
        safely(&table, &action, case.server_version, &mut steps)?;
    }
    flush(&table, &mut plain_actions, &mut steps);
    Some(steps.finish())
}

fn flush(table: &Table, actions: &mut Vec<String>, steps: &mut Steps) {
    if !actions.is_empty() {
        steps.sql(table.alter(&actions.join(", ")));
        actions.clear();
    }
}

/// None for what there is no other way to do.
fn safely(table: &Table, action: &SyntaxNode, server_version: u32, steps: &mut Steps) -> Option<()> {
    use SyntaxKind::*;
    match action.kind() {
        ADD_COLUMN => column::added(table, action, server_version, steps),
        ADD_CONSTRAINT => constraint::added(table, &action.children().next()?, steps),
        // It was added NOT VALID before, in the transaction that ends here.
        VALIDATE_CONSTRAINT => {
            steps.sql(table.alter(&text(action)));
            Some(())
        }
        ALTER_COLUMN => {
            let column = text(&child(action, COLUMN_NAME_REF)?);
            if child(action, SET_NOT_NULL).is_some() {
                constraint::not_null(table, &plain(&column), steps);
                return Some(());
            }
            column::retyped(table, &plain(&column), &child(action, SET_TYPE)?, steps)
        }
        _ => None,
    }
}
