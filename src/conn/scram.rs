//! The client's side of SCRAM-SHA-256 (RFC 5802, RFC 7677).
//!
//! Refusals have the words that node-postgres has for them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::BytesMut;
use postgres_protocol::message::frontend;
use sha2::{Digest, Sha256};
use tokio_postgres::config::ChannelBinding;

use super::key_ring::KeyRing;
use super::scram_keys::{self, Hash};
use crate::error::{Error, ErrorKind, texts};

const PLAIN: &str = "SCRAM-SHA-256";
const BOUND: &str = "SCRAM-SHA-256-PLUS";
/// As many random bytes as PostgreSQL's own clients use.
const NONCE_BYTES: usize = 18;

/// A SCRAM exchange under way.
pub(super) struct Scram {
    password: String,
    max_iterations: Option<u32>,
    nonce: String,
    binding: Binding,
    /// What the server has to answer the last message with: the key and the text that it has to sign.
    expected: Option<(Hash, String)>,
    finished: bool,
}

/// What the exchange may be bound to.
pub(super) enum Channel {
    /// No TLS.
    Plain,
    /// TLS, with the hash of the server's certificate (RFC 5929) if there is one.
    Tls(Option<Vec<u8>>),
}

/// What ties the exchange to the TLS session.
enum Binding {
    /// The client can't, or isn't configured to.
    Unsupported,
    /// The client supports it, and the server seems not to. A server that does then detects that its offer was removed
    /// on the way.
    Unrequested,
    /// The hash of the server's certificate (RFC 5929).
    EndPoint(Vec<u8>),
}

impl Binding {
    /// The header of the first message, without the identity to act as.
    fn header(&self) -> &'static str {
        match self {
            Binding::Unsupported => "n,,",
            Binding::Unrequested => "y,,",
            Binding::EndPoint(_) => "p=tls-server-end-point,,",
        }
    }

    /// As it is repeated in the last message.
    fn repeated(&self) -> String {
        let hash = match self {
            Binding::EndPoint(hash) => hash.as_slice(),
            Binding::Unsupported | Binding::Unrequested => &[],
        };
        STANDARD.encode([self.header().as_bytes(), hash].concat())
    }
}

fn refused(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Auth, message)
}

fn first(reason: &str) -> Error {
    refused(texts::scram_first(reason))
}

fn last(reason: &str) -> Error {
    refused(texts::scram_last(reason))
}

impl Scram {
    /// Chooses a mechanism and writes the first message.
    pub(super) fn start(
        mechanisms: &[String],
        password: Option<&str>,
        wanted: ChannelBinding,
        channel: Channel,
        max_iterations: Option<u32>,
        out: &mut BytesMut,
    ) -> Result<Scram, Error> {
        let (mechanism, binding) = choose(mechanisms, wanted, channel)?;
        let password = match password {
            None => return Err(first(texts::NO_PASSWORD)),
            Some("") => return Err(first(texts::EMPTY_PASSWORD)),
            Some(password) => password,
        };
        let mut random = [0; NONCE_BYTES];
        getrandom::fill(&mut random).map_err(|error| refused(texts::no_random_bytes(error)))?;
        let nonce = STANDARD.encode(random);
        let message = format!("{}{}", binding.header(), bare(&nonce));
        frontend::sasl_initial_response(mechanism, message.as_bytes(), out)
            .map_err(|error| refused(error.to_string()))?;
        Ok(Scram { password: password.to_owned(), max_iterations, nonce, binding, expected: None, finished: false })
    }

    /// Answers the server's first message.
    pub(super) async fn proceed(&mut self, message: &[u8], ring: &KeyRing, out: &mut BytesMut) -> Result<(), Error> {
        // A server gets only one answer: each further one would be as much work as it asks for.
        if self.finished || self.expected.is_some() {
            return Err(refused(texts::SASL_NO_INITIAL_RESPONSE));
        }
        let server = Attributes::parse(message)?;
        let (nonce, salt, iterations) = self.check_first(&server)?;
        let keys = ring.scram(&self.password, &salt, iterations).await;
        let unproved = format!("c={},r={nonce}", self.binding.repeated());
        let exchange = format!("{},{},{unproved}", bare(&self.nonce), server.text);
        let stored: Hash = Sha256::digest(keys.client).into();
        let mut proof = scram_keys::hmac(&stored, exchange.as_bytes());
        proof.iter_mut().zip(keys.client).for_each(|(byte, key)| *byte ^= key);
        let answer = format!("{unproved},p={}", STANDARD.encode(proof));
        self.expected = Some((keys.server, exchange));
        frontend::sasl_response(answer.as_bytes(), out).map_err(|error| refused(error.to_string()))
    }

