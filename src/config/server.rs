//! How to reach a server and who to be there.

use std::time::Duration;

use tokio_postgres::Config;

/// Everything that two connections must share to be interchangeable.
///
/// Hosts, ports, user, password, database, keepalives, channel binding and session attributes are in `server`, whose
/// `Debug` hides the password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSettings {
    /// `tokio-postgres`'s own settings.
    pub server: Config,
    /// `None` speaks in the clear.
    pub tls: Option<TlsSettings>,
    /// What kind of server will do, when several hosts are given.
    pub session: SessionTarget,
    /// Startup parameters besides `user` and `database`.
    pub startup: Vec<(String, String)>,
    /// Whether the caller supplies the password by a function when the server asks for one.
    pub asks_for_password: bool,
    /// SCRAM iteration counts above this are refused, since they cost the client; 0 allows any.
    pub scram_max_iterations: u32,
    /// Repeated statements are prepared without being asked to.
    pub auto_prepare: bool,
    /// The whole of dialling, TLS and authentication has to fit into this.
    pub connect_timeout: Option<Duration>,
    /// Idle time before the first TCP keepalive probe; `None` leaves keepalives off.
    pub keepalive: Option<Duration>,
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
    /// The query whose answer decides, the answer that refuses the server, and what such a server is called.
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

/// How to speak TLS.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TlsSettings {
    /// Refuse certificates that are not trusted or not for this server.
    pub verify: bool,
    /// Check that the certificate is for this server, when `verify` is set.
    pub verify_name: bool,
    /// Trusted roots in PEM, in place of the built-in ones.
    pub roots: Option<Vec<String>>,
    /// Client certificate (chain) and its key in PEM (PKCS #8 or a traditional form).
    pub identity: Option<(String, String)>,
    /// Name to ask for and to check, in place of the host.
    pub server_name: Option<String>,
    /// Go on without TLS when the server has none.
    pub optional: bool,
}

impl std::fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsSettings")
            .field("verify", &self.verify)
            .field("server_name", &self.server_name)
            .field("identity", &self.identity.as_ref().map(|_| "_"))
            .finish_non_exhaustive()
    }
}
