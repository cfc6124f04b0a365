//! A connection as JavaScript holds it.

use std::sync::{Arc, Mutex};

use napi::bindgen_prelude::*;
use napi_derive::napi;
use tokio::sync::oneshot;

use super::environment::Environment;
use super::js::{Answer, Js, Refused, Value};
use super::lock::lock;
use super::query::{self, Arguments, reply};
use super::script::{self, ScriptOrder};
use crate::config::ServerSettings;
use crate::conn::connection::gone;
use crate::conn::message::Message;
use crate::conn::pooling::Pooling;
use crate::conn::request::Request;
use crate::conn::{
    Caller, Connection, ConnectionEvent, ConnectionId, Event, KeyRing, Observer, Reply, Sink, open, runtime,
};
use crate::ddl::{Apart, Place};
use crate::error::{Error as Failure, texts};
use crate::pool::{Acquired, Pool};
use crate::rows::Batch;

/// How far a connection has come.
enum Slot {
    /// Not opened.
    New,
    /// Being opened; dropping the sender aborts that.
    Opening(#[allow(dead_code, reason = "dropping it is its use")] oneshot::Sender<()>),
    Open(Connection),
    Closed,
}

/// A connection.
#[napi(js_name = "Connection")]
pub struct ConnectionHandle {
    environment: Arc<Environment>,
    id: ConnectionId,
    settings: Option<(ServerSettings, Arc<dyn Caller>)>,
    slot: Arc<Mutex<Slot>>,
    held: bool,
    is_new: bool,
    /// Other environments may wait for answers on it.
    is_shared: bool,
}

impl ConnectionHandle {
    pub(super) fn unopened(
        environment: Arc<Environment>,
        id: ConnectionId,
        settings: ServerSettings,
        caller: Arc<dyn Caller>,
    ) -> Self {
        let slot = Arc::new(Mutex::new(Slot::New));
        ConnectionHandle {
            environment,
            id,
            settings: Some((settings, caller)),
            slot,
            held: true,
            is_new: true,
            is_shared: false,
        }
    }

    pub(super) fn pooled(environment: Arc<Environment>, connection: Connection, is_new: bool, is_shared: bool) -> Self {
        let id = connection.id();
        let slot = Arc::new(Mutex::new(Slot::Open(connection)));
        ConnectionHandle { environment, id, settings: None, slot, held: false, is_new, is_shared }
    }

    fn connection(&self) -> Option<Connection> {
        match &*lock(&self.slot) {
            Slot::Open(connection) => Some(connection.clone()),
            _ => None,
        }
    }

    fn submit(&self, request: Request) {
        match self.connection() {
            Some(connection) => connection.submit(request),
            None => request.reply.fail(gone()),
        }
    }

    fn set_depth(&self, depth: usize) {
        if let Some(connection) = self.connection() {
            connection.set_depth(depth);
        }
    }
}

#[napi]
impl ConnectionHandle {
    /// Unique in the process.
    #[napi(getter, catch_unwind)]
    pub fn id(&self) -> u32 {
        self.id
    }

    /// This pooled connection was never handed out before.
    #[napi(getter, catch_unwind)]
    pub fn is_new(&self) -> bool {
        self.is_new
    }

    /// Opens it.
    #[napi(catch_unwind)]
    pub fn connect(&self, env: Env, request: i32) {
        let _hold = self.environment.hold(Js::of(&env));
        let reply = reply(&self.environment.queue, request, 0);
        let Some((settings, caller)) = self.settings.clone() else {
            return reply.fail(Failure::closed(texts::POOLED_IS_OPEN));
        };
        if let Err(error) = runtime::start() {
            *lock(&self.slot) = Slot::Closed;
            reply.fail(error);
            return self.environment.queue.deliver(Batch::of(ConnectionEvent(self.id, Event::Closed)));
        }
        let (sender, given_up) = oneshot::channel();
        *lock(&self.slot) = Slot::Opening(sender);
        let opening = Opening { id: self.id, slot: self.slot.clone(), environment: self.environment.clone() };
        runtime::spawn(async move {
            let terminated = || Err(Failure::closed(texts::TERMINATED));
            let ring = KeyRing::default();
            let outcome = opening.environment.queue.while_here(async {
                tokio::select! {
                    outcome = open(opening.id, &settings, &ring, Some(&caller)) => outcome,
                    _ = given_up => terminated(),
                }
            });
            let outcome = outcome.await.unwrap_or_else(terminated);
            opening.finish(outcome, &reply);
            drop((settings, caller));
            ring.linger().await;
        });
        // After everything that could panic.
        self.environment.hold_connection(Js::of(&env), self.id, self.held);
    }

