//! Squawk's rules about timeouts, told from the locks that a statement takes: CONCURRENTLY, which a lock_timeout would
//! leave an invalid index of, and the script's own relations need none.

use super::found::{Found, Parsed};
use crate::sql::analysis::locks::Mode;
use crate::sql::lint::state::State;
use crate::sql::script::Statement;

/// Which of the two was said: once a script suffices.
#[derive(Debug, Default)]
pub(in crate::sql::lint) struct Bounds {
    lock: bool,
    statement: bool,
}

pub(super) fn missing(part: &Statement<'_>, parsed: &Parsed<'_>, state: &State, bounds: &mut Bounds) -> Vec<Found> {
    if !parsed.fits_transaction || (bounds.lock && bounds.statement) {
        return Vec::new();
    }
    let strong = parsed.locks.iter().find(|lock| lock.mode >= Mode::Share && !state.is_new_kept(&lock.relation));
    let Some(lock) = strong else { return Vec::new() };
    let mut found = Vec::new();
    let mut say = |rule: &'static str| {
        found.push(Found { on: Some(lock.relation.clone()), ..Found::about(rule, part) });
    };
    if !bounds.lock && !state.has_lock_timeout() {
        bounds.lock = true;
        say("require-lock-timeout");
    }
    if !bounds.statement && !state.has_statement_timeout() {
        bounds.statement = true;
        say("require-statement-timeout");
    }
    found
}
