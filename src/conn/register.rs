//! Values that are shared by all users of the same one, and dropped with the last of them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

/// Finds what is held already.
pub(super) struct Register<T>(Mutex<Vec<Weak<T>>>);

impl<T> Register<T> {
    /// Nothing is held yet.
    pub(super) const fn new() -> Self {
        Register(Mutex::new(Vec::new()))
    }

    /// The one that `is` meant, if anything holds it.
    pub(super) fn known(&self, is: impl Fn(&T) -> bool) -> Option<Arc<T>> {
        held(&mut self.lock(), is)
    }

    /// The one that `is` meant, or a new one.
    pub(super) fn find(&self, is: impl Fn(&T) -> bool, make: impl FnOnce() -> T) -> Arc<T> {
        let mut known = self.lock();
        held(&mut known, is).unwrap_or_else(|| {
            let made = Arc::new(make());
            known.push(Arc::downgrade(&made));
            made
        })
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Weak<T>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets what nothing holds any more, and finds one of the others.
fn held<T>(known: &mut Vec<Weak<T>>, is: impl Fn(&T) -> bool) -> Option<Arc<T>> {
    known.retain(|entry| entry.strong_count() > 0);
    known.iter().filter_map(Weak::upgrade).find(|entry| is(entry))
}
