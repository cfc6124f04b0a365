//! What the things that don't fit the flat arrays take in memory, so that what waits for JavaScript can be bounded.
//!
//! Strings count with what an allocator adds to each; the figures are for a limit, not for a ledger.

use std::mem::size_of;

use super::column::ColumnKind;
use super::event::{Asked, Event, PoolEvent};
use super::extra::Extra;
use super::formats::Binary;
use super::shape::{Field, Shape};
use crate::error::{Error, ServerError};

/// What an allocation takes besides its bytes.
const ALLOCATION: usize = 16;

fn text(text: &str) -> usize {
    text.len() + ALLOCATION
}

impl ServerError {
    /// Bytes on the heap, its own included.
    fn memory(&self) -> usize {
        let table = self.fields.capacity() * size_of::<(u8, String)>();
        size_of::<Self>() + table + self.fields.iter().map(|(_, value)| text(value)).sum::<usize>()
    }
}

impl Error {
    /// Bytes on the heap, its own included.
    fn memory(&self) -> usize {
        size_of::<Self>()
            + text(&self.message)
            + self.server.as_ref().map_or(0, |server| server.memory())
            + self.attempts.iter().map(Error::memory).sum::<usize>()
    }
}

impl Event {
    fn memory(&self) -> usize {
        match self {
            Event::Notice(notice) => notice.memory(),
            Event::Notification(notification) => {
                size_of_val(&**notification) + text(&notification.channel) + text(&notification.payload)
            }
            Event::Parameter(name, value) => text(name) + text(value),
            Event::Lost(error) => error.memory(),
            Event::Asked(_, Asked::Identity { name, chain }) | Event::PoolAsked(_, Asked::Identity { name, chain }) => {
                name.len() + chain.iter().map(Vec::len).sum::<usize>()
            }
            Event::Closed | Event::Asked(_, Asked::Password) | Event::PoolAsked(_, Asked::Password) => 0,
        }
    }
}

impl Extra {
    /// Bytes that it takes until JavaScript has it. Those of [`Extra::Bytes`] are counted as they are appended.
    pub(super) fn memory(&self) -> usize {
        let more = match self {
            Extra::Tag(tag) => tag.command.as_ref().map_or(0, |command| text(command)),
            Extra::Error(error) => error.memory(),
            Extra::ConnectionEvent(_, event) => event.memory(),
            Extra::PoolEvent(_, _, PoolEvent::NotOpened(error) | PoolEvent::IdleLost(error)) => error.memory(),
            Extra::PoolEvent(..) | Extra::Bytes(_) | Extra::Value(_) => 0,
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
            + self.fields.iter().map(|field| text(&field.name)).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::{Batch, FULL_BYTES};
    use super::super::record::Record;
    use super::*;
    use crate::wire::server_message::Notification;

    #[test]
    fn what_crosses_beside_the_arrays_weighs_what_it_takes() {
        let text = "x".repeat(1000);
        let notice = ServerError { length: 0, fields: vec![(b'M', text.clone()), (b'D', text.clone())] };
        let notification = Notification { process_id: 1, channel: text.clone(), payload: text.clone(), length: 0 };
        for event in [
            Event::Notice(Box::new(notice.clone())),
            Event::Notification(Box::new(notification)),
            Event::Parameter(text.clone(), text),
            Event::Lost(Box::new(Error::from_server(notice))),
        ] {
            let mut batch = Batch::default();
            batch.record_with(Record::Event, &[], Extra::ConnectionEvent(1, event));
            assert!((2000..6000).contains(&batch.weight), "{}", batch.weight);
            while !batch.is_full() {
                batch.record_with(Record::Event, &[], Extra::ConnectionEvent(1, Event::Closed));
            }
            assert!(batch.extras.len() < FULL_BYTES / size_of::<Extra>());
        }
    }
}
