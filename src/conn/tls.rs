//! TLS around a socket, on the platform's own library (`native-tls`).

use std::sync::{Mutex, PoisonError};

use native_tls::{Certificate, Identity, TlsConnector};
use once_cell::sync::Lazy;
use tokio_native_tls::TlsStream;

use super::stream::Socket;
use crate::config::TlsSettings;
use crate::error::{Error, ErrorKind};

/// Wraps TLS around a socket that the server agreed to speak TLS on.
///
/// # Errors
/// `Tls` with Node's codes (`SELF_SIGNED_CERT_IN_CHAIN`, `ERR_TLS_CERT_ALTNAME_INVALID`, …), `Config` for a
/// certificate or key that cannot be read.
pub async fn wrap(
    socket: Socket,
    settings: &TlsSettings,
    host: &str,
    direct: bool,
) -> Result<TlsStream<Socket>, Error> {
    let connector = connector(settings, direct)?;
    let name = settings.server_name.as_deref().unwrap_or(host);
    let connector = tokio_native_tls::TlsConnector::from(connector);
    connector.connect(name, socket).await.map_err(|error| failed(&error, name))
}

/// What ties SCRAM to this TLS session: RFC 5929, `tls-server-end-point`.
///
/// `postgres-native-tls`'s own stream keeps this to `tokio-postgres`, so its stream is not the one used here.
pub fn end_point(stream: &TlsStream<Socket>) -> Option<Vec<u8>> {
    stream.get_ref().tls_server_end_point().ok().flatten()
}

type Made = Vec<(TlsSettings, bool, TlsConnector)>;

/// Connectors already made: reading a bundle of roots takes milliseconds, a handshake less than one.
static MADE: Lazy<Mutex<Made>> = Lazy::new(Mutex::default);
/// More different settings than this in one process start the list afresh.
const MOST_MADE: usize = 64;

fn connector(settings: &TlsSettings, direct: bool) -> Result<TlsConnector, Error> {
    let mut made = MADE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, _, connector)) = made.iter().find(|(known, alpn, _)| *alpn == direct && known == settings) {
        return Ok(connector.clone());
    }
    let connector = build(settings, direct)?;
    if made.len() >= MOST_MADE {
        made.clear();
    }
    made.push((settings.clone(), direct, connector.clone()));
    Ok(connector)
}

fn build(settings: &TlsSettings, direct: bool) -> Result<TlsConnector, Error> {
    let mut builder = TlsConnector::builder();
    builder.danger_accept_invalid_certs(!settings.verify);
    builder.danger_accept_invalid_hostnames(!(settings.verify && settings.verify_name));
    if let Some(roots) = &settings.roots {
        builder.disable_built_in_roots(true);
        for pem in roots.iter().flat_map(|bundle| certificates(bundle)) {
            let root = Certificate::from_pem(pem.as_bytes())
                .map_err(|error| unreadable("ssl.ca holds a certificate that cannot be read", &error))?;
            builder.add_root_certificate(root);
        }
    }
    if let Some((certificate, key)) = &settings.identity {
        let identity = Identity::from_pkcs8(certificate.as_bytes(), key.as_bytes())
            .map_err(|error| unreadable("ssl.cert or ssl.key cannot be read (PEM; the key as PKCS #8)", &error))?;
        builder.identity(identity);
    }
    if direct {
        postgres_native_tls::set_postgresql_alpn(&mut builder);
    }
    builder.build().map_err(|error| unreadable("TLS could not be set up", &error))
}

const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a PEM bundle, one at a time.
fn certificates(bundle: &str) -> impl Iterator<Item = &str> {
    bundle.split_inclusive(END).filter(|part| part.contains(END))
}

fn unreadable(what: &str, error: &native_tls::Error) -> Error {
    Error::new(ErrorKind::Config, format!("{what}: {error}"))
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

fn failed(error: &native_tls::Error, name: &str) -> Error {
    let text = error.to_string();
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
        let error = connector(&settings, false).err().unwrap();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.starts_with("ssl.ca"), "{}", error.message);
    }
}
