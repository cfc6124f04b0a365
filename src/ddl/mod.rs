//! How a script runs as one piece, and what is known of it afterwards.
//!
//! BEGIN and the script leave together, with a question for the transaction's identity behind them; COMMIT leaves when
//! the script has succeeded, so that whoever dies in its middle commits nothing. When the answer to COMMIT is lost, the
//! identity is what the server is asked about. Decision 0030 has the alternatives.

mod cancelling;
mod check;
mod identity;
mod order;
mod outcome;
mod run;
mod verdict;

pub use check::check;
pub use order::{Apart, Commit, Order, Place};
pub use outcome::{End, judge};
pub use run::run;
