//! Errors as plain data for `lib/errors.js`.

use std::ffi::CStr;
use std::time::Duration;

use super::js::{Answer, Js};
use crate::error::{Advice, Blocker, Error, ErrorKind, ServerError, Step};

/// Field types of ErrorResponse under node-postgres's names.
const FIELDS: [(u8, &CStr); 17] = [
    (b'M', c"message"),
    (b'S', c"severity"),
    (b'C', c"code"),
    (b'D', c"detail"),
    (b'H', c"hint"),
    (b'P', c"position"),
    (b'p', c"internalPosition"),
    (b'q', c"internalQuery"),
    (b'W', c"where"),
    (b's', c"schema"),
    (b't', c"table"),
    (b'c', c"column"),
    (b'd', c"dataType"),
    (b'n', c"constraint"),
    (b'F', c"file"),
    (b'L', c"line"),
    (b'R', c"routine"),
];

/// The object that `lib/errors.js` makes an `Error` of.
pub(super) fn to_js(js: Js, error: &Error) -> Answer {
    let object = match &error.server {
        Some(server) => server_fields(js, server)?,
        None => js.object()?,
    };
    js.set(object, c"kind", js.text(kind(error.kind)))?;
    if let Some(question) = error.thrown {
        js.set(object, c"thrown", js.number(question.get().into()))?;
    }
    if let Some(outcome) = error.outcome {
        js.set(object, c"outcome", js.text(outcome.as_str()))?;
        let step = |step: &Step| {
            let object = js.object()?;
            js.set(object, c"statement", js.text(&step.statement))?;
            js.set(object, c"state", js.text(step.state.as_str()))?;
            Ok(object)
        };
        if !error.steps.is_empty() {
            js.set(object, c"steps", js.array(error.steps.iter().map(step)))?;
        }
    }
    if let Some(lock) = &error.lock {
        js.set(object, c"blockers", js.array(lock.blockers.iter().map(|blocker| blocker_to_js(js, blocker))))?;
        js.set(object, c"attempts", js.number(lock.attempts.into()))?;
        js.set(object, c"waitedMs", js.number(millis(lock.waited)))?;
    }
    if let Some(advice) = &error.supabase {
        js.set(object, c"supabase", advice_to_js(js, advice))?;
    }
    if error.server.is_some() {
        return Ok(object);
    }
    js.set(object, c"message", js.text(&error.message))?;
    js.set(object, c"code", js.optional(error.code.as_deref()))?;
    if let ErrorKind::Timeout(phase) = error.kind {
        js.set(object, c"phase", js.text(phase.as_str()))?;
    }
    if let Some(call) = &error.call {
        js.set(object, c"syscall", js.text(call.name))?;
        js.set(object, c"address", js.optional(call.address.as_deref()))?;
        js.set(object, c"hostname", js.optional(call.hostname.as_deref()))?;
        if let Some(port) = call.port {
            js.set(object, c"port", js.int(i32::from(port)))?;
        }
    }
    if !error.attempts.is_empty() {
        js.set(object, c"errors", js.array(error.attempts.iter().map(|attempt| to_js(js, attempt))))?;
    }
    Ok(object)
}

/// A `Blocker`, under the names of `index.d.ts`.
fn blocker_to_js(js: Js, blocker: &Blocker) -> Answer {
    let object = js.object()?;
    js.set(object, c"pid", js.int(blocker.pid))?;
    js.set(object, c"user", js.text(&blocker.user))?;
    js.set(object, c"application", js.text(&blocker.application))?;
    js.set(object, c"state", js.text(&blocker.state))?;
    js.set(object, c"transactionAge", js.number(millis(blocker.transaction_age)))?;
    js.set(object, c"query", js.text(&blocker.query))?;
    js.set(object, c"mode", js.text(&blocker.mode))?;
    js.set(object, c"relation", js.text(&blocker.relation))?;
    Ok(object)
}

/// A `SupabaseAdvice`, under the names of `index.d.ts`.
fn advice_to_js(js: Js, advice: &Advice) -> Answer {
    let object = js.object()?;
    js.set(object, c"code", js.text(advice.code))?;
    js.set(object, c"reaction", js.text(advice.reaction.as_str()))?;
    js.set(object, c"hint", js.text(&advice.hint))?;
    Ok(object)
}

fn millis(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round()
}

/// The fields of an ErrorResponse or NoticeResponse.
pub(super) fn server_fields(js: Js, server: &ServerError) -> Answer {
    let object = js.object()?;
    for (key, name) in FIELDS {
        if let Some(text) = server.field(key) {
            js.set(object, name, js.text(text))?;
        }
    }
    js.set(object, c"length", js.number(f64::from(server.length)))?;
    Ok(object)
}

fn kind(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Config => "config",
        ErrorKind::Io => "io",
        ErrorKind::Timeout(_) => "timeout",
        ErrorKind::Tls => "tls",
        ErrorKind::Auth => "auth",
        ErrorKind::Refused => "refused",
        ErrorKind::Server => "server",
        ErrorKind::Protocol => "protocol",
        ErrorKind::Closed => "closed",
        ErrorKind::Lost => "lost",
        ErrorKind::Aborted => "aborted",
        ErrorKind::Program => "program",
    }
}
