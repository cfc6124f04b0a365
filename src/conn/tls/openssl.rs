//! TLS on the OpenSSL that is built into the addon.

use std::pin::Pin;

use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::{X509, X509VerifyResult};
use tokio_openssl::SslStream;

use super::{Problem, certificates};
use crate::config::TlsSettings;
use crate::conn::stream::Socket;

/// A socket with TLS around it.
pub type Session = SslStream<Socket>;

/// What key exchange this side offers, with a key for the first. Every PostgreSQL takes P-256, and up to version 17 most
/// take nothing else: a key for another costs a round trip, in which the server asks for this one (decision 0017).
const GROUPS: &str = "P-256:X25519MLKEM768:X25519:P-384:P-521";
/// The protocol's name in ALPN, behind its length.
const ALPN: &[u8] = b"\x0apostgresql";

/// A key that wants one is refused; without any, OpenSSL would ask for it on the terminal.
const NO_PASSPHRASE: &[u8] = b"";

impl From<ErrorStack> for Problem {
    fn from(error: ErrorStack) -> Self {
        Problem::Setup(error.to_string())
    }
}

/// Settings made ready for any number of connections.
#[derive(Clone)]
pub struct Connector {
    context: SslConnector,
    verify_name: bool,
}

impl Connector {
    /// Reads certificates and key.
    pub fn build(settings: &TlsSettings, direct: bool) -> Result<Self, Problem> {
        let mut builder = SslConnector::builder(SslMethod::tls())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_groups_list(GROUPS)?;
        // Whatever has come is read at once, instead of the head of each record and then its body.
        builder.set_read_ahead(true);
        match &settings.roots {
            Some(roots) => {
                builder.set_cert_store(X509StoreBuilder::new()?.build());
                for pem in roots.iter().flat_map(|bundle| certificates(bundle)) {
                    let root = X509::from_pem(pem.as_bytes()).map_err(|error| Problem::Roots(error.to_string()))?;
                    builder.cert_store_mut().add_cert(root)?;
                }
            }
            None if settings.verify => {
                let found = openssl_probe::probe();
                let files = found.cert_file.iter().map(|file| (Some(file.as_path()), None));
                let directories = found.cert_dir.iter().map(|directory| (None, Some(directory.as_path())));
                for (file, directory) in files.chain(directories) {
                    // Where one of them can't be read, the others may do; without any, no certificate is trusted.
                    let _ = builder.load_verify_locations(file, directory);
                }
            }
            None => {}
        }
        if let Some((chain, key)) = &settings.identity {
            let unreadable = |error: ErrorStack| Problem::Identity(error.to_string());
            let key = PKey::private_key_from_pem_passphrase(key.as_bytes(), NO_PASSPHRASE).map_err(unreadable)?;
            let mut chain = X509::stack_from_pem(chain.as_bytes()).map_err(unreadable)?.into_iter();
            let own = chain.next().ok_or_else(|| Problem::Identity("there is no certificate in it".into()))?;
            builder.set_certificate(&own).map_err(unreadable)?;
            builder.set_private_key(&key).map_err(unreadable)?;
            chain.try_for_each(|above| builder.add_extra_chain_cert(above)).map_err(unreadable)?;
        }
        if direct {
            builder.set_alpn_protos(ALPN)?;
        }
        if !settings.verify {
            builder.set_verify(SslVerifyMode::NONE);
        }
        Ok(Connector { context: builder.build(), verify_name: settings.verify && settings.verify_name })
    }

    /// Shakes hands with the server of this name.
    pub async fn connect(&self, name: &str, socket: Socket) -> Result<Session, Problem> {
        let mut configuration = self.context.configure()?;
        configuration.set_verify_hostname(self.verify_name);
        let ssl = configuration.into_ssl(name)?;
        let mut session = SslStream::new(ssl, socket)?;
        match Pin::new(&mut session).connect().await {
            Ok(()) => Ok(session),
            Err(error) => Err(Problem::Handshake(match session.ssl().verify_result() {
                X509VerifyResult::OK => error.to_string(),
                refusal => format!("{error} ({refusal})"),
            })),
        }
    }
}

/// The hash of the server's certificate, by RFC 5929.
pub fn end_point(session: &Session) -> Option<Vec<u8>> {
    let certificate = session.ssl().peer_certificate()?;
    let digest = match certificate.signature_algorithm().object().nid().signature_algorithms()?.digest {
        Nid::MD5 | Nid::SHA1 => MessageDigest::sha256(),
        other => MessageDigest::from_nid(other)?,
    };
    certificate.digest(digest).ok().map(|hash| hash.to_vec())
}

/// The socket below TLS.
#[cfg(unix)]
pub fn socket(session: &mut Session) -> &mut Socket {
    session.get_mut()
}
