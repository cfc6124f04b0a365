//! Queries of a pool that JavaScript has recorded and not yet handed over.
//!
//! While many queries are under way a call for each costs more than the query: so `lib/pg/pool/outbox.js` writes them
//! into two typed arrays of the environment, and one call hands them all over. Texts are written as numbers, in the
//! order in which the pool got them.

use std::sync::Arc;

use super::query::{BINARY, EXTENDED, reply};
use crate::conn::message::{Extended, Message};
use crate::conn::{CompletionQueue, KnownText, Request};
use crate::pool::PoolId;
use crate::wire::frontend::Parameters;

/// Elements of the Int32Array: the pool, how many queries, the mask of their types, then a record for each query: its
/// number, its text, the text that is its name or -1, flags, how many values, and the length of each value or -1 for
/// null.
pub(super) const WORDS: usize = 4096;
/// Bytes of the values, which are ASCII.
pub(super) const BYTES: usize = 64 * 1024;

/// Numbers of a record before the lengths of its values.
const RECORD: usize = 5;

/// JavaScript's typed arrays.
pub(super) struct Outbox {
    words: *mut i32,
    bytes: *const u8,
}

// SAFETY: the pointers are only followed on the environment's thread, in `take`.
unsafe impl Send for Outbox {}

impl Outbox {
    /// Typed arrays of at least [`WORDS`] and [`BYTES`] elements, which the caller keeps alive with the environment.
    pub(super) fn new(words: *mut i32, bytes: *const u8) -> Self {
        Outbox { words, bytes }
    }

    /// Takes the queries that are recorded for this pool. Called on the JavaScript thread.
    pub(super) fn take(
        &mut self,
        queue: &Arc<CompletionQueue>,
        pool: PoolId,
        texts: &[Arc<KnownText>],
    ) -> Vec<Request> {
        // SAFETY: the array has `WORDS` elements, and nothing else touches it meanwhile: JavaScript runs on this
        // thread.
        let words = unsafe { std::slice::from_raw_parts_mut(self.words, WORDS) };
        let &mut [owner, ref mut count, mask, ref records @ ..] = words else { return Vec::new() };
        if *count == 0 || owner != pool.cast_signed() {
            return Vec::new();
        }
        // SAFETY: likewise for `BYTES`.
        let bytes = unsafe { std::slice::from_raw_parts(self.bytes, BYTES) };
        let count = usize::try_from(std::mem::take(count)).unwrap_or_default();
        let mut reader = Reader { records, bytes, texts };
        let read = |_| reader.next(queue, mask);
        let mut requests = Vec::with_capacity(count);
        requests.extend((0..count).map_while(read));
        requests
    }
}

struct Reader<'a> {
    records: &'a [i32],
    bytes: &'a [u8],
    texts: &'a [Arc<KnownText>],
}

impl Reader<'_> {
    /// `None` only for invalid records.
    fn next(&mut self, queue: &Arc<CompletionQueue>, mask: i32) -> Option<Request> {
        let (&[id, text, name, flags, count], rest) = self.records.split_first_chunk::<RECORD>()?;
        let (lengths, rest) = rest.split_at_checked(usize::try_from(count).ok()?)?;
        self.records = rest;
        let known = self.text(text)?.clone();
        let name = if name < 0 { Arc::default() } else { self.text(name)?.text.clone() };
        let mut parameters = Parameters::with_capacity(lengths.len());
        for &length in lengths {
            let Ok(length) = usize::try_from(length) else {
                parameters.null();
                continue;
            };
            let (value, rest) = self.bytes.split_at_checked(length)?;
            self.bytes = rest;
            parameters.put(value);
        }
        let text = known.text.clone();
        let message = if flags & EXTENDED != 0 || !parameters.is_empty() {
            Message::Extended(Extended { name, text, parameters, binary: flags & BINARY != 0 })
        } else {
            Message::Simple(text)
        };
        let mut reply = reply(queue, id, mask);
        reply.unordered = true;
        Some(Request { message, reply, may_prepare: true, known: Some(known) })
    }

    fn text(&self, number: i32) -> Option<&Arc<KnownText>> {
        self.texts.get(usize::try_from(number).ok()?)
    }
}
