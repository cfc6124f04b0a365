//! What does not fit the flat arrays of a batch.

use std::any::Any;

use crate::error::Error;
use crate::wire::command::CommandTag;

/// What does not fit the flat arrays.
pub enum Extra {
    /// For [`super::Record::CompleteRare`].
    Tag(CommandTag<'static>),
    /// For [`super::Record::Failed`].
    Error(Box<Error>),
    /// For [`super::Record::Event`].
    News(Box<dyn News>),
    /// For [`super::Record::Raw`].
    Bytes(Vec<u8>),
    /// For [`super::Record::Value`]: a value that only the module of the sink understands.
    Value(Box<dyn Any + Send>),
}

/// An event that answers no request. Only the module that makes it and that of the sink know what it is.
pub trait News: Any + Send {
    /// Bytes that it takes until it is delivered, its own included.
    fn memory(&self) -> usize;
}
