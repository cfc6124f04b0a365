//! SCRAM-SHA-256 (RFC 5802, RFC 7677) on `postgres-protocol`'s implementation.
//!
//! The server's messages are checked here first, so that a refusal has the words that node-postgres has for it.

use bytes::BytesMut;
use postgres_protocol::authentication::sasl::{self, ScramSha256};
use postgres_protocol::message::frontend;
use tokio_postgres::config::ChannelBinding;

use crate::error::{Error, ErrorKind};

/// A SCRAM exchange under way.
pub struct Scram {
    exchange: ScramSha256,
    max_iterations: u32,
    finished: bool,
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, message)
}

fn first(reason: &str) -> Error {
    refused(format!("SASL: SCRAM-SERVER-FIRST-MESSAGE: {reason}"))
}

fn last(reason: &str) -> Error {
    refused(format!("SASL: SCRAM-SERVER-FINAL-MESSAGE: {reason}"))
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
        let (mechanism, binding) = choose(mechanisms, wanted, binding)?;
        let password = match password {
            None => return Err(first("client password must be a string")),
            Some("") => return Err(first("client password must be a non-empty string")),
            Some(password) => password,
        };
        let exchange = ScramSha256::new(password.as_bytes(), binding);
        frontend::sasl_initial_response(mechanism, exchange.message(), out)
            .map_err(|error| refused(error.to_string()))?;
        Ok(Scram { exchange, max_iterations, finished: false })
    }

    /// Answers the server's first message. This derives the key, which takes a millisecond or more of computing.
    pub fn proceed(&mut self, message: &[u8], out: &mut BytesMut) -> Result<(), Error> {
        let own = Attributes::parse(self.exchange.message())?.get('r').unwrap_or("").to_owned();
        self.check_first(&Attributes::parse(message)?, &own)?;
        self.exchange.update(message).map_err(|error| first(&error.to_string()))?;
        frontend::sasl_response(self.exchange.message(), out).map_err(|error| refused(error.to_string()))
    }

    fn check_first(&self, server: &Attributes<'_>, own_nonce: &str) -> Result<(), Error> {
        let nonce = server.get('r').ok_or_else(|| first("nonce missing"))?;
        if !nonce.bytes().all(|byte| matches!(byte, 0x21..=0x2b | 0x2d..=0x7e)) {
            return Err(first("nonce must only contain printable characters"));
        }
        let salt = server.get('s').ok_or_else(|| first("salt missing"))?;
        if !is_base64(salt) {
            return Err(first("salt must be base64"));
        }
        let iterations = server.get('i').ok_or_else(|| first("iteration missing"))?;
        if !iterations.bytes().all(|byte| byte.is_ascii_digit()) || iterations.starts_with('0') {
            return Err(first("invalid iteration count"));
        }
        if !nonce.starts_with(own_nonce) {
            return Err(first("server nonce does not start with client nonce"));
        }
        if nonce.len() == own_nonce.len() {
            return Err(first("server nonce is too short"));
        }
        let limit = u64::from(self.max_iterations);
        if limit != 0 && iterations.parse::<u64>().map_or(true, |count| count > limit) {
            return Err(first(&format!("iteration count {iterations} exceeds scramMaxIterations of {limit}")));
        }
        Ok(())
    }

    /// Checks the server's proof that it knows the password, too.
    pub fn finish(&mut self, message: &[u8]) -> Result<(), Error> {
        let server = Attributes::parse(message)?;
        if let Some(error) = server.get('e') {
            return Err(last(&format!("server returned error: \"{error}\"")));
        }
        let signature = server.get('v').ok_or_else(|| last("server signature is missing"))?;
        if !is_base64(signature) {
            return Err(last("server signature must be base64"));
        }
        self.exchange.finish(message).map_err(|_| last("server signature does not match"))?;
        self.finished = true;
        Ok(())
    }

    /// The server has proved that it knows the password.
    pub fn is_finished(&self) -> bool {
        self.finished
    }
}

