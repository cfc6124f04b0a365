//! Where answers go.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use crate::error::ServerError;
use crate::rows::{Batch, ShapeTable, TemplateTable};

static NEXT: AtomicU64 = AtomicU64::new(1);

/// A number for the next receiver, see [`Sink::id`].
pub fn next_sink_id() -> u64 {
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A receiver of answers: an environment of JavaScript, Rust's own inbox, or a test.
pub trait Sink: Send + Sync {
    /// Takes records over. Never blocks.
    fn deliver(&self, batch: Batch);
    /// The tables of this receiver.
    fn tables(&self) -> &Tables;
    /// A number that no other receiver of the process ever has.
    fn id(&self) -> u64;
    /// A batch to fill, with the memory of an earlier one if there is one.
    fn spare(&self) -> Batch {
        Batch::default()
    }
    /// A statement of a [`super::message::Message::Script`] was completed. Called before its records are delivered.
    fn command_completed(&self, _tag: &str) {}
    /// A notice came during its request. The connection's observers are told as well.
    fn notice(&self, _notice: &ServerError) {}
    /// Ready while the receiver keeps up; a connection reads no further until then.
    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()>;
}

/// Tables of values that records name by number, because a receiver is told of each only once.
#[derive(Default)]
pub struct Tables {
    /// The columns of results.
    pub shapes: ShapeTable,
    /// The forms of JSON documents.
    pub templates: TemplateTable,
}
