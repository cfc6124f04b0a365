//! The startup message, before any password.

use std::time::Duration;

use super::cause::Cause;
use super::finding::Finding;
use super::place::Place;
use super::plain::is_name;
use super::{elsewhere, greeting, refusal};
use crate::clock;
use crate::config::{ServerSettings, TlsSettings};
use crate::conn::KeyRing;
use crate::conn::address::{Address, dial_again};
use crate::conn::handshake::{Said, Wanted};
use crate::conn::steps::{self, connect_again, introduce};
use crate::conn::stream::Stream;
use crate::error::{Error, ErrorKind, Phase};
use crate::supabase::Startup;

/// How long a server may take to say how it wants the login. Supabase's pooler delays a refusal by half a second.
const LIMIT: Duration = Duration::from_secs(4);

/// What a pooler answers to a parameter that it doesn't know: `protocol_violation`.
const REFUSED: &str = "08P01";

/// A server that goes on with the login.
pub(super) struct Introduced {
    /// How it wants it.
    pub(super) wanted: Wanted,
    /// The startup parameters that it took.
    pub(super) parameters: Vec<(String, String)>,
    /// What is to be said of the others.
    pub(super) warnings: Vec<Finding>,
}

/// Where a startup message goes.
pub(super) struct Door<'a> {
    pub(super) place: &'a Place,
    pub(super) address: &'a Address,
    pub(super) ring: &'a KeyRing,
    /// How long all of it may take.
    pub(super) left: Duration,
}

