//! Any text can be taken apart and judged: without a panic, and without a statement that isn't in it.

#![no_main]

#[path = "../../src/error/mod.rs"]
mod error;
#[path = "../../src/sql/mod.rs"]
mod sql;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|script: &str| {
    let statements: Vec<_> = sql::statements(script).collect();
    let mut end = 0;
    for statement in &statements {
        assert!(statement.range.start >= end, "statements overlap");
        assert_eq!(script.get(statement.range.clone()), Some(statement.text));
        assert!(!statement.text.is_empty(), "an empty statement");
        end = statement.range.end;
    }
    if let Some(found) = sql::outside_transaction(script) {
        assert!(statements.iter().any(|statement| statement.range == found.range));
    }
    sql::has_transaction_control(script);
    if sql::is_repeatable_read(script) {
        assert_eq!(statements.len(), 1, "several statements as one read");
    }

    let literal = format!("SELECT {};", sql::quote_literal(script));
    assert_eq!(sql::statements(&literal).count(), 1, "a literal that ends early");
    let identifier = format!("SELECT 1 AS {};", sql::quote_identifier(script));
    assert_eq!(sql::statements(&identifier).count(), 1, "an identifier that ends early");
});
