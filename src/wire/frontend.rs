//! Requests as bytes.

use bytes::{BufMut, BytesMut};
use postgres_protocol::message::frontend;

use crate::error::{Error, texts};

/// The values of a Bind, as they stand in it, so that they are written down once.
#[derive(Debug, Default, Clone)]
pub struct Parameters {
    /// Each value behind its length; null is a length of -1.
    bytes: Vec<u8>,
    count: usize,
    /// Which of them are in binary format, by their places.
    binary: Vec<usize>,
}

/// Bytes of a length.
const LENGTH: usize = 4;
const NULL: i32 = -1;

impl Parameters {
    /// Room for so many values.
    pub fn with_capacity(count: usize) -> Self {
        const USUAL_LENGTH: usize = 16;
        Parameters { bytes: Vec::with_capacity(count * (LENGTH + USUAL_LENGTH)), ..Parameters::default() }
    }

    /// Appends NULL.
    pub fn null(&mut self) {
        self.bytes.put_i32(NULL);
        self.count += 1;
    }

    /// Appends a value in text format, written by `write`, which says whether it wrote one.
    pub fn text<E>(&mut self, write: impl FnOnce(&mut Vec<u8>) -> Result<bool, E>) -> Result<bool, E> {
        let start = self.bytes.len();
        self.bytes.put_i32(NULL);
        let written = write(&mut self.bytes);
        if matches!(written, Ok(true)) {
            self.end_value(start);
        } else {
            self.bytes.truncate(start);
        }
        written
    }

    /// Appends a value in text format.
    pub fn put(&mut self, value: &[u8]) {
        let start = self.bytes.len();
        self.bytes.put_i32(NULL);
        self.bytes.extend_from_slice(value);
        self.end_value(start);
    }

    /// Appends a value in binary format.
    pub fn binary(&mut self, value: &[u8]) {
        self.binary.push(self.count);
        self.put(value);
    }

    /// The value whose length stands at `start` is complete.
    fn end_value(&mut self, start: usize) {
        put_length(&mut self.bytes, start, LENGTH);
        self.count += 1;
    }

    /// Bytes that they take in a message.
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// Writes how many bytes are behind `start`, without the first `uncounted` of them, to `start`. If that is more than
/// the protocol allows, the message is refused.
fn put_length(out: &mut [u8], start: usize, uncounted: usize) {
    let length = i32::try_from(out.len() - start - uncounted).unwrap_or(i32::MAX);
    if let Some(place) = out.get_mut(start..start + LENGTH) {
        place.copy_from_slice(&length.to_be_bytes());
    }
}

/// The most parameters that the protocol's Int16 count can say.
pub const MOST_PARAMETERS: usize = 65_535;

fn refused(error: impl std::fmt::Display) -> Error {
    Error::config(texts::query_not_sent(error)).with_code("08P01")
}

/// The most that a server takes as the length of a message: `PQ_LARGE_MESSAGE_LIMIT` of PostgreSQL's
/// `src/include/libpq/libpq.h`. It closes the connection on one that is longer.
pub const LARGEST_MESSAGE: usize = 0x3fff_fffe;

/// Refuses a message that is too large with this many bytes of data alone.
fn check_size(bytes: usize) -> Result<(), Error> {
    if bytes > LARGEST_MESSAGE { Err(refused(texts::TOO_LARGE)) } else { Ok(()) }
}

/// Query.
pub fn query(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    // The length counts itself and the zero byte.
    check_size(text.len() + 5)?;
    frontend::query(text, out).map_err(refused)
}

/// Parse, without parameter types: the server infers them.
pub fn parse(name: &str, text: &str, out: &mut BytesMut) -> Result<(), Error> {
    // Also the other zero byte, and how many types are given.
    check_size(name.len() + text.len() + 8)?;
    frontend::parse(name, text, std::iter::empty(), out).map_err(refused)
}

/// Bind. `results` are result format codes: none is text, one is for all columns.
pub fn bind(
    portal: &str,
    statement: &str,
    parameters: &Parameters,
    results: impl IntoIterator<Item = i16>,
    out: &mut BytesMut,
) -> Result<(), Error> {
    if parameters.len() > MOST_PARAMETERS {
        return Err(Error::config(texts::too_many_values(MOST_PARAMETERS, parameters.len())).with_code("08P01"));
    }
    check_size(parameters.size())?;
    let start = out.len() + 1;
    out.put_slice(b"B\0\0\0\0");
    for name in [portal, statement] {
        c_string(name, out)?;
    }
    put_count(parameters.count, out);
    let codes_at = out.len();
    out.put_bytes(0, parameters.count * CODE);
    for place in &parameters.binary {
        if let Some(low_byte) = out.get_mut(codes_at + place * CODE + 1) {
            *low_byte = 1;
        }
    }
    put_count(parameters.count, out);
    out.put_slice(&parameters.bytes);
    let codes_at = out.len();
    out.put_u16(0);
    let mut codes: u16 = 0;
    for code in results {
        out.put_i16(code);
        codes += 1;
    }
    if let Some(place) = out.get_mut(codes_at..codes_at + CODE) {
        place.copy_from_slice(&codes.to_be_bytes());
    }
    end_message(start, out)
}

/// Bytes of a count, and of a format code.
const CODE: usize = 2;

fn put_count(count: usize, out: &mut BytesMut) {
    // No more than `MOST_PARAMETERS`.
    out.put_u16(u16::try_from(count).unwrap_or(u16::MAX));
}

fn c_string(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    if text.as_bytes().contains(&0) {
        return Err(refused(texts::EMBEDDED_NULL));
    }
    out.put_slice(text.as_bytes());
    out.put_u8(0);
    Ok(())
}

/// The message whose length stands at `start` is complete.
fn end_message(start: usize, out: &mut BytesMut) -> Result<(), Error> {
    check_size(out.len() - start)?;
    put_length(out, start, 0);
    Ok(())
}

/// Describe of a portal.
pub fn describe_portal(portal: &str, out: &mut BytesMut) -> Result<(), Error> {
    frontend::describe(b'P', portal, out).map_err(refused)
}

/// Describe of a statement.
pub fn describe_statement(statement: &str, out: &mut BytesMut) -> Result<(), Error> {
    frontend::describe(b'S', statement, out).map_err(refused)
}

/// Execute of a portal, at most `rows` rows; 0 is all.
pub fn execute(portal: &str, rows: i32, out: &mut BytesMut) -> Result<(), Error> {
    frontend::execute(portal, rows, out).map_err(refused)
}

/// Close of a portal.
pub fn close_portal(portal: &str, out: &mut BytesMut) -> Result<(), Error> {
    frontend::close(b'P', portal, out).map_err(refused)
}

/// Close of a statement.
pub fn close_statement(name: &str, out: &mut BytesMut) -> Result<(), Error> {
    frontend::close(b'S', name, out).map_err(refused)
}

/// One CopyData message of several parts.
pub fn copy_data(parts: &[&[u8]], out: &mut BytesMut) -> Result<(), Error> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    if length + 4 > LARGEST_MESSAGE {
        return Err(Error::config(texts::copy_data_not_sent(texts::TOO_LARGE)));
    }
    let length = i32::try_from(length + 4).unwrap_or(i32::MAX);
    out.put_u8(b'd');
    out.put_i32(length);
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(())
}

