//! TLS around a socket: on OpenSSL where it is built in, otherwise on the library of the platform.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::key_ring::Register;
use super::stream::Socket;
use crate::config::{ClientIdentity, TlsSettings};
use crate::error::{Error, ErrorKind};

mod end_point;
#[cfg(any(windows, target_vendor = "apple", feature = "platform-tls"))]
mod native;
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
mod openssl;

#[cfg(any(windows, target_vendor = "apple", feature = "platform-tls"))]
use self::native as library;
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
use self::openssl as library;

pub use library::Session;
#[cfg(unix)]
pub use library::socket;

/// What can go wrong, in the words of the library.
enum Problem {
    /// `ssl.ca` can't be read.
    Roots(String),
    /// `ssl.cert` or `ssl.key` can't be read.
    Identity(String),
    /// `ssl.pfx` can't be read.
    Archive(String),
    /// The library has no such option; OpenSSL has all of them.
    #[cfg_attr(
        not(any(windows, target_vendor = "apple", feature = "platform-tls")),
        allow(dead_code, reason = "the platforms' own libraries say so")
    )]
    Unsupported(&'static str),
    /// The library refuses to work like that.
    Setup(String),
    /// The two sides don't come together.
    Handshake(String),
}

/// What connections with the same settings speak TLS by. Reading a bundle of roots takes milliseconds, a handshake less
/// than one.
pub struct Connector {
    settings: TlsSettings,
    /// TLS without asking first, which names its protocol.
    direct: bool,
    made: OnceCell<library::Connector>,
}

static CONNECTORS: Register<Connector> = Register::new();

/// The connector of these settings, which may have to be made ready.
pub fn connector(settings: &TlsSettings, direct: bool) -> Arc<Connector> {
    CONNECTORS.find(
        |known| known.is_for(settings, direct),
        || Connector { settings: settings.clone(), direct, made: OnceCell::new() },
    )
}

impl Connector {
    /// Whether it was made for these.
    pub fn is_for(&self, settings: &TlsSettings, direct: bool) -> bool {
        self.direct == direct && self.settings == *settings
    }

    /// What it was made for.
    pub fn settings(&self) -> &TlsSettings {
        &self.settings
    }

    /// TLS without asking first.
    pub fn is_direct(&self) -> bool {
        self.direct
    }

    /// The name that the server has to have in its certificate.
    pub fn name<'a>(&'a self, host: &'a str) -> &'a str {
        self.settings.server_name.as_deref().unwrap_or(host)
    }

    /// Reads certificates and keys, on a thread that nothing else waits for.
    ///
    /// # Errors
    /// `Config` for what can't be read or used.
    pub async fn make_ready(self: &Arc<Self>) -> Result<(), Error> {
        self.made().await.map(|_| ())
    }

    async fn made(self: &Arc<Self>) -> Result<&library::Connector, Error> {
        let made = self.made.get_or_try_init(|| async {
            let connector = self.clone();
            let building = move || library::Connector::build(&connector.settings, connector.direct);
            match tokio::task::spawn_blocking(building).await {
                Ok(built) => built,
                Err(error) => Err(Problem::Setup(error.to_string())),
            }
        });
        made.await.map_err(|problem| failed(problem, ""))
    }

    /// Wraps TLS around a socket that the server agreed to speak TLS on.
    ///
    /// # Errors
    /// `Tls` with Node's codes (`SELF_SIGNED_CERT_IN_CHAIN`, `ERR_TLS_CERT_ALTNAME_INVALID`, …), `Config` for a
    /// certificate or key that cannot be read.
    pub async fn wrap(self: &Arc<Self>, socket: Socket, host: &str) -> Result<Session, Error> {
        let name = self.name(host);
        self.made().await?.connect(name, socket).await.map_err(|problem| failed(problem, name))
    }
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.settings.fmt(f)
    }
}

/// The server's certificate and those that it sent along, in DER; the first is its own.
pub fn chain(session: &Session) -> Vec<Vec<u8>> {
    library::chain(session)
}

/// What ties an exchange to this session (RFC 5929); `None` where the RFC defines nothing for the server's certificate.
pub fn end_point(session: &Session) -> Option<Vec<u8>> {
    end_point::of(&library::certificate(session)?)
}

/// The server's certificate, in DER.
pub fn certificate(session: &Session) -> Option<Vec<u8>> {
    library::certificate(session)
}

