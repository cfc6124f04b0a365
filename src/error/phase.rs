//! What was being done when the time ran out.

/// Where a request was when its time ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Waiting for a free connection of the pool.
    Wait,
    /// Looking up the host name and opening the socket.
    Connect,
    /// Negotiating TLS.
    Tls,
    /// From the startup message to the first ReadyForQuery.
    Authenticate,
    /// From a query to its answer.
    Query,
}

impl Phase {
    /// The name that reaches JavaScript as `error.phase`.
    pub fn as_str(self) -> &'static str {
        match self {
            Phase::Wait => "wait",
            Phase::Connect => "connect",
            Phase::Tls => "tls",
            Phase::Authenticate => "authenticate",
            Phase::Query => "query",
        }
    }
}
