//! What the error of a login or a session means.

use super::cause::Cause;
use super::finding::Finding;
use super::place::Place;
use super::plain::line;
use super::quote::quote;
use super::texts;
use crate::error::{Error, ErrorKind};
use crate::supabase::{self, Endpoint, Startup};

/// The finding for an error that the server has answered with, or that ended the connection.
pub(super) fn finding(place: &Place, error: Error) -> Finding {
    let way = place.way();
    let cause = texts::cause_of(&error, &way).unwrap_or_else(|| cause_of_kind(place, &error));
    let mut finding = Finding::new(cause).with("place", place.shown());
    if let Some(code) = error.code.as_deref().filter(|code| is_code(code)) {
        finding = finding.with("code", code);
    }
    finding.facts.extend(texts::facts_of(&error, &way));
    finding.facts.extend(supabase::facts(&way, &error));
    let own = [("user", place.user()), ("database", place.database()), ("host", place.plain_host())];
    finding.facts.extend(own.into_iter().filter_map(|(name, value)| Some((name, value?.to_owned()))));
    let said = error.server.as_ref().and_then(|server| server.field(b'M')).unwrap_or_default();
    if matches!(cause, Cause::StartupParameter | Cause::PoolerParameter)
        && let Some(parameter) = parameter_in(said, place)
    {
        finding = finding.with("parameter", parameter);
    }
    let answered = finding.fact("code").map(|code| format!("{} answers {code}", place.shown()));
    match (quote(said, place), answered) {
        (Some(quoted), Some(answered)) => {
            let reason = quoted.trim_end_matches('.').to_owned();
            finding = finding.with("reason", reason).seen(format!("{answered}: {quoted}"));
        }
        (_, Some(answered)) if error.server.is_some() => finding = finding.seen(answered),
        _ if error.server.is_none() => finding = finding.seen(ending(place, &error)),
        _ => {}
    }
    broken_off(finding, &error).by(error)
}

/// The same of an error that came with or behind the password.
pub(super) fn of_login(place: &Place, error: Error, proofs: u32) -> Finding {
    let is_known = error.server.is_some() && proofs == 0;
    let mut finding = finding(place, error);
    if finding.cause == Cause::ClosesAtOnce {
        return ended(finding, "it ends the connection in the midst of the login, and gives no reason");
    }
    if finding.cause != Cause::WrongPassword {
        return finding;
    }
    if place.tls().is_some_and(|tls| tls.identity.is_some()) && !place.way().is_supabase() {
        finding = finding.seen(
            "A certificate of the client's was shown, too: where the rule wants one for this user, and it is for \
             another, the answer is the same.",
        );
    }
    if is_known {
        finding = finding.seen("This password was refused a short while ago, so that it wasn't sent again.");
    }
    finding
}

/// The same of a connection that has ended after the server had said something.
pub(super) fn ended(finding: Finding, reason: &str) -> Finding {
    finding.of(Cause::ServerRefusal).with("reason", reason)
}

/// The finding for the error of a connection that failed before, where its server still waits for a login.
pub(super) fn of_failure(place: &Place, error: Error) -> Finding {
    if error.server.is_some() {
        let mut finding = of_login(place, error, 1);
        if place.settings.asks_for_password {
            // The password isn't known here, so that nothing says whether it stands in the text.
            finding.facts.retain(|(name, _)| *name != "reason");
            finding.evidence.clear();
        }
        return finding.seen("This is what the connection itself has failed with: no further password was sent.");
    }
    let code = error.code.clone().filter(|code| is_code(code));
    let shown = code.as_ref().map_or_else(|| "an error of its own".to_owned(), ToString::to_string);
    let cause = match error.kind {
        ErrorKind::Program if place.settings.asks_for_password => Cause::PasswordSource,
        ErrorKind::Timeout(_) => Cause::TimedOut,
        // The method is one that is spoken here: what can be missing is what the function gives.
        ErrorKind::Auth if place.settings.asks_for_password => Cause::PasswordMissing,
        ErrorKind::Auth => Cause::AuthMethod,
        _ => Cause::NotTried,
    };
    let mut finding = Finding::new(cause).with("place", place.shown());
    if let Some(code) = code {
        finding = finding.with("code", code.into_string());
    }
    let found = match cause {
        Cause::PasswordSource => {
            "The connection failed with an error of the password's function, which wasn't called again.".to_owned()
        }
        _ => {
            format!("The connection failed with {shown}. Now everything goes well up to the login, which wasn't tried.")
        }
    };
    broken_off(finding, &error).seen(found).by(error)
}

