//! The limits of a pool.

use std::time::Duration;

/// Who may have how many connections for how long; the names are node-postgres's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolSettings {
    /// Most connections at a time.
    pub max: usize,
    /// Idle connections are not closed for age below this number.
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
    /// How many queries of the pool's own may be on the way on one connection while every connection is busy; 1 never
    /// pipelines.
    pub pipeline_depth: usize,
    /// Several users in this process have the one pool, in whatever threads.
    pub shared: bool,
}
