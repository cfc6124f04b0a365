//! What can go wrong with TLS, and what the caller is told of it.

use crate::config::ClientIdentity;
use crate::error::{Error, ErrorKind};

/// What can go wrong, in the words of the library.
pub(super) enum Problem {
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

impl Problem {
    /// What the client shows of itself can't be read.
    pub(super) fn unreadable(identity: &ClientIdentity, reason: String) -> Problem {
        match identity {
            ClientIdentity::Pem { .. } => Problem::Identity(reason),
            ClientIdentity::Archive { .. } => Problem::Archive(reason),
        }
    }

    /// The error of a connection to a server of this name.
    pub(super) fn into_error(self, name: &str) -> Error {
        let unusable = |what: &str, reason| Error::new(ErrorKind::Config, format!("{what}: {reason}"));
        match self {
            Problem::Roots(reason) => unusable("ssl.ca holds a certificate that cannot be read", reason),
            Problem::Identity(reason) => {
                unusable("ssl.cert or ssl.key cannot be read (PEM; the key as PKCS #8)", reason)
            }
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
