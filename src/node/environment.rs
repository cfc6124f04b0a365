//! One environment of JavaScript (the main thread, or a worker): its completion queue and what it owns.

use std::collections::{HashMap, HashSet, VecDeque};
use std::ffi::c_void;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use napi::sys;
use tokio::sync::{oneshot, watch};

use super::drain::{self, Arrays};
use super::hold::Hold;
use super::js::{Answer, Js, Refused, Value};
use super::outbox::Outbox;
use crate::conn::sink::{Tables, next_sink_id};
use crate::conn::{Connection, ConnectionId, Sink};
use crate::error::Error;
use crate::manager;
use crate::pool::{Pool, PoolId};
use crate::rows::Batch;

/// Connections stop reading for an environment that has this many bytes to look at.
const BACKLOG_LIMIT: usize = 2 * 1024 * 1024;

/// Shared by everything that works for the environment.
pub struct Environment {
    id: u64,
    tables: Tables,
    queue: Mutex<Queue>,
    function: Mutex<Function>,
    pub(super) belongings: Mutex<Belongings>,
    /// True when it is going away.
    gone: watch::Sender<bool>,
    /// State of the JavaScript thread alone; the lock is never contended.
    pub(super) arrays: Mutex<Arrays>,
    /// As `arrays`.
    pub(super) outbox: Mutex<Outbox>,
    /// As `arrays`; `None` where sockets can't be watched on the JavaScript thread.
    #[cfg(unix)]
    pub(super) polling: Mutex<Option<super::polling::Polling>>,
}

#[derive(Default)]
struct Queue {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// A wake is on its way, or a drain is running.
    signalled: bool,
    dead: bool,
    waiting: Vec<Waker>,
    /// How many of the batches were here when the event loop came by.
    turn: usize,
    /// Batches to be filled again.
    spares: Vec<Batch>,
    /// Connections that the runtime has to read again.
    recalled: Vec<ConnectionId>,
}

impl Queue {
    fn add(&mut self, mut batch: Batch) {
        self.bytes += batch.size();
        if self.batches.back_mut().is_some_and(|last| last.absorb(&mut batch)) {
            self.keep(batch);
        } else {
            self.batches.push_back(batch);
        }
    }

    /// Keeps an empty batch.
    fn keep(&mut self, batch: Batch) {
        if self.spares.len() < SPARES && !self.dead {
            self.spares.push(batch);
        }
    }
}

/// Empty batches that are kept, which have up to 300 KB each after a large result.
const SPARES: usize = 8;

/// The threadsafe function, until it is finalized.
struct Function {
    raw: sys::napi_threadsafe_function,
    /// Reasons for the event loop to stay alive.
    holds: isize,
    /// JavaScript's drain.
    callback: sys::napi_ref,
    /// Those of them that are requests.
    requests: usize,
}

// SAFETY: a threadsafe function may be called from any thread; it is only touched under its lock and never after it
// was finalized, when `raw` is null.
unsafe impl Send for Function {}

impl Function {
    /// More reasons for the event loop to stay alive. Called on the JavaScript thread.
    fn hold(&mut self, js: Js, count: usize) {
        let before = self.holds;
        self.holds = before.saturating_add_unsigned(count);
        if before <= 0 && self.holds > 0 && !self.raw.is_null() {
            // SAFETY: `raw` is live, and this is the environment's thread.
            unsafe { sys::napi_ref_threadsafe_function(js.0, self.raw) };
        }
    }

    /// Fewer reasons. Called on the JavaScript thread.
    fn release(&mut self, js: Js, count: usize) {
        let before = self.holds;
        self.holds = before.saturating_sub_unsigned(count);
        if before > 0 && self.holds <= 0 && !self.raw.is_null() {
            // SAFETY: as in `hold`.
            unsafe { sys::napi_unref_threadsafe_function(js.0, self.raw) };
        }
    }
}

/// Takes the answer to a question.
pub(super) type Answerer = oneshot::Sender<Result<Option<String>, Error>>;

