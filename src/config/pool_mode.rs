//! How long a pooler lends a server connection to one of its clients.

use crate::supabase::{Endpoint, TRANSACTION_PORT};

/// For how long the same server connection answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PoolMode {
    /// As long as the connection is open. So it is without a pooler, too.
    Session,
    /// For one transaction: the next one may be answered by another server connection, and what a transaction leaves
    /// in its session is met by others.
    Transaction,
}

/// Where Supabase's hosts have their databases in session mode.
const SESSION_PORT: u16 = 5432;

impl PoolMode {
    /// The mode at an address, where that can't be another one. PgBouncer has either mode on its port.
    pub fn at(host: &str, port: u16) -> Option<PoolMode> {
        match (Endpoint::of(host), port) {
            (_, TRANSACTION_PORT) => Some(PoolMode::Transaction),
            (Some(_), SESSION_PORT) => Some(PoolMode::Session),
            _ => None,
        }
    }

    /// Where the same host has the same databases and roles in session mode, if this port is in transaction mode and
    /// that is known of the host.
    pub fn session_port(host: &str, port: u16) -> Option<u16> {
        (port == TRANSACTION_PORT && Endpoint::of(host).is_some()).then_some(SESSION_PORT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_follows_from_the_address_where_it_can_be_no_other() {
        for (host, port, mode) in [
            ("localhost", 6543, Some(PoolMode::Transaction)),
            ("aws-0-eu-central-1.pooler.supabase.com", 6543, Some(PoolMode::Transaction)),
            ("aws-0-eu-central-1.pooler.supabase.com", 5432, Some(PoolMode::Session)),
            ("db.abc.supabase.co", 5432, Some(PoolMode::Session)),
            ("db.abc.supabase.co", 6543, Some(PoolMode::Transaction)),
            ("localhost", 6432, None),
            ("localhost", 5432, None),
        ] {
            assert_eq!(PoolMode::at(host, port), mode, "{host}:{port}");
        }
    }

    #[test]
    fn only_supabases_hosts_have_the_same_in_session_mode_elsewhere() {
        for (host, port, other) in [
            ("aws-0-eu-central-1.pooler.supabase.com", 6543, Some(5432)),
            ("db.abc.supabase.co", 6543, Some(5432)),
            ("db.abc.supabase.co", 5432, None),
            ("localhost", 6543, None),
        ] {
            assert_eq!(PoolMode::session_port(host, port), other, "{host}:{port}");
        }
    }
}
