//! The state of a connection, locked.

use std::ops::{Deref, DerefMut};
use std::sync::MutexGuard;
use std::thread::panicking;

use super::state::Inner;

/// Holds the lock. A panic meanwhile leaves the state half changed: then the connection takes no more requests, and its
/// task closes it and fails all that wait.
pub(super) struct Locked<'a> {
    inner: MutexGuard<'a, Inner>,
    was_panicking: bool,
}

impl<'a> Locked<'a> {
    pub(super) fn new(inner: MutexGuard<'a, Inner>) -> Locked<'a> {
        Locked { inner, was_panicking: panicking() }
    }
}

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        if !self.was_panicking && panicking() {
            self.inner.fail();
        }
    }
}

impl Deref for Locked<'_> {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.inner
    }
}

impl DerefMut for Locked<'_> {
    fn deref_mut(&mut self) -> &mut Inner {
        &mut self.inner
    }
}
