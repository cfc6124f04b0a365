//! How to reach a server, and as which user.

use std::time::Duration;

use tokio_postgres::Config;
use tokio_postgres::config::Host;

use super::{PoolMode, ProjectSettings, RequiredAuth, TlsSettings};
use crate::supabase::{Endpoint, ROOT, Way, names_project};

/// Everything that two connections must share to be interchangeable.
///
/// Hosts, ports, user, password, database, keepalives, channel binding and session attributes are in `server`, whose
/// `Debug` hides the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// `tokio-postgres`'s own settings.
    pub server: Config,
    /// The Supabase project whose pooler is to be found, in place of the hosts or for want of them.
    pub project: Option<ProjectSettings>,
    /// The program has given a project's ref. The password is told in the clear only to a server whose certificate was
    /// verified.
    pub by_ref: bool,
    /// `None` is without TLS.
    pub tls: Option<TlsSettings>,
    /// The accepted kind of server, when several hosts are given.
    pub session: SessionTarget,
    /// Startup parameters besides `user` and `database`.
    pub startup: Vec<(String, String)>,
    /// Whether the caller supplies the password by a function when the server asks for one.
    pub asks_for_password: bool,
    /// Allowed authentication methods; `None` allows all.
    pub required_auth: Option<RequiredAuth>,
    /// SCRAM iteration counts above this are refused, since they cost the client; `None` allows any.
    pub scram_max_iterations: Option<u32>,
    /// How long a pooler on the way lends a server connection, as far as the caller says; see
    /// [`ServerSettings::pool_mode_at`].
    pub pool_mode: Option<PoolMode>,
    /// Repeated statements are prepared automatically.
    pub auto_prepare: bool,
    /// The event loop may stay awake for the answer of a lone query.
    pub busy_wait: bool,
    /// The time limit for dialling, TLS and authentication together.
    pub connect_timeout: Option<Duration>,
    /// Idle time before the first TCP keepalive probe; `None` leaves keepalives off.
    pub keepalive: Option<Duration>,
}

impl ServerSettings {
    /// The same for this one host, on the first of the ports, as this user, and with no project to be found.
    pub fn at(&self, host: &str, user: &str) -> ServerSettings {
        let mut settings = self.without_password(user);
        settings.server.host(host).port(self.port());
        settings.asks_for_password = self.asks_for_password;
        if let Some(password) = self.server.get_password() {
            settings.server.password(password);
        }
        settings
    }

    /// The same for this user, without hosts, and with nothing that a password could be had from.
    pub fn without_password(&self, user: &str) -> ServerSettings {
        let mut server = Config::new();
        server.user(user);
        if let Some(database) = self.server.get_dbname() {
            server.dbname(database);
        }
        server.channel_binding(self.server.get_channel_binding());
        server.ssl_negotiation(self.server.get_ssl_negotiation());
        ServerSettings { server, project: None, asks_for_password: false, ..self.clone() }
    }

    /// The first of the ports.
    pub fn port(&self) -> u16 {
        self.server.get_ports().first().copied().unwrap_or(5432)
    }

    /// What is known of the way to one of its hosts before anything was sent there: what the caller says, else what
    /// can't be otherwise at this address.
    pub fn pool_mode_at(&self, host: &str, port: u16) -> Option<PoolMode> {
        self.pool_mode.or_else(|| PoolMode::at(host, port))
    }

    /// The way to one of its hosts, for the meaning of what is answered there.
    pub fn way<'a>(&'a self, host: &'a str, port: u16) -> Way<'a> {
        let user = self.server.get_user().unwrap_or("");
        let by_ref = self.by_ref || self.project.is_some() || names_project(user, &self.startup);
        let transaction_mode = self.pool_mode_at(host, port) == Some(PoolMode::Transaction);
        Way { by_ref, transaction_mode, ..Way::new(host, port, user) }
    }

    /// The way to its first host.
    pub fn first_way(&self) -> Way<'_> {
        let host = match self.server.get_hosts().first() {
            Some(Host::Tcp(name)) => name,
            _ => "",
        };
        self.way(host, self.server.get_ports().first().copied().unwrap_or(5432))
    }

    /// What is trusted at this host besides the roots of the TLS settings, in PEM: Supabase's root, at its own hosts and
    /// where the entry names a project.
    pub fn further_root(&self, host: &str) -> Option<&'static str> {
        let tls = self.tls.as_ref()?;
        let is_project = self.by_ref || Endpoint::of(host).is_some();
        (tls.verify && !tls.own_roots && is_project).then_some(ROOT)
    }
}

/// libpq's `target_session_attrs`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionTarget {
    /// Any server.
    Any,
    /// Sessions can write.
    ReadWrite,
    /// Sessions are read-only by default.
    ReadOnly,
    /// Not in recovery.
    Primary,
    /// In recovery.
    Standby,
    /// In recovery if there is one, else any.
    PreferStandby,
}

impl SessionTarget {
    /// The query whose answer decides, the answer with which the server is rejected, and what such a server is called.
    pub fn question(self) -> Option<(&'static str, bool, &'static str)> {
        const READ_ONLY: &str = "SHOW transaction_read_only";
        const RECOVERY: &str = "SELECT pg_catalog.pg_is_in_recovery()";
        match self {
            SessionTarget::Any | SessionTarget::PreferStandby => None,
            SessionTarget::ReadWrite => Some((READ_ONLY, true, "read-only")),
            SessionTarget::ReadOnly => Some((READ_ONLY, false, "writable")),
            SessionTarget::Primary => Some((RECOVERY, true, "a standby")),
            SessionTarget::Standby => Some((RECOVERY, false, "a primary")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verifying() -> ServerSettings {
        let tls = TlsSettings { verify: true, ..TlsSettings::default() };
        ServerSettings {
            server: Config::new(),
            project: None,
            by_ref: false,
            tls: Some(tls),
            session: SessionTarget::Any,
            startup: Vec::new(),
            asks_for_password: false,
            required_auth: None,
            scram_max_iterations: None,
            pool_mode: None,
            auto_prepare: false,
            busy_wait: false,
            connect_timeout: None,
            keepalive: None,
        }
    }

    #[test]
    fn supabases_root_is_trusted_at_its_hosts_and_for_a_project_and_nowhere_else() {
        for host in ["aws-0-eu-central-1.pooler.supabase.com", "db.abc.supabase.co"] {
            assert_eq!(verifying().further_root(host), Some(ROOT), "{host}");
        }
        for host in ["example.com", "localhost", "db.abc.supabase.co.example.com", "abc.supabase.co", ""] {
            assert_eq!(verifying().further_root(host), None, "{host}");
        }
        assert_eq!(ServerSettings { by_ref: true, ..verifying() }.further_root("127.0.0.1"), Some(ROOT));
    }

    #[test]
    fn it_is_not_where_the_caller_says_what_to_trust_or_that_nothing_is_verified() {
        let own = TlsSettings { verify: true, own_roots: true, ..TlsSettings::default() };
        for tls in [Some(own), Some(TlsSettings::default()), None] {
            assert_eq!(ServerSettings { tls, ..verifying() }.further_root("db.abc.supabase.co"), None);
        }
    }
}
