//! The data that crosses to JavaScript: a stream of records in a few flat arrays.
//!
//! JavaScript walks `ints` from the left. Each record starts with its [`Record`] number and the request it answers;
//! `lib/native/binding.js` has the other side. Text of many values is joined into segments of about 16 KB, and a value
//! is described by where it ends, in UTF-16 units. Substrings in V8 keep the whole string alive that they were cut
//! from, so the size of a segment bounds what a kept value can pin; long values get a string of their own.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::extra::{Extra, News};
use super::record::{Ending, Record};
use super::shape::Shape;
use super::template::Template;
use super::text::Text;
use crate::error::Error;
use crate::wire::command::{self, CommandTag};

/// A value of this many bytes gets a string or buffer of its own.
pub const LONG: usize = 4096;
/// A segment is closed when it has reached this many bytes.
pub const SEGMENT: usize = 16 * 1024;
/// A batch is handed over when one of its arrays is this full; the arrays in JavaScript have twice this room, and a
/// row of the most columns that PostgreSQL allows (1664) fits into the difference.
pub const FULL_INTS: usize = 16 * 1024;
/// As [`FULL_INTS`], for floats.
pub const FULL_FLOATS: usize = 8 * 1024;
/// As [`FULL_INTS`], for the bytes of text and blobs.
pub const FULL_BYTES: usize = 128 * 1024;

/// What a row without columns counts as, in bytes.
const EMPTY_ROW: usize = 8;

/// Records on their way to one environment.
#[derive(Default)]
pub struct Batch {
    /// The record stream.
    pub ints: Vec<i32>,
    /// Floats of the rows, in order.
    pub floats: Vec<f64>,
    /// Text segments; the first is open from the start.
    pub texts: Vec<Text>,
    /// Bytes segments; the first is open from the start.
    pub blobs: Vec<Vec<u8>>,
    /// Long text values.
    pub long_texts: Vec<Text>,
    /// Long bytes values.
    pub long_blobs: Vec<Vec<u8>>,
    /// What records refer to as "the next extra".
    pub extras: Vec<Extra>,
    /// Ints of JSON leaves, in order: where strings end, and booleans. They cross behind `ints`.
    pub leaf_ints: Vec<i32>,
    /// Numbers of JSON documents, in order. They cross behind `floats`.
    pub leaf_floats: Vec<f64>,
    /// Templates that rows refer to, each once.
    pub templates: Vec<Arc<Template>>,
    /// Shapes that records refer to, each once.
    pub shapes: Vec<Arc<Shape>>,
    /// Bytes in texts, blobs, extras, and shapes that JavaScript has not been told of.
    pub weight: usize,
    /// Requests that end in this batch.
    pub finished: usize,
    /// The requests that its records are for, each once in a row of records.
    told: Vec<(i32, Ending)>,
    /// A request ends in it, and the code that awaits it goes on before anything later is told.
    pub in_order: bool,
    /// Index of the count of the rows record at the end of `ints`, while it can still grow.
    open_rows: Option<(u32, u32, usize)>,
    /// Request of the last [`Record::Raw`] and where it ends in `ints`: while nothing follows, it can still grow.
    open_raw: Option<(i32, usize)>,
    /// Segments of an earlier use, empty, with their memory.
    spare_texts: Vec<Text>,
    /// Memory for the skeleton of a JSON document.
    pub(super) skeleton: Vec<u8>,
}

/// How much a batch held when a JSON document began.
pub(super) struct Mark {
    leaf_ints: usize,
    leaf_floats: usize,
    long_texts: usize,
    weight: usize,
    /// Of the open text segment: bytes, units, and whether it is wide.
    text: (usize, usize, bool),
}

impl Batch {
    /// A batch of one event.
    pub fn of(news: impl News) -> Batch {
        let mut batch = Batch::default();
        batch.news(news);
        batch
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.ints.is_empty()
    }

