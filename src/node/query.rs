//! The arguments of a query.

use std::sync::Arc;

use super::js::{Js, TextError, Value};
use crate::conn::message::{Extended, Message, Portal};
use crate::conn::{CompletionQueue, Reply, Request, Sink};
use crate::error::texts;
use crate::rows::TypeMask;
use crate::wire::frontend::{LARGEST_MESSAGE, Parameters};

/// Extended protocol even without values.
pub(super) const EXTENDED: i32 = 1;
/// Results in binary format.
pub(super) const BINARY: i32 = 2;
/// The caller allows other queries to be in flight on the same connection.
pub(super) const PIPELINED: i32 = 4;
/// The program looks at each row when it comes.
const EAGER: i32 = 8;
/// How many may be in flight then.
pub(super) const PIPELINE_DEPTH: usize = 128;

/// Hand each CopyData message over by itself.
pub(super) const EACH_MESSAGE: i32 = 1;

/// What `query` takes from JavaScript, behind the request's number.
pub(super) struct Arguments {
    pub text: Value,
    pub name: Value,
    pub values: Value,
    pub flags: i32,
    pub mask: i32,
}

/// Copies a query out of JavaScript.
///
/// # Errors
/// Says which argument is not of its type; `lib/pg/` checks them first, so this is for callers that do not.
pub(super) fn request(js: Js, queue: &Arc<CompletionQueue>, id: i32, arguments: &Arguments) -> napi::Result<Request> {
    let reply = Reply { eager: arguments.flags & EAGER != 0, ..reply(queue, id, arguments.mask) };
    let text = text_of(js, arguments.text)?.ok_or_else(|| wrong("text must be a string"))?;
    let name: Arc<str> =
        text_of(js, arguments.name)?.filter(|name| !name.is_empty()).map_or_else(Arc::default, Arc::from);
    let parameters = parameters(js, arguments.values)?;
    let extended = arguments.flags & EXTENDED != 0 || !name.is_empty() || !parameters.is_empty();
    let binary = arguments.flags & BINARY != 0;
    let message = if extended {
        Message::Extended(Extended { name, text: text.into(), parameters, binary })
    } else {
        Message::Simple(text.into())
    };
    // In a pipeline of the caller's, queries behind it must not run before a second try of it.
    let may_prepare = arguments.flags & PIPELINED == 0;
    Ok(Request { message, reply, may_prepare, known: None })
}

/// Copies a query whose rows are asked for page by page.
///
/// # Errors
/// As [`request`].
pub(super) fn portal(
    js: Js,
    queue: &Arc<CompletionQueue>,
    id: i32,
    portal: Value,
    arguments: &Arguments,
) -> napi::Result<Request> {
    let text = text_of(js, arguments.text)?.ok_or_else(|| wrong("text must be a string"))?;
    let parameters = parameters(js, arguments.values)?;
    let query = Extended { name: Arc::default(), text: text.into(), parameters, binary: arguments.flags & BINARY != 0 };
    let portal = text_of(js, portal)?.unwrap_or_default();
    let message = Message::Portal(Box::new(Portal { portal, query }));
    Ok(Request { message, reply: reply(queue, id, arguments.mask), may_prepare: false, known: None })
}

/// Where the answer of request `id` goes.
pub(super) fn reply(queue: &Arc<CompletionQueue>, id: i32, mask: i32) -> Reply {
    let sink: Arc<dyn Sink> = queue.clone();
    Reply { sink, request: id, mask: TypeMask(mask.cast_unsigned()), eager: false, unordered: false, race: None }
}

/// The bytes of a Buffer, or of each Buffer of an array.
///
/// # Errors
/// It is neither.
pub(super) fn pieces<'a>(js: Js, data: Value) -> napi::Result<Vec<&'a [u8]>> {
    let bytes = |value| js.bytes_of(value)?.ok_or_else(|| wrong("data must be a Buffer or an array of them"));
    match js.array_length(data)? {
        Some(count) => (0..count).map(|i| bytes(js.element(data, i)?)).collect(),
        None => Ok(vec![bytes(data)?]),
    }
}

pub(super) fn wrong(message: &str) -> napi::Error {
    napi::Error::new(napi::Status::InvalidArg, message)
}

/// A text that the server can take; `None` when the value is none.
fn text_of(js: Js, value: Value) -> napi::Result<Option<String>> {
    js.string_of(value, LARGEST_MESSAGE).map_err(too_long)
}

fn too_long(error: TextError) -> napi::Error {
    match error {
        TextError::TooLong => wrong(&texts::query_not_sent(texts::TOO_LARGE)),
        TextError::Refused(refused) => refused.into(),
    }
}

/// Values are strings, Buffers or null: `lib/pg/query/parameter.js` has made them so.
pub(super) fn parameters(js: Js, values: Value) -> napi::Result<Parameters> {
    let Some(count) = js.array_length(values)? else { return Ok(Parameters::default()) };
    let mut parameters = Parameters::with_capacity(count as usize);
    for index in 0..count {
        let value = js.element(values, index)?;
        let room = LARGEST_MESSAGE.saturating_sub(parameters.size());
        if parameters.text(|out| js.read_text(value, room, out)).map_err(too_long)? {
            continue;
        }
        match js.bytes_of(value)? {
            Some(bytes) if bytes.len() > room => return Err(too_long(TextError::TooLong)),
            Some(bytes) => parameters.binary(bytes),
            None if js.is_nothing(value)? => parameters.null(),
            None => return Err(wrong("a value must be a string, a Buffer or null")),
        }
    }
    Ok(parameters)
}
