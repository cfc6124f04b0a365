//! What an environment owns, and what ends with it.

use std::collections::{HashMap, HashSet};

use crate::conn::{Connection, ConnectionId};
use crate::manager;
use crate::pool::{Pool, PoolId};

/// What ends with the environment.
#[derive(Default)]
pub(super) struct Belongings {
    /// Connections of its own.
    pub connections: HashMap<ConnectionId, Connection>,
    /// Pools it has joined.
    pub pools: HashMap<PoolId, Pool>,
    /// Clients it has out, with their pools.
    pub clients: HashMap<ConnectionId, Pool>,
    /// Connections that keep the event loop alive by themselves.
    pub holding: HashSet<ConnectionId>,
}

impl Belongings {
    /// Closes it all, even if it is busy.
    pub(super) fn close(self) {
        for connection in self.connections.into_values() {
            connection.abandon();
        }
        for (id, pool) in self.clients {
            pool.abandon_client(id);
        }
        for (id, pool) in self.pools {
            if manager::leave(&pool, id) {
                pool.abandon();
            }
        }
    }
}
