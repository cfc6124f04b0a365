//! Answering the server's authentication requests.
//!
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP>. Error texts are
//! node-postgres's.

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::message::frontend;

use crate::error::{Error, ErrorKind, texts};
use crate::wire::Reader;

/// What an Authentication message asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Challenge<'a> {
    /// Nothing more.
    Ok,
    /// The password as it is.
    Cleartext,
    /// MD5 with this salt.
    Md5([u8; 4]),
    /// SASL with one of these mechanisms.
    Sasl(Vec<String>),
    /// The server's part of a SASL exchange.
    SaslContinue(&'a [u8]),
    /// The end of a SASL exchange.
    SaslFinal(&'a [u8]),
}

impl<'a> Challenge<'a> {
    /// Reads the body of an Authentication message.
    pub fn parse(body: &'a [u8]) -> Result<Self, Error> {
        let mut reader = Reader::new(body);
        match reader.i32()? {
            0 => Ok(Challenge::Ok),
            3 => Ok(Challenge::Cleartext),
            5 => {
                let salt = reader.bytes(4)?;
                Ok(Challenge::Md5(salt.try_into().unwrap_or_default()))
            }
            10 => {
                let mut mechanisms = Vec::new();
                loop {
                    match reader.text()? {
                        name if name.is_empty() => break,
                        name => mechanisms.push(name),
                    }
                }
                Ok(Challenge::Sasl(mechanisms))
            }
            11 => Ok(Challenge::SaslContinue(reader.rest())),
            12 => Ok(Challenge::SaslFinal(reader.rest())),
            other => Err(refused(texts::unknown_method(other))),
        }
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, message)
}

/// The password in the clear.
pub fn cleartext(password: Option<&str>, out: &mut BytesMut) -> Result<(), Error> {
    let password = password.unwrap_or("");
    frontend::password_message(password.as_bytes(), out).map_err(|_| refused(texts::NULL_IN_PASSWORD))
}

/// The password as MD5 wants it.
pub fn md5(user: &str, password: Option<&str>, salt: [u8; 4], out: &mut BytesMut) -> Result<(), Error> {
    let hash = md5_hash(user.as_bytes(), password.unwrap_or("").as_bytes(), salt);
    frontend::password_message(hash.as_bytes(), out).map_err(|_| refused(texts::PASSWORD_NOT_SENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_are_read_and_cut_ones_refused() {
        assert_eq!(Challenge::parse(&[0, 0, 0, 0]).unwrap(), Challenge::Ok);
        assert_eq!(Challenge::parse(&[0, 0, 0, 5, 1, 2, 3, 4]).unwrap(), Challenge::Md5([1, 2, 3, 4]));
        let sasl = Challenge::parse(b"\0\0\0\x0aSCRAM-SHA-256\0\0").unwrap();
        assert_eq!(sasl, Challenge::Sasl(vec!["SCRAM-SHA-256".into()]));
        for bad in [&b"\0\0"[..], b"\0\0\0\x05\x01", b"\0\0\0\x0aSCRAM", b"\0\0\0\x07"] {
            assert!(Challenge::parse(bad).is_err());
        }
    }
}
