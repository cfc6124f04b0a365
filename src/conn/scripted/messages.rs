//! Messages of a server.

/// A message with this type and body.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// ReadyForQuery.
pub fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// CommandComplete.
pub fn complete(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

/// RowDescription of one column of text.
pub fn description() -> Vec<u8> {
    let column = [b"value\0".as_slice(), &[0; 6], &25_i32.to_be_bytes(), &[0xff; 6], &[0; 2]].concat();
    message(b'T', &[&1_i16.to_be_bytes()[..], &column].concat())
}

/// DataRow of one column.
pub fn row(value: &str) -> Vec<u8> {
    let length = i32::try_from(value.len()).unwrap();
    message(b'D', &[&1_i16.to_be_bytes()[..], &length.to_be_bytes(), value.as_bytes()].concat())
}

/// A result of one column of text and one row, with its CommandComplete.
pub fn one_row(value: &str) -> Vec<u8> {
    [description(), row(value), complete("SELECT 1")].concat()
}

/// ErrorResponse or NoticeResponse.
pub fn refusal(tag: u8, code: &str) -> Vec<u8> {
    message(tag, format!("SERROR\0VERROR\0C{code}\0Mno\0\0").as_bytes())
}

/// ErrorResponse of a server that is about to close the connection.
pub fn fatal(code: &str) -> Vec<u8> {
    fatal_saying(code, "no")
}

/// The same with words of its own.
pub fn fatal_saying(code: &str, text: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0VFATAL\0C{code}\0M{text}\0\0").as_bytes())
}
