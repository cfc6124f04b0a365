//! Checked reading of big-endian fields from a message body.

use crate::error::{Error, texts};

/// A cursor over the body of one message.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// The longest text of a message but for the values of rows, in bytes. V8 takes strings of twice as many characters.
pub const LONGEST_TEXT: usize = 256 * 1024 * 1024;

fn truncated() -> Error {
    Error::protocol(texts::TRUNCATED)
}

impl<'a> Reader<'a> {
    /// Starts at the first byte of a body.
    pub fn new(body: &'a [u8]) -> Self {
        Reader { rest: body }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next `count` bytes.
    #[inline]
    pub fn bytes(&mut self, count: usize) -> Result<&'a [u8], Error> {
        let (taken, rest) = self.rest.split_at_checked(count).ok_or_else(truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Error> {
        let (taken, rest) = self.rest.split_first_chunk::<N>().ok_or_else(truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Error> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Int16.
    #[inline]
    pub fn i16(&mut self) -> Result<i16, Error> {
        self.array().map(i16::from_be_bytes)
    }

    /// Int32.
    #[inline]
    pub fn i32(&mut self) -> Result<i32, Error> {
        self.array().map(i32::from_be_bytes)
    }

    /// Int32 that is unsigned, as OIDs are.
    pub fn u32(&mut self) -> Result<u32, Error> {
        self.array().map(u32::from_be_bytes)
    }

    /// A null-terminated string, without its terminator.
    pub fn cstr(&mut self) -> Result<&'a [u8], Error> {
        let end = memchr::memchr(0, self.rest).ok_or_else(truncated)?;
        let text = self.bytes(end)?;
        self.bytes(1)?;
        Ok(text)
    }

    /// A null-terminated string as text; bytes that are not UTF-8 become U+FFFD, as in Node.
    ///
    /// # Errors
    /// Also where it is longer than any name or payload of PostgreSQL's, and than JavaScript could hold.
    pub fn text(&mut self) -> Result<String, Error> {
        let bytes = self.cstr()?;
        if bytes.len() > LONGEST_TEXT {
            return Err(Error::protocol(texts::LONG_NAME));
        }
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A length of -1 (null) or that many bytes.
    #[inline]
    pub fn value(&mut self) -> Result<Option<&'a [u8]>, Error> {
        match self.i32()? {
            -1 => Ok(None),
            length => self.bytes(usize::try_from(length).map_err(|_| truncated())?).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_past_the_end_is_an_error_and_not_a_panic() {
        let mut reader = Reader::new(&[0, 0, 0]);
        assert!(reader.i32().is_err());
        assert_eq!(reader.i16().unwrap(), 0);
        assert!(reader.cstr().is_ok());
        assert!(reader.cstr().is_err());
    }

    #[test]
    fn a_negative_length_other_than_minus_one_is_refused() {
        assert!(Reader::new(&(-2i32).to_be_bytes()).value().is_err());
        assert_eq!(Reader::new(&(-1i32).to_be_bytes()).value().unwrap(), None);
    }
}
