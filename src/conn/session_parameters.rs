//! Startup parameters that a pooler on the way drops or refuses: they are set in the session, and looked at there; in
//! transaction mode for each transaction.

use bytes::BytesMut;

use super::connection::Connection;
use super::handshake::startup_message;
use super::pooling::{self, Pooling};
use super::session::Session;
use super::transaction_settings::TransactionSettings;
use crate::config::{PoolMode, ServerSettings};
use crate::error::{Advice, Error, ErrorKind, Reaction, texts};
use crate::supabase::{LONGEST_PACKET, Startup, Way};

/// What PgBouncer answers to a parameter that it doesn't know: `protocol_violation`.
const REFUSED: &str = "08P01";

/// What it is called in advice: no pooler has a code for it.
const DROPPED: &str = "EPARAMETERDROPPED";

/// The startup parameters of a connection.
pub(super) struct SessionParameters<'a> {
    settings: &'a ServerSettings,
    way: Way<'a>,
    startup: Startup,
}

impl<'a> SessionParameters<'a> {
    /// Those of the settings, for the way to one of its hosts.
    ///
    /// # Errors
    /// `Config` for what the way can't have.
    pub(super) fn of(settings: &'a ServerSettings, way: Way<'a>) -> Result<Self, Error> {
        if !way.is_pooler() {
            return Ok(SessionParameters { settings, way, startup: Startup::plain(&settings.startup) });
        }
        let parameters = SessionParameters { settings, way, startup: Startup::pooled(&settings.startup) };
        parameters.check_mode()?;
        parameters.check_size()?;
        Ok(parameters)
    }

    /// In the startup packet, besides user and database.
    pub(super) fn sent(&self) -> &[(String, String)] {
        &self.startup.sent
    }

    /// A pooler has refused one of them: as few as possible, if all others can be set in the session.
    pub(super) fn refused(&self, error: &Error) -> Option<Self> {
        let is_refused = error.server.is_some() && error.code.as_deref() == Some(REFUSED);
        self.fewer().filter(|_| is_refused)
    }

    /// As few as possible, if all others can be set in the session.
    pub(super) fn fewer(&self) -> Option<Self> {
        let startup = Startup::bare(&self.settings.startup);
        let helps = self.settings.pool_mode == Some(PoolMode::Session) && startup != self.startup;
        (helps && !startup.set.is_empty()).then_some(SessionParameters { startup, ..*self })
    }

    /// The refusal of one of them by a project's own pooler, with what can be done.
    pub(super) fn explained(&self, error: Error) -> Error {
        let is_refused = error.server.is_some() && error.code.as_deref() == Some(REFUSED);
        let first = Startup::bare(&self.settings.startup).set.into_iter().next();
        match first {
            Some((name, _)) if is_refused && self.way.is_direct() && self.way.transaction_mode => {
                error.with_advice(advice(DROPPED, texts::not_in_transaction_mode(&name)))
            }
            _ => error,
        }
    }

    /// Sets in the session what didn't arrive with the startup packet, once it is known that there is no pooler in
    /// transaction mode, or none that shows it.
    ///
    /// # Errors
    /// The server's own for what it doesn't take; `Config` for what can't be kept, or isn't there afterwards.
    pub(super) async fn settle(self, session: &Session) -> Result<(), Error> {
        let SessionParameters { startup, way, .. } = self.behind(session.connection()).await?;
        if startup.set.is_empty() {
            return Ok(());
        }
        let call = |text: fn(usize) -> String| {
            let calls: Vec<String> = (0..startup.set.len()).map(text).collect();
            format!("SELECT {}", calls.join(", "))
        };
        // In transaction mode this is about whether the server takes them, and leaves nothing.
        let set = call(if way.transaction_mode {
            |at| format!("pg_catalog.set_config(${}, ${}, true)", 2 * at + 1, 2 * at + 2)
        } else {
            |at| format!("pg_catalog.set_config(${}, ${}, false)", 2 * at + 1, 2 * at + 2)
        });
        let shown = call(|at| format!("pg_catalog.current_setting(${})", at + 1));
        let pairs: Vec<_> = startup.set.iter().flat_map(|(name, value)| [Some(&**name), Some(&**value)]).collect();
        let names: Vec<_> = startup.set.iter().map(|(name, _)| Some(&**name)).collect();
        let answers = session.several(&[(&set, &pairs), (&shown, &names)]).await?;
        let [set, shown] = answers.as_slice() else { return Err(Error::protocol(texts::SETTINGS_NOT_TOLD)) };
        for (at, (name, wanted)) in startup.set.iter().enumerate() {
            if set.value(at).is_none() || set.value(at) != shown.value(at) {
                let is = shown.value(at).unwrap_or("");
                return Err(Error::config(texts::parameter_not_held(name, wanted, is)));
            }
        }
        if way.transaction_mode {
            session.connection().set_in_transactions(TransactionSettings::of(&startup.set));
        }
        Ok(())
    }

    /// What is known of them once the server has reported some.
    async fn behind(mut self, connection: &Connection) -> Result<Self, Error> {
        let reported = connection.parameters();
        let report = |name: &str| reported.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        if !self.way.is_pooler() && !self.way.is_direct() && self.is_renamed(report("session_authorization")) {
            // A pooler that tells its tenants by the user's name, under a host name of its own.
            self.way.by_ref = true;
            self.startup.set = Startup::pooled(&self.settings.startup).set;
            self.check_mode()?;
        }
        let is_other = report("client_encoding").is_some_and(|encoding| !encoding.eq_ignore_ascii_case("UTF8"));
        let is_other = self.way.is_pooler() && is_other;
        if (is_other || !self.startup.set.is_empty()) && connection.ask_pooling().await == Pooling::Transaction {
            self.way.transaction_mode = true;
            self.check_mode()?;
        }
        if is_other && !self.way.transaction_mode {
            self.startup.set.push(("client_encoding".into(), "UTF8".into()));
        }
        Ok(self)
    }

    /// Whether the session belongs to a role that is the user's name without its end.
    fn is_renamed(&self, role: Option<&str>) -> bool {
        let rest = role.and_then(|role| self.way.user.strip_prefix(role));
        rest.is_some_and(|rest| rest.starts_with('.'))
    }

    /// In transaction mode no session is the caller's own.
    fn check_mode(&self) -> Result<(), Error> {
        let is_refused = |name: &str| name != "replication" && !TransactionSettings::can_have(name);
        let first = self.startup.set.iter().find(|(name, _)| is_refused(name));
        match first {
            Some((name, _)) if self.way.transaction_mode => {
                Err(dropped(texts::not_in_transaction_mode(name)).with_code(pooling::CODE))
            }
            _ if self.startup.set.iter().any(|(name, _)| name == "replication") => {
                Err(dropped(texts::NO_REPLICATION.into()))
            }
            _ => Ok(()),
        }
    }

    fn check_size(&self) -> Result<(), Error> {
        let mut packet = BytesMut::new();
        startup_message(self.settings, self.sent(), &mut packet)?;
        let size = packet.len();
        if size <= LONGEST_PACKET {
            return Ok(());
        }
        let longest = self.startup.longest().unwrap_or("user");
        let message = texts::startup_too_large(size, LONGEST_PACKET, longest);
        Err(Error::config(message.clone()).with_advice(advice("ESTARTUPPACKETTOOLARGE", message)))
    }
}

fn dropped(message: String) -> Error {
    Error::new(ErrorKind::Config, message.clone()).with_advice(advice(DROPPED, message))
}

fn advice(code: &'static str, hint: String) -> Advice {
    Advice { code, reaction: Reaction::Fix, hint }
}
