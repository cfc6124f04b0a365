//! Plain data of questions, answers and events: the types of JSON, and bytes.

use std::borrow::Cow;

use crate::error::ServerError;
use crate::rows::memory::text_size;

/// A value that means the same in JavaScript. Objects that are more than data, such as a connection, are named by their
/// number.
#[derive(Debug, Clone, PartialEq)]
pub enum Plain {
    /// `null`
    Null,
    /// `true` or `false`
    Boolean(bool),
    /// A number
    Number(f64),
    /// A string
    Text(Cow<'static, str>),
    /// A Buffer
    Bytes(Vec<u8>),
    /// An array
    List(Vec<Plain>),
    /// An object
    Record(Vec<(Cow<'static, str>, Plain)>),
}

/// A notice: its fields as they came, and the length of its message.
impl From<&ServerError> for Plain {
    fn from(notice: &ServerError) -> Plain {
        Plain::record([("notice", Plain::text(notice.joined())), ("length", Plain::Number(f64::from(notice.length)))])
    }
}

impl Plain {
    /// A string.
    pub fn text(text: impl Into<Cow<'static, str>>) -> Plain {
        Plain::Text(text.into())
    }

    /// An object of these properties.
    pub fn record<const N: usize>(properties: [(&'static str, Plain); N]) -> Plain {
        Plain::Record(properties.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect())
    }

    /// The string that it is, if it is one.
    pub fn into_text(self) -> Option<String> {
        match self {
            Plain::Text(text) => Some(text.into_owned()),
            _ => None,
        }
    }

    /// Bytes that it takes, its own included.
    pub fn memory(&self) -> usize {
        let more = match self {
            Plain::Null | Plain::Boolean(_) | Plain::Number(_) => 0,
            Plain::Text(text) => text_size(text),
            Plain::Bytes(bytes) => bytes.len(),
            Plain::List(items) => items.iter().map(Plain::memory).sum(),
            Plain::Record(properties) => properties.iter().map(|(name, value)| text_size(name) + value.memory()).sum(),
        };
        size_of::<Self>() + more
    }
}
