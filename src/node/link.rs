//! What JavaScript loads: the environment and the makers of connections and pools.

use std::sync::Arc;

use napi::bindgen_prelude::*;
use napi_derive::napi;

use super::arrays::{Arrays, FLOATS, INTS};
use super::attach::attach;
use super::connection::ConnectionHandle;
use super::diagnosis::{self, DiagnosisOrder};
use super::drain;
use super::environment::Environment;
use super::js::Js;
use super::lock::lock;
use super::outbox::{self, Outbox};
use super::plain;
use super::pool::PoolHandle;
use super::settings;
use crate::conn::questions::{Asker, Responder};
use crate::conn::{Caller, Sink, next_id};
use crate::error::Error as Failure;
use crate::manager;
use crate::pool::Pool;
use crate::rows::DECODED;
use crate::wire::command::COMMON;

/// What both sides have to agree on.
#[napi(object)]
pub(super) struct Layout {
    /// Elements that the Int32Array of an environment needs.
    pub ints: u32,
    /// Elements that its Float64Array needs.
    pub floats: u32,
    /// Elements that the Int32Array for queries needs.
    pub outbox_words: u32,
    /// Elements that the Uint8Array for their values needs.
    pub outbox_bytes: u32,
    /// OIDs of the types that are decoded natively, in the order of their mask bits.
    pub decoded_types: Vec<u32>,
    /// Command words by their index.
    pub commands: Vec<String>,
}

/// What both sides have to agree on.
#[napi]
pub(super) fn layout() -> Layout {
    Layout {
        ints: INTS as u32,
        floats: FLOATS as u32,
        outbox_words: outbox::WORDS as u32,
        outbox_bytes: outbox::BYTES as u32,
        decoded_types: DECODED.iter().map(|(oid, _)| *oid).collect(),
        commands: COMMON.iter().map(|word| (*word).to_owned()).collect(),
    }
}

/// The version of the package that this addon belongs to.
#[napi]
pub(super) fn version() -> &'static str {
    env!("CARGO_PKG_VERSION")
}

/// An environment of JavaScript.
#[napi(js_name = "Environment")]
pub struct EnvironmentHandle {
    environment: Arc<Environment>,
    js: Js,
    /// Keep the memory of the typed arrays alive.
    _ints: napi::bindgen_prelude::Int32Array,
    _floats: napi::bindgen_prelude::Float64Array,
    _outbox: (napi::bindgen_prelude::Int32Array, napi::bindgen_prelude::Uint8Array),
}

/// JavaScript's objects have been collected, or are about to be with the whole environment.
impl Drop for EnvironmentHandle {
    fn drop(&mut self) {
        self.environment.retire(self.js);
    }
}

#[napi]
impl EnvironmentHandle {
    /// `drain` is called with every batch; `ints` and `floats` are what it reads them from, `words` and `bytes` those
    /// of the outbox; `generates` is whether code may be generated, `polls` whether the runtime's event loop is Node's
    /// own.
    #[napi(constructor, catch_unwind)]
    #[allow(clippy::too_many_arguments, reason = "called once")]
    pub fn new(
        env: Env,
        drain: Unknown<'_>,
        mut ints: Int32Array,
        mut floats: Float64Array,
        generates: bool,
        polls: bool,
        mut words: Int32Array,
        bytes: Uint8Array,
    ) -> Result<Self> {
        let is_small = words.len() < outbox::WORDS || bytes.len() < outbox::BYTES;
        if is_small || ints.len() < INTS || floats.len() < FLOATS {
            return Err(Error::new(Status::InvalidArg, "the arrays are smaller than layout() says"));
        }
        // SAFETY: JavaScript holds both arrays for as long as the environment lives and only reads them in `drain`.
        let ints_start = unsafe { ints.as_mut() }.as_mut_ptr();
        // SAFETY: as above.
        let floats_start = unsafe { floats.as_mut() }.as_mut_ptr();
        let arrays = Arrays::new(ints_start, floats_start);
        // SAFETY: likewise: it writes them while nothing native runs.
        let outbox = Outbox::new(unsafe { words.as_mut() }.as_mut_ptr(), bytes.as_ptr());
        let js = Js::of(&env);
        let environment = Arc::new(Environment::new(arrays, outbox));
        attach(js, (&drain).into(), &environment)
            .map_err(|refused| Error::new(Status::from(refused.0), "the completion queue could not be made"))?;
        #[cfg(unix)]
        if polls {
            let weak = Arc::downgrade(&environment);
            let drain = move |js| weak.upgrade().map_or(Ok(()), |environment| drain::go_on(js, &environment));
            environment.polling.start(js, Arc::new(drain));
        }
        #[cfg(not(unix))]
        let _ = polls;
        if !generates {
            environment.queue.tables().templates.switch_off();
        }
        Ok(EnvironmentHandle { environment, js, _ints: ints, _floats: floats, _outbox: (words, bytes) })
    }