    /// Empties it for another use. The memory stays, because taking it anew costs more than filling it.
    pub fn clear(&mut self) {
        let Batch { ints, floats, texts, leaf_ints, leaf_floats, spare_texts, skeleton, told, .. } = self;
        told.clear();
        ints.clear();
        floats.clear();
        leaf_ints.clear();
        leaf_floats.clear();
        spare_texts.extend(texts.drain(..).map(Text::emptied));
        let kept = Batch {
            ints: std::mem::take(ints),
            floats: std::mem::take(floats),
            leaf_ints: std::mem::take(leaf_ints),
            leaf_floats: std::mem::take(leaf_floats),
            texts: std::mem::take(texts),
            spare_texts: std::mem::take(spare_texts),
            skeleton: std::mem::take(skeleton),
            told: std::mem::take(told),
            ..Batch::default()
        };
        *self = kept;
    }

    /// Takes over the records of a small batch, which is then empty: crossing to JavaScript costs more than reading a
    /// short answer. False, and nothing has changed, when it is not small.
    pub fn absorb(&mut self, other: &mut Batch) -> bool {
        let ints = self.ints.len() + self.leaf_ints.len() + other.ints.len() + other.leaf_ints.len();
        let is_small = ints < FULL_INTS
            && self.floats.len() + self.leaf_floats.len() + other.floats.len() + other.leaf_floats.len() < FULL_FLOATS
            && self.weight + other.weight < FULL_BYTES / 4;
        // Values that are counted from the start of the batch would have to be counted anew.
        if self.in_order
            || !is_small
            || !other.long_texts.is_empty()
            || !other.blobs.is_empty()
            || !other.long_blobs.is_empty()
        {
            return false;
        }
        if !other.texts.is_empty() {
            // The first segment has no record, each other one has.
            if self.texts.is_empty() {
                self.begin_text();
            }
            self.record(Record::Segment, &[]);
            self.texts.append(&mut other.texts);
        }
        self.open_rows = None;
        self.open_raw = None;
        self.ints.append(&mut other.ints);
        self.floats.append(&mut other.floats);
        self.leaf_ints.append(&mut other.leaf_ints);
        self.leaf_floats.append(&mut other.leaf_floats);
        self.extras.append(&mut other.extras);
        self.told.append(&mut other.told);
        let weight = self.weight + other.weight;
        other.shapes.drain(..).for_each(|shape| self.know(&shape));
        other.templates.drain(..).for_each(|template| self.use_template(&template));
        // Each shape was counted where it came first.
        self.weight = weight;
        self.finished += other.finished;
        self.in_order = other.in_order;
        other.clear();
        true
    }

    fn begin_text(&mut self) {
        let segment = self.spare_texts.pop().unwrap_or_default();
        self.texts.push(segment);
    }

    /// Time to hand it over.
    pub fn is_full(&self) -> bool {
        self.ints.len() + self.leaf_ints.len() >= FULL_INTS
            || self.floats.len() + self.leaf_floats.len() >= FULL_FLOATS
            || self.weight >= FULL_BYTES
    }

    /// No more leaves fit: what would have some crosses as text. So what crosses is bounded, also in a row of very many
    /// columns, of which each would have as many as are plain.
    pub(super) fn has_all_leaves(&self) -> bool {
        self.leaf_ints.len() >= FULL_INTS || self.leaf_floats.len() >= FULL_FLOATS
    }

    /// Memory that it takes until JavaScript has read it.
    pub fn size(&self) -> usize {
        (self.ints.len() + self.leaf_ints.len()) * 4 + (self.floats.len() + self.leaf_floats.len()) * 8 + self.weight
    }