    /// The nonce of both sides, the salt and the number of iterations.
    fn check_first<'a>(&self, server: &Attributes<'a>) -> Result<(&'a str, Vec<u8>, u32), Error> {
        let nonce = server.get('r').ok_or_else(|| first(texts::NO_NONCE))?;
        if !nonce.bytes().all(|byte| matches!(byte, 0x21..=0x2b | 0x2d..=0x7e)) {
            return Err(first(texts::UNPRINTABLE_NONCE));
        }
        let salt = server.get('s').ok_or_else(|| first(texts::NO_SALT))?;
        let salt = STANDARD.decode(salt).map_err(|_| first(texts::INVALID_SALT))?;
        let iterations = server.get('i').ok_or_else(|| first(texts::NO_ITERATIONS))?;
        if !iterations.bytes().all(|byte| byte.is_ascii_digit()) || iterations.starts_with('0') {
            return Err(first(texts::INVALID_ITERATIONS));
        }
        if !nonce.starts_with(&self.nonce) {
            return Err(first(texts::FOREIGN_NONCE));
        }
        if nonce.len() == self.nonce.len() {
            return Err(first(texts::SHORT_NONCE));
        }
        let most = self.max_iterations.unwrap_or(u32::MAX);
        let allowed = iterations.parse().ok().filter(|count| *count <= most);
        let too_many = || first(&texts::too_many_iterations(iterations, most));
        Ok((nonce, salt, allowed.ok_or_else(too_many)?))
    }

    /// Checks the server's proof that it knows the password, too.
    pub(super) fn finish(&mut self, message: &[u8]) -> Result<(), Error> {
        let (key, exchange) = self.expected.take().ok_or_else(|| refused(texts::SASL_NO_RESPONSE))?;
        let server = Attributes::parse(message)?;
        if let Some(error) = server.get('e') {
            return Err(last(&texts::scram_refusal(error)));
        }
        let signature = server.get('v').ok_or_else(|| last(texts::NO_SIGNATURE))?;
        let signature = STANDARD.decode(signature).map_err(|_| last(texts::INVALID_SIGNATURE))?;
        if !scram_keys::is_hmac(&key, exchange.as_bytes(), &signature) {
            return Err(last(texts::WRONG_SIGNATURE));
        }
        self.finished = true;
        Ok(())
    }

    /// The server has proved that it knows the password.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// The server has proved that it is the other end of the TLS session, too.
    pub(super) fn is_bound(&self) -> bool {
        self.finished && matches!(self.binding, Binding::EndPoint(_))
    }
}

/// The first message without its header. The server ignores the user's name here, and takes that of the startup
/// message.
fn bare(nonce: &str) -> String {
    format!("n=,r={nonce}")
}

fn choose(mechanisms: &[String], wanted: ChannelBinding, channel: Channel) -> Result<(&'static str, Binding), Error> {
    let offers = |name: &str| mechanisms.iter().any(|mechanism| mechanism == name);
    if wanted == ChannelBinding::Require {
        return match channel {
            Channel::Plain => Err(refused(texts::BINDING_WITHOUT_TLS)),
            Channel::Tls(_) if !offers(BOUND) => Err(refused(texts::BINDING_NOT_OFFERED)),
            Channel::Tls(None) => Err(refused(texts::BINDING_UNDEFINED)),
            Channel::Tls(Some(hash)) => Ok((BOUND, Binding::EndPoint(hash))),
        };
    }
    let end_point = match channel {
        Channel::Tls(hash) if wanted != ChannelBinding::Disable => hash,
        _ => None,
    };
    match end_point {
        Some(hash) if offers(BOUND) => Ok((BOUND, Binding::EndPoint(hash))),
        Some(_) if offers(PLAIN) => Ok((PLAIN, Binding::Unrequested)),
        None if offers(PLAIN) => Ok((PLAIN, Binding::Unsupported)),
        _ => Err(refused(texts::SASL_NO_MECHANISM)),
    }
}

/// `name=value` pairs, one letter each, separated by commas.
struct Attributes<'a> {
    text: &'a str,
    pairs: Vec<(char, &'a str)>,
}

