//! Cutting the byte stream into messages.

use crate::error::{Error, texts};

/// A message as it came: its type byte and its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame<'a> {
    /// Type byte.
    pub tag: u8,
    /// What follows the length.
    pub body: &'a [u8],
    /// Bytes taken from the stream: type, length and body.
    pub size: usize,
}

/// The largest message that is accepted before the connection is authenticated, when a server that isn't PostgreSQL
/// could make the client buffer without end. libpq's limit for messages that are not expected to be long is 30,000
/// bytes.
pub const HANDSHAKE_LIMIT: usize = 30_000;

/// The largest message of an established connection; PostgreSQL's own limit is one gigabyte.
pub const MESSAGE_LIMIT: usize = 0x3fff_ffff;

fn is_backend_tag(tag: u8) -> bool {
    matches!(
        tag,
        b'1' | b'2'
            | b'3'
            | b'A'
            | b'c'
            | b'C'
            | b'd'
            | b'D'
            | b'E'
            | b'G'
            | b'H'
            | b'I'
            | b'K'
            | b'N'
            | b'n'
            | b'R'
            | b's'
            | b'S'
            | b't'
            | b'T'
            | b'v'
            | b'V'
            | b'W'
            | b'Z'
    )
}

/// The message at the start of `stream`, or `None` while it is incomplete.
///
/// # Errors
/// A type byte or a length that no PostgreSQL server sends.
#[inline]
pub fn next(stream: &[u8], limit: usize) -> Result<Option<Frame<'_>>, Error> {
    let Some((head, rest)) = stream.split_first_chunk::<5>() else {
        return match stream.first() {
            Some(&tag) if !is_backend_tag(tag) => Err(unknown(tag)),
            _ => Ok(None),
        };
    };
    let [tag, a, b, c, d] = *head;
    if !is_backend_tag(tag) {
        return Err(unknown(tag));
    }
    let length = i32::from_be_bytes([a, b, c, d]);
    let body_length = usize::try_from(length).ok().and_then(|length| length.checked_sub(4));
    match body_length {
        Some(body_length) if body_length <= limit => {
            Ok(rest.get(..body_length).map(|body| Frame { tag, body, size: body_length + 5 }))
        }
        _ => Err(Error::protocol(texts::impossible_length(tag, length))),
    }
}

fn unknown(tag: u8) -> Error {
    Error::protocol(texts::unknown_tag(tag))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_only_given_when_it_is_whole() {
        let bytes = [b'Z', 0, 0, 0, 5, b'I', b'T'];
        for end in 0..6 {
            assert_eq!(next(&bytes[..end], MESSAGE_LIMIT).unwrap(), None, "{end}");
        }
        let frame = next(&bytes, MESSAGE_LIMIT).unwrap().unwrap();
        assert_eq!((frame.tag, frame.body, frame.size), (b'Z', &b"I"[..], 6));
    }

    #[test]
    fn impossible_lengths_and_types_are_refused_at_once() {
        assert!(next(&[b'Z', 0, 0, 0, 3], MESSAGE_LIMIT).is_err());
        assert!(next(&[b'Z', 0xff, 0xff, 0xff, 0xff], MESSAGE_LIMIT).is_err());
        assert!(next(&[b'R', 0, 1, 0, 0], HANDSHAKE_LIMIT).is_err());
        assert!(next(b"HTTP/1.1 400", MESSAGE_LIMIT).is_err());
        assert!(next(b"<", MESSAGE_LIMIT).is_err());
    }
}