    /// Appends a record without rows.
    pub fn record(&mut self, kind: Record, rest: &[i32]) {
        self.open_rows = None;
        let is_end = matches!(kind, Record::Done | Record::Failed | Record::Value);
        self.finished += usize::from(is_end);
        self.in_order |= is_end;
        if let Some(&request) = rest.first() {
            let ending = match kind {
                Record::Done | Record::Failed => Ending::Here(rest.get(1).copied().unwrap_or(0)),
                Record::Value => Ending::Here(0),
                Record::Started | Record::Drained | Record::Suspended | Record::Raw => Ending::Asked,
                _ => Ending::Later,
            };
            match self.told.last_mut() {
                Some((last, known)) if *last == request => *known = (*known).max(ending),
                _ => self.told.push((request, ending)),
            }
        }
        self.ints.push(kind as i32);
        self.ints.extend_from_slice(rest);
    }

    /// Appends a record that takes the next extra.
    pub fn record_with(&mut self, kind: Record, rest: &[i32], extra: Extra) {
        self.record(kind, rest);
        self.weight += extra.memory();
        self.extras.push(extra);
    }

    /// Appends an event that answers no request.
    pub fn news(&mut self, news: impl News) {
        self.record_with(Record::Event, &[], Extra::News(Box::new(news)));
    }

    /// Takes the end of the only request out of its last batch: the transaction status, and the error if it failed.
    pub fn take_end(&mut self) -> Option<(u8, Option<Box<Error>>)> {
        let [.., kind, _, status] = *self.ints.as_slice() else { return None };
        let status = u8::try_from(status).unwrap_or(0);
        let error = match kind {
            kind if self.finished != 1 || (kind != Record::Done as i32 && kind != Record::Failed as i32) => {
                return None;
            }
            kind if kind == Record::Done as i32 => None,
            _ => match self.extras.pop() {
                Some(Extra::Error(error)) => Some(error),
                _ => None,
            },
        };
        self.ints.truncate(self.ints.len() - 3);
        self.finished = 0;
        self.in_order = false;
        self.told.iter_mut().for_each(|(_, ending)| *ending = Ending::Later);
        Some((status, error))
    }

    /// The requests that have to be told when the batch is lost, with what is known of their ends.
    pub fn addressees(&self) -> BTreeMap<i32, Ending> {
        let mut all = BTreeMap::new();
        for (request, ending) in &self.told {
            let known = all.entry(*request).or_insert(*ending);
            *known = (*known).max(*ending);
        }
        all
    }

    /// Announces a result set of a request.
    pub fn fields(&mut self, request: i32, shape: &Arc<Shape>) {
        self.know(shape);
        self.record(Record::Fields, &[request, id(shape)]);
    }

    /// CommandComplete.
    pub fn complete(&mut self, request: i32, tag: CommandTag<'_>) {
        let index = tag
            .command
            .as_deref()
            .and_then(|word| command::COMMON.iter().position(|common| *common == word))
            .and_then(|index| i32::try_from(index).ok());
        let small = |n: Option<u64>| n.map_or(Some(-1), |n| i32::try_from(n).ok());
        match (index, small(tag.rows), small(tag.oid)) {
            (Some(index), Some(rows), Some(oid)) => self.record(Record::Complete, &[request, index, rows, oid]),
            _ => self.record_with(Record::CompleteRare, &[request], Extra::Tag(tag.into_owned())),
        }
    }

    /// Makes room for one row of this shape and returns where its ints and floats begin.
    pub(super) fn open_row(&mut self, request: i32, shape: &Arc<Shape>) -> (usize, usize) {
        if self.texts.last().is_some_and(|text| text.bytes.len() >= SEGMENT) {
            self.record(Record::Segment, &[]);
            self.begin_text();
        }
        if self.blobs.last().is_some_and(|blob| blob.len() >= SEGMENT) {
            self.record(Record::Blob, &[]);
            self.blobs.push(Vec::new());
        }
        let key = (request.unsigned_abs(), shape.id);
        match self.open_rows {
            Some((request, shape_id, at)) if (request, shape_id) == key => {
                if let Some(count) = self.ints.get_mut(at) {
                    *count += 1;
                }
            }
            _ => {
                self.know(shape);
                self.record(Record::Rows, &[request, id(shape), 1]);
                self.open_rows = Some((key.0, key.1, self.ints.len() - 1));
            }
        }
        if shape.ints == 0 {
            // Rows without columns take no space here, but an object each in JavaScript.
            self.weight += EMPTY_ROW;
        }
        let (ints, floats) = (self.ints.len(), self.floats.len());
        self.ints.resize(ints + shape.ints, 0);
        self.floats.resize(floats + shape.floats, 0.0);
        (ints, floats)
    }

