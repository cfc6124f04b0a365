//! Reading on JavaScript's thread: its own event loop watches the sockets of connections on which one short query
//! follows the other (docs/decisions/0010), and stays awake for answers that come at once (0027, `keep_awake.rs`).
//!
//! Everything here runs on that thread, but for [`Recall`].

use std::collections::HashMap;
use std::ffi::{c_int, c_void};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, Mutex, Weak};
use std::time::Instant;

use napi::sys;

use super::completion_queue::CompletionQueue;
use super::js::{Answer, Js, Refused};
use super::keep_awake::{KeepAwake, Kept};
use super::lock::lock;
use super::uv::{Handle, Loop, Uv};
use crate::clock;
use crate::conn::{BusyWait, Connection, ConnectionId, Reader};

/// Hands over what is ready.
type Drain = dyn Fn(Js) -> Answer<()> + Send + Sync;

/// The sockets that an environment's thread reads by itself.
pub struct Polling {
    queue: Arc<CompletionQueue>,
    /// For the JavaScript thread alone; `None` where sockets can't be watched on it.
    state: Mutex<Option<State>>,
}

/// What is needed to watch sockets.
struct State {
    uv: &'static Uv,
    on: Loop,
    js: Js,
    drain: Arc<Drain>,
    /// What drains belong to.
    resource: sys::napi_ref,
    context: sys::napi_async_context,
    watched: HashMap<ConnectionId, Entry>,
    keep_awake: KeepAwake,
    /// Whose answer the loop stays awake for.
    awaited: Option<ConnectionId>,
    /// Handles whose memory libuv still has.
    handles: usize,
    /// What has Node-API wait, when the environment goes away, until the last handle is closed; null afterwards.
    hook: sys::napi_async_cleanup_hook_handle,
    /// The strong count that the hook has.
    hooked: *const Polling,
    /// It ends when the last handle is closed.
    is_leaving: bool,
}

// SAFETY: the pointers are only followed on the environment's thread.
unsafe impl Send for State {}

struct Entry {
    watched: *mut Watched,
    busy_wait: BusyWait,
}

/// A connection that is watched; libuv has its address.
struct Watched {
    memory: Vec<u64>,
    polling: Arc<Polling>,
    connection: Connection,
}

impl Watched {
    fn handle(&mut self) -> Handle {
        self.memory.as_mut_ptr().cast()
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
    fn close(&mut self, connection: ConnectionId) {
        if let Some(Entry { watched, .. }) = self.watched.remove(&connection) {
            // SAFETY: what is in the table has not been closed, and lives until `closed`.
            let handle = unsafe { (*watched).handle() };
            // SAFETY: on the loop's thread, once: it left the table.
            unsafe { self.uv.close(handle, closed) };
        }
    }

    /// A lone query is about to be made on a connection that is watched.
    fn expect(&mut self, connection: ConnectionId, polling: &Arc<Polling>) {
        let Some(entry) = self.watched.get_mut(&connection) else { return };
        self.awaited = entry.busy_wait.begin().then_some(connection);
        if self.awaited.is_some() && !self.keep_awake.is_on() && self.keep_awake.start(polling) {
            self.handles += 1;
        }
    }

    /// The loop has had a turn; returns whether it shall have another at once.
    fn look(&mut self) -> bool {
        let entry = self.awaited.and_then(|connection| self.watched.get_mut(&connection));
        let goes_on = entry.is_some_and(|entry| entry.busy_wait.look(clock::now()));
        if !goes_on {
            self.awaited = None;
        }
        goes_on
    }

    /// A connection was read, where something had come since then.
    fn was_read(&mut self, connection: &Connection, since: Instant) {
        let is_answered = |awaited: &mut ConnectionId| *awaited == connection.id() && connection.load() == 0;
        if let Some(awaited) = self.awaited.take_if(is_answered)
            && let Some(entry) = self.watched.get_mut(&awaited)
        {
            entry.busy_wait.answered(since);
        }
    }

    /// No connection is watched any more. What libuv still has is closed; it ends after that.
    fn leave(&mut self) {
        self.keep_awake.close();
        self.is_leaving = true;
        self.end_if_closed();
    }

    fn end_if_closed(&mut self) {
        if !self.is_leaving || self.handles > 0 || self.hook.is_null() {
            return;
        }
        let hook = std::mem::replace(&mut self.hook, ptr::null_mut());
        // SAFETY: the hook is removed once; it isn't called after that.
        unsafe { sys::napi_remove_async_cleanup_hook(hook) };
        // SAFETY: gives back the strong count of `start`. It isn't the last one: the caller has reached this by another.
        drop(unsafe { Arc::from_raw(self.hooked) });
    }
}

impl Polling {
    /// Watches nothing until it is started.
    pub fn new(queue: Arc<CompletionQueue>) -> Self {
        Polling { queue, state: Mutex::new(None) }
    }