impl<'a> Attributes<'a> {
    fn parse(message: &'a [u8]) -> Result<Self, Error> {
        let invalid = || refused(texts::SASL_INVALID_PAIR);
        let text = std::str::from_utf8(message).map_err(|_| invalid())?;
        let pair = |pair: &'a str| {
            let (name, value) = pair.split_once('=')?;
            let mut letters = name.chars();
            letters.next().filter(|_| letters.next().is_none()).map(|letter| (letter, value))
        };
        let pairs = text.split(',').map(|part| pair(part).ok_or_else(invalid)).collect::<Result<_, _>>()?;
        Ok(Attributes { text, pairs })
    }

    /// A value that is not empty.
    fn get(&self, name: char) -> Option<&'a str> {
        self.pairs.iter().find(|(letter, _)| *letter == name).map(|(_, value)| *value).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(mechanism: &str, password: Option<&str>) -> Result<Scram, Error> {
        let mechanisms = [mechanism.to_owned()];
        Scram::start(&mechanisms, password, ChannelBinding::Prefer, Channel::Plain, Some(100_000), &mut BytesMut::new())
    }

    async fn refusal(scram: &mut Scram, message: &[u8]) -> Error {
        scram.proceed(message, &KeyRing::default(), &mut BytesMut::new()).await.unwrap_err()
    }

    #[tokio::test]
    async fn too_many_iterations_are_refused_before_any_work() {
        let mut scram = start("SCRAM-SHA-256", Some("secret")).unwrap();
        let message = format!("r={}x,s=AAAA,i=4000000000", scram.nonce);
        let error = refusal(&mut scram, message.as_bytes()).await;
        assert!(error.message.ends_with("iteration count 4000000000 exceeds scramMaxIterations of 100000"));
    }

    #[tokio::test]
    async fn a_server_gets_one_answer_and_may_prove_itself_once() {
        let (ring, mut out) = (KeyRing::default(), BytesMut::new());
        let mut scram = start("SCRAM-SHA-256", Some("secret")).unwrap();
        let verdict = b"v=AAAA";
        assert_eq!(scram.finish(verdict).unwrap_err().message, "SASL: Last message was not SASLResponse");
        let message = format!("r={}x,s=AAAA,i=1", scram.nonce);
        scram.proceed(message.as_bytes(), &ring, &mut out).await.unwrap();
        let error = refusal(&mut scram, message.as_bytes()).await;
        assert_eq!(error.message, "SASL: Last message was not SASLInitialResponse");
        assert!(scram.finish(verdict).unwrap_err().message.ends_with("signature does not match"));
        assert_eq!(scram.finish(verdict).unwrap_err().message, "SASL: Last message was not SASLResponse");
    }

    #[test]
    fn a_missing_password_and_a_missing_mechanism_say_so() {
        let refusal = |mechanism: &str, password| start(mechanism, password).err().unwrap().message;
        assert!(refusal("SCRAM-SHA-256", None).ends_with("must be a string"));
        assert!(refusal("SCRAM-SHA-256", Some("")).ends_with("non-empty string"));
        assert!(refusal("OAUTHBEARER", Some("x")).contains("Only mechanism(s)"));
    }

    #[tokio::test]
    async fn messages_that_are_no_pairs_are_refused() {
        for bad in [&b"r"[..], b"rr=x", b"\xff=x", b"r=x,,s=y,z"] {
            let error = refusal(&mut start("SCRAM-SHA-256", Some("x")).unwrap(), bad).await;
            assert_eq!(error.message, "SASL: Invalid attribute pair entry");
        }
    }

    #[test]
    fn required_binding_says_what_is_missing() {
        let missing = |mechanisms: &[&str], channel| {
            let mechanisms: Vec<String> = mechanisms.iter().map(|name| (*name).to_owned()).collect();
            choose(&mechanisms, ChannelBinding::Require, channel).err().map(|error| error.message)
        };
        let hash = || Channel::Tls(Some(vec![1]));
        assert!(missing(&[BOUND, PLAIN], Channel::Plain).unwrap().ends_with("SSL not in use"));
        assert!(missing(&[PLAIN], hash()).unwrap().contains("did not offer"));
        assert!(missing(&[BOUND, PLAIN], Channel::Tls(None)).unwrap().contains("Ed25519"));
        assert_eq!(missing(&[BOUND, PLAIN], hash()), None);
    }
}