    /// Appends text and returns what describes it: the end in its segment, or `!index` of a long text.
    #[inline]
    pub(super) fn text(&mut self, value: &[u8]) -> i32 {
        self.weight += value.len();
        if value.len() >= LONG {
            let mut text = Text::default();
            text.push(value);
            self.long_texts.push(text);
            return !index_of_last(self.long_texts.len());
        }
        if self.texts.is_empty() {
            self.begin_text();
        }
        let Some(segment) = self.texts.last_mut() else { return 0 };
        segment.push(value);
        i32::try_from(segment.units).unwrap_or(i32::MAX)
    }

    /// Sets an int of the row that was opened last.
    #[inline]
    pub(super) fn put_int(&mut self, at: usize, value: i32) {
        if let Some(place) = self.ints.get_mut(at) {
            *place = value;
        }
    }

    /// Sets a float of the row that was opened last.
    #[inline]
    pub(super) fn put_float(&mut self, at: usize, value: f64) {
        if let Some(place) = self.floats.get_mut(at) {
            *place = value;
        }
    }

    /// Says in the row that was opened last that the value of a column is null.
    #[inline]
    pub(super) fn put_null(&mut self, row: usize, column: usize) {
        if let Some(bits) = self.ints.get_mut(row + column / 32) {
            *bits |= 1 << (column % 32);
        }
    }

    /// Appends text, whose end becomes an int of the row that was opened last.
    #[inline]
    pub(super) fn put_text(&mut self, at: usize, value: &[u8]) {
        let end = self.text(value);
        self.put_int(at, end);
    }

    /// Has the next text start where the last one ended.
    #[inline]
    pub(super) fn put_text_end(&mut self, at: usize) {
        self.put_int(at, self.text_end());
    }

    /// As [`Batch::put_text`], with bytes that `write` produces, at most `most` of them.
    #[inline]
    pub(super) fn put_blob(&mut self, at: usize, most: usize, write: impl FnOnce(&mut Vec<u8>)) {
        let end = self.blob(most, write);
        self.put_int(at, end);
    }

    /// The end of the text so far: what an absent value has.
    #[inline]
    pub(super) fn text_end(&self) -> i32 {
        self.texts.last().map_or(0, |text| i32::try_from(text.units).unwrap_or(i32::MAX))
    }

    /// Appends bytes that `write` produces, at most `most` of them.
    pub(super) fn blob(&mut self, most: usize, write: impl FnOnce(&mut Vec<u8>)) -> i32 {
        if most >= LONG {
            let mut blob = Vec::with_capacity(most);
            write(&mut blob);
            self.weight += blob.len();
            self.long_blobs.push(blob);
            return !index_of_last(self.long_blobs.len());
        }
        if self.blobs.is_empty() {
            self.blobs.push(Vec::new());
        }
        let Some(segment) = self.blobs.last_mut() else { return 0 };
        let before = segment.len();
        write(segment);
        self.weight += segment.len() - before;
        i32::try_from(segment.len()).unwrap_or(i32::MAX)
    }

    /// As [`Batch::text_end`], for bytes.
    pub(super) fn blob_end(&self) -> i32 {
        self.blobs.last().map_or(0, |blob| i32::try_from(blob.len()).unwrap_or(i32::MAX))
    }

