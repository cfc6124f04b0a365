//! SQL text: taking a script apart, saying what its statements may do, and quoting what goes into one.
//!
//! Text in, values out: nothing here performs I/O or can fail. The lexer is squawk's, made for PostgreSQL; its
//! parser is asked only where the first keywords leave a question open, because a full parse costs over ten times
//! as much as lexing and recurses without limit.

mod conforming_strings;
mod functions;
mod nesting;
mod plannable;
mod position;
mod psql;
mod quote;
mod repeatable;
mod scan;
mod script;
mod token;
mod transaction;
mod tree;

pub use plannable::is_plannable;
pub use position::{Position, Positions};
pub use psql::MetaCommand;
pub use quote::{quote_identifier, quote_literal};
pub use repeatable::is_repeatable_read;
pub use script::{Statement, Statements, split, statements};
pub use transaction::{OutsideTransaction, has_transaction_control, outside_transaction};

#[cfg(test)]
mod properties;