const END: &str = "-----END CERTIFICATE-----";

/// What the client shows of itself can't be read.
fn unreadable(identity: &ClientIdentity, reason: String) -> Problem {
    match identity {
        ClientIdentity::Pem { .. } => Problem::Identity(reason),
        ClientIdentity::Archive { .. } => Problem::Archive(reason),
    }
}

/// The certificates of a PEM bundle, one at a time.
fn certificates(bundle: &str) -> impl Iterator<Item = &str> {
    bundle.split_inclusive(END).filter(|part| part.contains(END))
}

/// OpenSSL's verification texts, and the code and text that Node gives for them.
const VERIFICATION: [(&str, &str, &str); 9] = [
    (
        "self-signed certificate in certificate chain",
        "SELF_SIGNED_CERT_IN_CHAIN",
        "self-signed certificate in certificate chain",
    ),
    ("self-signed certificate", "DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate"),
    // Node goes on checking here and then complains of the leaf, which is all that most servers send.
    (
        "unable to get local issuer certificate",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "unable to verify the first certificate",
    ),
    (
        "unable to verify the first certificate",
        "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        "unable to verify the first certificate",
    ),
    ("unable to get issuer certificate", "UNABLE_TO_GET_ISSUER_CERT", "unable to get issuer certificate"),
    ("certificate has expired", "CERT_HAS_EXPIRED", "certificate has expired"),
    ("certificate is not yet valid", "CERT_NOT_YET_VALID", "certificate is not yet valid"),
    ("certificate revoked", "CERT_REVOKED", "certificate revoked"),
    ("unsuitable certificate purpose", "INVALID_PURPOSE", "unsuitable certificate purpose"),
];

/// What OpenSSL says when a trusted certificate is for somebody else.
const MISMATCH: [&str; 2] = ["hostname mismatch", "IP address mismatch"];

fn failed(problem: Problem, name: &str) -> Error {
    let unusable = |what: &str, reason| Error::new(ErrorKind::Config, format!("{what}: {reason}"));
    match problem {
        Problem::Roots(reason) => unusable("ssl.ca holds a certificate that cannot be read", reason),
        Problem::Identity(reason) => unusable("ssl.cert or ssl.key cannot be read (PEM; the key as PKCS #8)", reason),
        Problem::Archive(reason) => {
            unusable("ssl.pfx cannot be read (PKCS #12; with ssl.passphrase, if it is encrypted)", reason)
        }
        Problem::Unsupported(option) => Error::new(
            ErrorKind::Config,
            format!("\"ssl.{option}\" is not supported on this platform, whose own TLS library has no such option"),
        ),
        Problem::Setup(reason) => unusable("TLS could not be set up", reason),
        Problem::Handshake(text) => handshake_failed(&text, name),
    }
}

fn handshake_failed(text: &str, name: &str) -> Error {
    if MISMATCH.iter().any(|words| text.contains(words)) {
        let message = format!(
            "Hostname/IP does not match certificate's altnames: the server's certificate is not for \"{name}\". \
             Connect by a name that is in it, or set ssl.servername to one."
        );
        return Error::new(ErrorKind::Tls, message).with_code("ERR_TLS_CERT_ALTNAME_INVALID");
    }
    match VERIFICATION.iter().find(|(words, ..)| text.contains(words)) {
        Some((_, code, words)) => {
            let message = format!(
                "{words}: the server's certificate is not trusted. Pass the certificate of its authority as ssl.ca \
                 (or sslrootcert), or, for development only, ssl: {{ rejectUnauthorized: false }}."
            );
            Error::new(ErrorKind::Tls, message).with_code(*code)
        }
        None => Error::new(ErrorKind::Tls, format!("TLS with the server failed: {text}")).with_code("EPROTO"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_cut_into_its_certificates() {
        let one = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
        assert_eq!(certificates(&format!("# root\n{one}\n{one}\n")).count(), 2);
        assert_eq!(certificates("nothing").count(), 0);
    }

    #[tokio::test]
    async fn a_root_that_is_no_certificate_is_a_clear_error() {
        let root = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----";
        let settings = TlsSettings { verify: true, roots: Some(vec![root.into()]), ..TlsSettings::default() };
        let error = connector(&settings, false).make_ready().await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.starts_with("ssl.ca"), "{}", error.message);
    }
}
