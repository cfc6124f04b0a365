//! Bytes to messages and back.
//!
//! No sockets, no clocks. Bytes from the server are untrusted: every read is checked and a malformed message is an
//! [`Error`](crate::error::Error) of kind `Protocol`, never a panic.
//!
//! Messages: <https://www.postgresql.org/docs/current/protocol-message-formats.html>.

pub mod command;
pub mod frame;
pub mod frontend;
pub mod reader;
pub mod results;
pub mod server_message;

pub use frame::Frame;
pub use reader::Reader;
pub use results::{ResultSet, Results};

#[cfg(test)]
mod properties;
