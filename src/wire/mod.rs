//! Bytes to messages and back, and rows into the batches that JavaScript reads.
//!
//! No sockets, no clocks. Bytes from the server are untrusted: every read is checked and a malformed message is an
//! [`Error`](crate::error::Error) of kind `Protocol`, never a panic.
//!
//! Messages: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

pub mod batch;
pub mod binary;
pub mod command;
pub mod datetime;
pub mod decimal;
pub mod frame;
pub mod frontend;
pub mod json;
mod list;
mod memory;
pub mod moment;
pub mod reader;
pub mod results;
pub mod row;
pub mod server_message;
pub mod shape;

pub use batch::{Batch, Extra, Record};
pub use binary::Formats;
pub use frame::Frame;
pub use reader::Reader;
pub use results::{ResultSet, Results};
pub use shape::{ColumnKind, Field, Shape, TypeMask};

#[cfg(test)]
mod properties;