    /// Runs a query when its turn has come.
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
    ) -> Result<()> {
        let js = Js::of(&env);
        let arguments = Arguments { text: (&text).into(), name: (&name).into(), values: (&values).into(), flags, mask };
        let made = query::request(js, &self.environment.queue, request, &arguments)?;
        let hold = self.environment.hold(js);
        if flags & query::PIPELINED != 0 {
            self.set_depth(query::PIPELINE_DEPTH);
        }
        let Some(connection) = self.connection() else {
            made.reply.fail(gone());
            return Ok(());
        };
        self.environment.prepare_for(hold.under_way(), Some(&connection).filter(|_| !self.is_shared));
        connection.submit(made);
        Ok(())
    }

    /// Queues an exchange in which JavaScript speaks the protocol itself, until the next ReadyForQuery.
    #[napi(catch_unwind)]
    pub fn raw_begin(&self, env: Env, request: i32) {
        let _hold = self.environment.hold(Js::of(&env));
        self.submit(Request {
            message: Message::Raw,
            reply: reply(&self.environment.queue, request, 0),
            may_prepare: false,
            known: None,
        });
    }

    /// Sends bytes for the exchange under way; the request is answered when there is room for more.
    #[napi(catch_unwind)]
    pub fn raw_write(&self, env: Env, bytes: Unknown<'_>, request: i32) -> Result<()> {
        let js = Js::of(&env);
        let bytes = js.bytes_of((&bytes).into())?.ok_or_else(|| query::wrong("bytes must be a Buffer"))?;
        let _hold = self.environment.hold(js);
        let reply = reply(&self.environment.queue, request, 0);
        match self.connection() {
            Some(connection) => connection.raw_write(bytes, reply),
            None => reply.fail(gone()),
        }
        Ok(())
    }

    /// Queues a query whose rows are asked for page by page.
    #[napi(catch_unwind)]
    #[allow(clippy::too_many_arguments, reason = "an object would cost a property look-up for each")]
    pub fn cursor_open(
        &self,
        env: Env,
        request: i32,
        text: Unknown<'_>,
        portal: Unknown<'_>,
        values: Unknown<'_>,
        flags: i32,
        mask: i32,
    ) -> Result<()> {
        let js = Js::of(&env);
        let arguments =
            Arguments { text: (&text).into(), name: (&portal).into(), values: (&values).into(), flags, mask };
        let made = query::portal(js, &self.environment.queue, request, (&portal).into(), &arguments)?;
        let _hold = self.environment.hold(js);
        self.submit(made);
        Ok(())
    }

    /// Asks for the next page.
    #[napi(catch_unwind)]
    pub fn cursor_read(&self, rows: i32) {
        if let Some(connection) = self.connection() {
            connection.read_portal(rows);
        }
    }

    /// Closes the portal, which ends the request.
    #[napi(catch_unwind)]
    pub fn cursor_close(&self) {
        if let Some(connection) = self.connection() {
            connection.close_portal();
        }
    }

    /// Queues a COPY; `started`, `data` and `suspended` tell the request of its data.
    #[napi(catch_unwind)]
    pub fn copy_begin(&self, env: Env, request: i32, text: String, flags: i32) {
        let _hold = self.environment.hold(Js::of(&env));
        let message = Message::Copy { text, each: flags & query::EACH_MESSAGE != 0 };
        self.submit(Request {
            message,
            reply: reply(&self.environment.queue, request, 0),
            may_prepare: false,
            known: None,
        });
    }

    /// COPY data, a Buffer or an array of them, as one message; false asks to wait for `drained`.
    #[napi(catch_unwind)]
    pub fn copy_write(&self, env: Env, data: Unknown<'_>) -> Result<bool> {
        let js = Js::of(&env);
        let parts = query::pieces(js, (&data).into())?;
        let Some(connection) = self.connection() else { return Ok(true) };
        connection.copy_write(&parts).map_err(|error| query::wrong(&error.message))
    }