    /// Watches sockets from now on, unless the program has no libuv, or Node-API refuses. `drain` hands over what was read.
    pub fn start(self: &Arc<Self>, js: Js, drain: Arc<Drain>) {
        let Some(uv) = Uv::get() else { return };
        let mut on = ptr::null_mut();
        // SAFETY: `js.0` is the environment of the running callback, `on` a valid place.
        let status = unsafe { sys::napi_get_uv_event_loop(js.0, &mut on) };
        if status != sys::Status::napi_ok || on.is_null() {
            return;
        }
        let Ok((resource, context)) = async_context(js) else { return };
        let on: Loop = on.cast();
        let mut state = State {
            uv,
            on,
            js,
            drain,
            resource,
            context,
            watched: HashMap::new(),
            keep_awake: KeepAwake::new(uv, on),
            awaited: None,
            handles: 0,
            hook: ptr::null_mut(),
            hooked: Arc::into_raw(self.clone()),
            is_leaving: false,
        };
        let data = state.hooked.cast::<c_void>().cast_mut();
        // SAFETY: `data` is a strong count that `end_if_closed` gives back, when it has taken the hook off.
        let status = unsafe { sys::napi_add_async_cleanup_hook(js.0, Some(farewell), data, &mut state.hook) };
        if status != sys::Status::napi_ok {
            // SAFETY: the hook was not taken, so nobody else gives this count back.
            drop(unsafe { Arc::from_raw(state.hooked) });
            return;
        }
        *lock(&self.state) = Some(state);
    }

    /// Has this thread read the answer of a request that is about to be made, if that will be short.
    pub fn watch(self: &Arc<Self>, connection: &Connection) {
        let id = connection.id();
        let reader = || Arc::new(Recall { queue: Arc::downgrade(&self.queue), connection: id }) as Arc<dyn Reader>;
        let mut state = lock(&self.state);
        let Some(state) = &mut *state else { return };
        if state.is_leaving {
            return;
        }
        if state.watched.contains_key(&id) {
            state.expect(id, self);
            return;
        }
        let Some(descriptor) = connection.detach(reader) else { return };
        let memory = vec![0; state.uv.handle_words()];
        let watched = Watched { memory, polling: self.clone(), connection: connection.clone() };
        let watched = Box::into_raw(Box::new(watched));
        // SAFETY: just made.
        let handle = unsafe { (*watched).handle() };
        // SAFETY: on the loop's thread; the memory lives until `closed`, and the socket until it is attached, which
        // happens after closing.
        let is_watching = unsafe { state.uv.watch(state.on, handle, watched.cast(), descriptor, readable) };
        if is_watching {
            state.handles += 1;
            state.watched.insert(id, Entry { watched, busy_wait: BusyWait::default() });
        } else {
            connection.attach();
            // SAFETY: libuv has refused it, so nobody else has the address. A handle that could be made but not started
            // would need closing; epoll and kqueue take every socket, so that does not happen.
            drop(unsafe { Box::from_raw(watched) });
        }
    }

    /// Leaves a connection to the runtime again.
    pub fn unwatch(&self, connection: &Connection) {
        if let Some(state) = &mut *lock(&self.state) {
            state.close(connection.id());
        }
        connection.attach();
    }

    /// Leaves connections that are waiting for an answer to the runtime: there is enough to do for two threads.
    pub fn unwatch_busy(&self) {
        for connection in self.watched() {
            if connection.load() > 0 {
                self.unwatch(&connection);
            }
        }
    }

