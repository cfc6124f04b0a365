//! TLS around a socket: on OpenSSL where it is built in, otherwise on the library of the platform.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::register::Register;
use super::socket::Socket;
use crate::config::TlsSettings;
use crate::error::Error;

mod bundle;
mod end_point;
#[cfg(any(windows, target_vendor = "apple", feature = "platform-tls"))]
mod native;
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
mod openssl;
mod problem;

#[cfg(any(windows, target_vendor = "apple", feature = "platform-tls"))]
use self::native as library;
#[cfg(not(any(windows, target_vendor = "apple", feature = "platform-tls")))]
use self::openssl as library;

pub use self::problem::Disagreement;
use self::problem::Problem;
pub use library::Session;
#[cfg(unix)]
pub use library::socket;

/// The TLS connector of connections with the same settings. Reading a bundle of roots takes milliseconds, a handshake
/// less than one.
pub struct Connector {
    settings: TlsSettings,
    /// TLS without asking first, which names its protocol.
    direct: bool,
    /// Trusted besides the roots of the settings, in PEM.
    further_root: Option<&'static str>,
    made: OnceCell<library::Connector>,
}

static CONNECTORS: Register<Connector> = Register::new();

/// The connector of these settings, which may have to be made first.
pub fn connector(settings: &TlsSettings, direct: bool, further_root: Option<&'static str>) -> Arc<Connector> {
    CONNECTORS.find(
        |known| known.is_for(settings, direct, further_root),
        || Connector { settings: settings.clone(), direct, further_root, made: OnceCell::new() },
    )
}

impl Connector {
    /// Whether it was made for these.
    pub fn is_for(&self, settings: &TlsSettings, direct: bool, further_root: Option<&str>) -> bool {
        self.direct == direct && self.further_root == further_root && self.settings == *settings
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
            let building =
                move || library::Connector::build(&connector.settings, connector.direct, connector.further_root);
            match tokio::task::spawn_blocking(building).await {
                Ok(built) => built,
                Err(error) => Err(Problem::Setup(error.to_string())),
            }
        });
        made.await.map_err(|problem| problem.into_error(""))
    }

    /// Wraps TLS around a socket that the server agreed to speak TLS on.
    ///
    /// # Errors
    /// `Tls` with Node's codes (`SELF_SIGNED_CERT_IN_CHAIN`, `ERR_TLS_CERT_ALTNAME_INVALID`, …), `Config` for a
    /// certificate or key that cannot be read.
    pub async fn wrap(self: &Arc<Self>, socket: Socket, host: &str) -> Result<Session, Error> {
        self.attempt(socket, host).await.map_err(|refusal| refusal.error)
    }

    /// As [`Connector::wrap`], and tells what the two sides don't come together over.
    ///
    /// # Errors
    /// As [`Connector::wrap`].
    pub async fn attempt(self: &Arc<Self>, socket: Socket, host: &str) -> Result<Session, Refusal> {
        let name = self.name(host);
        let made = self.made().await?;
        made.connect(name, socket)
            .await
            .map_err(|problem| Refusal { disagreement: problem.disagreement(), error: problem.into_error(name) })
    }
}

/// Why TLS hasn't come about.
#[derive(Debug)]
pub struct Refusal {
    /// The error of a connection.
    pub error: Error,
    /// What the two sides don't come together over, where the library tells that.
    pub disagreement: Option<Disagreement>,
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Refusal {
        Refusal { error, disagreement: None }
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

/// The version of TLS in OpenSSL's words (`TLSv1.3`), where the library tells it.
pub fn version(session: &Session) -> Option<&'static str> {
    library::version_of(session)
}

/// What ties an exchange to this session (RFC 5929); `None` where the RFC defines nothing for the server's certificate.
pub fn end_point(session: &Session) -> Option<Vec<u8>> {
    end_point::of(&library::certificate(session)?)
}

/// The server's certificate, in DER.
pub fn certificate(session: &Session) -> Option<Vec<u8>> {
    library::certificate(session)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    #[tokio::test]
    async fn a_root_that_is_no_certificate_is_a_clear_error() {
        let root = "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----";
        let settings = TlsSettings { verify: true, roots: Some([root.into()].into()), ..TlsSettings::default() };
        let error = connector(&settings, false, None).make_ready().await.err().unwrap();
        assert_eq!(error.kind, ErrorKind::Config);
        assert!(error.message.starts_with("ssl.ca"), "{}", error.message);
    }
}
