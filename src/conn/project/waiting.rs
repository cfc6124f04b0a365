//! A search for a project's pooler as those see it that wait for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Instant;

use tokio::sync::{Notify, watch};

use crate::clock;
use crate::error::{Error, ErrorKind, texts};

pub(super) type Outcome = Result<String, Error>;

/// A search under way. Those that wait for it share it; it ends early when none is left, and no probe is begun then.
pub(super) struct Search {
    waiting: AtomicUsize,
    /// Somebody's time was over, who may come back for the answer.
    is_awaited: AtomicBool,
    pub(super) joined: Notify,
    outcome: watch::Receiver<Option<Outcome>>,
}

impl Search {
    /// One that has just begun, for one that waits for it.
    pub(super) fn new(outcome: watch::Receiver<Option<Outcome>>) -> Search {
        Search { waiting: AtomicUsize::new(1), is_awaited: AtomicBool::new(false), joined: Notify::new(), outcome }
    }

    /// One more waits for it. Only while what is known is locked, so that it isn't just ending for want of others.
    pub(super) fn join(&self) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        self.joined.notify_one();
    }

    pub(super) fn is_wanted(&self) -> bool {
        self.waiting.load(Ordering::SeqCst) > 0 || self.is_awaited.load(Ordering::SeqCst)
    }

    /// Whether it has ended, or was lost.
    pub(super) fn is_over(&self) -> bool {
        self.outcome.has_changed().is_err()
    }
}

/// Somebody who waits for a search.
pub(super) struct Waiting {
    search: Arc<Search>,
    until: Option<Instant>,
}

impl Waiting {
    /// For one that has joined it, and has time until then.
    pub(super) fn new(search: Arc<Search>, until: Option<Instant>) -> Waiting {
        Waiting { search, until }
    }

    /// The host that was found.
    ///
    /// # Errors
    /// Why none was.
    pub(super) async fn outcome(&self) -> Outcome {
        let mut outcome = self.search.outcome.clone();
        let known = outcome.wait_for(Option::is_some).await.ok().and_then(|known| known.clone());
        known.unwrap_or_else(|| Err(Error::new(ErrorKind::Io, texts::SEARCH_FAILED)))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if self.until.is_some_and(|until| clock::now() >= until) {
            self.search.is_awaited.store(true, Ordering::SeqCst);
        }
        self.search.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
