//! Answering the server's authentication requests.
//!
//! <https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP>. Error texts are node-postgres's.

use bytes::BytesMut;
use postgres_protocol::authentication::md5_hash;
use postgres_protocol::authentication::sasl::{self, ScramSha256};
use postgres_protocol::message::frontend;
use tokio_postgres::config::ChannelBinding;

use crate::error::{Error, ErrorKind};
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
            other => Err(refused(format!(
                "The server asks for an authentication method that is not supported (number {other}); \
                 use scram-sha-256, md5 or password."
            ))),
        }
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, message)
}

/// The password in the clear.
pub fn cleartext(password: Option<&str>, out: &mut BytesMut) -> Result<(), Error> {
    let password = password.unwrap_or("");
    frontend::password_message(password.as_bytes(), out).map_err(|_| refused("The password contains a null byte."))
}

/// The password as MD5 wants it.
pub fn md5(user: &str, password: Option<&str>, salt: [u8; 4], out: &mut BytesMut) -> Result<(), Error> {
    let hash = md5_hash(user.as_bytes(), password.unwrap_or("").as_bytes(), salt);
    frontend::password_message(hash.as_bytes(), out).map_err(|_| refused("The password cannot be sent."))
}

/// A SCRAM exchange under way.
pub struct Scram {
    exchange: ScramSha256,
    max_iterations: u32,
}

impl Scram {
    /// Chooses a mechanism and writes the first message.
    ///
    /// `binding` is what ties the exchange to the TLS session, when there is one that offers it.
    pub fn start(
        mechanisms: &[String],
        password: Option<&str>,
        wanted: ChannelBinding,
        binding: Option<Vec<u8>>,
        max_iterations: u32,
        out: &mut BytesMut,
    ) -> Result<Scram, Error> {
        let offers = |name: &str| mechanisms.iter().any(|mechanism| mechanism == name);
        let plus = offers(sasl::SCRAM_SHA_256_PLUS) && wanted != ChannelBinding::Disable;
        let (mechanism, binding) = match binding {
            Some(signature) if plus => {
                (sasl::SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(signature))
            }
            _ if wanted == ChannelBinding::Require => {
                return Err(refused(
                    "Channel binding is required, and the server does not offer it over this connection; it needs TLS \
                     and SCRAM-SHA-256-PLUS.",
                ));
            }
            Some(_) if offers(sasl::SCRAM_SHA_256) && wanted != ChannelBinding::Disable => {
                (sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested())
            }
            _ if offers(sasl::SCRAM_SHA_256) => (sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported()),
            _ => return Err(refused("SASL: Only mechanism(s) SCRAM-SHA-256 are supported")),
        };
        let password = match password {
            None => {
                return Err(refused("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string"));
            }
            Some("") => {
                return Err(refused("SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a non-empty string"));
            }
            Some(password) => password,
        };
        let exchange = ScramSha256::new(password.as_bytes(), binding);
        frontend::sasl_initial_response(mechanism, exchange.message(), out)
            .map_err(|error| refused(error.to_string()))?;
        Ok(Scram { exchange, max_iterations })
    }

    /// Answers the server's first message. This derives the key, which takes a millisecond or more of computing.
    pub fn proceed(&mut self, message: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let iterations = iteration_count(message);
        if self.max_iterations != 0 && iterations.is_some_and(|count| count > u64::from(self.max_iterations)) {
            return Err(refused(format!(
                "SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration count {} exceeds scramMaxIterations of {}",
                iterations.unwrap_or(0),
                self.max_iterations
            )));
        }
        self.exchange.update(message).map_err(|error| refused(format!("SASL: SCRAM-SERVER-FIRST-MESSAGE: {error}")))?;
        frontend::sasl_response(self.exchange.message(), out).map_err(|error| refused(error.to_string()))
    }

    /// Checks the server's proof that it knows the password, too.
    pub fn finish(&mut self, message: &[u8]) -> Result<(), Error> {
        self.exchange.finish(message).map_err(|error| refused(format!("SASL: SCRAM-SERVER-FINAL-MESSAGE: {error}")))
    }
}

fn iteration_count(message: &[u8]) -> Option<u64> {
    std::str::from_utf8(message).ok()?.split(',').find_map(|part| part.strip_prefix("i="))?.parse().ok()
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

    #[test]
    fn too_many_iterations_are_refused_before_any_work() {
        let mechanisms = ["SCRAM-SHA-256".to_owned()];
        let mut out = BytesMut::new();
        let mut scram =
            Scram::start(&mechanisms, Some("secret"), ChannelBinding::Prefer, None, 100_000, &mut out).unwrap();
        let error = scram.proceed(b"r=abc,s=AAAA,i=4000000000", &mut out).unwrap_err();
        assert!(error.message.ends_with("iteration count 4000000000 exceeds scramMaxIterations of 100000"));
    }

    #[test]
    fn a_missing_password_and_a_missing_mechanism_say_so() {
        let start = |mechanism: &str, password| {
            Scram::start(&[mechanism.to_owned()], password, ChannelBinding::Prefer, None, 0, &mut BytesMut::new())
                .map(|_| ())
                .unwrap_err()
                .message
        };
        assert!(start("SCRAM-SHA-256", None).ends_with("must be a string"));
        assert!(start("SCRAM-SHA-256", Some("")).ends_with("non-empty string"));
        assert!(start("OAUTHBEARER", Some("x")).contains("Only mechanism(s)"));
    }
}
