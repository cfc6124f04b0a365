//! Columns that are added or get another type without a rewrite under a lock.

use squawk_syntax::ast::{self, AstNode};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::constraint;
use super::steps::Steps;
use super::table::Table;
use crate::sql::lint::names::{child, first, made_up, plain, quoted, text};
use crate::sql::lint::own::volatile;
use crate::sql::quote::quote_literal;

/// Rows that a backfill takes at once.
const BATCH: usize = 10_000;

/// The version from which on a constant default is stored once for all rows.
const CONSTANT_DEFAULTS: u32 = 11;

/// ADD COLUMN, without what takes a look at each row, which then follows.
pub(super) fn added(table: &Table, action: &SyntaxNode, server_version: u32, steps: &mut Steps) -> Option<()> {
    use SyntaxKind::*;
    let written = text(&child(action, COLUMN_NAME)?);
    let column = plain(&written);
    let ty = action.children().find(|node| ast::Type::can_cast(node.kind()))?;
    let constraints: Vec<_> = action.children().filter(|node| ast::Constraint::can_cast(node.kind())).collect();
    let find = |kind: SyntaxKind| constraints.iter().find(|node| node.kind() == kind);

    let serial = volatile::serial(&ty);
    let default = find(DEFAULT_CONSTRAINT);
    let generated = find(GENERATED_CONSTRAINT);
    let identity = generated.and_then(|node| first(node, GENERATED_IDENTITY));
    let stored = generated.filter(|_| identity.is_none());
    let is_volatile =
        default.is_some_and(|default| server_version < CONSTANT_DEFAULTS || !volatile::is_constant(default));
    let is_primary = find(PRIMARY_KEY_CONSTRAINT).is_some();
    let is_required = find(NOT_NULL_CONSTRAINT).is_some() || serial.is_some() || identity.is_some() || is_primary;
    let is_filled = default.is_some() || serial.is_some() || identity.is_some();
    // A constant default is there in every row at once, so that NOT NULL has nothing to prove.
    let stays_required = is_required && default.is_some() && !is_volatile && !is_primary;

    let exists = child(action, IF_NOT_EXISTS).map_or("", |_| "IF NOT EXISTS ");
    let plain_type = serial.map_or_else(|| text(&ty), str::to_owned);
    let mut add = format!("ADD COLUMN {exists}{written} {plain_type}");
    let mut keep = |node: &SyntaxNode| {
        add.push(' ');
        add.push_str(&text(node));
    };
    child(action, COLLATE).iter().for_each(&mut keep);
    default.filter(|_| !is_volatile).into_iter().for_each(&mut keep);
    find(NOT_NULL_CONSTRAINT).filter(|_| stays_required).into_iter().for_each(&mut keep);
    steps.sql(table.alter(&add));

    if let Some(default) = default.filter(|_| is_volatile) {
        let name = quoted(&column);
        steps.sql(table.alter(&format!("ALTER COLUMN {name} SET {}", constraint::body(default))));
        backfill(table, &column, "DEFAULT", steps);
    }
    let filling =
        (serial.is_some() || identity.is_some()).then(|| sequence(table, &column, serial, identity.as_ref(), steps));
    if let Some(stored) = stored {
        trigger(table, &column, &expression(stored)?, steps);
        backfill(table, &column, &expression(stored)?, steps);
    }
    if is_required && !stays_required {
        if !is_filled && stored.is_none() {
            steps.note(&format!(
                "Fill {written} in every row, in batches: UPDATE {} SET {written} = … WHERE {written} IS NULL;",
                table.name.written()
            ));
        }
        constraint::not_null(table, &column, steps);
    }
    if let (Some(identity), Some(sequence)) = (&identity, &filling) {
        become_identity(table, &column, identity, sequence, steps);
    }
    for node in &constraints {
        match node.kind() {
            UNIQUE_CONSTRAINT | PRIMARY_KEY_CONSTRAINT => {
                constraint::unique(table, node, std::slice::from_ref(&column), steps);
            }
            REFERENCES_CONSTRAINT => constraint::references(table, &column, node, steps),
            CHECK_CONSTRAINT => constraint::check(table, node, steps),
            _ => {}
        }
    }
    Some(())
}

/// The old rows, some at a time.
fn backfill(table: &Table, column: &str, value: &str, steps: &mut Steps) {
    let (table, column) = (table.name.written(), quoted(column));
    let has_value = if value == "DEFAULT" { String::new() } else { format!(" AND {value} IS NOT NULL") };
    steps.note("Again and again, until it changes no row:");
    steps.sql(format!(
        "UPDATE {table} SET {column} = {value} WHERE ctid = ANY (ARRAY(SELECT ctid FROM {table} WHERE {column} IS \
         NULL{has_value} LIMIT {BATCH}))"
    ));
}

