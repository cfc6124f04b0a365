//! Reading on JavaScript's thread: its own event loop watches the sockets of connections on which one short query
//! follows the other (docs/decisions/0010), and stays awake for answers that come at once (0027,
//! `src/conn/busy_wait.rs`).
//!
//! Everything here runs on that thread, but for [`Recall`].

use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use napi::sys;

use super::js::{Answer, AsyncContext, Js};
use super::lock::lock;
use super::uv::{Called, Idle, Loop, Poll, Uv};
use crate::clock;
use crate::conn::busy_wait::{BusyWait, History, Turns};
use crate::conn::{CompletionQueue, Connection, ConnectionId, Reader};
use crate::error::contained;

/// Hands over what is ready.
type Drain = dyn Fn(Js) -> Answer<()> + Send + Sync;

/// The sockets that an environment's thread reads by itself.
pub(super) struct Polling {
    queue: Arc<CompletionQueue>,
    /// Handles that libuv has not closed yet.
    handles: AtomicUsize,
    /// For the JavaScript thread alone; `None` where sockets can't be watched on it.
    state: Mutex<Option<State>>,
}

/// What is needed to watch sockets.
struct State {
    on: Loop,
    js: Js,
    drain: Arc<Drain>,
    /// The async context of drains.
    context: AsyncContext,
    watched: HashMap<ConnectionId, Entry>,
    /// None when its environment has ended.
    busy_wait: Option<BusyWait<IdleTurns>>,
    /// The hook that makes Node-API wait, when the environment ends, until the last handle is closed; null afterwards.
    hook: sys::napi_async_cleanup_hook_handle,
    /// The strong count that the hook has.
    hooked: *const Polling,
}

// SAFETY: the handles and pointers are only used on the environment's thread.
unsafe impl Send for State {}

struct Entry {
    poll: Poll<Watched>,
    /// None where the loop doesn't stay awake for it.
    history: Option<History>,
}

/// A connection that is watched.
struct Watched {
    polling: Arc<Polling>,
    connection: Connection,
}

impl Called for Watched {
    fn called(&self) {
        if contained(|| self.polling.read(&self.connection)).is_none() {
            self.polling.unwatch(&self.connection);
        }
    }

    fn closed(&self) {
        self.polling.handle_closed();
    }
}

/// The turns of the loop, made when they are wanted first.
struct IdleTurns {
    on: Loop,
    polling: Weak<Polling>,
    idle: Option<Idle<Awake>>,
}

impl Turns for IdleTurns {
    fn begin(&mut self) -> bool {
        if self.idle.is_none()
            && let Some(polling) = self.polling.upgrade()
        {
            self.idle = Idle::new(self.on, Awake(polling.clone()));
            polling.handles.fetch_add(usize::from(self.idle.is_some()), Ordering::Relaxed);
        }
        self.idle.as_ref().inspect(|idle| idle.begin()).is_some()
    }

    fn end(&mut self) {
        if let Some(idle) = &self.idle {
            idle.end();
        }
    }
}

/// The loop is awake.
struct Awake(Arc<Polling>);

impl Called for Awake {
    fn called(&self) {
        self.0.turned();
    }

    fn closed(&self) {
        self.0.handle_closed();
    }
}

/// Asks for a connection back.
struct Recall {
    queue: Weak<CompletionQueue>,
    connection: ConnectionId,
}

impl Reader for Recall {
    fn recall(&self) {
        if let Some(queue) = self.queue.upgrade() {
            queue.recall(self.connection);
        }
    }
}

impl State {
    /// A lone query is about to be made on a connection that is watched.
    fn expect(&mut self, connection: ConnectionId) {
        if let Some(busy_wait) = &mut self.busy_wait
            && let Some(history) = self.watched.get_mut(&connection).and_then(|entry| entry.history.as_mut())
        {
            busy_wait.expect(connection, history);
        }
    }

    /// A connection was read, where something had come since then.
    fn was_read(&mut self, connection: &Connection, since: Instant) {
        if let Some(busy_wait) = &mut self.busy_wait
            && busy_wait.awaited() == Some(connection.id())
            && connection.load() == 0
            && let Some(history) = self.watched.get_mut(&connection.id()).and_then(|entry| entry.history.as_mut())
        {
            busy_wait.answered(history, since);
        }
    }

    /// The loop, which is awake, has had a turn.
    fn turned(&mut self) {
        if let Some(busy_wait) = &mut self.busy_wait {
            let entry = busy_wait.awaited().and_then(|connection| self.watched.get_mut(&connection));
            busy_wait.turned(entry.and_then(|entry| entry.history.as_mut()));
        }
    }

    /// Ends it when its environment has ended, and libuv has none of its `handles` any more.
    fn end_if_closed(&mut self, handles: usize) {
        if self.busy_wait.is_some() || handles > 0 || self.hook.is_null() {
            return;
        }
        let hook = std::mem::replace(&mut self.hook, ptr::null_mut());
        // SAFETY: the hook is removed once; it isn't called after that.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
        // SAFETY: gives back the strong count of `start`. It isn't the last one: the caller has reached this by
        // another.
        drop(unsafe { Arc::from_raw(self.hooked) });
    }
}

impl Polling {
    /// Watches nothing until it is started.
    pub(super) fn new(queue: Arc<CompletionQueue>) -> Self {
        Polling { queue, handles: AtomicUsize::new(0), state: Mutex::new(None) }
    }