    /// The end of the COPY data.
    #[napi(catch_unwind)]
    pub fn copy_done(&self) {
        if let Some(connection) = self.connection() {
            connection.copy_end(None);
        }
    }

    /// The reason why there is no more COPY data.
    #[napi(catch_unwind)]
    pub fn copy_fail(&self, reason: String) {
        if let Some(connection) = self.connection() {
            connection.copy_end(Some(&reason));
        }
    }

    /// Runs a script on this connection.
    #[napi(catch_unwind)]
    pub fn execute_ddl(&self, env: Env, request: i32, order: ScriptOrder, values: Unknown<'_>) -> Result<()> {
        let place = self.connection().zip(self.apart());
        let place = place.map(|(connection, apart)| Place::Client(connection, Box::new(apart)));
        script::execute(&self.environment, Js::of(&env), request, order, (&values).into(), place)
    }

    /// How to reach the same server by another connection.
    fn apart(&self) -> Option<Apart> {
        match &self.settings {
            Some((settings, caller)) => Some(Apart { settings: settings.clone(), caller: Some(caller.clone()) }),
            None => lock(&self.environment.belongings).clients.get(&self.id).map(Apart::from),
        }
    }

    /// Stops or restarts reading, during an exchange.
    #[napi(catch_unwind)]
    pub fn raw_pause(&self, paused: bool) {
        if let Some(connection) = self.connection() {
            connection.pause(paused);
        }
    }

    /// Sends Terminate when everything has been answered; the request is answered when the socket is closed.
    #[napi(catch_unwind)]
    pub fn end(&self, env: Env, request: i32) {
        let _hold = self.environment.hold(Js::of(&env));
        let reply = reply(&self.environment.queue, request, 0);
        match self.connection() {
            Some(connection) => connection.end(Some(reply)),
            None => {
                self.destroy();
                reply.done(b'I');
            }
        }
    }

    /// Closes the socket now; what is under way fails with `Connection terminated`.
    #[napi(catch_unwind)]
    pub fn destroy(&self) {
        match self.connection() {
            Some(connection) => connection.destroy(Failure::closed(texts::TERMINATED)),
            None => *lock(&self.slot) = Slot::Closed,
        }
    }

    /// Asks the server to cancel what it is doing on this connection.
    #[napi(catch_unwind)]
    pub fn cancel(&self, env: Env, request: i32) {
        let _hold = self.environment.hold(Js::of(&env));
        let reply = reply(&self.environment.queue, request, 0);
        let Some(connection) = self.connection() else { return reply.fail(gone()) };
        let environment = self.environment.clone();
        runtime::spawn(async move {
            // What an environment leaves under way is cancelled when it ends.
            match environment.queue.while_here(connection.cancel()).await {
                Some(Err(error)) => reply.fail(error),
                Some(Ok(())) | None => reply.done(b'I'),
            }
        });
    }

    /// Whether the open connection keeps the event loop alive by itself; requests always do.
    #[napi(catch_unwind)]
    pub fn set_ref(&mut self, env: Env, held: bool) {
        self.held = held;
        let under_way = match &*lock(&self.slot) {
            Slot::New | Slot::Closed => false,
            Slot::Opening(_) => true,
            Slot::Open(connection) => !connection.is_closed(),
        };
        if under_way || !held {
            self.environment.hold_connection(Js::of(&env), self.id, held);
        }
    }

    /// Whether any request is under way or waits for its turn.
    #[napi(getter, catch_unwind)]
    pub fn is_busy(&self) -> bool {
        self.connection().is_some_and(|connection| connection.load() > 0)
    }

    /// `I`, `T` or `E`; null before it is open.
    #[napi(getter, catch_unwind)]
    pub fn transaction_status(&self) -> Option<String> {
        self.connection().map(|connection| char::from(connection.status()).to_string())
    }

    /// The host that it is open to; `undefined` without a connection.
    #[napi(getter, catch_unwind)]
    pub fn host(&self) -> Option<String> {
        self.connection().map(|connection| connection.host().to_owned())
    }

