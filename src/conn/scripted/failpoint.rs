//! A panic at a step of one's choice.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts steps down, and panics at the one that it was set to, once.
#[derive(Default)]
pub struct Failpoint {
    /// Steps to go; 0 for none.
    left: AtomicUsize,
}

impl Failpoint {
    /// Panics at this step from now on; 1 is the next one.
    pub fn set(&self, step: usize) {
        self.left.store(step, Ordering::SeqCst);
    }

    /// Whether it has panicked since it was set; it never will if not.
    pub fn disarm(&self) -> bool {
        self.left.swap(0, Ordering::SeqCst) == 0
    }

    /// A step.
    ///
    /// # Panics
    /// If it is the chosen one.
    pub fn step(&self) {
        let before = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(before != Ok(1), "a failpoint, as the test wants it");
    }
}
