//! Plain data to and from JavaScript.

use std::borrow::Cow;

use super::js::{Answer, Js, Kind, Refused, TextError, Value};
use super::query::wrong;
use crate::conn::Plain;

/// More levels than any real value has, and a bound for values that contain themselves.
const DEEPEST: usize = 100;
/// Longer than any text that may cross.
const LONGEST: usize = 64 * 1024 * 1024;

/// The value for JavaScript.
pub(super) fn to_js(js: Js, plain: &Plain) -> Answer {
    match plain {
        Plain::Null => js.null(),
        Plain::Boolean(flag) => js.boolean(*flag),
        Plain::Number(number) => js.number(*number),
        Plain::Text(text) => js.text(text),
        Plain::Bytes(bytes) => js.buffer(bytes),
        Plain::List(items) => js.array(items.iter().map(|item| to_js(js, item))),
        Plain::Record(properties) => {
            let object = js.object()?;
            for (name, value) in properties {
                js.set_property(object, js.text(name)?, to_js(js, value)?)?;
            }
            Ok(object)
        }
    }
}

/// A value of JavaScript's: null, undefined (which is null here), booleans, numbers, strings, Buffers, and arrays and
/// objects of these.
///
/// # Errors
/// It has something else in it, or itself.
pub(super) fn of_js(js: Js, value: Value) -> napi::Result<Plain> {
    read(js, value, 0)
}

fn read(js: Js, value: Value, depth: usize) -> napi::Result<Plain> {
    if depth > DEEPEST {
        return Err(wrong("an answer must not be nested so deeply, or have itself in it"));
    }
    match js.kind(value)? {
        Kind::Nothing => Ok(Plain::Null),
        Kind::Boolean => Ok(Plain::Boolean(js.boolean_of(value)?)),
        Kind::Number => Ok(Plain::Number(js.number_of(value)?)),
        Kind::Text => Ok(Plain::Text(Cow::Owned(text(js, value)?))),
        Kind::Object => {
            if let Some(bytes) = js.bytes_of(value)? {
                return Ok(Plain::Bytes(bytes.to_vec()));
            }
            if let Some(length) = js.array_length(value)? {
                let item = |index| read(js, js.element(value, index)?, depth + 1);
                return (0..length).map(item).collect::<napi::Result<_>>().map(Plain::List);
            }
            let names = js.own_names(value)?;
            let property = |index| {
                let name = js.element(names, index)?;
                let property = read(js, js.property(value, name)?, depth + 1)?;
                Ok((Cow::Owned(text(js, name)?), property))
            };
            let length = js.array_length(names)?.unwrap_or(0);
            (0..length).map(property).collect::<napi::Result<_>>().map(Plain::Record)
        }
        Kind::Other => Err(wrong("an answer must be plain data: no function, symbol or BigInt")),
    }
}

fn text(js: Js, value: Value) -> napi::Result<String> {
    match js.string_of(value, LONGEST) {
        Ok(text) => Ok(text.unwrap_or_default()),
        Err(TextError::TooLong) => Err(wrong("a text of an answer is too long")),
        Err(TextError::Refused(refused)) => Err(Refused::into(refused)),
    }
}
