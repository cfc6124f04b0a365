//! Which connections there are, what each is lent to, and for how long: limits, waiting, idle time and lifetime.
//!
//! `deadpool`'s managed pool opens the connections, counts and limits them. The idle ones are in a list of our own, and
//! so is the queue of waiters, because queries wait in it as well as clients: the next query is sent the moment a
//! connection is free, without a detour through JavaScript.

mod background;
mod connection_manager;
mod containment;
mod deadlines;
mod depth;
mod effects;
mod event;
pub mod handle;
mod hedging;
mod idle_connections;
mod lease;
mod lost_idle;
mod observer;
mod opening;
#[cfg(test)]
mod panics;
mod pipeline;
mod pooled_connection;
mod reaper;
mod removal;
mod shared;
mod sharing;
mod state;
mod task;
#[cfg(test)]
mod tests;
mod users;
pub mod wait_queue;

pub use event::{PoolEvent, PoolNews};
pub use handle::{Acquired, Pool};
pub use lease::Lease;
pub use users::PoolId;
pub use wait_queue::Work;
