//! ErrorResponse, NoticeResponse, NotificationResponse, ParameterStatus.

use super::Reader;
use super::reader::LONGEST_TEXT;
use crate::error::{Error, ServerError, texts};

/// Reads the fields of an ErrorResponse or a NoticeResponse. Of several of a kind the last one counts, and of a text
/// that is too long for JavaScript its beginning.
pub fn error_fields(body: &[u8]) -> Result<ServerError, Error> {
    let mut reader = Reader::new(body);
    let mut fields: Vec<(u8, String)> = Vec::new();
    loop {
        match reader.u8()? {
            0 => break,
            key => {
                let text = beginning(reader.cstr()?, LONGEST_TEXT);
                match fields.iter_mut().find(|(known, _)| *known == key) {
                    Some((_, before)) => *before = text,
                    None => fields.push((key, text)),
                }
            }
        }
    }
    let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
    Ok(ServerError { length, fields })
}

impl ServerError {
    /// The server ends the connection with it.
    pub fn is_fatal(&self) -> bool {
        // V is not translated, and not sent by servers before 9.6.
        let severity = self.field(b'V').or_else(|| self.field(b'S'));
        matches!(severity, Some("FATAL" | "PANIC"))
    }
}

fn beginning(text: &[u8], most: usize) -> String {
    match text.get(..most) {
        Some(start) if text.len() > most => format!("{}… ({} bytes)", String::from_utf8_lossy(start), text.len()),
        _ => String::from_utf8_lossy(text).into_owned(),
    }
}

/// A NOTIFY that reached this session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notification {
    /// Process that sent it.
    pub process_id: i32,
    /// Channel name.
    pub channel: String,
    /// Payload; empty when none was given.
    pub payload: String,
    /// Length of the message on the wire.
    pub length: u32,
}

/// Reads a NotificationResponse.
pub fn notification(body: &[u8]) -> Result<Notification, Error> {
    let mut reader = Reader::new(body);
    Ok(Notification {
        process_id: reader.i32()?,
        channel: reader.text()?,
        payload: reader.text()?,
        length: u32::try_from(body.len() + 4).unwrap_or(u32::MAX),
    })
}

/// Reads a ParameterStatus: name and value.
pub fn parameter(body: &[u8]) -> Result<(String, String), Error> {
    let mut reader = Reader::new(body);
    Ok((reader.text()?, reader.text()?))
}

/// Reads a ReadyForQuery: the transaction status, `I`, `T` or `E`.
pub fn ready(body: &[u8]) -> Result<u8, Error> {
    match body {
        [status @ (b'I' | b'T' | b'E')] => Ok(*status),
        _ => Err(Error::protocol(texts::UNKNOWN_STATUS)),
    }
}

/// Checks a CopyInResponse, CopyOutResponse or CopyBothResponse: the format, and those of the columns.
pub fn copy_response(body: &[u8]) -> Result<(), Error> {
    let mut reader = Reader::new(body);
    reader.u8()?;
    let columns = usize::try_from(reader.i16()?).unwrap_or(usize::MAX);
    reader.bytes(columns.saturating_mul(2)).map(drop)
}

/// A message came in the middle of an answer where it isn't allowed.
pub fn out_of_place(tag: u8) -> Error {
    Error::protocol(texts::out_of_place(tag))
}

/// A message of an answer came although no query was under way; in node-postgres's words, where it has some.
pub fn unasked(tag: u8) -> Error {
    let name = match tag {
        b'T' => "rowDescription",
        b'D' => "dataRow",
        b's' => "portalSuspended",
        b'I' => "emptyQuery",
        b'C' => "commandComplete",
        b'1' => "parseComplete",
        b'G' => "copyInResponse",
        b'd' => "copyData",
        other => return Error::protocol(texts::unasked_tag(other)),
    };
    Error::protocol(texts::unasked(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_keep_their_order_and_text() {
        let error = error_fields(b"SERROR\0C42601\0Msyntax error\0P8\0\0").unwrap();
        assert_eq!(error.code(), "42601");
        assert_eq!(error.field(b'M'), Some("syntax error"));
        assert_eq!(error.field(b'D'), None);
        assert_eq!(error.length, 36);
    }

    #[test]
    fn a_copy_response_that_ends_too_early_is_refused() {
        assert!(copy_response(&[0, 0, 2, 0, 0, 0, 0]).is_ok());
        for body in [&[][..], &[0, 0], &[0, 0, 2, 0, 0], &[0, 0xff, 0xff]] {
            assert!(copy_response(body).is_err(), "{body:?}");
        }
    }

    #[test]
    fn of_several_fields_of_a_kind_the_last_one_counts() {
        let error = error_fields(b"SERROR\0Mfirst\0Msecond\0\0").unwrap();
        assert_eq!((error.field(b'M'), error.fields.len()), (Some("second"), 2));
    }

    #[test]
    fn a_text_that_is_too_long_is_cut_and_says_so() {
        assert_eq!(beginning(b"four", 4), "four");
        assert_eq!(beginning(b"fourteen", 4), "four… (8 bytes)");
    }

    #[test]
    fn an_error_without_its_terminator_is_refused() {
        assert!(error_fields(b"SERROR\0C42601").is_err());
        assert!(error_fields(b"").is_err());
    }
}
