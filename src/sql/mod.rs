//! SQL text: taking a script apart, saying what its statements may do, and quoting what goes into one.
//!
//! Text in, values out: nothing here performs I/O. Tokens are told apart as squawk's lexer does, which is made for
//! PostgreSQL. Its parser is called by `analysis`, and besides that only where the first keywords leave a question
//! open: a full parse costs over ten times as much as lexing, and recurses without limit.

pub mod analysis;
mod command_tag;
mod concurrent_index;
mod conforming_strings;
mod enum_value;
mod functions;
mod lasting_effect;
pub mod lint;
mod nesting;
mod pipelining;
mod plannable;
mod position;
mod psql;
mod quote;
mod repeatable;
mod scan;
mod script;
mod session_settings;
mod session_use;
mod token;
mod transaction;
mod tree;

pub use command_tag::{SessionEffect, TransactionEnd};
pub use concurrent_index::{ConcurrentIndex, Reindexed, concurrent_index, concurrent_reindex};
pub use enum_value::{EnumValue, added_enum_value, created_enum};
pub use lasting_effect::{has_lasting_effect, may_commit_by_itself, may_read_data};
pub use pipelining::{is_one_statement, leaves_session_alone, may_have_parameters, may_wait};
pub use plannable::is_plannable;
pub use position::{Position, Positions};
pub use psql::MetaCommand;
pub use quote::{quote_identifier, quote_literal};
pub use repeatable::is_repeatable_read;
pub use script::{Statement, Statements, split, statements};
pub use session_settings::unlisted_settings;
pub use session_use::{SessionNeed, SessionUse, session_uses};
pub use transaction::{
    OutsideTransaction, Standing, begins_transactions_within, has_transaction_control, outside_transaction, standing,
};

#[cfg(test)]
mod properties;
