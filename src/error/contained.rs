//! Contains panics: only the work in which one happens ends.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// The result of `work`, or nothing when it panics, which the panic hook has printed then. State that it shares must be
/// consistent at each of its steps.
pub(crate) fn contained<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
