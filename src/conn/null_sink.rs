//! A receiver that drops what it gets.

use std::task::{Context, Poll};

use super::sink::{Sink, Tables};
use crate::rows::Batch;

/// The number of the receiver of answers that aren't wanted; no other receiver has it.
pub const NULL_SINK: u64 = 0;

/// Drops whatever it gets.
#[derive(Default)]
pub struct NullSink {
    tables: Tables,
    id: u64,
}

impl NullSink {
    /// One with the number of another receiver.
    #[cfg(test)]
    pub fn numbered(id: u64) -> std::sync::Arc<NullSink> {
        std::sync::Arc::new(NullSink { id, ..NullSink::default() })
    }
}

impl Sink for NullSink {
    fn deliver(&self, _: Batch) {}

    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
