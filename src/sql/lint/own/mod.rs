//! What squawk's rules lack.

mod found;
mod hot;
mod leak;
mod second;
mod timeout;
mod value;
pub(super) mod volatile;

pub(super) use found::{Found, Parsed};
pub(super) use leak::Resets;

use super::state::State;
use crate::sql::script::Statement;

/// What is to be said of a statement that comes next.
pub(super) fn found(
    index: usize,
    part: &Statement<'_>,
    parsed: Option<&Parsed<'_>>,
    state: &State,
    resets: &Resets,
    bounds: &mut timeout::Bounds,
) -> Vec<Found> {
    let mut found = Vec::new();
    if let Some(parsed) = parsed {
        found.extend(timeout::missing(part, parsed, state, bounds));
        found.extend(second::locked(part, parsed, state));
        found.extend(hot::changed(part, parsed.node, state));
        found.extend(volatile::rewriting(parsed.node, state));
        found.extend(leak::set(index, part, parsed.node, state, resets));
    }
    found.extend(leak::set_config(part, state));
    found.extend(value::used(part, state));
    found
}

pub(super) use timeout::Bounds;
