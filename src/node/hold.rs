//! What keeps JavaScript's event loop alive while requests are made.

use super::environment::Environment;
use super::js::Js;

/// Requests that are being made, and keep the event loop alive until they are answered. Should making them panic, nobody
/// answers them, and they keep it alive no longer.
#[must_use = "it has to live until the requests are made"]
pub struct Hold<'a> {
    environment: &'a Environment,
    js: Js,
    requests: usize,
    under_way: usize,
}

impl<'a> Hold<'a> {
    pub(super) fn new(environment: &'a Environment, js: Js, requests: usize, under_way: usize) -> Self {
        Hold { environment, js, requests, under_way }
    }

    /// How many requests the environment has under way, with these.
    pub fn under_way(&self) -> usize {
        self.under_way
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.environment.release(self.js, self.requests);
        }
    }
}
