//! TLS on the library of the platform.

use native_tls::{Certificate, Identity, Protocol, TlsConnector};
use tokio_native_tls::TlsStream;

use super::bundle::certificates;
use super::problem::{self, Distrust, Problem};
use crate::config::{ClientIdentity, TlsSettings, TlsVersion};
use crate::conn::socket::Socket;

/// A socket with TLS around it (decision 0006).
pub type Session = TlsStream<Socket>;

/// Settings made ready for any number of connections.
pub(super) struct Connector(tokio_native_tls::TlsConnector);

impl Connector {
    /// Reads certificates and key.
    pub(super) fn build(settings: &TlsSettings, direct: bool, further_root: Option<&str>) -> Result<Self, Problem> {
        if let Some(option) = missing(settings) {
            return Err(Problem::Unsupported(option));
        }
        let mut builder = TlsConnector::builder();
        builder.min_protocol_version(Some(settings.oldest.map_or(Protocol::Tlsv12, protocol)));
        builder.max_protocol_version(settings.newest.filter(|newest| *newest != TlsVersion::V1_3).map(protocol));
        builder.danger_accept_invalid_certs(!settings.verify);
        builder.danger_accept_invalid_hostnames(!(settings.verify && settings.verify_name));
        builder.disable_built_in_roots(settings.roots.is_some());
        let roots = settings.roots.as_deref().unwrap_or_default();
        let bundles = roots.iter().map(String::as_str).chain(further_root);
        for pem in bundles.flat_map(certificates) {
            let root = Certificate::from_pem(pem.as_bytes()).map_err(|error| Problem::Roots(error.to_string()))?;
            builder.add_root_certificate(root);
        }
        if let Some(identity) = &settings.identity {
            let read = match identity {
                ClientIdentity::Pem { chain, key } => Identity::from_pkcs8(chain.as_bytes(), key.as_bytes()),
                ClientIdentity::Archive { der, passphrase } => Identity::from_pkcs12(der, passphrase),
            };
            builder.identity(read.map_err(|error| Problem::unreadable(identity, error.to_string()))?);
        }
        if direct {
            postgres_native_tls::set_postgresql_alpn(&mut builder);
        } else if !settings.protocols.is_empty() {
            let protocols: Vec<&str> = settings.protocols.iter().map(String::as_str).collect();
            builder.request_alpns(&protocols);
        }
        let connector = builder.build().map_err(|error| Problem::Setup(error.to_string()))?;
        Ok(Connector(connector.into()))
    }

    /// Does the handshake with the server of this name.
    pub(super) async fn connect(&self, name: &str, socket: Socket) -> Result<Session, Problem> {
        self.0.connect(name, socket).await.map_err(|error| refusal(error.to_string()))
    }
}

/// The libraries' errors about certificates. They have nothing but a text, which is OpenSSL's on Linux.
const REFUSALS: [(&str, Distrust); 10] = [
    ("self-signed certificate in certificate chain", problem::SELF_SIGNED_IN_CHAIN),
    ("self-signed certificate", problem::SELF_SIGNED),
    ("unable to get local issuer certificate", problem::UNKNOWN_AUTHORITY),
    ("unable to verify the first certificate", problem::UNKNOWN_AUTHORITY),
    ("unable to get issuer certificate", problem::NO_ISSUER),
    ("certificate has expired", problem::EXPIRED),
    ("certificate is not yet valid", problem::NOT_YET_VALID),
    ("certificate revoked", problem::REVOKED),
    ("certificate signature failure", problem::BAD_SIGNATURE),
    ("unsuitable certificate purpose", problem::WRONG_PURPOSE),
];

/// The same of a trusted certificate that is for another name.
const MISMATCHES: [&str; 2] = ["hostname mismatch", "IP address mismatch"];

fn refusal(text: String) -> Problem {
    if MISMATCHES.iter().any(|words| text.contains(words)) {
        return Problem::OtherName;
    }
    match REFUSALS.iter().find(|(words, _)| text.contains(words)) {
        Some((_, distrust)) => Problem::Untrusted(*distrust),
        None => Problem::Handshake(text, None),
    }
}

fn protocol(version: TlsVersion) -> Protocol {
    match version {
        TlsVersion::V1_0 => Protocol::Tlsv10,
        TlsVersion::V1_1 => Protocol::Tlsv11,
        TlsVersion::V1_2 => Protocol::Tlsv12,
        TlsVersion::V1_3 => Protocol::Tlsv13,
    }
}

/// The first option that is set and that the library doesn't have.
fn missing(settings: &TlsSettings) -> Option<&'static str> {
    let options = [
        ("ciphers", settings.ciphers.is_some() || settings.suites.is_some()),
        ("sigalgs", settings.signatures.is_some()),
        ("ecdhCurve", settings.groups.is_some()),
        ("secureOptions", settings.options != 0),
        ("allowPartialTrustChain", settings.partial_chain),
        ("minDHSize", settings.least_dh_bits > 0),
    ];
    options.into_iter().find(|(_, is_set)| *is_set).map(|(option, _)| option)
}

/// The server's certificate, which is all that the library hands out.
pub(super) fn chain(session: &Session) -> Vec<Vec<u8>> {
    certificate(session).into_iter().collect()
}

/// The server's certificate.
pub(super) fn certificate(session: &Session) -> Option<Vec<u8>> {
    session.get_ref().peer_certificate().ok()??.to_der().ok()
}

/// The version of TLS, which the library doesn't tell.
pub(super) fn version_of(_: &Session) -> Option<&'static str> {
    None
}

/// The socket below TLS.
#[cfg(unix)]
pub fn socket(session: &mut Session) -> &mut Socket {
    session.get_mut().get_mut().get_mut()
}