    /// Appends bytes of an exchange, joined to those before when they are of the same exchange and `join` allows it.
    pub fn raw(&mut self, request: i32, parts: &[&[u8]], join: bool) {
        if !join || self.open_raw != Some((request, self.ints.len())) {
            self.record_with(Record::Raw, &[request], Extra::Bytes(Vec::new()));
            self.open_raw = Some((request, self.ints.len()));
        }
        if let Some(Extra::Bytes(bytes)) = self.extras.last_mut() {
            for part in parts {
                self.weight += part.len();
                bytes.extend_from_slice(part);
            }
        }
    }

    /// Where a JSON document begins.
    pub(super) fn mark(&self) -> Mark {
        Mark {
            leaf_ints: self.leaf_ints.len(),
            leaf_floats: self.leaf_floats.len(),
            long_texts: self.long_texts.len(),
            weight: self.weight,
            text: self.texts.last().map_or((0, 0, false), |text| (text.bytes.len(), text.units, text.wide)),
        }
    }

    /// Removes the leaves since the mark, within the same row.
    pub(super) fn take_back(&mut self, mark: Mark) {
        self.leaf_ints.truncate(mark.leaf_ints);
        self.leaf_floats.truncate(mark.leaf_floats);
        self.long_texts.truncate(mark.long_texts);
        self.weight = mark.weight;
        if let Some(text) = self.texts.last_mut() {
            text.bytes.truncate(mark.text.0);
            (text.units, text.wide) = (mark.text.1, mark.text.2);
        }
    }

    /// The template of the document before, if it has this skeleton: mostly it has.
    pub(super) fn last_template(&self, skeleton: &[u8]) -> Option<Arc<Template>> {
        self.templates.last().filter(|template| template.skeleton.as_bytes() == skeleton).cloned()
    }

    /// Remembers that rows refer to a template.
    pub(super) fn use_template(&mut self, template: &Arc<Template>) {
        if !self.templates.iter().rev().any(|known| Arc::ptr_eq(known, template)) {
            self.templates.push(template.clone());
        }
    }

    fn know(&mut self, shape: &Arc<Shape>) {
        if !self.shapes.iter().rev().any(|known| Arc::ptr_eq(known, shape)) {
            if shape.told.load(Ordering::Relaxed) == 0 {
                self.weight += shape.memory();
            }
            self.shapes.push(shape.clone());
        }
    }
}

fn id(shape: &Shape) -> i32 {
    shape.id.cast_signed()
}

fn index_of_last(length: usize) -> i32 {
    i32::try_from(length - 1).unwrap_or(i32::MAX)
}

#[cfg(test)]
mod tests {
    use super::super::column::TypeMask;
    use super::super::shape::ShapeTable;
    use super::*;

    struct Nothing;

    impl News for Nothing {
        fn memory(&self) -> usize {
            0
        }
    }

    #[test]
    fn rows_without_columns_fill_a_batch_too() {
        let shape = ShapeTable::default().get(&[0, 0], TypeMask(0)).unwrap();
        let mut batch = Batch::default();
        batch.open_row(1, &shape);
        // The size of the shape is counted with the first of them.
        let more = (FULL_BYTES - batch.weight).div_ceil(EMPTY_ROW);
        for _ in 0..more {
            assert!(!batch.is_full());
            batch.open_row(1, &shape);
        }
        assert!(batch.is_full());
    }

    fn batch_of(request: i32, texts: &[&str]) -> Batch {
        let mut batch = Batch::default();
        for text in texts {
            let end = batch.text(text.as_bytes());
            batch.ints.push(end);
        }
        batch.record(Record::Done, &[request, i32::from(b'I')]);
        batch.in_order = false;
        batch
    }

    #[test]
    fn nothing_follows_an_end_whose_continuations_come_first() {
        let (mut first, mut second) = (batch_of(1, &["ab"]), batch_of(2, &["cd"]));
        first.in_order = true;
        assert!(!first.absorb(&mut second));
        assert!(second.absorb(&mut first) && second.in_order);
    }