/// What ends with the environment.
#[derive(Default)]
pub struct Belongings {
    /// Connections of its own.
    pub connections: HashMap<ConnectionId, Connection>,
    /// Pools it has joined.
    pub pools: HashMap<PoolId, Pool>,
    /// Clients it has out, with their pools.
    pub clients: HashMap<ConnectionId, Pool>,
    /// Connections that keep the event loop alive by themselves.
    pub holding: HashSet<ConnectionId>,
    /// Work under way that it may give up, by the numbers of the requests.
    pub operations: HashMap<i32, watch::Sender<bool>>,
    /// What it was asked, by number.
    pub questions: HashMap<u32, Answerer>,
    /// Number of the last such question.
    pub last_question: u32,
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Environment {
    /// Makes the environment's one threadsafe function around `callback`, JavaScript's drain.
    pub fn attach(js: Js, callback: Value, arrays: Arrays, outbox: Outbox) -> Answer<Arc<Environment>> {
        let name = js.text("pgfleet")?;
        let reference = js.reference(callback)?;
        let environment = Arc::new(Environment {
            id: next_sink_id(),
            tables: Tables::default(),
            queue: Mutex::default(),
            function: Mutex::new(Function { raw: ptr::null_mut(), holds: 0, callback: ptr::null_mut(), requests: 0 }),
            belongings: Mutex::default(),
            gone: watch::Sender::new(false),
            arrays: Mutex::new(arrays),
            outbox: Mutex::new(outbox),
            #[cfg(unix)]
            polling: Mutex::new(None),
        });
        let context = Arc::into_raw(environment.clone()).cast::<c_void>().cast_mut();
        let mut raw = ptr::null_mut();
        // SAFETY: `context` is a strong count that `finalized` gives back; the callbacks match their types.
        let status = unsafe {
            sys::napi_create_threadsafe_function(
                js.0,
                callback,
                ptr::null_mut(),
                name,
                0,
                1,
                ptr::null_mut(),
                Some(finalized),
                context,
                Some(woken),
                &mut raw,
            )
        };
        if status != sys::Status::napi_ok {
            // SAFETY: the function was not made, so nobody else gives this count back.
            drop(unsafe { Arc::from_raw(context.cast::<Environment>()) });
            return Err(Refused(status));
        }
        // SAFETY: `raw` was just made on this thread. An idle environment does not keep the process alive.
        unsafe { sys::napi_unref_threadsafe_function(js.0, raw) };
        {
            let mut function = lock(&environment.function);
            function.raw = raw;
            function.callback = reference;
        }
        Ok(environment)
    }

    /// A request is being made, which keeps the event loop alive until it is answered. Called on the JavaScript thread.
    pub fn hold(&self, js: Js) -> Hold<'_> {
        self.hold_all(js, 1)
    }

