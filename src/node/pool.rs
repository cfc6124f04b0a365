//! A pool as JavaScript holds it.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::connection::ConnectionHandle;
use super::environment::Environment;
use super::js::Js;
use super::lock::lock;
use super::operation;
use super::query::{self, Arguments, reply};
use super::script::{self, ScriptOrder};
use crate::conn::{Connection, KnownText, Sink};
use crate::ddl::Place;
use crate::manager;
use crate::pool::{Pool, PoolId, Work};

/// A pool.
#[napi(js_name = "Pool")]
pub struct PoolHandle {
    environment: Arc<Environment>,
    js: Js,
    pool: Pool,
    id: PoolId,
    /// Texts that JavaScript names by numbers.
    texts: Mutex<Vec<Arc<KnownText>>>,
    /// How many of its requests don't keep the event loop alive, see [`PoolHandle::wait_in_vain`].
    in_vain: AtomicUsize,
}

impl PoolHandle {
    pub(super) fn new(js: Js, environment: Arc<Environment>, pool: Pool, id: PoolId) -> Self {
        PoolHandle { environment, js, pool, id, texts: Mutex::default(), in_vain: AtomicUsize::new(0) }
    }

    /// Runs the queries that JavaScript has recorded for this pool: before any call for a client, a query or script, a
    /// count, or its end.
    fn run_written(&self, env: &Env) {
        let requests = lock(&self.environment.outbox).take(&self.environment.queue, self.id, &lock(&self.texts));
        if !requests.is_empty() {
            self.environment.queue.make(requests, |requests| {
                let hold = self.environment.event_loop.hold_requests(Js::of(env), requests.len());
                self.environment.prepare_for(hold.under_way(), None);
                self.pool.run_all(requests);
            });
        }
    }

    fn client(&self, connection: Connection, is_new: bool) -> ConnectionHandle {
        ConnectionHandle::pooled(self.environment.clone(), connection, is_new, self.pool.is_shared())
    }

    fn members(&self) -> Vec<(Connection, bool)> {
        let sink: Arc<dyn Sink> = self.environment.queue.clone();
        self.pool.connections(&sink)
    }
}

/// A program that drops its pool doesn't need it any more.
impl Drop for PoolHandle {
    fn drop(&mut self) {
        let was_open = lock(&self.environment.belongings).pools.remove(&self.id).is_some();
        if was_open && manager::leave(&self.pool, self.id) {
            self.pool.abandon();
        }
        self.environment.let_go(self.js);
    }
}

#[napi]
impl PoolHandle {
    /// Unique in the process; another number for each user of a shared pool.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Asks for a client: at once when a connection is idle, otherwise `undefined` and the request is answered later.
    #[napi(catch_unwind)]
    pub fn acquire(&self, env: Env, request: i32) -> Either<ConnectionHandle, ()> {
        self.run_written(&env);
        match self.pool.acquire(reply(&self.environment.queue, request, 0)) {
            Some(acquired) => {
                let (connection, is_new) = acquired.accept();
                lock(&self.environment.belongings).clients.insert(connection.id(), self.pool.clone());
                Either::A(self.client(connection, is_new))
            }
            None => {
                let _hold = self.environment.hold(Js::of(&env));
                Either::B(())
            }
        }
    }

    /// Takes a request out of the queue, which is not answered then; false when it does not wait any more.
    #[napi(catch_unwind)]
    pub fn forget(&self, env: Env, request: i32) -> bool {
        self.run_written(&env);
        let forgotten = self.pool.forget(self.environment.queue.id(), request);
        if forgotten {
            self.environment.event_loop.release_requests(Js::of(&env), 1);
        }
        forgotten
    }

    /// Takes a client's connection back; `destroy` closes it. False when it was not out.
    #[napi(catch_unwind)]
    pub fn release(&self, connection: &ConnectionHandle, destroy: bool) -> bool {
        let id = connection.id();
        lock(&self.environment.belongings).clients.remove(&id);
        self.pool.release(id, destroy)
    }

    /// Runs a query on a connection of the pool's choice; a failure closes that connection, as in node-postgres. The
    /// number of the text is below 0 when it has none.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments, reason = "an object would cost a property look-up for each")]
    pub fn query(
        &self,
        env: Env,
        request: i32,
        text: Unknown<'_>,
        name: Unknown<'_>,
        values: Unknown<'_>,
        flags: i32,
        mask: i32,
        text_number: i32,
    ) -> Result<()> {
        self.run_written(&env);
        let js = Js::of(&env);
        let arguments = Arguments { text: (&text).into(), name: (&name).into(), values: (&values).into(), flags, mask };
        let mut request = query::request(js, &self.environment.queue, request, &arguments)?;
        request.reply.unordered = true;
        request.known = usize::try_from(text_number).ok().and_then(|number| lock(&self.texts).get(number).cloned());
        let hold = self.environment.hold(js);
        let environment = &self.environment;
        let before = |connection: Option<&Connection>| {
            environment.prepare_for(hold.under_way(), connection.filter(|_| !self.pool.is_shared()));
        };
        self.pool.run(Work::Request(request), before);
        Ok(())
    }

