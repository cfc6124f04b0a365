//! What an environment owns, and what ends with it.

use std::collections::{HashMap, HashSet};

use tokio::sync::{oneshot, watch};

use crate::conn::{Connection, ConnectionId};
use crate::error::Error;
use crate::manager;
use crate::pool::{Pool, PoolId};

/// Takes the answer to a question.
pub type Answerer = oneshot::Sender<Result<Option<String>, Error>>;

/// What ends with the environment.
#[derive(Default)]
pub struct Belongings {
    /// Connections of its own.
    pub connections: HashMap<ConnectionId, Connection>,
    /// Pools it has joined.
    pub pools: HashMap<PoolId, Pool>,
    /// Clients it has out, with their pools.
    pub clients: HashMap<ConnectionId, Pool>,
    /// Connections that keep the event loop alive by themselves.
    pub holding: HashSet<ConnectionId>,
    /// Work under way that it may give up, by the numbers of the requests.
    pub operations: HashMap<i32, watch::Sender<bool>>,
    /// What it was asked, by number.
    pub questions: HashMap<u32, Answerer>,
    /// Number of the last such question.
    pub last_question: u32,
}

impl Belongings {
    /// Closes it all, on whatever it is working.
    pub fn close(self) {
        // First: work under way is given up then, and doesn't look into what becomes of its connection.
        drop(self.operations);
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