    /// The server process; null before it is open.
    #[napi(getter, catch_unwind, js_name = "processID")]
    pub fn process_id(&self) -> Option<i32> {
        self.connection().map(|connection| connection.backend_key().0)
    }

    /// What cancels its work; null before it is open.
    #[napi(getter, catch_unwind)]
    pub fn secret_key(&self) -> Option<i32> {
        self.connection().map(|connection| connection.backend_key().1)
    }

    /// What is known of a pooler before its server: `unknown`, `session`, `unproven` or `transaction`.
    #[napi(getter, catch_unwind)]
    pub fn pooling(&self) -> &'static str {
        match self.connection().map(|connection| connection.pooling()) {
            Some(Pooling::Session) => "session",
            Some(Pooling::Unproven) => "unproven",
            Some(Pooling::Transaction) => "transaction",
            Some(Pooling::Unknown) | None => "unknown",
        }
    }

    /// Requests can be made.
    #[napi(getter, catch_unwind)]
    pub fn is_open(&self) -> bool {
        self.connection().is_some_and(|connection| connection.is_open())
    }

    /// Parameters that the server reported at start-up.
    #[napi(catch_unwind)]
    pub fn parameters(&self) -> Vec<Vec<String>> {
        let Some(connection) = self.connection() else { return Vec::new() };
        connection.parameters().iter().map(|(name, value)| vec![name.clone(), value.clone()]).collect()
    }

    /// The text of a prepared statement of this name.
    #[napi(catch_unwind)]
    pub fn statement_text(&self, name: String) -> Option<String> {
        self.connection().and_then(|connection| connection.statement_text(&name))
    }
}

/// A connection under way.
struct Opening {
    id: ConnectionId,
    slot: Arc<Mutex<Slot>>,
    environment: Arc<Environment>,
}

impl Opening {
    fn finish(self, outcome: std::result::Result<Connection, Failure>, reply: &Reply) {
        let mut slot = lock(&self.slot);
        match outcome {
            Ok(connection) if matches!(*slot, Slot::Opening(_)) => {
                let observer = Arc::new(OwnObserver { environment: self.environment.clone() });
                if !self.environment.own(&connection) {
                    connection.abandon();
                }
                *slot = Slot::Open(connection.clone());
                drop(slot);
                connection.watch(observer);
                reply.done(b'I');
            }
            outcome => {
                // It was aborted in the same moment.
                if let Ok(connection) = &outcome {
                    connection.destroy(Failure::closed(texts::TERMINATED));
                }
                *slot = Slot::Closed;
                drop(slot);
                reply.fail(outcome.err().unwrap_or_else(|| Failure::closed(texts::TERMINATED)));
                self.environment.queue.deliver(Batch::of(ConnectionEvent(self.id, Event::Closed)));
            }
        }
    }
}

/// Tells the environment about events on a connection of its own.
struct OwnObserver {
    environment: Arc<Environment>,
}

impl Observer for OwnObserver {
    fn answered(&self, _: bool) {}

    fn event(&self, connection: ConnectionId, event: Event) {
        self.environment.queue.deliver(Batch::of(ConnectionEvent(connection, event)));
    }

    fn listener(&self) -> Option<Arc<dyn Sink>> {
        Some(self.environment.queue.clone())
    }

    fn closed(&self) {}
}

/// The handle of a client that has just been handed out.
pub(super) fn acquired_to_js(js: Js, environment: &Arc<Environment>, acquired: Acquired) -> Answer {
    let pool = acquired.pool();
    let is_shared = pool.as_ref().is_some_and(Pool::is_shared);
    let (connection, is_new) = acquired.accept();
    if let Some(pool) = pool {
        lock(&environment.belongings).clients.insert(connection.id(), pool);
    }
    let handle = ConnectionHandle::pooled(environment.clone(), connection, is_new, is_shared);
    // SAFETY: `js.raw()` is the environment of the running callback.
    let value = unsafe { ConnectionHandle::to_napi_value(js.raw(), handle) };
    let value = value.map_err(|error| Refused(error.status.into()))?;
    // SAFETY: it was just made in the current scope.
    Ok(unsafe { Value::new(value) })
}
