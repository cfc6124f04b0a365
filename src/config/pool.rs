//! The limits of a pool.

use std::time::Duration;

use crate::supabase::TRANSACTION_PORT;

/// Limits of a pool: how many connections, and for how long; the names are node-postgres's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// Most connections at a time.
    pub max: usize,
    /// Idle connections aren't closed while there are no more than this number.
    pub min: usize,
    /// An idle connection is closed after this; `None` keeps it.
    pub idle_timeout: Option<Duration>,
    /// How long a request waits for a free connection; `None` waits without end.
    pub wait_timeout: Option<Duration>,
    /// A connection is closed after it was handed out this often.
    pub max_uses: Option<u64>,
    /// A connection is not handed out again when it is older than this.
    pub max_lifetime: Option<Duration>,
    /// More requests than this may not wait at a time.
    pub max_waiting: Option<usize>,
    /// How many queries of the pool's own may be in flight on one connection while every connection is busy; 1 never
    /// pipelines.
    pub pipeline_depth: usize,
    /// Which of them may.
    pub sharing: Sharing,
    /// Several users in this process share the pool, in any threads.
    pub shared: bool,
}

#[cfg(test)]
impl PoolSettings {
    /// For a pool of one lasting connection, which isn't shared and whose waiters have no time limit.
    pub fn of_one() -> PoolSettings {
        PoolSettings {
            max: 1,
            min: 0,
            idle_timeout: None,
            wait_timeout: None,
            max_uses: None,
            max_lifetime: None,
            max_waiting: None,
            pipeline_depth: 1,
            sharing: Sharing::None,
            shared: false,
        }
    }
}

/// Which of a pool's own queries may be in flight on one connection at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// Reads that can safely be run twice. One that waits behind another query is sent again elsewhere.
    Reads,
    /// All single statements that don't change the session; one that waits behind another stays there.
    All,
    /// None.
    None,
}

/// Where poolers listen that may be in transaction mode: Supabase's and PgBouncer. Older ones of Supabase's hang on
/// several queries at a time.
const POOLER_PORTS: [u16; 2] = [TRANSACTION_PORT, 6432];

impl Sharing {
    /// What is shared on connections to these ports, unless the caller says otherwise.
    pub fn by_ports(ports: &[u16]) -> Sharing {
        if ports.iter().any(|port| POOLER_PORTS.contains(port)) { Sharing::None } else { Sharing::Reads }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_shared_where_one_of_the_ports_is_that_of_a_pooler_in_transaction_mode() {
        assert_eq!(Sharing::by_ports(&[5432]), Sharing::Reads);
        assert_eq!(Sharing::by_ports(&[]), Sharing::Reads);
        for ports in [&[6543][..], &[6432], &[5432, 6543], &[6432, 5432]] {
            assert_eq!(Sharing::by_ports(ports), Sharing::None);
        }
    }
}