    /// As [`Environment::hold`], for several requests.
    pub fn hold_all(&self, js: Js, requests: usize) -> Hold<'_> {
        let mut function = lock(&self.function);
        function.requests += requests;
        function.hold(js, requests);
        Hold::new(self, js, requests, function.requests)
    }

    /// Requests are over. Called on the JavaScript thread.
    pub fn release(&self, js: Js, requests: usize) {
        let mut function = lock(&self.function);
        function.requests = function.requests.saturating_sub(requests);
        function.release(js, requests);
    }

    /// Of the requests under way, `count` are no reason to stay alive, and before that it was `before`. Called on the
    /// JavaScript thread.
    pub(super) fn except(&self, js: Js, before: usize, count: usize) {
        let mut function = lock(&self.function);
        function.hold(js, before.saturating_sub(count));
        function.release(js, count.saturating_sub(before));
    }

    /// Whether an open connection is a reason for the event loop to stay alive. Called on the JavaScript thread.
    pub fn hold_connection(&self, js: Js, connection: ConnectionId, held: bool) {
        let changed = {
            let mut belongings = lock(&self.belongings);
            if held { belongings.holding.insert(connection) } else { belongings.holding.remove(&connection) }
        };
        match (changed, held) {
            (true, true) => lock(&self.function).hold(js, 1),
            (true, false) => lock(&self.function).release(js, 1),
            (false, _) => {}
        }
    }

    /// What a future gives, unless the environment goes away first; the future is dropped then.
    pub(super) fn while_here<T>(&self, future: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
        let mut gone = self.gone.subscribe();
        async move {
            tokio::select! {
                outcome = future => Some(outcome),
                _ = gone.wait_for(|gone| *gone) => None,
            }
        }
    }

    /// A connection of its own, which ends with it. False, and the connection is the caller's to close, when it is going
    /// away.
    pub(super) fn own(&self, connection: &Connection) -> bool {
        let mut belongings = lock(&self.belongings);
        let is_here = !*self.gone.borrow();
        if is_here {
            belongings.connections.insert(connection.id(), connection.clone());
        }
        is_here
    }

    /// Keeps the sender of a question to JavaScript under a number, unless nobody is left to answer.
    pub(super) fn keep_question(&self, sender: Answerer) -> Option<u32> {
        let mut belongings = lock(&self.belongings);
        if *self.gone.borrow() {
            return None;
        }
        belongings.last_question = belongings.last_question.wrapping_add(1);
        let question = belongings.last_question;
        belongings.questions.insert(question, sender);
        Some(question)
    }

    /// The runtime has to read a connection again, as soon as this environment's thread gets to it.
    #[cfg(unix)]
    pub(super) fn recall(&self, connection: ConnectionId) {
        let wake = {
            let mut queue = lock(&self.queue);
            queue.recalled.push(connection);
            !std::mem::replace(&mut queue.signalled, true)
        };
        if wake {
            self.signal();
        }
    }

    #[cfg(unix)]
    pub(super) fn take_recalled(&self) -> Vec<ConnectionId> {
        std::mem::take(&mut lock(&self.queue).recalled)
    }

    /// Hands over what is ready. Called on the JavaScript thread.
    pub(super) fn drain(self: &Arc<Self>, js: Js) -> Answer<()> {
        let callback = lock(&self.function).callback;
        drain::run(js, js.dereference(callback)?, self)
    }

    /// A drain follows, so that what is delivered until then needs no wake.
    #[cfg(unix)]
    pub(super) fn begin_drain(&self) {
        lock(&self.queue).signalled = true;
    }

    /// A request is about to be made, the only one or one of several, on this connection if it is known. Called on the
    /// JavaScript thread.
    pub(super) fn prepare_for(self: &Arc<Self>, requests: usize, connection: Option<&Connection>) {
        #[cfg(unix)]
        match (requests, connection) {
            (1, Some(connection)) => self.watch(connection),
            (3.., _) => self.unwatch_busy(),
            _ => {}
        }
        #[cfg(not(unix))]
        let _ = (requests, connection);
    }

    /// Takes a batch back that JavaScript has read.
    pub(super) fn recycle(&self, mut batch: Batch) {
        batch.clear();
        lock(&self.queue).keep(batch);
    }

    /// Takes the next batch for JavaScript; wakes connections that waited for it to catch up.
    pub(super) fn next_batch(&self) -> Option<Batch> {
        let mut queue = lock(&self.queue);
        let batch = queue.batches.pop_front()?;
        queue.turn = queue.turn.saturating_sub(1);
        queue.bytes = queue.bytes.saturating_sub(batch.size());
        if queue.bytes < BACKLOG_LIMIT / 2 {
            queue.waiting.drain(..).for_each(Waker::wake);
        }
        Some(batch)
    }

    /// Nothing is left to do: the next one who has something wakes this thread. False when there is something yet.
    pub(super) fn rest(&self) -> bool {
        let mut queue = lock(&self.queue);
        let rests = queue.batches.is_empty() && queue.recalled.is_empty();
        if rests {
            queue.signalled = false;
            queue.turn = 0;
        }
        rests
    }

    /// The event loop has come by: what is here now belongs to this turn.
    pub(super) fn begin_turn(&self) {
        let mut queue = lock(&self.queue);
        if queue.turn == 0 {
            queue.turn = queue.batches.len();
        }
    }

    /// Asks for another callback in this turn of the event loop, if anything is left for it. False when what is left came
    /// later: on sockets, too, answers that come later wait for what the earlier ones have put off to the turn's end.
    pub(super) fn continue_turn(&self) -> bool {
        if self.rest() {
            return true;
        }
        {
            let queue = lock(&self.queue);
            if queue.turn == 0 && !queue.batches.is_empty() {
                return false;
            }
        }
        self.signal();
        true
    }

    /// Wakes the JavaScript thread for a drain.
    fn signal(&self) {
        let mut function = lock(&self.function);
        if function.raw.is_null() {
            return;
        }
        let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
        // SAFETY: `raw` is live: it is set to null under this lock when it is finalized or found closing.
        let status = unsafe { sys::napi_call_threadsafe_function(function.raw, ptr::null_mut(), mode) };
        if status == sys::Status::napi_closing {
            function.raw = ptr::null_mut();
        }
    }

    /// The environment is going away: closes what it owns, on whatever it was working.
    fn die(&self) {
        lock(&self.function).raw = ptr::null_mut();
        // Before what it owns is taken, so that nothing is added behind.
        self.gone.send_replace(true);
        let leftovers = {
            let mut queue = lock(&self.queue);
            queue.dead = true;
            queue.waiting.drain(..).for_each(Waker::wake);
            std::mem::take(&mut queue.batches)
        };
        drop(leftovers);
        let Belongings { connections, pools, clients, .. } = std::mem::take(&mut *lock(&self.belongings));
        for connection in connections.into_values() {
            connection.abandon();
        }
        for (id, pool) in clients {
            pool.abandon_client(id);
        }
        for (id, pool) in pools {
            if manager::leave(&pool, id) {
                pool.abandon();
            }
        }
    }
}

