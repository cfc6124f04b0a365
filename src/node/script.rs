//! Scripts as JavaScript gives them, and the outcome of those that it runs itself.

use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;

use super::environment::Environment;
use super::js::{Js, Value};
use super::operation;
use super::query::{self, reply};
use super::settings::CENTURY;
use crate::config::PoolMode;
use crate::conn::connection::gone;
use crate::conn::message::{Body, Extended};
use crate::conn::pooling::refused;
use crate::ddl::{self, Commit, End, Limits, Mode, Order, Place};
use crate::error::{Outcome, Step};
use crate::sql;

/// A script and how it shall run.
#[napi(object, object_to_js = false)]
pub struct ScriptOrder {
    /// What to run.
    pub text: String,
    /// `transaction`, `as it is` or `auto`.
    pub mode: String,
    /// The operation is told of notices.
    pub notices: bool,
    /// The operation is told of each step.
    pub progress: bool,
    /// COMMIT travels with the script.
    pub pipelined: bool,
    /// By the extended protocol even without values.
    pub extended: bool,
    /// Results in binary format.
    pub binary: bool,
    /// Milliseconds that the server may take to stop what was cancelled.
    pub cancel_timeout: f64,
    /// Which types' parsers are known.
    pub mask: i32,
    /// How it shall run beyond that; absent where nothing was asked for.
    pub care: Option<ScriptCare>,
}

/// What is done for a script besides running it. Times are milliseconds; absent is no limit.
#[napi(object, object_to_js = false)]
pub struct ScriptCare {
    /// How long one try may wait for locks.
    pub lock_timeout: Option<f64>,
    /// How long all tries may wait.
    pub lock_budget: Option<f64>,
    /// How often it is tried again.
    pub retries: Option<u32>,
    /// How long a statement may take.
    pub statement_timeout: Option<f64>,
    /// What it sets for its session is undone.
    pub undoes_settings: bool,
}

/// Runs a script, whose values are an array of strings and Buffers or nothing, as request `id`. There is no place for
/// it where the connection is gone.
///
/// # Errors
/// The values are something else; nothing has begun then.
pub(super) fn execute(
    environment: &Arc<Environment>,
    js: Js,
    id: i32,
    script: ScriptOrder,
    values: Value,
    place: Option<Place>,
) -> napi::Result<()> {
    let reply = reply(&environment.queue, id, script.mask);
    let order = order(js, script, values)?;
    let _hold = environment.hold(js);
    match place {
        Some(place) => operation::begin(environment, reply, |operation| ddl::run(place, order, operation)),
        None => reply.fail(gone().with_outcome(Outcome::NotApplied, Vec::new())),
    }
    Ok(())
}

fn order(js: Js, script: ScriptOrder, values: Value) -> napi::Result<Order> {
    let ScriptOrder { text, mode, notices, progress, pipelined, extended, binary, cancel_timeout, care, .. } = script;
    let parameters = query::parameters(js, values)?;
    let body = if extended || !parameters.is_empty() {
        Body::Query(Extended { name: Arc::default(), text: text.into(), parameters, binary })
    } else {
        Body::Text(text.into())
    };
    let commit = if pipelined { Commit::Pipelined } else { Commit::Confirmed };
    let mut order = Order {
        body,
        mode: mode_of(&mode),
        commit,
        cancel_timeout: duration(cancel_timeout),
        limits: Limits::default(),
        undoes_settings: false,
        notices,
        progress,
    };
    if let Some(care) = care {
        order.limits = Limits {
            lock_timeout: care.lock_timeout.map(duration),
            lock_budget: care.lock_budget.map(duration),
            retries: care.retries,
            statement_timeout: care.statement_timeout.map(duration),
        };
        order.undoes_settings = care.undoes_settings;
    }
    order.undoes_settings |= ddl::has_copy_data(order.text());
    Ok(order)
}

fn duration(millis: f64) -> Duration {
    Duration::try_from_secs_f64(millis / 1000.0).unwrap_or(CENTURY).min(CENTURY)
}

/// Why a script would be refused before anything is sent.
#[napi(object)]
pub(super) struct ScriptRefusal {
    /// As of an error of the native side.
    pub kind: String,
    /// What is wrong and what to do.
    pub message: String,
    /// The SQLSTATE that the server would answer with.
    pub code: String,
}

/// The refusal of a script, or null.
#[napi(catch_unwind)]
pub(super) fn refusal_of_script(script: String, in_transaction: bool) -> Option<ScriptRefusal> {
    let error = ddl::check(&script, in_transaction).err()?;
    Some(ScriptRefusal { kind: "refused".into(), message: error.message, code: error.code.unwrap_or_default().into() })
}

/// The refusal of a text that a pooler in transaction mode would break, or null.
#[napi(catch_unwind)]
pub(super) fn refusal_in_transaction_mode(text: String) -> Option<ScriptRefusal> {
    let error = refused(sql::session_uses(&text).into_iter().next()?);
    Some(ScriptRefusal { kind: "config".into(), message: error.message, code: error.code.unwrap_or_default().into() })
}

/// The port of the same host that is in session mode, where this one is in transaction mode and the other one is known;
/// or null.
#[napi(catch_unwind)]
pub(super) fn session_port(host: String, port: u32) -> Option<u32> {
    PoolMode::session_port(&host, u16::try_from(port).ok()?).map(u32::from)
}

/// Whether data for a COPY stands in a script.
#[napi(catch_unwind)]
pub(super) fn has_copy_data(script: String) -> bool {
    ddl::has_copy_data(&script)
}

/// A part of a script that is run by itself.
#[napi(object)]
pub(super) struct ScriptPiece {
    /// Its text.
    pub text: String,
    /// Between BEGIN and COMMIT.
    pub in_transaction: bool,
    /// The texts of its statements.
    pub statements: Vec<String>,
}

/// The parts that a script is run in.
#[napi(catch_unwind)]
pub(super) fn pieces_of_script(script: String, mode: String) -> Vec<ScriptPiece> {
    let piece = |(text, in_transaction, statements)| ScriptPiece { text, in_transaction, statements };
    ddl::pieces(&script, mode_of(&mode)).into_iter().map(piece).collect()
}

fn mode_of(mode: &str) -> Mode {
    match mode {
        "auto" => Mode::Auto,
        "as it is" => Mode::AsItIs,
        _ => Mode::Transaction,
    }
}

/// What became of one statement.
#[napi(object)]
pub(super) struct ScriptStep {
    /// Its text.
    pub statement: String,
    /// `done`, `failed`, `not run` or `unknown`.
    pub state: String,
}

/// What became of a script.
#[napi(object)]
pub(super) struct Fate {
    /// `not applied`, `partly applied` or `unknown`.
    pub outcome: String,
    /// Unless nothing was applied.
    pub steps: Option<Vec<ScriptStep>>,
}

/// What became of a script that JavaScript has sent itself, of which it isn't known how many statements were completed.
/// `is_lost` is whether the connection was lost, in place of a refusal by the server.
#[napi(catch_unwind)]
pub(super) fn fate_of_script(script: String, in_transaction: bool, is_lost: bool) -> Fate {
    let end = if is_lost { End::Lost } else { End::RefusedSomewhere };
    let (outcome, steps) = ddl::judge(&script, in_transaction, &[], end);
    let step = |step: Step| ScriptStep { statement: step.statement, state: step.state.as_str().into() };
    let steps = (!steps.is_empty()).then(|| steps.into_iter().map(step).collect());
    Fate { outcome: outcome.as_str().into(), steps }
}
