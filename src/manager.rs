//! The pools that several managers share: one for each server, database, user and settings in the process.

use std::sync::{Arc, Mutex, PoisonError};

use once_cell::sync::Lazy;

use crate::config::{PoolSettings, ServerSettings};
use crate::conn::{Caller, Sink};
use crate::pool::{Pool, PoolId};

static SHARED: Lazy<Mutex<Vec<Pool>>> = Lazy::new(Mutex::default);

/// A pool of the process's own, joined by one more user. Users that name the same server, database, user and settings
/// get the same pool and so one budget of connections, in every worker thread.
pub fn join_shared(
    server: ServerSettings,
    limits: PoolSettings,
    caller: Option<Arc<dyn Caller>>,
    sink: Arc<dyn Sink>,
) -> (Pool, PoolId) {
    let mut pools = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.iter().find(|pool| pool.settings() == (&server, &limits)) {
        let id = pool.join(sink, caller);
        return (pool.clone(), id);
    }
    let pool = Pool::new(server, limits);
    let id = pool.join(sink, caller);
    pools.push(pool.clone());
    (pool, id)
}

/// One user leaves a pool; true if it was the last one and the pool has to be closed. It can't be joined then.
pub fn leave(pool: &Pool, id: PoolId) -> bool {
    let mut pools = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let last = pool.leave(id);
    if last {
        pools.retain(|known| !known.is(pool));
    }
    last
}
