//! Diagnoses, for JavaScript.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use napi_derive::napi;

use super::environment::Environment;
use super::js::Js;
use super::operation;
use super::query::reply;
use super::settings::CENTURY;
use crate::config::ServerSettings;
use crate::conn::questions::{Asker, Responder};
use crate::conn::{Caller, Plain};
use crate::diagnose::{self, Check, Diagnosis, Given, Limits, Subject, TlsWish};
use crate::error::{Error, ErrorKind, Phase, ServerError};

/// What is to be diagnosed.
#[napi(object, object_to_js = false)]
pub struct DiagnosisOrder {
    /// The configuration as it was given.
    pub given: GivenConfiguration,
    /// The error of a login that has just failed.
    pub failure: Option<KnownFailure>,
    /// Milliseconds for which idle connections of its pool were idle when they were lost.
    pub lost_idle: Vec<f64>,
    /// Milliseconds.
    pub timeout: f64,
    /// Passwords that may be sent, if fewer than the rule allows.
    pub auth_attempts: Option<u32>,
}

/// A configuration as it was given, before anything was made of it. Absent is what isn't a text.
#[napi(object, object_to_js = false)]
pub struct GivenConfiguration {
    pub connection_string: Option<String>,
    pub host: Option<String>,
    pub user: Option<String>,
    pub password: Option<String>,
    pub database: Option<String>,
    /// A project's.
    pub reference: Option<String>,
    /// What `ssl` wants: `off`, `unverified` or `verified`.
    pub tls: Option<String>,
    /// Temporary access is asked for.
    pub has_jit: bool,
    /// The password comes from a function, or from where a reference leads.
    pub supplies_password: bool,
    /// `target_session_attrs` is given, and a standby will do for it.
    pub takes_standby: bool,
    /// The program makes the way to the server.
    pub has_own_way: bool,
    /// Why no settings could be made of it.
    pub refusal: Option<KnownFailure>,
}

/// An error that JavaScript has.
#[napi(object, object_to_js = false)]
pub struct KnownFailure {
    /// As errors of this package have it; absent where the program itself has thrown it.
    pub kind: Option<String>,
    /// Of the server's errors.
    pub severity: Option<String>,
    pub code: Option<String>,
    pub message: String,
}

impl KnownFailure {
    fn into_error(self, kind: ErrorKind) -> Error {
        let code = self.code.unwrap_or_default();
        match self.severity {
            Some(severity) => {
                let fields = vec![(b'S', severity), (b'C', code), (b'M', self.message)];
                Error::from_server(ServerError { length: 0, fields })
            }
            None if code.is_empty() => Error::new(kind, self.message),
            None => Error::new(kind, self.message).with_code(code),
        }
    }

    /// That of a connection.
    fn into_failure(self) -> Error {
        let kind = match self.kind.as_deref() {
            None | Some("program") => ErrorKind::Program,
            Some("timeout") => ErrorKind::Timeout(Phase::Connect),
            Some("auth") => ErrorKind::Auth,
            Some("tls") => ErrorKind::Tls,
            Some("config") => ErrorKind::Config,
            Some(_) => ErrorKind::Io,
        };
        self.into_error(kind)
    }
}

/// Diagnoses a database as request `id`, which is told of one event, the diagnosis.
pub(super) fn begin(
    environment: &Arc<Environment>,
    js: Js,
    id: i32,
    order: DiagnosisOrder,
    settings: Option<ServerSettings>,
) {
    let limits = Limits {
        timeout: Duration::try_from_secs_f64(order.timeout / 1000.0).unwrap_or(CENTURY).min(CENTURY),
        auth_attempts: order.auth_attempts,
    };
    let given = order.given;
    let subject = Subject {
        given: Given {
            connection_string: given.connection_string,
            host: given.host,
            user: given.user,
            password: given.password,
            database: given.database,
            reference: given.reference,
            tls: given.tls.as_deref().and_then(wish),
            has_jit: given.has_jit,
            supplies_password: given.supplies_password,
            takes_standby: given.takes_standby,
            has_own_way: given.has_own_way,
            refusal: given.refusal.map(|refusal| refusal.into_error(ErrorKind::Config)),
        },
        settings,
        failure: order.failure.map(KnownFailure::into_failure),
        lost_idle: order
            .lost_idle
            .into_iter()
            .map(|millis| Duration::from_secs_f64(millis.max(0.0) / 1000.0))
            .collect(),
    };
    let asker = Asker::new(&environment.questions);
    // It was not set before.
    let _ = asker.responder.set(Responder::Request(id));
    let caller: Arc<dyn Caller> = Arc::new(asker);
    let reply = reply(&environment.queue, id, 0);
    let _hold = environment.hold(js);
    operation::begin(environment, reply, |operation| async move {
        let diagnosis = diagnose::diagnose(subject, limits, Some(caller)).await;
        operation.tell(plain(diagnosis)).await;
        Ok(0)
    });
}

fn wish(word: &str) -> Option<TlsWish> {
    match word {
        "off" => Some(TlsWish::Off),
        "unverified" => Some(TlsWish::Unverified),
        "verified" => Some(TlsWish::Verified),
        _ => None,
    }
}

/// `Diagnosis` of `index.d.ts`, without the database's name.
fn plain(diagnosis: Diagnosis) -> Plain {
    let texts = |texts: Vec<String>| Plain::List(texts.into_iter().map(Plain::text).collect());
    Plain::record([
        ("ok", Plain::Boolean(diagnosis.ok)),
        ("cause", Plain::text(diagnosis.cause.code())),
        ("message", Plain::text(diagnosis.message)),
        ("remedy", Plain::text(diagnosis.remedy)),
        ("evidence", texts(diagnosis.evidence)),
        ("checks", Plain::List(diagnosis.checks.into_iter().map(check).collect())),
        ("authAttempts", Plain::Number(f64::from(diagnosis.auth_attempts))),
        ("durationMs", millis(diagnosis.took)),
    ])
}

fn check(check: Check) -> Plain {
    Plain::record([
        ("name", Plain::text(check.stage.as_str())),
        ("state", Plain::text(check.state.as_str())),
        ("detail", Plain::Text(Cow::Owned(check.detail))),
        ("durationMs", millis(check.took)),
    ])
}

fn millis(time: Duration) -> Plain {
    Plain::Number((time.as_secs_f64() * 1000.0).round())
}