fn choose(
    mechanisms: &[String],
    wanted: ChannelBinding,
    binding: Option<Vec<u8>>,
) -> Result<(&'static str, sasl::ChannelBinding), Error> {
    let offers = |name: &str| mechanisms.iter().any(|mechanism| mechanism == name);
    let allowed = wanted != ChannelBinding::Disable;
    match binding {
        Some(signature) if allowed && offers(sasl::SCRAM_SHA_256_PLUS) => {
            Ok((sasl::SCRAM_SHA_256_PLUS, sasl::ChannelBinding::tls_server_end_point(signature)))
        }
        _ if wanted == ChannelBinding::Require => Err(refused(
            "Channel binding is required, and the server does not offer it over this connection; it needs TLS and \
             SCRAM-SHA-256-PLUS.",
        )),
        // "y": we could have, and the server says that it can't. A server that can will notice the lie in between.
        Some(_) if allowed && offers(sasl::SCRAM_SHA_256) => {
            Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unrequested()))
        }
        _ if offers(sasl::SCRAM_SHA_256) => Ok((sasl::SCRAM_SHA_256, sasl::ChannelBinding::unsupported())),
        _ => Err(refused("SASL: Only mechanism(s) SCRAM-SHA-256 are supported")),
    }
}

/// `name=value` pairs, one letter each, separated by commas.
struct Attributes<'a> {
    pairs: Vec<(char, &'a str)>,
}

impl<'a> Attributes<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let invalid = || refused("SASL: Invalid attribute pair entry");
        let text = std::str::from_utf8(message).map_err(|_| invalid())?;
        // A client's first message begins with its two flags of channel binding.
        let text = text.split_once(",,").map_or(text, |(_, rest)| rest);
        let pair = |pair: &'a str| {
            let (name, value) = pair.split_once('=')?;
            let mut letters = name.chars();
            letters.next().filter(|_| letters.next().is_none()).map(|letter| (letter, value))
        };
        let pairs = text.split(',').map(|part| pair(part).ok_or_else(invalid)).collect::<Result<_, _>>()?;
        Ok(Attributes { pairs })
    }

    /// A value that is not empty.
    fn get(&self, name: char) -> Option<&'a str> {
        self.pairs.iter().find(|(letter, _)| *letter == name).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }
}

fn is_base64(text: &str) -> bool {
    let body = text.trim_end_matches('=');
    text.len().is_multiple_of(4)
        && text.len() - body.len() <= 2
        && body.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(mechanism: &str, password: Option<&str>) -> Result<Scram, Error> {
        let mechanisms = [mechanism.to_owned()];
        Scram::start(&mechanisms, password, ChannelBinding::Prefer, None, 100_000, &mut BytesMut::new())
    }

    #[test]
    fn too_many_iterations_are_refused_before_any_work() {
        let mut scram = start("SCRAM-SHA-256", Some("secret")).unwrap();
        let nonce = Attributes::parse(scram.exchange.message()).unwrap().get('r').unwrap().to_owned();
        let message = format!("r={nonce}x,s=AAAA,i=4000000000");
        let error = scram.proceed(message.as_bytes(), &mut BytesMut::new()).unwrap_err();
        assert!(error.message.ends_with("iteration count 4000000000 exceeds scramMaxIterations of 100000"));
    }

    #[test]
    fn a_missing_password_and_a_missing_mechanism_say_so() {
        let refusal = |mechanism: &str, password| start(mechanism, password).err().unwrap().message;
        assert!(refusal("SCRAM-SHA-256", None).ends_with("must be a string"));
        assert!(refusal("SCRAM-SHA-256", Some("")).ends_with("non-empty string"));
        assert!(refusal("OAUTHBEARER", Some("x")).contains("Only mechanism(s)"));
    }

    #[test]
    fn messages_that_are_no_pairs_are_refused() {
        for bad in [&b"r"[..], b"rr=x", b"\xff=x", b"r=x,,s=y,z"] {
            assert!(start("SCRAM-SHA-256", Some("x")).unwrap().proceed(bad, &mut BytesMut::new()).is_err());
        }
    }
}
