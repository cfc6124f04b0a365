//! Constraints that are added at once and proven later.

use squawk_syntax::ast::AstNode;
use squawk_syntax::{SyntaxKind, SyntaxNode, ast};

use super::steps::Steps;
use super::table::Table;
use super::{Case, outside};
use crate::sql::lint::names::{self, Qualified, child, columns, first, plain, quoted, text};
use crate::sql::lint::target;
use crate::sql::quote::quote_literal;

/// The constraint of ADD CONSTRAINT.
pub(super) fn added(table: &Table, constraint: &SyntaxNode, steps: &mut Steps) -> Option<()> {
    use SyntaxKind::*;
    match constraint.kind() {
        CHECK_CONSTRAINT => check(table, constraint, steps),
        FOREIGN_KEY_CONSTRAINT => {
            let list = child(constraint, FOREIGN_KEY_COLUMN_LIST)?;
            let made_up = table.made_up(Some(&columns(&list).join("_")), "fkey");
            not_valid(table, &name(constraint).unwrap_or(made_up), &body(constraint), steps);
        }
        UNIQUE_CONSTRAINT => {
            let columns = columns(&first(constraint, CONSTRAINT_COLUMN_REF_LIST)?);
            unique(table, constraint, &columns, steps);
        }
        PRIMARY_KEY_CONSTRAINT => {
            let columns = columns(&first(constraint, CONSTRAINT_COLUMN_REF_LIST)?);
            columns.iter().for_each(|column| not_null(table, column, steps));
            unique(table, constraint, &columns, steps);
        }
        NOT_NULL_CONSTRAINT => {
            let column = plain(&text(&child(constraint, COLUMN_NAME_REF)?));
            let made_up = table.made_up(Some(&column), "not_null");
            not_valid(table, &name(constraint).unwrap_or(made_up), &body(constraint), steps);
        }
        _ => return None,
    }
    Some(())
}

/// A CHECK of the table or of a column.
pub(super) fn check(table: &Table, constraint: &SyntaxNode, steps: &mut Steps) {
    let mut used: Vec<String> = referenced(constraint);
    used.sort_unstable();
    used.dedup();
    // PostgreSQL names a check after the column that it is about, if it is one.
    let column = if let [one] = used.as_slice() { Some(one.as_str()) } else { None };
    let made_up = table.made_up(column, "check");
    not_valid(table, &name(constraint).unwrap_or(made_up), &body(constraint), steps);
}

/// The columns in an expression, as far as its text tells.
fn referenced(expression: &SyntaxNode) -> Vec<String> {
    let names = expression.descendants().filter_map(ast::NameRef::cast);
    let is_column = |name: &ast::NameRef| {
        let parent = name.syntax().parent();
        let is_called = parent.as_ref().is_some_and(|parent| {
            parent.kind() == SyntaxKind::CALL_EXPR && parent.first_child().as_ref() == Some(name.syntax())
        });
        !is_called
    };
    names.filter(is_column).map(|name| name.text()).collect()
}

/// The foreign key of a column: `REFERENCES …` as it is written, without its name.
pub(super) fn references(table: &Table, column: &str, constraint: &SyntaxNode, steps: &mut Steps) {
    let made_up = table.made_up(Some(column), "fkey");
    let body = format!("FOREIGN KEY ({}) {}", quoted(column), body(constraint));
    not_valid(table, &name(constraint).unwrap_or(made_up), &body, steps);
}

fn not_valid(table: &Table, name: &str, body: &str, steps: &mut Steps) {
    steps.sql(table.alter(&format!("ADD CONSTRAINT {name} {body} NOT VALID")));
    steps.sql(table.alter(&format!("VALIDATE CONSTRAINT {name}")));
}

/// UNIQUE or PRIMARY KEY by an index that is built before.
pub(super) fn unique(table: &Table, constraint: &SyntaxNode, columns: &[String], steps: &mut Steps) {
    use SyntaxKind::*;
    let is_primary = constraint.kind() == PRIMARY_KEY_CONSTRAINT;
    // PostgreSQL names it after the included columns as well.
    let included = first(constraint, CONSTRAINT_INCLUDE_CLAUSE).and_then(|clause| first(&clause, COLUMN_REF_LIST));
    let included = included.map(|list| names::columns(&list)).unwrap_or_default();
    let all = [columns, included.as_slice()].concat().join("_");
    let made_up = if is_primary { table.made_up(None, "pkey") } else { table.made_up(Some(&all), "key") };
    let name = name(constraint).unwrap_or(made_up);
    let list: Vec<_> = columns.iter().map(|column| quoted(column)).collect();
    let mut index =
        format!("CREATE UNIQUE INDEX CONCURRENTLY {name} ON {} ({})", table.name.written(), list.join(", "));
    for kind in [CONSTRAINT_INCLUDE_CLAUSE, NULLS_NOT_DISTINCT, WITH_PARAMS] {
        if let Some(clause) = first(constraint, kind) {
            index.push(' ');
            index.push_str(&text(&clause));
        }
    }
    if let Some(space) = first(constraint, TABLESPACE_REF) {
        index.push_str(" TABLESPACE ");
        index.push_str(&text(&space));
    }
    steps.sql(index);
    let words = if is_primary { "PRIMARY KEY" } else { "UNIQUE" };
    let options = options(constraint);
    steps.sql(table.alter(&format!("ADD CONSTRAINT {name} {words} USING INDEX {name}{options}")));
}

