//! How far a token reaches: the rules of PostgreSQL's `scan.l` on bytes.
//!
//! Each function is given the text from the token's first byte and answers with its length in bytes; none when the
//! token isn't closed and reaches to the end of the text. Whatever ends a token is ASCII, so every length is a
//! boundary of characters.

use memchr::{memchr, memchr2, memmem};

/// Letters, digits, `_`, `$` and anything that isn't ASCII.
pub(super) fn continues_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$' | 0x80..)
}

pub(super) fn begins_word(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || matches!(byte, b'_' | 0x80..)
}

pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\t' | b'\r' | 0x0b | 0x0c)
}

pub(super) fn spaces(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !is_space(*byte)).unwrap_or(bytes.len())
}

pub(super) fn word(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !continues_word(*byte)).unwrap_or(bytes.len())
}

pub(super) fn digits(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(bytes.len())
}

/// The rest of the line, without its end.
pub(super) fn line(bytes: &[u8]) -> usize {
    memchr2(b'\n', b'\r', bytes).unwrap_or(bytes.len())
}

/// Comments nest.
pub(super) fn block_comment(bytes: &[u8]) -> Option<usize> {
    let mut depth = 0_usize;
    let mut at = 0;
    loop {
        at += memchr2(b'/', b'*', bytes.get(at..)?)?;
        match (bytes.get(at)?, bytes.get(at + 1)?) {
            (b'/', b'*') => depth += 1,
            (b'*', b'/') => depth -= 1,
            _ => {
                at += 1;
                continue;
            }
        }
        at += 2;
        if depth == 0 {
            return Some(at);
        }
    }
}

/// A literal or an identifier in which the quote is doubled and nothing else escapes; the first byte is the quote.
pub(super) fn quoted(bytes: &[u8], quote: u8) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr(quote, bytes.get(at..)?)? + 1;
        if bytes.get(at) != Some(&quote) {
            return Some(at);
        }
        at += 1;
    }
}

/// One segment of an escape string, from its quote on.
pub(super) fn escaped(bytes: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        at += memchr2(b'\\', b'\'', bytes.get(at..)?)?;
        match (bytes.get(at)?, bytes.get(at + 1)) {
            (b'\\', _) | (_, Some(b'\'')) => at += 2,
            _ => return Some(at + 1),
        }
    }
}

/// All segments of an escape string, from the first quote on.
///
/// A literal goes on after white space that holds a line break, and its further segments keep the escapes of the
/// first although they carry no `E` (`quotecontinue`).
pub(super) fn escape_string(bytes: &[u8]) -> Option<usize> {
    let mut at = escaped(bytes)?;
    while let Some(gap) = bytes.get(at..).and_then(continuation_gap) {
        at += gap;
        at += escaped(bytes.get(at..)?)?;
    }
    Some(at)
}

/// The bytes up to the quote of a further segment of the literal before.
fn continuation_gap(bytes: &[u8]) -> Option<usize> {
    let mut line_break = false;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'\n' | b'\r' => line_break = true,
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at += line(bytes.get(at..)?);
                continue;
            }
            b'\'' if line_break => return Some(at),
            byte if is_space(*byte) => {}
            _ => return None,
        }
        at += 1;
    }
}

/// The delimiter that a dollar-quoted string begins with: `$$` or `$tag$`.
pub(super) fn dollar_delimiter(bytes: &[u8]) -> Option<usize> {
    let tag = bytes.get(1..)?;
    let length = tag.iter().position(|byte| *byte == b'$' || !continues_word(*byte))?;
    let is_closed = tag.get(length) == Some(&b'$');
    let begins = length == 0 || tag.first().is_some_and(|byte| begins_word(*byte));
    (is_closed && begins).then_some(length + 2)
}

/// A dollar-quoted string whose delimiter has this length.
pub(super) fn dollar_quoted(bytes: &[u8], delimiter: usize) -> Option<usize> {
    let (delimiter, body) = bytes.split_at_checked(delimiter)?;
    Some(2 * delimiter.len() + memmem::find(body, delimiter)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_nest_and_an_open_one_has_no_end() {
        assert_eq!(block_comment(b"/**/ x"), Some(4));
        assert_eq!(block_comment(b"/*/*/**/*/*/ x"), Some(12));
        assert_eq!(block_comment(b"/*/ x"), None);
        assert_eq!(block_comment(b"/* /* */"), None);
    }

    #[test]
    fn a_quote_is_doubled_or_ends_the_token() {
        assert_eq!(quoted(b"'a''b' 'c'", b'\''), Some(6));
        assert_eq!(quoted(b"'\\' '", b'\''), Some(3));
        assert_eq!(quoted(b"\"a\"\"", b'"'), None);
        assert_eq!(escaped(b"'\\'\\\\''' '"), Some(8));
        assert_eq!(escaped(b"'\\"), None);
    }

    #[test]
    fn further_segments_of_an_escape_string_keep_its_escapes() {
        assert_eq!(escape_string(b"'a' -- b'\n '\\'' '"), Some(15));
        assert_eq!(escape_string(b"'a' '\\'"), Some(3));
        assert_eq!(escape_string(b"'a'\n/**/'"), Some(3));
        assert_eq!(escape_string(b"'a'\r'b"), None);
    }

    #[test]
    fn a_dollar_quote_ends_at_its_own_delimiter_only() {
        for (text, delimiter, length) in [
            ("$$;$$ x", Some(2), Some(5)),
            ("$a$ $$ $b$ $a$ x", Some(3), Some(14)),
            ("$a$$a$", Some(3), Some(6)),
            ("$a$ $aa$a$", Some(3), Some(10)),
            ("$é_1$ $é$ $é_1$", Some(6), Some(18)),
            ("$a$ $A$", Some(3), None),
            ("$1$", None, None),
            ("$a b$", None, None),
            ("$", None, None),
        ] {
            let found = dollar_delimiter(text.as_bytes());
            assert_eq!(found, delimiter, "{text}");
            assert_eq!(found.and_then(|found| dollar_quoted(text.as_bytes(), found)), length, "{text}");
        }
    }
}
