//! TLS on the library of the platform.

use native_tls::{Certificate, Identity, TlsConnector};
use tokio_native_tls::TlsStream;

use super::{Problem, certificates};
use crate::config::TlsSettings;
use crate::conn::stream::Socket;

/// A socket with TLS around it (decision 0006).
pub type Session = TlsStream<Socket>;

/// Settings made ready for any number of connections.
#[derive(Clone)]
pub struct Connector(tokio_native_tls::TlsConnector);

impl Connector {
    /// Reads certificates and key.
    pub fn build(settings: &TlsSettings, direct: bool) -> Result<Self, Problem> {
        let mut builder = TlsConnector::builder();
        builder.danger_accept_invalid_certs(!settings.verify);
        builder.danger_accept_invalid_hostnames(!(settings.verify && settings.verify_name));
        if let Some(roots) = &settings.roots {
            builder.disable_built_in_roots(true);
            for pem in roots.iter().flat_map(|bundle| certificates(bundle)) {
                let root = Certificate::from_pem(pem.as_bytes()).map_err(|error| Problem::Roots(error.to_string()))?;
                builder.add_root_certificate(root);
            }
        }
        if let Some((certificate, key)) = &settings.identity {
            let identity = Identity::from_pkcs8(certificate.as_bytes(), key.as_bytes())
                .map_err(|error| Problem::Identity(error.to_string()))?;
            builder.identity(identity);
        }
        if direct {
            postgres_native_tls::set_postgresql_alpn(&mut builder);
        }
        let connector = builder.build().map_err(|error| Problem::Setup(error.to_string()))?;
        Ok(Connector(connector.into()))
    }

    /// Shakes hands with the server of this name.
    pub async fn connect(&self, name: &str, socket: Socket) -> Result<Session, Problem> {
        self.0.connect(name, socket).await.map_err(|error| Problem::Handshake(error.to_string()))
    }
}

/// The hash of the server's certificate, by RFC 5929.
pub fn end_point(session: &Session) -> Option<Vec<u8>> {
    session.get_ref().tls_server_end_point().ok().flatten()
}

/// The socket below TLS.
#[cfg(unix)]
pub fn socket(session: &mut Session) -> &mut Socket {
    session.get_mut().get_mut().get_mut()
}
