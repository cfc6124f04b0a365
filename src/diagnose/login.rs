//! The password.

use std::time::Duration;

use tokio_postgres::config::ChannelBinding;

use super::cause::Cause;
use super::finding::Finding;
use super::place::Place;
use super::refusal;
use crate::clock;
use crate::conn::address::Address;
use crate::conn::handshake::Wanted;
use crate::conn::steps::{self, Login};
use crate::conn::{KeyRing, Session};
use crate::error::{Error, ErrorKind};

/// The mechanisms that are spoken here, without and with channel binding.
const SCRAM: &str = "SCRAM-SHA-256";
const SCRAM_BOUND: &str = "SCRAM-SHA-256-PLUS";

/// What is wrong before anything is sent, whatever the password is.
pub(super) fn check(place: &Place, wanted: &Wanted) -> Result<(), Finding> {
    check_method(place, wanted)?;
    check_binding(place, wanted)?;
    // The machine's own roles have no ref behind them, and each wrong login counts there.
    if *wanted != Wanted::Nothing && place.role_names_project() {
        return Err(user_with_ref(place));
    }
    Ok(())
}

/// There is no password, and the server wants one.
pub(super) fn check_password(place: &Place, wanted: &Wanted) -> Result<(), Finding> {
    let has_password = place.settings.server.get_password().is_some_and(|password| !password.is_empty());
    if has_password || place.settings.asks_for_password {
        return Ok(());
    }
    let seen = format!("{} asks for {}, and the configuration has no password", place.shown(), shown(wanted));
    Err(Finding::new(Cause::PasswordMissing).with("place", place.shown()).seen(seen))
}

/// The user has a ref behind it, where none is wanted.
fn user_with_ref(place: &Place) -> Finding {
    let finding = Finding::new(Cause::UserWithRef).with("place", place.shown());
    let role = place.user().and_then(|user| user.rsplit_once('.')).map(|(role, _)| ("user", role));
    let known = [role, place.plain_host().map(|host| ("host", host))];
    let finding = known.into_iter().flatten().fold(finding, |finding, (name, value)| finding.with(name, value));
    finding.seen("The host is the project's own machine, and the user ends in the project's ref (no password was sent)")
}

/// Logins that aren't spoken here, or that the configuration doesn't allow.
fn check_method(place: &Place, wanted: &Wanted) -> Result<(), Finding> {
    let has = |mechanisms: &[String], name: &str| mechanisms.iter().any(|mechanism| mechanism == name);
    let is_spoken = match wanted {
        Wanted::Other(_) => false,
        Wanted::Sasl(mechanisms) => has(mechanisms, SCRAM) || has(mechanisms, SCRAM_BOUND),
        _ => true,
    };
    let refused = |why: &str| {
        let how = format!("asks for {}, which {why}", shown(wanted));
        let seen = format!("{} {how}", place.shown());
        Err(Finding::new(Cause::AuthMethod).with("place", place.shown()).with("how", how).seen(seen))
    };
    if !is_spoken {
        return refused("isn't spoken here");
    }
    let name = match wanted {
        Wanted::Nothing => "none",
        Wanted::Cleartext => "password",
        Wanted::Md5 => "md5",
        Wanted::Sasl(_) | Wanted::Other(_) => "scram-sha-256",
    };
    match &place.settings.required_auth {
        Some(required) if !required.allows(name) => refused("`require_auth` of the configuration doesn't allow"),
        _ => Ok(()),
    }
}

/// Channel binding that the configuration requires.
fn check_binding(place: &Place, wanted: &Wanted) -> Result<(), Finding> {
    if place.settings.server.get_channel_binding() != ChannelBinding::Require {
        return Ok(());
    }
    let is_offered = matches!(wanted, Wanted::Sasl(mechanisms) if mechanisms.iter().any(|name| name == SCRAM_BOUND));
    if is_offered && place.tls().is_some() {
        return Ok(());
    }
    let finding = Finding::new(Cause::ChannelBinding).with("place", place.shown());
    let how = if place.tls().is_some() { "" } else { ", on a connection without TLS" };
    Err(finding.seen(format!(
        "{} offers {}{how}; channel binding needs {SCRAM_BOUND} and TLS",
        place.shown(),
        shown(wanted)
    )))
}

/// Names of the protocol's numbers that aren't spoken here.
const METHODS: [(i32, &str); 5] =
    [(2, "Kerberos V5"), (4, "crypt"), (6, "SCM credentials"), (7, "GSSAPI"), (9, "SSPI")];

fn shown(wanted: &Wanted) -> String {
    match wanted {
        Wanted::Nothing => "no password".into(),
        Wanted::Cleartext => "the password in the clear".into(),
        Wanted::Md5 => "the password's MD5 hash".into(),
        Wanted::Sasl(mechanisms) => {
            let is_plain = |name: &&String| name.len() <= 40 && name.bytes().all(|byte| byte.is_ascii_graphic());
            let names: Vec<&str> = mechanisms.iter().filter(is_plain).take(8).map(String::as_str).collect();
            format!("SASL ({})", names.join(", "))
        }
        Wanted::Other(number) => match METHODS.iter().find(|(known, _)| known == number) {
            Some((_, name)) => format!("{name} (method {number})"),
            None => format!("method {number}"),
        },
    }
}

/// Logs in, once; also says how many passwords or proofs were sent.
pub(super) async fn log_in(
    place: &Place,
    address: &Address,
    parameters: &[(String, String)],
    ring: &KeyRing,
    limit: Duration,
) -> (Result<Session, Finding>, u32) {
    let until = clock::now() + limit;
    let Login { outcome, proofs, is_withheld } =
        steps::log_in(address, &place.host, &place.settings, parameters, ring, until).await;
    let outcome = outcome.map_err(|error| match error.kind {
        _ if is_withheld => withheld(place, error),
        ErrorKind::Timeout(_) => too_late(place, limit, error),
        _ => refusal::of_login(place, error, proofs),
    });
    (outcome, proofs)
}

/// Its answer would be about another role.
fn withheld(place: &Place, error: Error) -> Finding {
    let seen = "The pooler couldn't look up a role a moment ago, and shuts the project out after few such answers: so \
                this login waits.";
    let advice = "Ask again in a few seconds.";
    Finding::new(Cause::NotTried).with("place", place.shown()).with("advice", advice).seen(seen).by(error)
}

fn too_late(place: &Place, limit: Duration, error: Error) -> Finding {
    let seen = format!("{}: no end of the login within {} ms", place.shown(), limit.as_millis());
    Finding::timed_out(limit)
        .seen(seen)
        .seen("A pooler that gets no connection to the server behind it looks the same: it lets its clients wait")
        .by(error)
}