    /// Gives a text the next number. `anew` forgets all numbers before.
    #[napi(catch_unwind)]
    pub fn learn_text(&self, env: Env, text: String, anew: bool) {
        self.run_written(&env);
        let mut texts = lock(&self.texts);
        if anew {
            texts.clear();
        }
        texts.push(Arc::new(KnownText::new(text)));
    }

    /// Runs the queries in the outbox for this pool, when it is full or when the turn is over.
    #[napi(catch_unwind)]
    pub fn flush(&self, env: Env) {
        self.run_written(&env);
    }

    /// Runs a script on a connection of the pool's choice.
    #[napi(catch_unwind)]
    pub fn execute_ddl(&self, env: Env, request: i32, order: ScriptOrder, values: Unknown<'_>) -> Result<()> {
        self.run_written(&env);
        let place = Place::Pool(self.pool.clone());
        script::execute(&self.environment, Js::of(&env), request, order, (&values).into(), Some(place))
    }

    /// The version that the server reports.
    #[napi(catch_unwind)]
    pub fn ask_version(&self, env: Env, request: i32) {
        let _hold = self.environment.hold(Js::of(&env));
        operation::ask_version(&self.pool, reply(&self.environment.queue, request, 0));
    }

    /// Leaves the pool. The last user closes it: waiting requests are served first, and the request is answered when
    /// every connection is closed.
    #[napi(catch_unwind)]
    pub fn end(&self, env: Env, request: i32) {
        self.run_written(&env);
        let _hold = self.environment.hold(Js::of(&env));
        let reply = reply(&self.environment.queue, request, 0);
        lock(&self.environment.belongings).pools.remove(&self.id);
        if manager::leave(&self.pool, self.id) {
            self.pool.end(Some(reply));
        } else {
            reply.done(0);
        }
    }

    /// The password of connections that are made from now on; null asks for it each time.
    #[napi(catch_unwind)]
    pub fn set_password(&self, password: Option<String>) {
        self.pool.set_password(password);
    }

    /// Every open connection, in use or not, the oldest first.
    #[napi(catch_unwind)]
    pub fn connections(&self) -> Vec<ConnectionHandle> {
        let handle = |(connection, _)| self.client(connection, false);
        self.members().into_iter().map(handle).collect()
    }

    /// The numbers of the idle ones.
    #[napi(catch_unwind)]
    pub fn idle_connections(&self, env: Env) -> Vec<u32> {
        self.run_written(&env);
        let idle = |(connection, is_idle): (Connection, bool)| is_idle.then(|| connection.id());
        self.members().into_iter().filter_map(idle).collect()
    }

    /// Closes an idle connection; false when it is not idle.
    #[napi(catch_unwind)]
    pub fn remove(&self, env: Env, connection: &ConnectionHandle) -> bool {
        self.run_written(&env);
        self.pool.remove(connection.id())
    }

    /// Connections, those being made included.
    #[napi(getter, catch_unwind)]
    pub fn total_count(&self, env: Env) -> u32 {
        self.run_written(&env);
        count(self.pool.total_count())
    }

    /// Whether no event can come, and no removal was reported beyond the `heard` ones; `unheld` connections don't
    /// count.
    #[napi(catch_unwind)]
    pub fn is_at_rest(&self, env: Env, heard: u32, unheld: u32) -> bool {
        self.run_written(&env);
        self.pool.is_at_rest(self.id, heard, unheld as usize)
    }

    /// Whether the requests for a connection, or for the end of the pool, wait for something that may never come: then
    /// they are no reason for the event loop to stay alive.
    #[napi(catch_unwind)]
    pub fn wait_in_vain(&self, env: Env, in_vain: bool) {
        let count = if in_vain { self.pool.count_waiting(self.environment.queue.id()) } else { 0 };
        let before = self.in_vain.swap(count, Ordering::Relaxed);
        self.environment.event_loop.except(Js::of(&env), before, count);
    }

    /// Idle connections.
    #[napi(getter, catch_unwind)]
    pub fn idle_count(&self, env: Env) -> u32 {
        self.run_written(&env);
        count(self.pool.idle_count())
    }

    /// Requests that wait for a connection to come back.
    #[napi(getter, catch_unwind)]
    pub fn waiting_count(&self, env: Env) -> u32 {
        self.run_written(&env);
        count(self.pool.waiting_count())
    }

    /// Lent connections that are too old to be lent again.
    #[napi(getter, catch_unwind)]
    pub fn expired_count(&self) -> u32 {
        count(self.pool.expired_count())
    }

    /// Milliseconds for which connections were idle that were lost then without a reason of the server's; the newest
    /// last.
    #[napi(getter, catch_unwind)]
    pub fn lost_idle(&self) -> Vec<f64> {
        self.pool.lost_idle().iter().map(|idle| idle.as_secs_f64() * 1000.0).collect()
    }
}

fn count(number: usize) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
