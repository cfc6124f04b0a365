//! What the first bytes of a server say about it.

use crate::error::ServerError;
use crate::wire::{frame, server_message};

/// What a server has answered to the request for TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Speech {
    /// TLS may begin.
    Tls,
    /// There is no TLS.
    NoTls,
    /// TLS may begin, and more was sent although it hadn't.
    Pushed,
    /// PostgreSQL's error, in the form of today or in that of very old servers.
    Refusal(ServerError),
    /// HTTP.
    Http,
    /// A record of TLS: the port begins with it.
    TlsRecord,
    /// Another protocol, of this kind of server.
    Other(&'static str),
    /// None that is known.
    Unknown,
}

/// The most bytes that are read.
pub(super) const MOST: usize = 1024;

/// The most characters of a server's text that are shown.
const MOST_SHOWN: usize = 80;

/// The most bytes of an error of a server that has yet to know the client.
const LONGEST_REFUSAL: usize = 30_000;

/// How protocols begin. A greeting of MySQL has no fixed beginning, and mail and file transfer say a number.
const BEGINNINGS: [(&[u8], Speech); 14] = [
    (b"HTTP/", Speech::Http),
    (b"<!DOCTYPE", Speech::Http),
    (b"<!doctype", Speech::Http),
    (b"<html", Speech::Http),
    (b"SSH-", Speech::Other("an SSH server")),
    (b"-ERR", Speech::Other("a Redis server")),
    (b"-NOAUTH", Speech::Other("a Redis server")),
    (b"-DENIED", Speech::Other("a Redis server")),
    (b"-LOADING", Speech::Other("a Redis server")),
    (b"+OK", Speech::Other("a mail server (POP3)")),
    (b"* OK", Speech::Other("a mail server (IMAP)")),
    (b"AMQP", Speech::Other("a message broker (AMQP)")),
    (b"RFB ", Speech::Other("a VNC server")),
    (b"ERROR\r\n", Speech::Other("a memcached server")),
];

/// The protocol that these bytes are surely of.
fn known(bytes: &[u8]) -> Option<Speech> {
    if let Some((_, speech)) = BEGINNINGS.iter().find(|(beginning, _)| bytes.starts_with(beginning)) {
        return Some(speech.clone());
    }
    match bytes {
        // A packet's length, its number 0, and the version of the protocol; or an error, which has a number.
        [_, _, 0, 0, 10 | 11, ..] => Some(Speech::Other("a MySQL server")),
        [first, _, 0, 0, 0xff, ..] if *first != b'E' => Some(Speech::Other("a MySQL server")),
        // A frame of settings on the stream 0.
        [0, 0, _, 4, _, 0, 0, 0, 0, ..] => Some(Speech::Http),
        [0x15 | 0x16, 3, 0..=4, ..] => Some(Speech::TlsRecord),
        [b'2' | b'4' | b'5', b'0'..=b'9', b'0'..=b'9', b' ' | b'-', rest @ ..] if rest.contains(&b'\n') => {
            Some(Speech::Other(by_number(rest)))
        }
        _ => None,
    }
}

/// The protocol of a greeting that begins with a number.
fn by_number(rest: &[u8]) -> &'static str {
    let has = |word: &[u8]| rest.windows(word.len()).any(|part| part.eq_ignore_ascii_case(word));
    match (has(b"SMTP"), has(b"FTP")) {
        (true, _) => "a mail server (SMTP)",
        (false, true) => "an FTP server",
        (false, false) => "a server for mail (SMTP) or files (FTP)",
    }
}

/// Whether no more is needed.
pub(super) fn is_settled(bytes: &[u8]) -> bool {
    bytes.len() >= MOST || known(bytes).is_some() || is_whole_error(bytes)
}

/// Whether these bytes may be all of an answer; only silence behind them tells.
pub(super) fn may_be_all(bytes: &[u8]) -> bool {
    matches!(bytes, [b'S' | b'N', ..])
}

fn is_whole_error(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'E') && matches!(frame::next(bytes, LONGEST_REFUSAL), Ok(Some(_)))
}

/// What a server says with these bytes; nothing where there are none.
pub(super) fn meaning(bytes: &[u8]) -> Option<Speech> {
    let speech = match (known(bytes), bytes) {
        (Some(known), _) => known,
        (None, []) => return None,
        (None, [b'S']) => Speech::Tls,
        (None, [b'N']) => Speech::NoTls,
        (None, [b'S', ..]) => Speech::Pushed,
        (None, [b'E', rest @ ..]) => error(rest).map_or(Speech::Unknown, Speech::Refusal),
        _ => Speech::Unknown,
    };
    Some(speech)
}

