//! Steps that may panic without what comes behind them being left out.

use std::panic::{AssertUnwindSafe, catch_unwind};

/// Takes a step, and tells whether it was done. What it fails at was printed by the panic hook.
pub(super) fn contained(step: impl FnOnce()) -> bool {
    catch_unwind(AssertUnwindSafe(step)).is_ok()
}
