//! A receiver that takes no notice of what it gets.

use std::task::{Context, Poll};

use super::request::Sink;
use crate::wire::Batch;
use crate::wire::json::TemplateTable;
use crate::wire::shape::ShapeTable;

/// The number of the one whose answers nobody wants; no other receiver has it.
pub const NOBODY: u64 = 0;

/// Drops whatever it gets.
#[derive(Default)]
pub struct Nobody {
    shapes: ShapeTable,
    templates: TemplateTable,
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

    fn shapes(&self) -> &ShapeTable {
        &self.shapes
    }

    fn templates(&self) -> &TemplateTable {
        &self.templates
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}
