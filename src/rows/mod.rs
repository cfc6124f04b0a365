//! Rows into the batches that JavaScript reads.
//!
//! No sockets, no clocks. Bytes from the server are untrusted: every read is checked and a malformed value is an
//! [`Error`](crate::error::Error) of kind `Protocol`, never a panic.

pub mod batch;
mod binary;
mod column;
pub mod datetime;
mod decimal;
mod extra;
mod formats;
pub mod json;
mod list;
pub mod memory;
mod moment;
mod number;
mod record;
pub mod row;
pub mod shape;
mod template;
mod text;

pub use batch::Batch;
pub use column::{ColumnKind, DECODED, TypeMask};
pub use extra::{Extra, News};
pub use formats::Formats;
pub use record::{Ending, Record};
pub use shape::{Field, Shape, ShapeTable};
pub use template::{Template, TemplateTable};
pub use text::Text;

#[cfg(test)]
mod properties;
