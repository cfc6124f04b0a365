//! What does not fit the flat arrays of a batch.

use super::event::{Event, PoolEvent};
use crate::error::Error;
use crate::wire::command::CommandTag;

/// What does not fit the flat arrays.
pub enum Extra {
    /// For [`super::Record::CompleteRare`].
    Tag(CommandTag<'static>),
    /// For [`super::Record::Failed`].
    Error(Box<Error>),
    /// For [`super::Record::Event`]: the connection's number and what happened.
    ConnectionEvent(u32, Event),
    /// For [`super::Record::Event`]: the pool's number, the connection's, and what happened.
    PoolEvent(u32, u32, PoolEvent),
    /// For [`super::Record::Raw`].
    Bytes(Vec<u8>),
    /// For [`super::Record::Value`]: something that only the room of the sink understands.
    Value(Box<dyn std::any::Any + Send>),
}