    /// Continues a drain that yielded to the event loop.
    #[napi(catch_unwind)]
    pub fn drain(&self, env: Env) {
        // Refused when the environment ends, and all of its listeners with it.
        let _ = drain::go_on(Js::of(&env), &self.environment);
    }

    /// How many connections this thread reads by itself.
    #[napi(getter, catch_unwind)]
    pub fn watched_connections(&self) -> u32 {
        #[cfg(unix)]
        return u32::try_from(self.environment.polling.watched().len()).unwrap_or(u32::MAX);
        #[cfg(not(unix))]
        return 0;
    }

    /// Whether this thread's event loop stays awake for an answer.
    #[napi(getter, catch_unwind)]
    pub fn is_awake(&self) -> bool {
        #[cfg(unix)]
        return self.environment.polling.is_awake();
        #[cfg(not(unix))]
        return false;
    }

    /// A connection that is not open yet. No I/O.
    #[napi(catch_unwind)]
    pub fn open_connection(&self, settings: Object<'_>) -> Result<ConnectionHandle> {
        let id = next_id();
        let server = settings::server(&settings)?;
        let caller = Asker::new(&self.environment.questions);
        // It was not set before.
        let _ = caller.responder.set(Responder::Connection(id));
        Ok(ConnectionHandle::unopened(self.environment.clone(), id, server, Arc::new(caller)))
    }

    /// A pool without connections. No I/O.
    #[napi(catch_unwind)]
    pub fn open_pool(&self, settings: Object<'_>, options: Object<'_>) -> Result<PoolHandle> {
        let server = settings::server(&settings)?;
        let limits = settings::pool(&options, &server)?;
        let asker = Arc::new(Asker::new(&self.environment.questions));
        let caller: Arc<dyn Caller> = asker.clone();
        let sink: Arc<dyn Sink> = self.environment.queue.clone();
        let (pool, id) = if limits.shared {
            manager::join_shared(server, limits, Some(caller), sink)
        } else {
            let pool = Pool::new(server, limits);
            let id = pool.join(sink, Some(caller));
            (pool, id)
        };
        // Only fails when it is set already, which the line above makes impossible.
        let _ = asker.responder.set(Responder::Pool(id));
        lock(&self.environment.belongings).pools.insert(id, pool.clone());
        Ok(PoolHandle::new(self.js, self.environment.clone(), pool, id))
    }

    /// Looks at a database's connection as request `id`, which is told of one event: the diagnosis. Without settings
    /// there is only what was given.
    #[napi(catch_unwind)]
    pub fn diagnose(&self, env: Env, id: i32, order: DiagnosisOrder, server: Option<Object<'_>>) -> Result<()> {
        let settings = server.as_ref().map(settings::server).transpose()?;
        diagnosis::begin(&self.environment, Js::of(&env), id, order, settings);
        Ok(())
    }

    /// The caller aborts an operation; it ends when its outcome is known.
    #[napi(catch_unwind)]
    pub fn give_up(&self, request: i32) {
        self.environment.operations.give_up(request);
    }

    /// The responder that a question was for is gone: another user of a shared pool may have an answer.
    #[napi(catch_unwind)]
    pub fn decline(&self, question: u32) {
        self.environment.questions.decline(question);
    }

    /// Answers a question by plain data, or by the message of what the program has thrown. False when the question was
    /// withdrawn.
    #[napi(catch_unwind)]
    pub fn answer(&self, env: Env, question: u32, answer: Unknown<'_>, error: Option<String>) -> Result<bool> {
        let answer = match error {
            Some(message) => Err(Failure::thrown(question, message)),
            None => Ok(plain::of_js(Js::of(&env), (&answer).into())?),
        };
        Ok(self.environment.questions.answer(question, answer))
    }
}
