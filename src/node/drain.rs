//! Handing batches to JavaScript.
//!
//! The flat arrays are copied into two typed arrays that belong to the environment: making a typed array costs more
//! than copying a small result. Everything else crosses as arguments of the one call.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::arrays::{COLUMNS, SHAPES};
use super::connection;
use super::environment::Environment;
use super::failure;
use super::js::{Answer, Js, Value};
use super::lock::lock;
use super::news;
use crate::clock;
use crate::error::{Error, contained, texts};
use crate::pool::Acquired;
use crate::rows::{Batch, Ending, Extra, Shape, Template, Text};
use crate::wire::command::CommandTag;

/// How long one drain may keep the event loop from its other work.
const PATIENCE: Duration = Duration::from_millis(4);

/// The count of a drain that has no batch: it asks to be called again when the event loop had its turn. Waking by the
/// threadsafe function would not do, because that goes on with what is queued meanwhile without returning to the loop.
const COME_BACK: i32 = -1;
/// The count of a batch that could not be handed over: the requests that it was for come instead.
const LOST: i32 = -2;
/// In place of a transaction status: the request ends later, and by itself.
const LATER: i32 = -1;
/// Likewise: the request waits for JavaScript, which was asked to go on (to send data, or ask for a page).
const ASKED: i32 = -2;

/// Calls JavaScript's drain for the batches that are ready, as long as that does not take too long, and until a request
/// ends whose continuations come first: the code that awaits it goes on before anything later is told, as after each
/// answer that comes by a socket.
///
/// # Errors
/// The environment is going away, and its requests with it. Only values can be too large for JavaScript, and those
/// cross as their size.
pub(super) fn run(js: Js, callback: Value, environment: &Arc<Environment>) -> Answer<()> {
    let start = clock::now();
    let _turn = environment.queue.begin_turn();
    tell_lost(js, callback, environment)?;
    loop {
        #[cfg(unix)]
        environment.polling.unwatch_recalled();
        let Some(batch) = environment.queue.next_batch() else {
            // Something may have come since the last look.
            if environment.queue.rest() { return Ok(()) } else { continue }
        };
        let in_order = batch.in_order;
        js.scope(|| hand_over(js, callback, environment, batch))?;
        let is_late = clock::now().saturating_duration_since(start) > PATIENCE;
        if is_late || (in_order && !environment.queue.continue_turn()) {
            js.scope(|| js.call(callback, &[js.int(COME_BACK)?]))?;
        }
        if is_late || in_order {
            return Ok(());
        }
    }
}

/// Rejects requests that were lost while they were made.
fn tell_lost(js: Js, callback: Value, environment: &Arc<Environment>) -> Answer<()> {
    let lost = environment.queue.take_lost();
    if lost.is_empty() {
        return Ok(());
    }
    let error = Error::protocol(texts::HANDING_OVER_FAILED);
    js.scope(|| reject(js, callback, lost.into_iter().flat_map(|request| [request, ASKED]), &error, Vec::new()))
}

/// As [`run`], with the function that JavaScript has given for it.
pub(super) fn go_on(js: Js, environment: &Arc<Environment>) -> Answer<()> {
    let Some(callback) = environment.event_loop.callback() else { return Ok(()) };
    // Otherwise there is nothing left to tell.
    js.dereference(callback)?.map_or(Ok(()), |callback| run(js, callback, environment))
}

