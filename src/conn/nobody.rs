//! A receiver that takes no notice of what it gets.

use std::task::{Context, Poll};

use super::sink::{Sink, Tables};
use crate::rows::Batch;

/// The number of the one whose answers nobody wants; no other receiver has it.
pub const NOBODY: u64 = 0;

/// Drops whatever it gets.
#[derive(Default)]
pub struct Nobody {
    tables: Tables,
    id: u64,
}

impl Nobody {
    /// One that passes for a receiver with this number.
    #[cfg(test)]
    pub fn numbered(id: u64) -> std::sync::Arc<Nobody> {
        std::sync::Arc::new(Nobody { id, ..Nobody::default() })
    }
}

impl Sink for Nobody {
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
