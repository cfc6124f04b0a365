//! Work of many steps that JavaScript has begun and may give up: it begins once, and ends once.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;
use tokio::sync::watch;

use super::environment::{Environment, lock};
use super::js::{Js, Value};
use super::query;
use super::settings::CENTURY;
use crate::conn::request::{Body, Extended};
use crate::conn::{Reply, runtime};
use crate::ddl::{self, Commit, End, Order, Place};
use crate::error::{Error, Outcome, Step};
use crate::pool::{Loan, Pool};
use crate::wire::batch::{Batch, Extra, Record};

/// Between BEGIN and COMMIT.
const IN_TRANSACTION: i32 = 1;
/// COMMIT travels with the script.
const PIPELINED: i32 = 2;
/// Results in binary format.
const BINARY: i32 = 4;
/// Extended protocol even without values.
const EXTENDED: i32 = 8;

/// The order that JavaScript gives; `flags` are those above, `cancel_timeout` is in milliseconds.
///
/// # Errors
/// The values are no array of strings and Buffers.
pub fn order(js: Js, script: String, values: Value, flags: i32, cancel_timeout: f64) -> napi::Result<Order> {
    let parameters = query::parameters(js, values)?;
    let body = if flags & EXTENDED != 0 || !parameters.is_empty() {
        let binary = flags & BINARY != 0;
        Body::Query(Extended { name: Arc::default(), text: script.into(), parameters, binary })
    } else {
        Body::Text(script.into())
    };
    let commit = if flags & PIPELINED != 0 { Commit::Pipelined } else { Commit::Confirmed };
    let cancel_timeout = Duration::try_from_secs_f64(cancel_timeout / 1000.0).unwrap_or(CENTURY).min(CENTURY);
    Ok(Order { body, in_transaction: flags & IN_TRANSACTION != 0, commit, cancel_timeout })
}

/// Runs an order, and tells `reply` how it has ended. It ends with the environment.
pub fn begin(environment: &Arc<Environment>, place: Place, order: Order, reply: Reply) {
    if let Err(error) = runtime::start() {
        return reply.fail(error.with_outcome(Outcome::NotApplied, Vec::new()));
    }
    let (sender, wish) = watch::channel(false);
    lock(&environment.belongings).operations.insert(reply.request, sender);
    let environment = environment.clone();
    let running = ddl::run(place, order, reply.clone(), wish);
    runtime::spawn(async move {
        let Some(ended) = running.await else { return };
        // Before its number can be given to another one.
        lock(&environment.belongings).operations.remove(&reply.request);
        end(&reply, ended);
    });
}

/// The caller gives a request up that may be over already.
pub fn give_up(environment: &Environment, request: i32) {
    if let Some(sender) = lock(&environment.belongings).operations.get(&request) {
        sender.send_replace(true);
    }
}

fn end(reply: &Reply, ended: Result<u8, (Error, u8)>) {
    let mut batch = Batch::default();
    match ended {
        Ok(status) => batch.record(Record::Done, &[reply.request, i32::from(status)]),
        Err((error, status)) => {
            batch.record_with(Record::Failed, &[reply.request, i32::from(status)], Extra::Error(Box::new(error)));
        }
    }
    reply.sink.deliver(batch);
}

/// Asks a pool's server for its version; the request is answered by the text.
pub fn ask_version(pool: &Pool, reply: Reply) {
    if let Err(error) = runtime::start() {
        return reply.fail(error);
    }
    let lending = pool.lend();
    runtime::spawn(async move {
        let mut batch = Batch::default();
        match version(lending).await {
            Ok(version) => batch.record_with(Record::Value, &[reply.request], Extra::Value(Box::new(version))),
            Err(error) => {
                batch.record_with(Record::Failed, &[reply.request, 0], Extra::Error(Box::new(error)));
            }
        }
        reply.sink.deliver(batch);
    });
}

/// The connection is back in its pool when the answer is told.
async fn version(lending: impl Future<Output = Result<Loan, Error>>) -> Result<String, Error> {
    let loan = lending.await?;
    let sets = loan.session().simple("SELECT version()").await?;
    let version = sets.first().and_then(|set| set.value(0)).map(str::to_owned);
    version.ok_or_else(|| Error::protocol("The server answered SELECT version() without a version."))
}

/// Why a script would be refused before anything is sent.
#[napi(object)]
pub struct ScriptRefusal {
    /// As of an error of the native side.
    pub kind: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The SQLSTATE that the server would answer with.
    pub code: String,
}

/// The refusal of a script, or null.
#[napi(catch_unwind)]
pub fn refusal_of_script(script: String, in_transaction: bool) -> Option<ScriptRefusal> {
    let error = ddl::check(&script, in_transaction).err()?;
    Some(ScriptRefusal { kind: "refused".into(), message: error.message, code: error.code.unwrap_or_default() })
}

/// What became of one statement.
#[napi(object)]
pub struct ScriptStep {
    /// Its text.
    pub statement: String,
    /// `done`, `failed`, `not run` or `unknown`.
    pub state: String,
}

/// What became of a script.
#[napi(object)]
pub struct Fate {
    /// `not applied`, `partly applied` or `unknown`.
    pub outcome: String,
    /// Unless nothing was applied.
    pub steps: Option<Vec<ScriptStep>>,
}

/// What became of a script that JavaScript has sent itself, of which it isn't known how many statements were completed.
/// `is_lost` is whether the connection was lost, in place of a refusal by the server.
#[napi(catch_unwind)]
pub fn fate_of_script(script: String, in_transaction: bool, is_lost: bool) -> Fate {
    let end = if is_lost { End::Lost } else { End::RefusedSomewhere };
    let (outcome, steps) = ddl::judge(&script, in_transaction, &[], end);
    let step = |step: Step| ScriptStep { statement: step.statement, state: step.state.as_str().into() };
    let steps = (!steps.is_empty()).then(|| steps.into_iter().map(step).collect());
    Fate { outcome: outcome.as_str().into(), steps }
}
