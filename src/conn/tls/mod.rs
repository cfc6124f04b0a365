//! TLS around a socket: on OpenSSL where it is built in, otherwise on the library of the platform.

use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;

use super::stream::Socket;
use crate::config::TlsSettings;
use crate::error::{Error, ErrorKind};

#[cfg(any(windows, target_vendor = "apple", feature = "platform-tls"))]
mod native;
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
mod openssl;

#[cfg(any(windows, target_vendor = "apple", feature = "platform-tls"))]
use self::native as library;
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
use self::openssl as library;

use library::Connector;
#[cfg(unix)]
pub use library::socket;
pub use library::{Session, end_point};

/// What can go wrong, in the words of the library.
enum Problem {
    /// `ssl.ca` can't be read.
    Roots(String),
    /// `ssl.cert` or `ssl.key` can't be read.
    Identity(String),
    /// The library refuses to work like that.
    Setup(String),
    /// The two sides don't come together.
    Handshake(String),
}

/// Wraps TLS around a socket that the server agreed to speak TLS on.
///
/// # Errors
/// `Tls` with Node's codes (`SELF_SIGNED_CERT_IN_CHAIN`, `ERR_TLS_CERT_ALTNAME_INVALID`, …), `Config` for a
/// certificate or key that cannot be read.
pub async fn wrap(socket: Socket, settings: &TlsSettings, host: &str, direct: bool) -> Result<Session, Error> {
    let name = settings.server_name.as_deref().unwrap_or(host);
    let explain = |problem| failed(problem, name);
    let connector = connector(settings, direct).map_err(explain)?;
    connector.connect(name, socket).await.map_err(explain)
}

type Made = Vec<(TlsSettings, bool, Connector)>;

/// Connectors already made: reading a bundle of roots takes milliseconds, a handshake less than one.
static MADE: Lazy<Mutex<Made>> = Lazy::new(Mutex::default);
/// More different settings than this in one process start the list afresh.
const MOST_MADE: usize = 64;

fn connector(settings: &TlsSettings, direct: bool) -> Result<Connector, Problem> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, _, connector)) = made.iter().find(|(known, alpn, _)| *alpn == direct && known == settings) {
        return Ok(connector.clone());
    }
    let connector = Connector::build(settings, direct)?;
    if made.len() >= MOST_MADE {
        made.clear();
    }
    made.push((settings.clone(), direct, connector.clone()));
    Ok(connector)
}

const END: &str = "-----END CERTIFICATE-----";

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

    #[test]
    fn a_root_that_is_no_certificate_is_a_clear_error() {
        let settings = TlsSettings {
            verify: true,
            verify_name: true,
            roots: Some(vec!["-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----".into()]),
            identity: None,
            server_name: None,
            optional: false,
        };
        let error = failed(connector(&settings, false).err().unwrap(), "localhost");
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.starts_with("ssl.ca"), "{}", error.message);
    }
}