    #[test]
    fn a_small_batch_is_absorbed_with_a_segment_of_its_own() {
        let (mut first, mut second) = (batch_of(1, &["ab"]), batch_of(2, &["cde", "f"]));
        assert!(first.absorb(&mut second));
        assert!(second.is_empty());
        let segment = Record::Segment as i32;
        let done = Record::Done as i32;
        assert_eq!(first.ints, [2, done, 1, 73, segment, 3, 4, done, 2, 73]);
        assert_eq!(first.texts.iter().map(|text| text.bytes.as_slice()).collect::<Vec<_>>(), [&b"ab"[..], b"cdef"]);
        assert_eq!((first.finished, first.weight), (2, 6));
    }

    #[test]
    fn an_absorbed_batch_begins_its_next_rows_with_a_record() {
        let body = [&1i16.to_be_bytes()[..], b"n\0", &[0; 6], &23u32.to_be_bytes(), &[0; 8]].concat();
        let shape = ShapeTable::default().get(&body, TypeMask(0)).unwrap();
        let (mut first, mut second) = (batch_of(1, &[]), Batch::default());
        second.open_row(7, &shape);
        assert!(first.absorb(&mut second));
        second.open_row(7, &shape);
        assert_eq!(second.ints.first(), Some(&(Record::Rows as i32)));
    }

    #[test]
    fn the_segments_of_an_absorbed_batch_are_never_the_first() {
        let (mut first, mut second) = (batch_of(1, &[]), batch_of(2, &["x"]));
        assert!(first.absorb(&mut second));
        assert_eq!(first.texts.len(), 2);
    }

    #[test]
    fn a_batch_with_values_of_their_own_or_with_much_in_it_is_left_alone() {
        let long = "x".repeat(LONG);
        let much = "y".repeat(LONG - 1);
        for mut other in [batch_of(2, &[&long]), batch_of(2, &[&*much; 9])] {
            let mut first = batch_of(1, &["ab"]);
            assert!(!first.absorb(&mut other));
            assert_eq!((first.finished, other.finished), (1, 1));
        }
    }

    #[test]
    fn the_requests_that_a_batch_is_for_are_known() {
        let (mut first, mut second) = (batch_of(1, &["ab"]), batch_of(2, &["cd"]));
        assert!(first.absorb(&mut second));
        first.record(Record::Suspended, &[3]);
        first.record(Record::Started, &[4]);
        first.news(Nothing);
        first.record(Record::Done, &[3, 0]);
        first.record(Record::Empty, &[5]);
        let idle = Ending::Here(i32::from(b'I'));
        let all = [(1, idle), (2, idle), (3, Ending::Here(0)), (4, Ending::Asked), (5, Ending::Later)];
        assert_eq!(first.addressees(), all.into());
        first.clear();
        assert_eq!(first.addressees(), [].into());
    }

    #[test]
    fn a_shape_weighs_until_javascript_knows_it() {
        let body = super::super::shape::tests::description(&[("a column with a name", 25); 100]);
        let shape = ShapeTable::default().get(&body, TypeMask(0)).unwrap();
        let mut batch = Batch::default();
        batch.fields(1, &shape);
        assert!(batch.weight > body.len(), "{}", batch.weight);
        shape.told.store(1, Ordering::Relaxed);
        batch.clear();
        batch.fields(1, &shape);
        assert_eq!(batch.weight, 0);
    }

    #[test]
    fn an_emptied_batch_is_as_a_new_one() {
        let mut batch = batch_of(1, &["ab", &"x".repeat(LONG)]);
        batch.clear();
        assert!(batch.is_empty() && batch.texts.is_empty() && batch.long_texts.is_empty());
        assert_eq!((batch.finished, batch.weight, batch.text(b"z")), (0, 0, 1));
    }
}