/// What an error means of which the table says nothing.
fn cause_of_kind(place: &Place, error: &Error) -> Cause {
    match error.kind {
        _ if error.server.is_some() && place.way().is_pooler() => Cause::PoolerRefusal,
        ErrorKind::Io | ErrorKind::Lost => Cause::ClosesAtOnce,
        ErrorKind::Timeout(_) => Cause::TimedOut,
        ErrorKind::Tls => Cause::TlsFailed,
        ErrorKind::Auth => Cause::AuthMethod,
        ErrorKind::Protocol => Cause::OtherProtocol,
        ErrorKind::Config => Cause::Configuration,
        _ => Cause::ServerRefusal,
    }
}

fn ending(place: &Place, error: &Error) -> String {
    format!("{}: {}", place.shown(), shown_code(error))
}

/// How a connection has ended, in a few words. The messages of this side's own errors have nothing secret in them, but may
/// have a server's words.
pub(super) fn shown_code(error: &Error) -> String {
    match error.code.as_deref().filter(|code| is_code(code)) {
        Some(code) => format!("the connection ends with {code}"),
        None => line(&error.message),
    }
}

/// What to do where this side has ended a login.
const BROKEN_OFF: &str = "Do what the message says. If it is about the server's part, look who answers there: it may not \
                          know the password.";

/// The finding with what a login has broken off over, where no answer of the server's says it: its part of the exchange may
/// be wrong, or the password may not be told to it.
fn broken_off(finding: Finding, error: &Error) -> Finding {
    if finding.cause != Cause::AuthMethod || error.server.is_some() {
        return finding;
    }
    let why = line(&error.message);
    finding
        .with("how", format!("and this side don't come to the end of the login: {}", why.trim_end_matches('.')))
        .with("advice", BROKEN_OFF)
}

/// SQLSTATEs and Node's codes. A program's own error may have anything there.
fn is_code(code: &str) -> bool {
    (4..=64).contains(&code.len())
        && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
}

/// The parameter of the startup message that a server's text names.
fn parameter_in(said: &str, place: &Place) -> Option<String> {
    let asked = Startup::bare(&place.settings.startup);
    let names = asked.set.iter().chain(&asked.sent).map(|(name, _)| name.as_str()).chain(["options"]);
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    let words: Vec<&str> = said.split(|letter: char| !letter.is_ascii() || !is_name(letter as u8)).collect();
    let is_named = |name: &&str| words.iter().any(|word| word.eq_ignore_ascii_case(name));
    names.filter(|name| name.bytes().all(is_name)).find(is_named).map(str::to_owned)
}

/// What to do where a connection isn't even tried with a parameter.
const INSTEAD: &str = "Leave it out of the configuration, or connect in session mode or to the server itself, which have \
                       it; in a transaction `SET LOCAL` works everywhere.";

/// The parameters of a connection that its way can't have, by this side's own rules.
pub(super) fn of_parameters(place: &Place, error: Error) -> Finding {
    let mut finding = Finding::new(Cause::PoolerParameter).with("place", place.shown()).with("advice", INSTEAD);
    if let Some(parameter) = parameter_in(&error.message, place) {
        finding = finding.with("parameter", parameter);
    }
    finding.seen(error.message.clone()).by(error)
}

/// Whether it is a project's own machine, which counts wrong passwords.
pub(super) fn is_machine(place: &Place) -> bool {
    matches!(Endpoint::of(&place.host), Some(Endpoint::Direct { .. }))
}
