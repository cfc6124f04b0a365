//! Any stream of bytes from a server is cut into messages and read, or refused: without a panic.

#![no_main]

#[path = "../../src/error/mod.rs"]
mod error;
#[path = "../../src/rows/mod.rs"]
mod rows;
#[path = "../../src/wire/mod.rs"]
mod wire;

use libfuzzer_sys::fuzz_target;
use rows::{Batch, Formats, Shape, TemplateTable, TypeMask, row};
use std::sync::Arc;
use wire::{command, frame, server_message};

fuzz_target!(|stream: &[u8]| {
    let templates = TemplateTable::default();
    let mut batch = Batch::default();
    let mut shape: Option<Arc<Shape>> = None;
    let mut rest = stream;
    while let Ok(Some(message)) = frame::next(rest, frame::MESSAGE_LIMIT) {
        rest = &rest[message.size..];
        match (message.tag, &shape) {
            (b'T', _) => shape = Shape::parse(0, message.body, TypeMask(0)).ok().map(Arc::new),
            (b'D', Some(shape)) => {
                for formats in [Formats::TEXT, Formats::INSTANTS] {
                    let _ = row::append(&mut batch, 1, shape, message.body, formats, &templates);
                }
            }
            (b'E' | b'N', _) => drop(server_message::error_fields(message.body)),
            (b'A', _) => drop(server_message::notification(message.body)),
            (b'S', _) => drop(server_message::parameter(message.body)),
            (b'Z', _) => drop(server_message::ready(message.body)),
            (b'C', _) => batch.complete(1, command::parse(message.body)),
            _ => {}
        }
    }
});
