//! A lock on a second table while the transaction holds one on a first.

use super::found::{Found, Parsed};
use crate::sql::analysis::locks::Mode;
use crate::sql::lint::rules::own::LOCK_ON_SECOND_TABLE;
use crate::sql::lint::state::State;
use crate::sql::lint::target;
use crate::sql::script::Statement;

pub(super) fn locked(part: &Statement<'_>, parsed: &Parsed<'_>, state: &State) -> Option<Found> {
    let first = state.first_held.as_ref()?;
    let is_second = |relation: &str| !state.is_new_kept(relation) && !state.held.contains(relation);
    let lock = target::strong(parsed.node, parsed.locks, Mode::Share).find(|lock| is_second(&lock.relation))?;
    let (on, held) = (Some(lock.relation.clone()), Some(first.clone()));
    Some(Found { on, part: held, ..Found::about(LOCK_ON_SECOND_TABLE, part) })
}
