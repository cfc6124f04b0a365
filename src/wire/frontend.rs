//! Requests as bytes.

use bytes::{BufMut, BytesMut};
use postgres_protocol::IsNull;
use postgres_protocol::message::frontend;

use crate::error::Error;

/// The values of a Bind, joined.
#[derive(Debug, Default, Clone)]
pub struct Parameters {
    bytes: Vec<u8>,
    /// End of each value in `bytes` and its format; `None` is null.
    values: Vec<Option<(usize, bool)>>,
}

impl Parameters {
    /// Room for so many values.
    pub fn with_capacity(count: usize) -> Self {
        const USUAL_LENGTH: usize = 16;
        Parameters { bytes: Vec::with_capacity(count * USUAL_LENGTH), values: Vec::with_capacity(count) }
    }

    /// Appends NULL.
    pub fn null(&mut self) {
        self.values.push(None);
    }

    /// Appends a value in text format, written by `write`, which says whether it wrote one.
    pub fn text(&mut self, write: impl FnOnce(&mut Vec<u8>) -> bool) -> bool {
        let written = write(&mut self.bytes);
        if written {
            self.values.push(Some((self.bytes.len(), false)));
        }
        written
    }

    /// Appends a value in binary format.
    pub fn binary(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.values.push(Some((self.bytes.len(), true)));
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// None at all.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }
}

/// The most parameters that the protocol's Int16 count can say.
pub const MOST_PARAMETERS: usize = 65_535;

fn refused(error: std::io::Error) -> Error {
    Error::config(format!("The query cannot be sent: {error}.")).with_code("08P01")
}

/// Query.
pub fn query(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    frontend::query(text, out).map_err(refused)
}

/// Parse, without parameter types: the server infers them.
pub fn parse(name: &str, text: &str, out: &mut BytesMut) -> Result<(), Error> {
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
        return Err(Error::config(format!(
            "A query can have at most {MOST_PARAMETERS} values, and this one has {}. Pass arrays and use unnest() instead.",
            parameters.len()
        ))
        .with_code("08P01"));
    }
    let formats = parameters.values.iter().map(|value| i16::from(matches!(value, Some((_, true)))));
    let mut start = 0;
    let slices = parameters.values.iter().map(|value| {
        value.map(|(end, _)| {
            let slice = parameters.bytes.get(start..end).unwrap_or_default();
            start = end;
            slice
        })
    });
    let serialize = |slice: Option<&[u8]>, out: &mut BytesMut| {
        Ok(match slice {
            None => IsNull::Yes,
            Some(slice) => {
                out.extend_from_slice(slice);
                IsNull::No
            }
        })
    };
    frontend::bind(portal, statement, formats, slices, serialize, results, out).map_err(|error| match error {
        frontend::BindError::Serialization(error) => refused(error),
        frontend::BindError::Conversion(error) => Error::config(format!("The query cannot be sent: {error}.")),
    })
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
    let length = i32::try_from(length + 4).map_err(|_| Error::config("A piece of COPY data is larger than 2 GB."))?;
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
        parameters.text(|out| {
            out.extend_from_slice(b"ab");
            true
        });
        parameters.null();
        parameters.binary(&[1]);
        let mut out = BytesMut::new();
        bind("", "s", &parameters, None, &mut out).unwrap();
        let expected = b"B\0\0\0\x22\0s\0\0\x03\0\0\0\0\0\x01\0\x03\0\0\0\x02ab\xff\xff\xff\xff\0\0\0\x01\x01\0\0";
        assert_eq!(&out[..], expected);
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
    fn a_null_byte_in_the_text_is_refused() {
        assert!(query("select '\0'", &mut BytesMut::new()).is_err());
    }
}
