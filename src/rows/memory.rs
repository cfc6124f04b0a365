//! The memory of values that don't fit the flat arrays, so that what waits for JavaScript can be bounded.
//!
//! Strings count with an allocator's overhead; the figures are estimates, for a limit.

use std::mem::size_of;

use super::column::ColumnKind;
use super::extra::Extra;
use super::formats::Binary;
use super::shape::{Field, Shape};
use crate::error::{Error, ServerError};

/// What an allocation takes besides its bytes.
const ALLOCATION: usize = 16;

/// What a text takes.
pub fn text_size(text: &str) -> usize {
    text.len() + ALLOCATION
}

impl ServerError {
    /// Bytes on the heap, its own included.
    pub fn memory(&self) -> usize {
        let table = self.fields.capacity() * size_of::<(u8, String)>();
        size_of::<Self>() + table + self.fields.iter().map(|(_, value)| text_size(value)).sum::<usize>()
    }
}

impl Error {
    /// Bytes on the heap, its own included.
    pub fn memory(&self) -> usize {
        size_of::<Self>()
            + text_size(&self.message)
            + self.server.as_ref().map_or(0, |server| server.memory())
            + self.supabase.as_ref().map_or(0, |advice| size_of_val(&**advice) + text_size(&advice.hint))
            + self.attempts.iter().map(Error::memory).sum::<usize>()
    }
}

impl Extra {
    /// Bytes that it takes until JavaScript has it. Those of [`Extra::Bytes`] are counted as they are appended.
    pub(super) fn memory(&self) -> usize {
        let more = match self {
            Extra::Tag(tag) => tag.command.as_ref().map_or(0, |command| text_size(command)),
            Extra::Error(error) => error.memory(),
            Extra::News(news) => news.memory(),
            Extra::Bytes(_) | Extra::Value(_) => 0,
        };
        size_of::<Self>() + more
    }
}

impl Shape {
    /// Bytes on the heap.
    pub fn memory(&self) -> usize {
        let column = size_of::<Field>() + size_of::<ColumnKind>() + size_of::<Option<Binary>>();
        size_of::<Self>()
            + self.fields.len() * column
            + self.fields.iter().map(|field| text_size(&field.name)).sum::<usize>()
    }
}
