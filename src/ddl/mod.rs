//! How a script runs as one piece, and what is known of it afterwards.
//!
//! BEGIN and the script leave together, with a question for the transaction's identity behind them; COMMIT leaves when
//! the script has succeeded, so that nothing is committed when the process dies in its middle. When the answer to
//! COMMIT is lost, the identity is what the server is asked about. Decision 0030 has the alternatives.

mod attempt;
mod backoff;
mod blockers;
mod cancelling;
mod care;
mod check;
mod identity;
mod index_state;
mod lock_budget;
mod lock_watch;
mod managed;
mod order;
mod outcome;
mod piece;
mod progress;
mod run;
mod session_settings;
mod time_limits;
mod verdict;

pub use check::{check, has_copy_data};
pub use order::{Apart, Commit, Limits, Mode, Order, Place};
pub use outcome::{End, judge};
pub use piece::pieces;
pub use run::run;
