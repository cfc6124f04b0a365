//! Failures of TLS, and the errors that callers get for them.

use crate::config::ClientIdentity;
use crate::error::{Error, ErrorKind, texts};

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
    /// The server's certificate is not trusted.
    Untrusted(Distrust),
    /// The server's certificate is trusted, and for another name.
    OtherName,
    /// The two sides don't come together; over what is known where the library has a number for it.
    Handshake(String, Option<Disagreement>),
}

/// What two sides don't come together over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Disagreement {
    /// They have no version of TLS in common.
    Version,
    /// They have no cipher, key exchange or signature in common, or the server misses something that it doesn't name.
    Terms,
    /// The server wants a certificate of the client's, or another one.
    ClientCertificate,
    /// What the server says is no TLS.
    Language,
    /// The server ends the connection.
    End,
}

/// Why a certificate is not trusted: Node's code, and its words.
pub(super) type Distrust = (&'static str, &'static str);

/// The chain ends in a self-signed certificate that isn't trusted.
pub(super) const SELF_SIGNED_IN_CHAIN: Distrust =
    ("SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain");
/// The server's certificate is self-signed.
pub(super) const SELF_SIGNED: Distrust = ("DEPTH_ZERO_SELF_SIGNED_CERT", "self-signed certificate");
/// The server's certificate is of an authority that isn't known. Node goes on checking where OpenSSL misses the
/// authority of the last certificate, and complains of the first, which is all that most servers send.
pub(super) const UNKNOWN_AUTHORITY: Distrust =
    ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate");
/// An authority above the server's certificate is of one that isn't known.
pub(super) const NO_ISSUER: Distrust = ("UNABLE_TO_GET_ISSUER_CERT", "unable to get issuer certificate");
/// It has expired.
pub(super) const EXPIRED: Distrust = ("CERT_HAS_EXPIRED", "certificate has expired");
/// It isn't valid yet.
pub(super) const NOT_YET_VALID: Distrust = ("CERT_NOT_YET_VALID", "certificate is not yet valid");
/// An authority of that name exists, and has not signed it.
pub(super) const BAD_SIGNATURE: Distrust = ("CERT_SIGNATURE_FAILURE", "certificate signature failure");
/// It was revoked.
pub(super) const REVOKED: Distrust = ("CERT_REVOKED", "certificate revoked");
/// It is not for servers.
pub(super) const WRONG_PURPOSE: Distrust = ("INVALID_PURPOSE", "unsuitable certificate purpose");

impl Problem {
    /// The client's own certificate can't be read.
    pub(super) fn unreadable(identity: &ClientIdentity, reason: String) -> Problem {
        match identity {
            ClientIdentity::Pem { .. } => Problem::Identity(reason),
            ClientIdentity::Archive { .. } => Problem::Archive(reason),
        }
    }

    /// What the two sides don't come together over, where that is known.
    pub(super) fn disagreement(&self) -> Option<Disagreement> {
        match self {
            Problem::Handshake(_, disagreement) => *disagreement,
            _ => None,
        }
    }

    /// The error of a connection to a server of this name.
    pub(super) fn into_error(self, name: &str) -> Error {
        let unusable = |what, reason: String| Error::new(ErrorKind::Config, texts::because(what, &reason));
        match self {
            Problem::Roots(reason) => unusable(texts::UNREADABLE_ROOTS, reason),
            Problem::Identity(reason) => unusable(texts::UNREADABLE_IDENTITY, reason),
            Problem::Archive(reason) => unusable(texts::UNREADABLE_ARCHIVE, reason),
            Problem::Unsupported(option) => Error::new(ErrorKind::Config, texts::unsupported_option(option)),
            Problem::Setup(reason) => unusable(texts::TLS_SETUP, reason),
            Problem::Untrusted((code, words)) => Error::new(ErrorKind::Tls, texts::not_trusted(words)).with_code(code),
            Problem::OtherName => {
                Error::new(ErrorKind::Tls, texts::other_name(name)).with_code("ERR_TLS_CERT_ALTNAME_INVALID")
            }
            Problem::Handshake(text, _) => Error::new(ErrorKind::Tls, texts::tls_failed(&text)).with_code("EPROTO"),
        }
    }
}