/// Hands a batch over. Should that panic, the requests that it was for fail as lost, and the next batch follows.
fn hand_over(js: Js, callback: Value, environment: &Arc<Environment>, mut batch: Batch) -> Answer<()> {
    let mut extras = std::mem::take(&mut batch.extras).into_iter();
    let mut converted = Vec::with_capacity(extras.len());
    let arguments = contained(|| {
        for extra in extras.by_ref() {
            let is_event = matches!(extra, Extra::News(_));
            converted.push((is_event, extra_to_js(js, environment, extra)?));
        }
        arguments(js, environment, &batch, &converted)
    });
    // Before the call: what JavaScript does in it may start new requests, which hold again.
    environment.event_loop.release_requests(js, batch.finished);
    environment.let_go(js);
    match arguments {
        Some(arguments) => {
            environment.queue.recycle(batch);
            js.call(callback, &arguments?)
        }
        None => {
            for extra in extras.filter(|extra| matches!(extra, Extra::News(_))) {
                if let Some(event) = contained(|| extra_to_js(js, environment, extra)) {
                    converted.push((true, event?));
                }
            }
            let events = converted.into_iter().filter(|(is_event, _)| *is_event).map(|(_, event)| event).collect();
            lose(js, callback, environment, &batch, events)
        }
    }
}

/// Rejects the requests that a batch was for. Events belong to no request, and are told.
fn lose(js: Js, callback: Value, environment: &Arc<Environment>, batch: &Batch, events: Vec<Value>) -> Answer<()> {
    // JavaScript may not have these, although they were marked as sent.
    lock(&environment.arrays).told = usize::MAX;
    batch.templates.iter().for_each(|template| template.told.store(false, Ordering::Relaxed));
    let error = Error::protocol(texts::DELIVERY_FAILED);
    let addressees = batch.addressees().into_iter().flat_map(|(request, ending)| match ending {
        Ending::Here(status) => [request, status],
        Ending::Asked => [request, ASKED],
        Ending::Later => [request, LATER],
    });
    reject(js, callback, addressees, &error, events)
}

/// Fails requests, each with its transaction status or a code in its place, because their answer is lost, and then
/// delivers events.
fn reject(
    js: Js,
    callback: Value,
    addressees: impl Iterator<Item = i32>,
    error: &Error,
    events: Vec<Value>,
) -> Answer<()> {
    let addressees: Vec<Answer> = addressees.map(|int| js.int(int)).collect();
    let events = js.array(events.into_iter().map(Ok))?;
    let addressees = js.array(addressees.into_iter())?;
    js.call(callback, &[js.int(LOST)?, addressees, failure::to_js(js, error)?, events])
}

fn arguments(js: Js, environment: &Arc<Environment>, batch: &Batch, extras: &[(bool, Value)]) -> Answer<[Value; 12]> {
    let (fits, forget, shapes) = {
        let mut arrays = lock(&environment.arrays);
        let fits = arrays.copy(batch);
        let columns: usize = batch.shapes.iter().map(|shape| shape.fields.len()).sum();
        let forget = arrays.told.saturating_add(batch.shapes.len()) > SHAPES || arrays.columns + columns > COLUMNS;
        if forget {
            arrays.generation += 1;
            (arrays.told, arrays.columns) = (0, 0);
        }
        let generation = arrays.generation;
        let new: Vec<&Shape> = batch
            .shapes
            .iter()
            .map(|shape| &**shape)
            .filter(|shape| shape.told.swap(generation, Ordering::Relaxed) != generation)
            .collect();
        arrays.told += new.len();
        arrays.columns += new.iter().map(|shape| shape.fields.len()).sum::<usize>();
        (fits, forget, list(js, &new, |shape| shape_to_js(js, shape))?)
    };
    let templates: Vec<&Template> =
        batch.templates.iter().map(|t| &**t).filter(|t| !t.told.swap(true, Ordering::Relaxed)).collect();
    let templates = list(js, &templates, |t| js.array([js.int(t.id), js.text(&t.skeleton)].into_iter()))?;
    let undefined = js.undefined()?;
    Ok([
        js.int(i32::try_from(batch.ints.len()).unwrap_or(i32::MAX))?,
        batch.texts.first().map_or(Ok(undefined), |text| text_to_js(js, text))?,
        list(js, batch.texts.get(1..).unwrap_or_default(), |text| text_to_js(js, text))?,
        list(js, &batch.long_texts, |text| text_to_js(js, text))?,
        list(js, &batch.blobs, |blob| blob_to_js(js, blob))?,
        list(js, &batch.long_blobs, |blob| blob_to_js(js, blob))?,
        shapes,
        list(js, extras, |(_, extra)| Ok(*extra))?,
        js.boolean(forget)?,
        if fits { undefined } else { oversize(js, batch)? },
        js.int(i32::try_from(batch.floats.len()).unwrap_or(i32::MAX))?,
        templates,
    ])
}