fn options(constraint: &SyntaxNode) -> String {
    let options = constraint.children().filter(|node| ast::ConstraintOption::can_cast(node.kind()));
    options.map(|option| format!(" {}", text(&option))).collect()
}

/// NOT NULL by way of a CHECK, whose proof lets reads and writes pass.
pub(super) fn not_null(table: &Table, column: &str, steps: &mut Steps) {
    let check = table.made_up(Some(column), "not_null_check");
    let column = quoted(column);
    not_valid(table, &check, &format!("CHECK ({column} IS NOT NULL)"), steps);
    steps.sql(table.alter(&format!("ALTER COLUMN {column} SET NOT NULL")));
    steps.sql(table.alter(&format!("DROP CONSTRAINT {check}")));
}

/// The name that a constraint is given.
fn name(constraint: &SyntaxNode) -> Option<String> {
    let clause = child(constraint, SyntaxKind::CONSTRAINT_NAME_CLAUSE)?;
    Some(text(&child(&clause, SyntaxKind::CONSTRAINT_NAME)?))
}

/// The constraint without its name.
pub(super) fn body(constraint: &SyntaxNode) -> String {
    let whole = text(constraint);
    let clause = child(constraint, SyntaxKind::CONSTRAINT_NAME_CLAUSE).map(|clause| text(&clause));
    let body = clause.and_then(|clause| whole.strip_prefix(clause.as_str()).map(str::to_owned));
    body.unwrap_or(whole).trim().to_owned()
}

pub(super) fn of_domain(case: &Case<'_>) -> Option<String> {
    let domain = Qualified::of(case.statement)?;
    let add = first(case.statement, SyntaxKind::ADD_CONSTRAINT)?;
    let constraint = add.children().next()?;
    if constraint.kind() != SyntaxKind::CHECK_CONSTRAINT || first(&constraint, SyntaxKind::NOT_VALID).is_some() {
        return None;
    }
    let name = name(&constraint).unwrap_or_else(|| quoted(&names::made_up(&domain.name(), None, "check")));
    let written = domain.written();
    let statements = [
        format!("ALTER DOMAIN {written} ADD CONSTRAINT {name} {} NOT VALID", body(&constraint)),
        format!("ALTER DOMAIN {written} VALIDATE CONSTRAINT {name}"),
    ];
    Some(outside(case, &statements))
}

pub(super) fn out_of_domain(case: &Case<'_>) -> Option<String> {
    let mut text = case.text.to_owned();
    let constraints = case.statement.children().filter(|node| ast::Constraint::can_cast(node.kind()));
    let constraints: Vec<_> = constraints.filter(|node| node.kind() != SyntaxKind::DEFAULT_CONSTRAINT).collect();
    for constraint in constraints.iter().rev() {
        let range = constraint.text_range() - case.start;
        text.replace_range(usize::from(range.start())..usize::from(range.end()).min(text.len()), "");
    }
    let mut steps = Steps::default();
    steps.note("Put the rule on the tables that use the domain, where it can be added NOT VALID:");
    for constraint in &constraints {
        steps.note(&target::short(&body(constraint)));
    }
    steps.sql(text);
    Some(steps.finish())
}

/// ADD VALUE behind the value that is last now, which only the server knows.
pub(super) fn ordered_value(case: &Case<'_>) -> Option<String> {
    let name = Qualified::of(case.statement)?.written();
    let value = first(case.statement, SyntaxKind::ADD_VALUE)?;
    let literal = text(&first(&value, SyntaxKind::LITERAL)?);
    let exists = first(&value, SyntaxKind::IF_NOT_EXISTS).map_or("", |_| "IF NOT EXISTS ");
    if literal.contains("$pgfleet$") {
        return None;
    }
    let type_name = quote_literal(&name);
    let alter = format!("ALTER TYPE {} ADD VALUE {exists}%L AFTER %L", name.replace('%', "%%"));
    let block = format!(
        "DO $pgfleet$ BEGIN\n  EXECUTE format({}, {literal},\n    (SELECT enumlabel FROM pg_catalog.pg_enum WHERE \
         enumtypid = {type_name}::pg_catalog.regtype ORDER BY enumsortorder DESC LIMIT 1));\nEND $pgfleet$",
        quote_literal(&alter).trim(),
    );
    let mut steps = Steps::default();
    steps.note("Or name the value that it is to come after or before.");
    steps.sql(block);
    Some(steps.finish())
}
