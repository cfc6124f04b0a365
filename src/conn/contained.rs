//! A panic ends what it happens in, and nothing around it.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// What `work` gives, or nothing when it panics, which the panic hook has printed then. What it shares with others must be
/// whole at each of its steps.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
