//! What a pool tells its users about its connections.

use crate::conn::ConnectionId;
use crate::error::Error;
use crate::rows::News;

/// Events of the connections of a pool, besides those that their clients get.
#[derive(Clone)]
pub enum PoolEvent {
    /// One is being opened.
    Opening,
    /// The pooler of the pool's project was found: this host.
    Found(Box<str>),
    /// It is open; the number is its server process's.
    Opened(i32),
    /// It could not be opened.
    NotOpened(Box<Error>),
    /// It broke while it was idle.
    IdleLost(Box<Error>),
    /// It is closed and doesn't belong to the pool any more.
    Removed,
}

/// An event of a pool, under the number by which its user knows the pool, and the connection that it is about.
pub struct PoolNews(pub u32, pub ConnectionId, pub PoolEvent);

impl News for PoolNews {
    fn memory(&self) -> usize {
        let more = match &self.2 {
            PoolEvent::NotOpened(error) | PoolEvent::IdleLost(error) => error.memory(),
            PoolEvent::Found(host) => host.len(),
            PoolEvent::Opening | PoolEvent::Opened(_) | PoolEvent::Removed => 0,
        };
        size_of::<Self>() + more
    }
}