/// An error behind its `E`. Of one that wasn't read to its end, what was read counts.
fn error(rest: &[u8]) -> Option<ServerError> {
    if let Some((length, body)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?.checked_sub(4);
        if let Some(length) = length.filter(|length| *length <= LONGEST_REFUSAL) {
            let body = body.get(..length).unwrap_or(body);
            let fields = server_message::error_fields(&[body, &[0, 0]].concat()).ok()?;
            return Some(fields).filter(|error| error.field(b'M').is_some());
        }
    }
    // Before there were fields, and where a process can't even be started, it is a text that ends with a zero.
    let (text, _) = rest.split_at_checked(rest.iter().position(|byte| *byte == 0)?)?;
    let text = String::from_utf8_lossy(text).trim().to_owned();
    Some(ServerError { length: 0, fields: vec![(b'S', "FATAL".to_owned()), (b'M', text)] })
}

/// The first line of what a server has said, as far as it is text.
pub(super) fn shown(bytes: &[u8]) -> Option<String> {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
    let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n')).find(|line| line.iter().any(u8::is_ascii_graphic))?;
    // Numbers and lengths in between are none of a text.
    if line.iter().filter(|byte| is_text(byte)).count() * 4 < line.len() * 3 {
        return None;
    }
    let text: String = line.iter().filter(|byte| is_text(byte)).take(MOST_SHOWN).copied().map(char::from).collect();
    Some(text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(bytes: &[u8]) -> String {
        match meaning(bytes) {
            Some(Speech::Refusal(error)) => error.field(b'M').unwrap().to_owned(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_letter_is_an_answer_and_more_behind_it_is_not() {
        assert_eq!(meaning(b"S"), Some(Speech::Tls));
        assert_eq!(meaning(b"N"), Some(Speech::NoTls));
        assert_eq!(meaning(b"S\x16\x03\x03"), Some(Speech::Pushed));
        assert_eq!(meaning(b"NO"), Some(Speech::Unknown));
        assert_eq!(meaning(b""), None);
    }

    #[test]
    fn servers_that_speak_another_protocol_are_known_by_their_beginning() {
        for (bytes, wanted) in [
            (&b"HTTP/1.1 400 Bad Request\r\n"[..], Speech::Http),
            (b"<html>", Speech::Http),
            (b"\0\0\x12\x04\0\0\0\0\0\0\x03", Speech::Http),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", Speech::Other("an SSH server")),
            (b"J\0\0\0\x0a8.0.36\0", Speech::Other("a MySQL server")),
            // Lengths that are answers of PostgreSQL, were it not for what follows.
            (b"S\0\0\0\x0a8.0.36\0", Speech::Other("a MySQL server")),
            (b"N\0\0\0\x0a8.0.36\0", Speech::Other("a MySQL server")),
            (b"E\0\0\0\x0a8.0.36\0", Speech::Other("a MySQL server")),
            (b"G\0\0\0\xffj\x04Host is blocked", Speech::Other("a MySQL server")),
            (b"220 mail.example ESMTP Postfix\r\n", Speech::Other("a mail server (SMTP)")),
            (b"220 (vsFTPd 3.0.3)\r\n", Speech::Other("an FTP server")),
            (b"220 ready\r\n", Speech::Other("a server for mail (SMTP) or files (FTP)")),
            (b"-ERR unknown command\r\n", Speech::Other("a Redis server")),
            (b"ERROR\r\n", Speech::Other("a memcached server")),
            (b"\x15\x03\x01\0\x02\x02\x46", Speech::TlsRecord),
            (b"what?", Speech::Unknown),
        ] {
            assert_eq!(meaning(bytes), Some(wanted), "{bytes:?}");
        }
    }

    #[test]
    fn an_error_is_read_in_each_of_its_forms_and_also_when_its_end_is_missing() {
        let fields = b"SFATAL\0C53300\0Msorry\0\0";
        let whole = [&b"E\0\0\0\x1a"[..], fields].concat();
        assert!(is_settled(&whole));
        assert_eq!(refusal(&whole), "sorry");
        let part = [&b"E\0\0\x01\xff"[..], &fields[..fields.len() - 3]].concat();
        assert!(!is_settled(&part));
        assert_eq!(refusal(&part), "sorr");
        assert_eq!(refusal(b"Ecould not fork\n\0"), "could not fork");
        assert_eq!(meaning(b"Eh?"), Some(Speech::Unknown));
    }

    #[test]
    fn the_first_line_is_shown_without_what_is_no_text() {
        assert_eq!(
            shown(b"\r\nHTTP/1.1 400 Bad\x1b[31m Request\r\nServer: x").as_deref(),
            Some("HTTP/1.1 400 Bad[31m Request")
        );
        assert_eq!(shown(&[b'x'; 500]).map(|text| text.len()), Some(MOST_SHOWN));
        assert_eq!(shown(&[0, 1, 2]), None);
        assert_eq!(shown(b"J\0\0\0\x0a8.0.36\0\x08\0\0\0"), None);
    }
}