impl Door<'_> {
    /// Says who wants to connect to which database: with all parameters, as a server would get them, and where a pooler
    /// refuses one, with as few as a connection would then send.
    pub(super) async fn say(&self, stream: Stream) -> Result<Introduced, Finding> {
        let place = self.place;
        let own = steps::parameters(&place.settings, place.way());
        let own = own.map_err(|error| refusal::of_parameters(place, error))?;
        let all = place.settings.startup.clone();
        let mut refused = match self.hear(stream, &place.settings, &all).await {
            Ok(wanted) => return Ok(Introduced { wanted, parameters: all, warnings: Vec::new() }),
            Err(error) => error,
        };
        let mut sent = all;
        for fewer in [Some(own.sent), own.fewer].into_iter().flatten() {
            if refused.server.is_none() || refused.code.as_deref() != Some(REFUSED) || fewer == sent {
                continue;
            }
            let first = refusal::finding(place, refused.clone());
            let answer = match self.stream(&place.settings).await {
                Ok(stream) => self.hear(stream, &place.settings, &fewer).await,
                Err(error) => Err(error),
            };
            match answer {
                Ok(wanted) => {
                    return Ok(Introduced { wanted, warnings: vec![dropped(place, first, &fewer)], parameters: fewer });
                }
                Err(error) => (refused, sent) = (error, fewer),
            }
        }
        Err(self.explained(refused).await)
    }

    /// What the server answers. `Timeout` when that takes too long.
    async fn hear(
        &self,
        stream: Stream,
        settings: &ServerSettings,
        parameters: &[(String, String)],
    ) -> Result<Wanted, Error> {
        let limit = LIMIT.min(self.left);
        match clock::within(limit, introduce(stream, settings, parameters, self.ring)).await {
            Some(Ok(Said::Login(wanted))) => Ok(wanted),
            Some(Ok(Said::Refusal(refusal))) => Err(Error::from_server(refusal)),
            Some(Err(error)) => Err(error),
            None => Err(Error::new(ErrorKind::Timeout(Phase::Authenticate), silence(limit)).with_code("ETIMEDOUT")),
        }
    }

    async fn stream(&self, settings: &ServerSettings) -> Result<Stream, Error> {
        let again = connect_again(self.address, &self.place.host, settings, self.ring);
        let late = || Error::new(ErrorKind::Timeout(Phase::Connect), silence(LIMIT)).with_code("ETIMEDOUT");
        clock::within(LIMIT.min(self.left), again).await.unwrap_or_else(|| Err(late()))
    }

    /// What the refusal means, with what a further look without a password tells of it.
    async fn explained(&self, error: Error) -> Finding {
        let place = self.place;
        if let ErrorKind::Timeout(_) = error.kind {
            // Its silence says nothing where it was given no time.
            if self.left < LIMIT {
                let limit = format!("{} ms", self.left.as_millis());
                let finding = Finding::new(Cause::TimedOut).with("place", place.shown()).with("limit", limit);
                return finding.seen(format!("{}: {}", place.shown(), error.message)).by(error);
            }
            // It may wait for the end of a line, or for TLS.
            if let Some(other) = self.greeted(self.left.saturating_sub(LIMIT)).await {
                return other;
            }
            let finding = Finding::new(Cause::SilentServer).with("place", place.shown());
            return finding.seen(format!("{}: {}", place.shown(), error.message)).by(error);
        }
        if elsewhere::is_unknown(place, &error) {
            return elsewhere::look(place, refusal::finding(place, error), self.left).await;
        }
        let finding = refusal::finding(place, error);
        if place.tls().is_some() || place.is_unix {
            return finding;
        }
        if finding.error.as_ref().is_some_and(|error| error.server.is_none()) {
            return self.greeted(self.left).await.unwrap_or(finding);
        }
        let is_by_rule = finding.fact("code") == Some("28000");
        match finding.cause {
            Cause::Hba | Cause::TlsRequired => self.with_tls(finding).await,
            Cause::SslEnforced if is_by_rule => self.with_tls(finding).await,
            _ => finding,
        }
    }

    /// What the server is, where it doesn't speak the protocol.
    async fn greeted(&self, left: Duration) -> Option<Finding> {
        if self.place.tls().is_some() || self.place.is_unix {
            return None;
        }
        let asking = async {
            let mut socket = dial_again(self.address).await.ok()?;
            greeting::ask(self.place, self.address, &mut socket).await.err()
        };
        let finding = clock::within(LIMIT.min(left), asking).await.flatten()?;
        Some(finding).filter(|finding| finding.cause != Cause::TlsNotOffered)
    }

    /// The refusal of a connection without TLS: whether it is TLS that is missing.
    async fn with_tls(&self, refused: Finding) -> Finding {
        let settings = ServerSettings { tls: Some(TlsSettings::default()), ..self.place.settings.clone() };
        let answer = match self.stream(&settings).await {
            Ok(stream) => self.hear(stream, &settings, &self.place.settings.startup).await,
            Err(error) => Err(error),
        };
        let error = match answer {
            Ok(_) => {
                let cause = if refused.cause == Cause::SslEnforced { Cause::SslEnforced } else { Cause::TlsRequired };
                let seen = "With TLS the same connection is taken up to the login (no password was sent)";
                return refused.of(cause).seen(seen);
            }
            Err(error) => error,
        };
        if error.server.is_none() {
            return refused.of(Cause::Hba).seen("With TLS the server can't be asked");
        }
        let with = refusal::finding(self.place, error);
        match with.cause {
            // By the words of a refusal without TLS alone it isn't known what else is missing.
            Cause::Hba | Cause::AddressNotAllowed => with.seen("Without TLS the connection is refused as well"),
            _ => {
                let code = with.fact("code").unwrap_or("another error").to_owned();
                refused.of(Cause::TlsRequired).seen(format!("With TLS the refusal is another one: {code}"))
            }
        }
    }
}

fn silence(limit: Duration) -> String {
    format!("no answer to the startup message within {} ms", limit.as_millis())
}

/// Parameters that a pooler refused, where a connection comes about without them.
fn dropped(place: &Place, refused: Finding, sent: &[(String, String)]) -> Finding {
    let all = Startup::bare(&place.settings.startup);
    let is_sent = |name: &str| sent.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    let names = all.set.iter().map(|(name, _)| name.as_str()).filter(|name| !is_sent(name) && is_name(name));
    let names: Vec<&str> = names.collect();
    let mut finding = Finding { error: None, ..refused.of(Cause::ParameterDropped) };
    finding.facts.retain(|(name, _)| *name != "parameter");
    if names.is_empty() { finding } else { finding.with("parameter", names.join(", ")) }
}
