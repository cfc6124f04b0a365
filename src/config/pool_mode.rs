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

impl PoolMode {
    /// The mode at an address, where that can't be another one. PgBouncer has either mode on its port.
    pub fn at(host: &str, port: u16) -> Option<PoolMode> {
        match (Endpoint::of(host), port) {
            (_, TRANSACTION_PORT) => Some(PoolMode::Transaction),
            (Some(_), 5432) => Some(PoolMode::Session),
            _ => None,
        }
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
}
