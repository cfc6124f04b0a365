//! One environment of JavaScript, the main thread or a worker: what is ready for it, what it owns, and what only its
//! thread uses.

use std::sync::{Arc, Mutex};

use super::arrays::Arrays;
use super::belongings::Belongings;
use super::event_loop::{EventLoop, Hold};
use super::js::Js;
use super::lock::lock;
use super::outbox::Outbox;
#[cfg(unix)]
use super::polling::Polling;
use crate::conn::{CompletionQueue, Connection, ConnectionId, Operations, Questions};

/// Shared by everything that works for the environment.
pub(super) struct Environment {
    /// What is ready for it. For any thread.
    pub queue: Arc<CompletionQueue>,
    /// Wakes its thread and keeps it alive.
    pub event_loop: Arc<EventLoop>,
    /// What ends with it. For any thread.
    pub belongings: Mutex<Belongings>,
    /// Operations that it has begun and may abort. For any thread.
    pub operations: Arc<Operations>,
    /// Questions to it. For any thread.
    pub questions: Arc<Questions>,
    /// For the JavaScript thread alone; the lock is never contended.
    pub arrays: Mutex<Arrays>,
    /// As `arrays`.
    pub outbox: Mutex<Outbox>,
    /// Sockets that the JavaScript thread reads by itself.
    #[cfg(unix)]
    pub polling: Arc<Polling>,
}

impl Environment {
    /// One that isn't drained yet, around the typed arrays of JavaScript.
    pub(super) fn new(arrays: Arrays, outbox: Outbox) -> Self {
        let event_loop = Arc::new(EventLoop::default());
        let queue = Arc::new(CompletionQueue::new(event_loop.clone()));
        Environment {
            #[cfg(unix)]
            polling: Arc::new(Polling::new(queue.clone())),
            questions: Questions::to(queue.clone()),
            operations: Arc::default(),
            queue,
            event_loop,
            belongings: Mutex::default(),
            arrays: Mutex::new(arrays),
            outbox: Mutex::new(outbox),
        }
    }

    /// A request is being made, which keeps the event loop alive until it is answered. Called on the JavaScript thread.
    pub(super) fn hold(&self, js: Js) -> Hold<'_> {
        self.event_loop.hold_requests(js, 1)
    }

    /// Lets JavaScript's objects be collected when no event can come for them any more. Called on the JavaScript
    /// thread.
    pub(super) fn let_go(&self, js: Js) {
        if self.queue.is_gone() {
            return;
        }
        self.event_loop.let_go(js, || {
            let belongings = lock(&self.belongings);
            !belongings.pools.is_empty() || !belongings.connections.is_empty() || !belongings.holding.is_empty()
        });
    }

    /// JavaScript's side has been collected. Called on the JavaScript thread.
    pub(super) fn retire(&self, js: Js) {
        if self.queue.is_gone() {
            return;
        }
        #[cfg(unix)]
        self.polling.retire();
        self.event_loop.retire(js);
    }

    /// Whether an open connection keeps the event loop alive. Called on the JavaScript thread.
    pub(super) fn hold_connection(&self, js: Js, connection: ConnectionId, held: bool) {
        let changed = {
            let mut belongings = lock(&self.belongings);
            if held { belongings.holding.insert(connection) } else { belongings.holding.remove(&connection) }
        };
        match (changed, held) {
            (true, true) => self.event_loop.hold(js),
            (true, false) => self.event_loop.release(js),
            (false, _) => {}
        }
    }

    /// Adds a connection of its own, which ends with it. False when it is ending; then the caller has to close the
    /// connection.
    pub(super) fn own(&self, connection: &Connection) -> bool {
        let mut belongings = lock(&self.belongings);
        let is_here = !self.queue.is_gone();
        if is_here {
            belongings.connections.insert(connection.id(), connection.clone());
        }
        is_here
    }

    /// A request is about to be made, the only one or one of several, on this connection if it is known. Called on the
    /// JavaScript thread.
    pub(super) fn prepare_for(&self, requests: usize, connection: Option<&Connection>) {
        #[cfg(unix)]
        match (requests, connection) {
            (1, Some(connection)) => self.polling.watch(connection),
            (3.., _) => self.polling.unwatch_busy(),
            _ => {}
        }
        #[cfg(not(unix))]
        let _ = (requests, connection);
    }

    /// It is ending: closes what it owns.
    pub(super) fn die(&self) {
        self.event_loop.detach();
        // Before its belongings are taken, so that none is added afterwards.
        self.queue.say_gone();
        self.queue.close();
        self.questions.close();
        // Before its connections: operations are aborted, and don't ask for the outcome of their work then.
        self.operations.abandon();
        let belongings = std::mem::take(&mut *lock(&self.belongings));
        belongings.close();
    }
}
