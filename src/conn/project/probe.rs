//! Asking one pooler whether it knows a project.

use std::net::SocketAddr;
use std::time::Duration;

use super::super::address::dial_any;
use super::super::handshake::{Conversation, Said};
use super::super::key_ring::KeyRing;
use super::super::route::secure;
use super::super::stream::Stream;
use crate::clock;
use crate::config::ServerSettings;
use crate::error::{Error, ErrorKind, Phase, ServerError, texts};
use crate::supabase::{self, Startup, Way};

/// How long a pooler may take. It answers within a second, the 500 ms included by which it delays a refusal.
const LIMIT: Duration = Duration::from_secs(5);

/// What a pooler has said of a project.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It goes on with the login, or refuses it for a reason that only the right one can have.
    Known,
    /// It has no such project, or the project no such user.
    Unknown,
    /// It didn't say, and may be the one.
    Unclear,
    /// It can't be asked.
    Failed(Error),
}

/// Asks the pooler at these addresses of `host`, with everything of the settings but the password.
pub(super) async fn probe(
    host: &str,
    addresses: Vec<SocketAddr>,
    settings: &ServerSettings,
    ring: &KeyRing,
    direct: bool,
) -> Verdict {
    let answer = clock::within(LIMIT, ask(host, addresses, settings, ring, direct)).await;
    match answer {
        Some(Ok(Said::Login(_))) => Verdict::Known,
        Some(Ok(Said::Refusal(refusal))) => verdict(host, settings, refusal),
        Some(Err(error)) => Verdict::Failed(error),
        None => {
            let error = Error::new(ErrorKind::Timeout(Phase::Connect), texts::probe_timeout(host, LIMIT));
            Verdict::Failed(error.with_code("ETIMEDOUT"))
        }
    }
}

async fn ask(
    host: &str,
    addresses: Vec<SocketAddr>,
    settings: &ServerSettings,
    ring: &KeyRing,
    direct: bool,
) -> Result<Said, Error> {
    let connector = match &settings.tls {
        Some(tls) => Some(ring.connector(tls, direct, settings.further_root(host)).await?),
        None => None,
    };
    let (socket, _) = dial_any(addresses).await?;
    let stream = match connector {
        Some(connector) => Stream::Tls(secure(socket, &connector, host).await?),
        None => Stream::Plain(socket),
    };
    let startup = Startup::pooled(&settings.startup);
    Conversation::new(stream, settings, &startup.sent, ring, false).ask().await
}

/// What a refusal says of the project.
fn verdict(host: &str, settings: &ServerSettings, refusal: ServerError) -> Verdict {
    /// What is wrong whichever pooler is asked.
    const SENSELESS: [&str; 5] =
        ["ENOIDENTIFIER", "EINVALIDUSERINFO", "ESTARTUPMESSAGE", "ESTARTUPPACKETTOOLARGE", "EAUTHPROTOCOL"];
    /// What is looked at only once the project is known. Whatever else is answered can come from any pooler that is in
    /// trouble.
    const BEHIND_THE_PROJECT: [&str; 13] = [
        "EMULTIPLEUSERS",
        "EBANNED",
        "ESSLREQUIRED",
        "EADDRNOTALLOWED",
        "EMAXCONN",
        "EMAXCONNSESSION",
        "EMAXPOOLSREACHED",
        "ECIRCUITBREAKER",
        "EAUTHQUERY",
        "EAUTHSECRETS",
        "EJITREQUESTFAILED",
        "EJITUNAUTHORIZED",
        "EWRONGPASSWORD",
    ];
    let error = Error::from_server(refusal);
    match code(host, settings, &error) {
        Some(UNKNOWN) => Verdict::Unknown,
        Some(code) if SENSELESS.contains(&code) => Verdict::Failed(error),
        Some(code) if BEHIND_THE_PROJECT.contains(&code) => Verdict::Known,
        _ => Verdict::Unclear,
    }
}

/// The pooler's code for a project that it doesn't have.
const UNKNOWN: &str = "ENOTFOUND";

fn code(host: &str, settings: &ServerSettings, error: &Error) -> Option<&'static str> {
    let way = Way { by_ref: true, ..Way::new(host, settings.port(), settings.server.get_user().unwrap_or("")) };
    supabase::advice(&way, error).map(|advice| advice.code)
}

/// Whether a pooler's refusal of a login says that it has no such project.
pub(super) fn is_unknown(host: &str, settings: &ServerSettings, error: &Error) -> bool {
    error.server.is_some() && code(host, settings, error) == Some(UNKNOWN)
}
