//! The observer of a connection, and what happened before it had one.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::connection_id::ConnectionId;
use super::event::Event;
use super::observer::Observer;
use super::sink::Sink;
use crate::error::contained;

/// How much is kept for a connection without an observer: it is being made, and little can happen meanwhile.
const EARLY_LIMIT: usize = 100;

/// A connection's observer, and the events from before it had one.
#[derive(Default)]
pub(super) struct ObserverCell {
    observer: OnceLock<Arc<dyn Observer>>,
    early: Mutex<Early>,
}

#[derive(Default)]
struct Early {
    events: Vec<Event>,
    is_closed: bool,
}

impl ObserverCell {
    /// Tells what has happened so far, and everything from now on.
    pub(super) fn watch(&self, connection: ConnectionId, observer: Arc<dyn Observer>) {
        // Whatever happens meanwhile waits for the lock, and is told behind what was before.
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        if self.observer.get().is_some() {
            return;
        }
        for event in std::mem::take(&mut early.events) {
            contained(|| observer.event(connection, event));
        }
        if early.is_closed {
            contained(|| observer.closed());
        }
        // It was looked at above, under the lock.
        let _ = self.observer.set(observer);
    }

    pub(super) fn answered(&self, by_server: bool) {
        if let Some(observer) = self.observer.get() {
            observer.answered(by_server);
        }
    }

    pub(super) fn event(&self, connection: ConnectionId, event: Event) {
        let Some((observer, event)) = self.now_or_later(event, |early, event| {
            if early.events.len() < EARLY_LIMIT || matches!(event, Event::Lost(_) | Event::Closed) {
                early.events.push(event);
            }
        }) else {
            return;
        };
        observer.event(connection, event);
    }

    /// See [`Observer::listener`].
    pub(super) fn listener(&self) -> Option<Arc<dyn Sink>> {
        self.observer.get().and_then(|observer| observer.listener())
    }

    pub(super) fn closed(&self) {
        if let Some((observer, ())) = self.now_or_later((), |early, ()| early.is_closed = true) {
            observer.closed();
        }
    }

    /// The observer with what to tell it, or nothing when that was kept for a later one.
    fn now_or_later<T>(&self, what: T, keep: impl FnOnce(&mut Early, T)) -> Option<(&Arc<dyn Observer>, T)> {
        if let Some(observer) = self.observer.get() {
            return Some((observer, what));
        }
        let mut early = self.early.lock().unwrap_or_else(PoisonError::into_inner);
        match self.observer.get() {
            Some(observer) => Some((observer, what)),
            None => {
                keep(&mut early, what);
                None
            }
        }
    }
}