    /// Watches sockets from now on, unless the program has no libuv, or Node-API refuses. `drain` hands over what was
    /// read.
    pub(super) fn start(self: &Arc<Self>, js: Js, drain: Arc<Drain>) {
        let Some(on) = js.event_loop().filter(|_| Uv::get().is_some()) else { return };
        let Ok(context) = js.async_context("pgfleet") else { return };
        let turns = IdleTurns { on, polling: Arc::downgrade(self), idle: None };
        let mut state = State {
            on,
            js,
            drain,
            context,
            watched: HashMap::new(),
            busy_wait: Some(BusyWait::new(turns)),
            hook: ptr::null_mut(),
            hooked: Arc::into_raw(self.clone()),
        };
        let data = state.hooked.cast::<c_void>().cast_mut();
        // SAFETY: `data` is a strong count that `end_if_closed` gives back, when it has taken the hook off.
        let status = unsafe { sys::napi_add_async_cleanup_hook(js.raw(), Some(leaving), data, &mut state.hook) };
        if status != sys::Status::napi_ok {
            // SAFETY: the hook was not taken, so nothing else gives this count back.
            drop(unsafe { Arc::from_raw(state.hooked) });
            return;
        }
        *lock(&self.state) = Some(state);
    }

    /// Lets this thread read the answer of a request that is about to be made, if that is expected to be short.
    pub(super) fn watch(self: &Arc<Self>, connection: &Connection) {
        let id = connection.id();
        let reader = || Arc::new(Recall { queue: Arc::downgrade(&self.queue), connection: id }) as Arc<dyn Reader>;
        let mut state = lock(&self.state);
        let Some(state) = &mut *state else { return };
        if state.busy_wait.is_none() {
            return;
        }
        if state.watched.contains_key(&id) {
            state.expect(id);
            return;
        }
        let Some(descriptor) = connection.detach(reader) else { return };
        // The socket stays open until it is attached, which happens after closing.
        self.handles.fetch_add(1, Ordering::Relaxed);
        let watched = Watched { polling: self.clone(), connection: connection.clone() };
        match Poll::new(state.on, descriptor, watched) {
            Some(poll) => {
                let history = connection.may_wait_awake().then(History::default);
                state.watched.insert(id, Entry { poll, history });
            }
            None => {
                // A handle that could be made but not started would still be closed; epoll and kqueue take every
                // socket, so that does not happen.
                self.handles.fetch_sub(1, Ordering::Relaxed);
                connection.attach();
            }
        }
    }

    /// Gives a connection back to the runtime.
    pub(super) fn unwatch(&self, connection: &Connection) {
        if let Some(state) = &mut *lock(&self.state) {
            state.watched.remove(&connection.id());
        }
        connection.attach();
    }

    /// Gives connections that wait for an answer back to the runtime: there is enough work for two threads.
    pub(super) fn unwatch_busy(&self) {
        for connection in self.watched() {
            if connection.load() > 0 {
                self.unwatch(&connection);
            }
        }
    }

    /// Does what [`CompletionQueue::recall`] was asked for.
    pub(super) fn unwatch_recalled(&self) {
        let recalled = self.queue.take_recalled();
        if recalled.is_empty() {
            return;
        }
        for connection in self.watched().iter().filter(|connection| recalled.contains(&connection.id())) {
            self.unwatch(connection);
        }
    }

    /// Connections that this thread reads.
    pub(super) fn watched(&self) -> Vec<Connection> {
        let state = lock(&self.state);
        let watched = state.as_ref().map(|state| state.watched.values());
        watched.into_iter().flatten().map(|entry| entry.poll.called().connection.clone()).collect()
    }

    /// JavaScript's side has been collected, and there is no connection that could be watched.
    pub(super) fn retire(&self) {
        if let Some(state) = &mut *lock(&self.state) {
            state.js.forget_context(state.context);
        }
        self.leave();
    }

    /// No connection is watched any more. Handles that libuv still has are closed; it ends after that.
    fn leave(&self) {
        if let Some(state) = &mut *lock(&self.state) {
            state.busy_wait = None;
            state.end_if_closed(self.handles.load(Ordering::Relaxed));
        }
    }

    /// Whether the event loop stays awake for an answer.
    pub(super) fn is_awake(&self) -> bool {
        lock(&self.state).as_ref().is_some_and(|state| state.busy_wait.as_ref().is_some_and(BusyWait::is_on))
    }

    /// There is something to read: reads it, and hands over the results.
    fn read(self: &Arc<Self>, connection: &Connection) {
        let since = clock::now();
        self.queue.begin_drain();
        if !connection.read_detached() {
            self.unwatch(connection);
        }
        let (js, drain, context) = {
            let mut state = lock(&self.state);
            let Some(state) = &mut *state else { return };
            state.was_read(connection, since);
            (state.js, state.drain.clone(), state.context)
        };
        // Refused when the environment ends, and all of its listeners with it.
        let _ = js.scope(|| js.callback_scope(context, || drain(js)));
    }

    fn turned(&self) {
        if let Some(state) = &mut *lock(&self.state) {
            state.turned();
        }
    }

    fn handle_closed(&self) {
        let handles = self.handles.fetch_sub(1, Ordering::Relaxed).saturating_sub(1);
        if let Some(state) = &mut *lock(&self.state) {
            state.end_if_closed(handles);
        }
    }
}

unsafe extern "C" fn leaving(_: sys::napi_async_cleanup_hook_handle, polling: *mut c_void) {
    // SAFETY: the strong count of `Polling::start` lives until the hook is removed; this is one more.
    unsafe { Arc::increment_strong_count(polling.cast::<Polling>().cast_const()) };
    // SAFETY: takes over the count that was just added.
    let polling = unsafe { Arc::from_raw(polling.cast::<Polling>().cast_const()) };
    contained(|| {
        for connection in polling.watched() {
            polling.unwatch(&connection);
        }
        polling.leave();
    });
}