    /// Does what [`CompletionQueue::recall`] was asked for.
    pub fn unwatch_recalled(&self) {
        let recalled = self.queue.take_recalled();
        if recalled.is_empty() {
            return;
        }
        for connection in self.watched().iter().filter(|connection| recalled.contains(&connection.id())) {
            self.unwatch(connection);
        }
    }

    /// Connections that this thread reads.
    pub fn watched(&self) -> Vec<Connection> {
        let state = lock(&self.state);
        let watched = state.as_ref().map(|state| state.watched.values());
        // SAFETY: what is in the table lives until `closed`.
        watched.into_iter().flatten().map(|entry| unsafe { (*entry.watched).connection.clone() }).collect()
    }

    /// JavaScript's side has been collected, and there is no connection that could be watched.
    pub fn retire(&self) {
        if let Some(state) = &mut *lock(&self.state) {
            // SAFETY: the environment is one that isn't going away, whose context this is; nothing is run in it any more.
            unsafe { sys::napi_async_destroy(state.js.0, state.context) };
            state.js.forget(state.resource);
            state.leave();
        }
    }

    /// Whether the event loop stays awake for an answer.
    pub fn is_awake(&self) -> bool {
        lock(&self.state).as_ref().is_some_and(|state| state.keep_awake.is_on())
    }

    /// There is something to read: reads it, and hands over what came of it.
    fn read(self: &Arc<Self>, connection: &Connection) {
        let since = clock::now();
        self.queue.begin_drain();
        if !connection.read_detached() {
            self.unwatch(connection);
        }
        let (js, drain, resource, context) = {
            let mut state = lock(&self.state);
            let Some(state) = &mut *state else { return };
            state.was_read(connection, since);
            (state.js, state.drain.clone(), state.resource, state.context)
        };
        // Refused when the environment is going away, and everybody with it who could be told.
        let _ = js.scope(|| js.callback_scope(resource, context, || drain(js)));
    }
}

impl Kept for Polling {
    fn turned(&self) {
        if let Some(state) = &mut *lock(&self.state)
            && !state.look()
        {
            state.keep_awake.stop();
        }
    }

    fn handle_closed(&self) {
        if let Some(state) = &mut *lock(&self.state) {
            state.handles -= 1;
            state.end_if_closed();
        }
    }
}

/// What callbacks from the event loop belong to, for `async_hooks`.
fn async_context(js: Js) -> Answer<(sys::napi_ref, sys::napi_async_context)> {
    let resource = js.object()?;
    let kept = js.reference(resource)?;
    let mut context = ptr::null_mut();
    // SAFETY: all are handles of the current scope.
    let status = unsafe { sys::napi_async_init(js.0, resource, js.text("pgfleet")?, &mut context) };
    if status == sys::Status::napi_ok { Ok((kept, context)) } else { Err(Refused(status)) }
}

unsafe extern "C" fn readable(handle: Handle, _: c_int, _: c_int) {
    let Some(uv) = Uv::get() else { return };
    // SAFETY: libuv calls for handles that are not closed, whose data is their `Watched`.
    let watched = unsafe { &*uv.data(handle).cast::<Watched>() };
    let (polling, connection) = (watched.polling.clone(), watched.connection.clone());
    // A panic must not unwind into libuv.
    if catch_unwind(AssertUnwindSafe(|| polling.read(&connection))).is_err() {
        polling.unwatch(&connection);
    }
}

unsafe extern "C" fn closed(handle: Handle) {
    let Some(uv) = Uv::get() else { return };
    // SAFETY: the data of a closed handle is its `Watched`, which libuv needs no longer.
    let watched = unsafe { Box::from_raw(uv.data(handle).cast::<Watched>()) };
    watched.polling.handle_closed();
}

unsafe extern "C" fn farewell(_: sys::napi_async_cleanup_hook_handle, polling: *mut c_void) {
    // SAFETY: the strong count of `Polling::start` lives until the hook is removed; this is one more.
    unsafe { Arc::increment_strong_count(polling.cast::<Polling>().cast_const()) };
    // SAFETY: takes over the count that was just added.
    let polling = unsafe { Arc::from_raw(polling.cast::<Polling>().cast_const()) };
    let _ = catch_unwind(AssertUnwindSafe(|| {
        for connection in polling.watched() {
            polling.unwatch(&connection);
        }
        if let Some(state) = &mut *lock(&polling.state) {
            state.leave();
        }
    }));
}