pub use frontend::{cancel_request, copy_done, copy_fail, flush, ssl_request, sync, terminate};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bind_carries_formats_values_and_nulls() {
        let mut parameters = Parameters::default();
        parameters.put(b"ab");
        parameters.null();
        parameters.binary(&[1]);
        let mut out = BytesMut::new();
        bind("", "s", &parameters, None, &mut out).unwrap();
        let expected = b"B\0\0\0\x22\0s\0\0\x03\0\0\0\0\0\x01\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\x01\x01\0\0";
        assert_eq!(&out[..], expected);
    }

    #[test]
    fn what_is_not_written_is_no_value() {
        let mut parameters = Parameters::default();
        let write = |text: &'static str| {
            move |out: &mut Vec<u8>| {
                out.extend_from_slice(text.as_bytes());
                if text == "bad" { Err(()) } else { Ok(!text.is_empty()) }
            }
        };
        assert_eq!(parameters.text(write("ab")), Ok(true));
        assert_eq!(parameters.text(write("")), Ok(false));
        assert_eq!(parameters.text(write("bad")), Err(()));
        let mut out = BytesMut::new();
        bind("p", "", &parameters, [1, 0], &mut out).unwrap();
        assert_eq!(&out[..], b"B\0\0\0\x19p\0\0\0\x01\0\0\0\x01\0\0\0\x02ab\0\x02\0\x01\0\0");
    }

    #[test]
    fn a_null_byte_in_a_name_is_refused() {
        assert!(bind("", "\0", &Parameters::default(), None, &mut BytesMut::new()).is_err());
    }

    #[test]
    fn too_many_values_are_refused_before_anything_is_written() {
        let mut parameters = Parameters::default();
        (0..=MOST_PARAMETERS).for_each(|_| parameters.null());
        let mut out = BytesMut::new();
        assert!(bind("", "", &parameters, None, &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn what_no_server_takes_is_refused_before_anything_is_written() {
        let parameters = Parameters { bytes: vec![0; LARGEST_MESSAGE + 1], count: 1, binary: Vec::new() };
        let mut out = BytesMut::new();
        assert!(bind("", "", &parameters, None, &mut out).is_err());
        assert!(copy_data(&[&parameters.bytes], &mut out).is_err());
        let text = String::from_utf8(parameters.bytes).unwrap();
        assert!(query(&text, &mut out).is_err());
        assert!(parse("", &text, &mut out).is_err());
        assert!(out.is_empty());
    }

    #[test]
    fn a_null_byte_in_the_text_is_refused() {
        assert!(query("select '\0'", &mut BytesMut::new()).is_err());
    }
}
