//! The error of requests that a panic in a pool has lost, and steps at which tests cause one.

use crate::error::{Error, ErrorKind};

/// A step at which a test wants a panic, once.
#[cfg(test)]
#[derive(Default)]
pub(super) struct Fault(std::sync::Mutex<Option<&'static str>>);

#[cfg(test)]
impl Fault {
    pub(super) fn want(&self, step: &'static str) {
        *self.0.lock().unwrap() = Some(step);
    }

    pub(super) fn at(&self, step: &'static str) {
        let is_wanted = self.0.lock().unwrap().take_if(|wanted| *wanted == step).is_some();
        assert!(!is_wanted, "as the test wants it");
    }
}

/// The error of a request that was lost by a panic.
pub(super) fn panicked(text: &str) -> Error {
    Error::new(ErrorKind::Io, text)
}