impl Sink for Environment {
    fn deliver(&self, batch: Batch) {
        let wake = {
            let mut queue = lock(&self.queue);
            if queue.dead {
                drop(queue);
                // Dropped without the lock: a client that never arrived goes back to its pool.
                drop(batch);
                return;
            }
            queue.add(batch);
            !std::mem::replace(&mut queue.signalled, true)
        };
        if wake {
            self.signal();
        }
    }

    fn spare(&self) -> Batch {
        lock(&self.queue).spares.pop().unwrap_or_default()
    }

    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = lock(&self.queue);
        if queue.dead || queue.bytes < BACKLOG_LIMIT {
            return Poll::Ready(());
        }
        if !queue.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            queue.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

unsafe extern "C" fn woken(env: sys::napi_env, callback: Value, context: *mut c_void, _: *mut c_void) {
    if env.is_null() || callback.is_null() {
        return;
    }
    // SAFETY: `context` is the strong count of `attach`, which lives until `finalized`; this is one more.
    unsafe { Arc::increment_strong_count(context.cast::<Environment>().cast_const()) };
    // SAFETY: takes over the count that was just added.
    let environment = unsafe { Arc::from_raw(context.cast::<Environment>().cast_const()) };
    // A panic must not unwind into Node; `drain` has contained what can be told to those whom it concerns.
    let _ = catch_unwind(AssertUnwindSafe(|| drain::run(Js(env), callback, &environment)));
}

unsafe extern "C" fn finalized(_: sys::napi_env, _: *mut c_void, context: *mut c_void) {
    // SAFETY: gives back the strong count of `attach`; Node-API finalizes once.
    let environment = unsafe { Arc::from_raw(context.cast::<Environment>()) };
    let _ = catch_unwind(AssertUnwindSafe(|| environment.die()));
}
