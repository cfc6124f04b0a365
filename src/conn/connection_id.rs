//! Identifies a connection.

use std::sync::atomic::{AtomicU32, Ordering};

/// Unique in the process.
pub type ConnectionId = u32;

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// A number for the next connection.
pub fn next_id() -> ConnectionId {
    NEXT_ID.fetch_add(1, Ordering::Relaxed)
}
