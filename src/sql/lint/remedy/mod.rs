//! The SQL that does what a statement does, safely, with the statement's own names.
//!
//! A remedy runs as it is, statement by statement, outside of a transaction. Where a person has to do something in
//! between, a comment says so.

mod alter_table;
mod column;
mod constraint;
mod drop;
mod edit;
mod rename;
mod steps;
mod table;

use rowan::TextSize;
use squawk_linter::Fix;
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::names::text;
use super::rule::Rule;
use super::state::Transaction;
use super::target;
use steps::Steps;

/// What a remedy is made of.
pub(super) struct Case<'a> {
    pub(super) rule: &'static Rule,
    /// The statement's text, without the semicolon.
    pub(super) text: &'a str,
    pub(super) statement: &'a SyntaxNode,
    /// What the finding is about.
    pub(super) node: &'a SyntaxNode,
    /// Squawk's changes of the text.
    pub(super) fix: Option<&'a Fix>,
    /// Where the statement begins in squawk's text.
    pub(super) start: TextSize,
    pub(super) transaction: Transaction,
    /// Whether a transaction block takes the statement.
    pub(super) fits_transaction: bool,
    pub(super) server_version: u32,
}

/// What a comment that silences nothing is to be.
pub(super) const RIGHT_IGNORE: &str = "-- The names of the rules stand in docs/lint.md. For one of them, say:\n\
                                       -- pgfleet-ignore ban-drop-column";

impl Case<'_> {
    /// The part of the statement that the finding is about: an action of ALTER TABLE, say.
    fn action(&self) -> SyntaxNode {
        let is_part = |node: &SyntaxNode| node.parent().as_ref() == Some(self.statement);
        self.node.ancestors().find(is_part).unwrap_or_else(|| self.statement.clone())
    }
}

/// The remedy for a finding.
pub(super) fn of(case: &Case<'_>) -> String {
    let safe = match case.rule.name {
        "require-concurrent-index-creation" | "require-concurrent-reindex" | "prefer-repack" => {
            edit::applied(case).map(|text| outside(case, &[text]))
        }
        "require-concurrent-partition-detach" => edit::applied(case).map(|text| {
            let detached = outside(case, &[text]);
            format!("{detached}\n-- What was its bound stays as a CHECK constraint of the detached table.")
        }),
        "require-concurrent-index-deletion" | "ban-drop-index" => Some(outside(case, &drop::indexes(case))),
        "constraint-missing-not-valid"
        | "adding-field-with-default"
        | "rewriting-default"
        | "adding-foreign-key-constraint"
        | "changing-column-type"
        | "adding-not-nullable-field"
        | "adding-serial-primary-key-field"
        | "adding-required-field"
        | "disallowed-unique-constraint" => alter_table::altered(case),
        "ban-alter-domain-with-add-constraint" => constraint::of_domain(case),
        "ban-create-domain-with-constraint" => constraint::out_of_domain(case),
        "require-statement-timeout" => Some(wrapped(case, "statement_timeout = '5s'", &[case.text.to_owned()])),
        "ban-drop-column" => drop::column(case),
        "ban-drop-trigger" => drop::trigger(case),
        "ban-drop-database" => drop::database(case),
        "ban-drop-extension" => drop::extension(case),
        "ban-drop-table" | "ban-drop-schema" | "ban-drop-view" | "ban-drop-function" | "ban-drop-type"
        | "ban-drop-domain" | "ban-drop-sequence" => drop::renamed(case),
        "renaming-table" => rename::table(case),
        "renaming-column" => rename::column(case),
        "renaming-object" => rename::object(case),
        "ban-set-schema" => rename::moved(case),
        "ban-truncate-cascade" => edit::without(case, SyntaxKind::CASCADE).map(|text| bounded(case, &[text])),
        "require-enum-value-ordering" => constraint::ordered_value(case),
        "prefer-bigint-over-int"
        | "prefer-bigint-over-smallint"
        | "prefer-identity"
        | "prefer-text-field"
        | "prefer-timestamp-tz"
        | "ban-char-field"
        | "identifier-too-long" => edit::applied(case).map(alone),
        "prefer-robust-stmts" => edit::robust(case),
        "ban-duplicate-column-assignments" => edit::once(case),
        "require-table-schema" => edit::qualified(case).map(alone),
        "transaction-nesting" => Some(not_nested(case)),
        "ban-concurrent-index-creation-in-transaction" => Some(outside(case, &[case.text.to_owned()])),
        "ban-uncommitted-transaction" => Some("-- At the end of the script:\nCOMMIT;".to_owned()),
        "unused-ignore" => Some(RIGHT_IGNORE.to_owned()),
        "lock-on-second-table" => Some(behind_commit(case)),
        _ => None,
    };
    safe.unwrap_or_else(|| bounded(case, &[case.text.to_owned()]))
}

fn alone(text: String) -> String {
    let mut steps = Steps::default();
    steps.sql(text);
    steps.finish()
}

/// In a transaction that gives up when a lock isn't to be had.
fn bounded(case: &Case<'_>, statements: &[String]) -> String {
    wrapped(case, "lock_timeout = '1s'", statements)
}

fn wrapped(case: &Case<'_>, setting: &str, statements: &[String]) -> String {
    let mut steps = Steps::default();
    if !case.fits_transaction {
        statements.iter().for_each(|statement| steps.sql(statement.clone()));
        return steps.finish();
    }
    let is_open = case.transaction != Transaction::None;
    if !is_open {
        steps.sql("BEGIN".to_owned());
    }
    steps.sql(format!("SET LOCAL {setting}"));
    statements.iter().for_each(|statement| steps.sql(statement.clone()));
    if !is_open {
        steps.sql("COMMIT".to_owned());
    }
    steps.finish()
}

/// What no transaction takes, or what is to be several transactions.
fn outside(case: &Case<'_>, statements: &[String]) -> String {
    let mut steps = Steps::default();
    steps.leave(case.transaction);
    statements.iter().for_each(|statement| steps.sql(statement.clone()));
    steps.finish()
}

/// The statement in a transaction of its own.
fn behind_commit(case: &Case<'_>) -> String {
    let mut steps = Steps::default();
    steps.leave(case.transaction);
    steps.bounded(&[case.text.to_owned()]);
    steps.finish()
}

fn not_nested(case: &Case<'_>) -> String {
    let what = target::short(&text(case.statement)).trim_end_matches(';').to_owned();
    if case.statement.kind() == SyntaxKind::BEGIN && case.transaction == Transaction::Script {
        return format!(
            "-- Leave {what} out. For a part that can be undone by itself, use SAVEPOINT and ROLLBACK TO SAVEPOINT."
        );
    }
    if case.transaction == Transaction::Others {
        return format!("-- Leave {what} out: the transaction is begun and ended by what runs the script.");
    }
    format!("-- Leave {what} out, or begin the transaction before the statements that belong to it.")
}
