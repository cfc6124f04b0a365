//! How a script runs as one piece, and how its outcome is determined.
//!
//! BEGIN and the script are sent together, with a query for the transaction's identity behind them; COMMIT is sent when
//! the script has succeeded, so that nothing is committed when the process dies in its middle. When the answer to
//! COMMIT is lost, the server is asked about that identity. Decision 0030 has the alternatives.

mod attempt;
mod blockers;
mod cancelling;
mod care;
mod check;
mod claim;
mod identity;
mod index_state;
mod lock_budget;
mod lock_watch;
mod managed;
mod order;
mod outcome;
mod piece;
mod pooled;
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