/// A batch that outgrew the shared arrays, which a row of very many columns can, crosses in arrays of its own.
fn oversize(js: Js, batch: &Batch) -> Answer {
    let ints: Vec<Answer> = batch.ints.iter().chain(&batch.leaf_ints).map(|int| js.int(*int)).collect();
    let floats: Vec<Answer> = batch.floats.iter().chain(&batch.leaf_floats).map(|float| js.number(*float)).collect();
    js.array([js.array(ints.into_iter()), js.array(floats.into_iter())].into_iter())
}

fn list<T>(js: Js, items: &[T], convert: impl FnMut(&T) -> Answer) -> Answer {
    if items.is_empty() { js.undefined() } else { js.array(items.iter().map(convert)) }
}

/// Text that is too long for a string crosses as the number of its characters: reading it fails.
fn text_to_js(js: Js, text: &Text) -> Answer {
    js.string(&text.bytes, text.wide).or_else(|_| js.number(text.units as f64))
}

/// As [`text_to_js`], with the number of bytes.
fn blob_to_js(js: Js, blob: &[u8]) -> Answer {
    js.buffer(blob).or_else(|_| js.number(blob.len() as f64))
}

/// `[id, nullWords, ints, floats, [name, tableID, columnID, dataTypeID, dataTypeSize, dataTypeModifier, format,
/// kind]…]`
fn shape_to_js(js: Js, shape: &Shape) -> Answer {
    let size = |size: usize| js.int(i32::try_from(size).unwrap_or(i32::MAX));
    let head = [js.int(shape.id.cast_signed()), size(shape.null_words), size(shape.ints), size(shape.floats)];
    let fields: Vec<Answer> = shape
        .fields
        .iter()
        .map(|field| {
            let parts = [
                js.text(&field.name),
                js.number(f64::from(field.table_id)),
                js.int(i32::from(field.column_id)),
                js.number(f64::from(field.type_id)),
                js.int(i32::from(field.type_size)),
                js.int(field.type_modifier),
                js.int(i32::from(field.format)),
                js.int(field.kind as i32),
            ];
            js.array(parts.into_iter())
        })
        .collect();
    js.array(head.into_iter().chain(fields).collect::<Vec<_>>().into_iter())
}

fn extra_to_js(js: Js, environment: &Arc<Environment>, extra: Extra) -> Answer {
    match extra {
        Extra::Tag(tag) => tag_to_js(js, &tag),
        Extra::Error(error) => failure::to_js(js, &error),
        Extra::Bytes(bytes) => js.buffer(&bytes),
        Extra::News(news) => news::to_js(js, environment, news),
        Extra::Value(value) => match value.downcast::<Acquired>() {
            Ok(acquired) => connection::acquired_to_js(js, environment, *acquired),
            Err(value) => match value.downcast::<String>() {
                Ok(text) => js.text(&text),
                Err(_) => js.undefined(),
            },
        },
    }
}

fn tag_to_js(js: Js, tag: &CommandTag<'_>) -> Answer {
    // Counts above 2^53 lose their last digits, as they do in node-postgres.
    let count = |n: Option<u64>| n.map_or_else(|| js.null(), |n| js.number(n as f64));
    let command = tag.command.as_deref().map_or_else(|| js.null(), |word| js.text(word));
    js.array([command, count(tag.rows), count(tag.oid)].into_iter())
}