/// A sequence that fills the column; its name.
fn sequence(
    table: &Table,
    column: &str,
    serial: Option<&str>,
    identity: Option<&SyntaxNode>,
    steps: &mut Steps,
) -> String {
    let name = made_up(&table.name.name(), Some(column), if serial.is_some() { "seq" } else { "fill" });
    let written = table.name.sibling(&name);
    let column_name = quoted(column);
    match serial {
        Some(ty) => {
            steps.sql(format!("CREATE SEQUENCE {written} AS {ty} OWNED BY {}.{column_name}", table.name.written()))
        }
        None => {
            let options = identity.and_then(|node| first(node, SyntaxKind::SEQUENCE_OPTION_LIST));
            let options = options.map(|list| text(&list)).unwrap_or_default();
            let options = options.trim_start_matches('(').trim_end_matches(')').trim().to_owned();
            steps.sql(format!("CREATE SEQUENCE {written} {options}"));
        }
    }
    let literal = quote_literal(&written);
    steps.sql(table.alter(&format!("ALTER COLUMN {column_name} SET DEFAULT nextval({}::regclass)", literal.trim())));
    backfill(table, column, "DEFAULT", steps);
    written
}

fn become_identity(table: &Table, column: &str, identity: &SyntaxNode, sequence: &str, steps: &mut Steps) {
    let name = quoted(column);
    let old = quote_literal(sequence);
    let new = format!(
        "pg_get_serial_sequence({}, {})",
        quote_literal(&table.name.written()).trim(),
        quote_literal(column).trim()
    );
    steps.bounded(&[
        table.alter(&format!("ALTER COLUMN {name} DROP DEFAULT")),
        table.alter(&format!("ALTER COLUMN {name} ADD GENERATED {}", text(identity))),
        format!("SELECT setval({new}, nextval({}), false)", old.trim()),
        format!("DROP SEQUENCE {sequence}"),
    ]);
}

/// The expression of GENERATED ALWAYS AS (…) STORED, with its parentheses.
fn expression(generated: &SyntaxNode) -> Option<String> {
    let whole = text(generated);
    let (from, to) = (whole.find('(')?, whole.rfind(')')?);
    whole.get(from..=to).map(str::to_owned)
}

/// A trigger that writes the column from the others; its name, which is its function's too.
fn trigger(table: &Table, column: &str, value: &str, steps: &mut Steps) -> String {
    let name = made_up(&table.name.name(), Some(column), "fill");
    let function = table.name.sibling(&name);
    let written = table.name.written();
    let column = quoted(column);
    let tag = if value.contains("$fill$") { "$pgfleet_fill$" } else { "$fill$" };
    steps.sql(format!(
        "CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS {tag}\nBEGIN\n  NEW.{column} := (SELECT \
         {value} FROM (SELECT NEW.*) AS new_row);\n  RETURN NEW;\nEND {tag}"
    ));
    let name = quoted(&name);
    steps.sql(format!(
        "CREATE TRIGGER {name} BEFORE INSERT OR UPDATE ON {written} FOR EACH ROW EXECUTE FUNCTION {function}()"
    ));
    name
}

/// Another type by another column.
pub(super) fn retyped(table: &Table, column: &str, set_type: &SyntaxNode, steps: &mut Steps) -> Option<()> {
    let ty = set_type.children().find(|node| ast::Type::can_cast(node.kind()))?;
    let collate = child(set_type, SyntaxKind::COLLATE).map(|node| format!(" {}", text(&node))).unwrap_or_default();
    let name = quoted(column);
    let using = child(set_type, SyntaxKind::USING_EXPR).map(|node| text(&node));
    let using = using.and_then(|using| using.get("USING".len()..).map(|value| value.trim().to_owned()));
    let value = format!("({})", using.unwrap_or_else(|| format!("{name}::{}", text(&ty))));
    let new = made_up(column, None, "new");
    steps.sql(table.alter(&format!("ADD COLUMN {} {}{collate}", quoted(&new), text(&ty))));
    let trigger = trigger(table, &new, &value, steps);
    backfill(table, &new, &value, steps);
    steps.note(&format!("Give {} the default, constraints and indexes of {name}. Then swap them:", quoted(&new)));
    let function = table.name.sibling(&plain(&trigger));
    steps.bounded(&[
        format!("DROP TRIGGER {trigger} ON {}", table.name.written()),
        format!("DROP FUNCTION {function}()"),
        table.alter(&format!("DROP COLUMN {name}")),
        table.alter(&format!("RENAME COLUMN {} TO {name}", quoted(&new))),
    ]);
    Some(())
}
