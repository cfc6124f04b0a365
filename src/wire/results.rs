//! The messages of a whole answer, for Rust's own queries.

use super::{Reader, frame, server_message};
use crate::error::{Error, ServerError};

/// One statement's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ResultSet {
    /// Names of the columns; none when the statement gives no rows.
    pub columns: Vec<String>,
    /// Values in text format, or null.
    pub rows: Vec<Vec<Option<String>>>,
    /// The command tag, such as `SELECT 1`; empty for an empty statement.
    pub tag: String,
}

impl ResultSet {
    /// The value in the first row and this column, when there is one that isn't null.
    pub fn value(&self, column: usize) -> Option<&str> {
        self.rows.first()?.get(column)?.as_deref()
    }
}

/// The content of an answer's messages, up to its ReadyForQuery.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Results {
    /// One for each statement that was completed.
    pub sets: Vec<ResultSet>,
    /// The error that ended it.
    pub error: Option<ServerError>,
}

impl Results {
    /// Reads whole messages.
    ///
    /// # Errors
    /// `Protocol` when they are malformed.
    pub fn read(messages: &[u8]) -> Result<Results, Error> {
        let mut results = Results::default();
        let mut set = ResultSet::default();
        let mut rest = messages;
        while let Some(frame) = frame::next(rest, frame::MESSAGE_LIMIT)? {
            let body = frame.body;
            match frame.tag {
                b'T' => set.columns = columns(body)?,
                b'D' => set.rows.push(row(body)?),
                b'C' => {
                    set.tag = Reader::new(body).text()?;
                    results.sets.push(std::mem::take(&mut set));
                }
                b'I' => results.sets.push(std::mem::take(&mut set)),
                b'E' if results.error.is_none() => results.error = Some(server_message::error_fields(body)?),
                _ => {}
            }
            rest = rest.get(frame.size..).unwrap_or_default();
        }
        Ok(results)
    }
}

fn columns(body: &[u8]) -> Result<Vec<String>, Error> {
    // Table, column, type, its size and modifier, format.
    const BEHIND_THE_NAME: usize = 4 + 2 + 4 + 2 + 4 + 2;
    let mut reader = Reader::new(body);
    let count = reader.i16()?;
    let mut column = || {
        let name = reader.text()?;
        reader.bytes(BEHIND_THE_NAME)?;
        Ok(name)
    };
    (0..count).map(|_| column()).collect()
}

fn row(body: &[u8]) -> Result<Vec<Option<String>>, Error> {
    let mut reader = Reader::new(body);
    let count = reader.i16()?;
    let mut value = || Ok(reader.value()?.map(|bytes| String::from_utf8_lossy(bytes).into_owned()));
    (0..count).map(|_| value()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(tag: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap().to_be_bytes();
        [&[tag], &length[..], body].concat()
    }

    #[test]
    fn rows_belong_to_the_statement_whose_tag_follows_them() {
        let field = [&b"n\0"[..], &[0; 18]].concat();
        let description = [&1i16.to_be_bytes()[..], &field].concat();
        let row = [&1i16.to_be_bytes()[..], &2i32.to_be_bytes(), b"42"].concat();
        let null = [&1i16.to_be_bytes()[..], &(-1i32).to_be_bytes()].concat();
        let answer = [
            message(b'C', b"BEGIN\0"),
            message(b'T', &description),
            message(b'D', &row),
            message(b'D', &null),
            message(b'C', b"SELECT 2\0"),
            message(b'Z', b"T"),
        ];
        let results = Results::read(&answer.concat()).unwrap();
        assert_eq!(results.sets.iter().map(|set| set.tag.as_str()).collect::<Vec<_>>(), ["BEGIN", "SELECT 2"]);
        assert_eq!(results.sets[1].columns, ["n"]);
        assert_eq!(results.sets[1].rows, [[Some("42".to_owned())], [None]]);
        assert_eq!((results.sets[1].value(0), results.sets[1].value(1)), (Some("42"), None));
    }

    #[test]
    fn the_first_error_is_the_one_to_tell() {
        let error = |text: &str| message(b'E', &[b"M", text.as_bytes(), b"\0\0"].concat());
        let results = Results::read(&[error("first"), error("second")].concat()).unwrap();
        assert_eq!(results.error.unwrap().field(b'M'), Some("first"));
    }

    #[test]
    fn counts_that_the_message_does_not_hold_are_malformed() {
        for body in [i16::MAX.to_be_bytes(), 1i16.to_be_bytes()] {
            assert!(Results::read(&message(b'T', &body)).is_err());
            assert!(Results::read(&message(b'D', &body)).is_err());
        }
    }
}
