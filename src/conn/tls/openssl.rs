//! TLS on the OpenSSL that is built into the addon: that of Cargo.lock in a release, else one that the system has
//! (decision 0041).

use std::pin::Pin;

use openssl::error::ErrorStack;
use openssl::pkcs12::Pkcs12;
use openssl::pkey::{Id, PKey};
use openssl::ssl::{SslConnector, SslConnectorBuilder, SslMethod, SslOptions, SslRef, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use openssl::x509::{X509, X509VerifyResult};
use tokio_openssl::SslStream;

use super::bundle::certificates;
use super::problem::{self, Disagreement, Problem};
use crate::config::{ClientIdentity, TlsSettings, TlsVersion};
use crate::conn::alert;
use crate::conn::socket::Socket;
use crate::error::texts;

/// A socket with TLS around it.
pub type Session = SslStream<Socket>;

/// The key exchanges that the client offers, with a key for the first. Every PostgreSQL takes P-256, and up to version
/// 17 most take nothing else: a key for another costs a round trip, in which the server asks for this one (decision
/// 0017).
const GROUPS: &str = "P-256:X25519MLKEM768:X25519:P-384:P-521";
/// The same of an OpenSSL before 3.5, which a system may have.
const OLDER_GROUPS: &str = "P-256:X25519:P-384:P-521";
/// How OpenSSL writes 3.5.0.
const WITH_MLKEM: i64 = 0x3050_0000;

fn default_groups() -> &'static str {
    if openssl::version::number() < WITH_MLKEM { OLDER_GROUPS } else { GROUPS }
}

/// The protocol's name in ALPN.
const PROTOCOL: &str = "postgresql";

/// An encrypted key is refused; without a callback OpenSSL would ask for the passphrase on the terminal.
const NO_PASSPHRASE: &[u8] = b"";

impl From<ErrorStack> for Problem {
    fn from(error: ErrorStack) -> Self {
        Problem::Setup(error.to_string())
    }
}

/// Settings made ready for any number of connections.
pub(super) struct Connector {
    context: SslConnector,
    verify: bool,
    verify_name: bool,
    least_dh_bits: u32,
}

impl Connector {
    /// Reads certificates and key.
    pub(super) fn build(settings: &TlsSettings, direct: bool, further_root: Option<&str>) -> Result<Self, Problem> {
        let mut builder = SslConnector::builder(SslMethod::tls())?;
        negotiation(&mut builder, settings, direct)?;
        // Whatever has come is read at once, instead of the head of each record and then its body.
        builder.set_read_ahead(true);
        trust(&mut builder, settings, further_root)?;
        if let Some(identity) = &settings.identity {
            show(&mut builder, identity).map_err(|error| Problem::unreadable(identity, error.to_string()))?;
        }
        Ok(Connector {
            context: builder.build(),
            verify: settings.verify,
            verify_name: settings.verify && settings.verify_name,
            least_dh_bits: settings.least_dh_bits,
        })
    }

    /// Does the handshake with the server of this name.
    pub(super) async fn connect(&self, name: &str, socket: Socket) -> Result<Session, Problem> {
        let mut configuration = self.context.configure()?;
        configuration.set_verify_hostname(self.verify_name);
        let ssl = configuration.into_ssl(name)?;
        let mut session = SslStream::new(ssl, socket)?;
        match Pin::new(&mut session).connect().await {
            Ok(()) => self.check_key(session.ssl()).map(|()| session),
            Err(error) if self.verify => Err(refusal(session.ssl().verify_result(), &error)),
            Err(error) => Err(unfinished(error.to_string(), &error)),
        }
    }

    /// OpenSSL has a least size of its own for the server's Diffie-Hellman parameter, which may be smaller.
    fn check_key(&self, ssl: &SslRef) -> Result<(), Problem> {
        match ssl.peer_tmp_key() {
            Ok(key) if key.id() == Id::DH && key.bits() < self.least_dh_bits => {
                let text = texts::short_dh_parameter(key.bits(), self.least_dh_bits);
                Err(Problem::Handshake(text, Some(Disagreement::Terms)))
            }
            _ => Ok(()),
        }
    }
}

/// Why the server's certificate isn't accepted, by the numbers of OpenSSL's `x509_vfy.h`, or what else went wrong in
/// the handshake.
fn refusal(verdict: X509VerifyResult, error: &openssl::ssl::Error) -> Problem {
    match verdict.as_raw() {
        0 => unfinished(error.to_string(), error),
        2 => Problem::Untrusted(problem::NO_ISSUER),
        7 => Problem::Untrusted(problem::BAD_SIGNATURE),
        9 => Problem::Untrusted(problem::NOT_YET_VALID),
        10 => Problem::Untrusted(problem::EXPIRED),
        18 => Problem::Untrusted(problem::SELF_SIGNED),
        19 => Problem::Untrusted(problem::SELF_SIGNED_IN_CHAIN),
        20 | 21 => Problem::Untrusted(problem::UNKNOWN_AUTHORITY),
        23 => Problem::Untrusted(problem::REVOKED),
        26 => Problem::Untrusted(problem::WRONG_PURPOSE),
        62 | 64 => Problem::OtherName,
        _ => unfinished(format!("{error} ({verdict})"), error),
    }
}

fn unfinished(text: String, error: &openssl::ssl::Error) -> Problem {
    Problem::Handshake(text, disagreement(error))
}

/// By the numbers of OpenSSL's `sslerr.h`; an alert of the server's is 1000 and its own number (RFC 8446, section 6).
fn disagreement(error: &openssl::ssl::Error) -> Option<Disagreement> {
    match alert::reason(error) {
        // No protocols available, unsupported protocol, wrong SSL version, version too low or too high.
        Some(191 | 258 | 266 | 396 | 166 | 1070) => Some(Disagreement::Version),
        Some(1040 | 1047 | 1071) => Some(Disagreement::Terms),
        Some(number) if alert::code_of(number).is_some() => Some(Disagreement::ClientCertificate),
        // Wrong version number of a record, a record of unknown kind, HTTP.
        Some(267 | 244 | 155 | 156) => Some(Disagreement::Language),
        // Unexpected end while reading.
        Some(294) => Some(Disagreement::End),
        Some(_) => None,
        None => Some(Disagreement::End),
    }
}

/// The version of TLS.
pub(super) fn version_of(session: &Session) -> Option<&'static str> {
    Some(session.ssl().version_str())
}

fn version(version: TlsVersion) -> SslVersion {
    match version {
        TlsVersion::V1_0 => SslVersion::TLS1,
        TlsVersion::V1_1 => SslVersion::TLS1_1,
        TlsVersion::V1_2 => SslVersion::TLS1_2,
        TlsVersion::V1_3 => SslVersion::TLS1_3,
    }
}

/// What both sides have to agree on.
fn negotiation(builder: &mut SslConnectorBuilder, settings: &TlsSettings, direct: bool) -> Result<(), Problem> {
    let unusable = |option: &'static str| move |error: ErrorStack| Problem::Setup(texts::unknown_words(option, error));
    builder.set_min_proto_version(Some(settings.oldest.map_or(SslVersion::TLS1_2, version)))?;
    builder.set_max_proto_version(settings.newest.map(version))?;
    builder.set_groups_list(settings.groups.as_deref().unwrap_or(default_groups())).map_err(unusable("ecdhCurve"))?;
    if let Some(ciphers) = &settings.ciphers {
        builder.set_cipher_list(ciphers).map_err(unusable("ciphers"))?;
    }
    if let Some(suites) = &settings.suites {
        builder.set_ciphersuites(suites).map_err(unusable("ciphers"))?;
    }
    if let Some(signatures) = &settings.signatures {
        builder.set_sigalgs_list(signatures).map_err(unusable("sigalgs"))?;
    }
    builder.set_options(SslOptions::from_bits_retain(settings.options));
    let own = direct.then_some(PROTOCOL);
    let protocols = own.into_iter().chain(settings.protocols.iter().map(String::as_str).filter(|_| !direct));
    let mut wire = Vec::new();
    for protocol in protocols {
        wire.push(u8::try_from(protocol.len()).map_err(|_| Problem::Setup(texts::LONG_PROTOCOL_NAME.into()))?);
        wire.extend_from_slice(protocol.as_bytes());
    }
    if !wire.is_empty() {
        builder.set_alpn_protos(&wire).map_err(unusable("ALPNProtocols"))?;
    }
    Ok(())
}

/// The trusted authorities.
fn trust(builder: &mut SslConnectorBuilder, settings: &TlsSettings, further_root: Option<&str>) -> Result<(), Problem> {
    match &settings.roots {
        Some(_) => builder.set_cert_store(X509StoreBuilder::new()?.build()),
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
    let roots = settings.roots.as_deref().unwrap_or_default();
    let bundles = roots.iter().map(String::as_str).chain(further_root);
    for pem in bundles.flat_map(certificates) {
        let root = X509::from_pem(pem.as_bytes()).map_err(|error| Problem::Roots(error.to_string()))?;
        builder.cert_store_mut().add_cert(root)?;
    }
    if settings.partial_chain {
        builder.verify_param_mut().set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    }
    if !settings.verify {
        builder.set_verify(SslVerifyMode::NONE);
    }
    Ok(())
}

/// The certificate that the client shows, those above it, and its key.
fn show(builder: &mut SslConnectorBuilder, identity: &ClientIdentity) -> Result<(), ErrorStack> {
    match identity {
        ClientIdentity::Pem { chain, key } => {
            builder.set_certificate(&*X509::from_pem(chain.as_bytes())?)?;
            builder.set_private_key(&*PKey::private_key_from_pem_passphrase(key.as_bytes(), NO_PASSPHRASE)?)?;
            let above = X509::stack_from_pem(chain.as_bytes())?.into_iter().skip(1);
            above.into_iter().try_for_each(|above| builder.add_extra_chain_cert(above))
        }
        ClientIdentity::Archive { der, passphrase } => {
            let archive = Pkcs12::from_der(der)?.parse2(passphrase)?;
            if let (Some(own), Some(key)) = (&archive.cert, &archive.pkey) {
                builder.set_certificate(own)?;
                builder.set_private_key(key)?;
            }
            for authority in archive.ca.into_iter().flatten() {
                // As in Node, they are trusted as well.
                builder.cert_store_mut().add_cert(authority.clone())?;
                builder.add_extra_chain_cert(authority)?;
            }
            Ok(())
        }
    }
}

/// The server's certificate and those that it sent along.
pub(super) fn chain(session: &Session) -> Vec<Vec<u8>> {
    let chain = session.ssl().peer_cert_chain();
    chain.into_iter().flatten().filter_map(|certificate| certificate.to_der().ok()).collect()
}

/// The server's certificate.
pub(super) fn certificate(session: &Session) -> Option<Vec<u8>> {
    session.ssl().peer_certificate()?.to_der().ok()
}

/// The socket below TLS.
#[cfg(unix)]
pub fn socket(session: &mut Session) -> &mut Socket {
    session.get_mut()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use openssl::asn1::Asn1Time;
    use openssl::ec::{EcGroup, EcKey};
    use openssl::hash::MessageDigest;
    use openssl::nid::Nid;
    use openssl::pkey::Private;
    use openssl::ssl::{Ssl, SslAcceptor};
    use openssl::x509::X509Name;

    use super::*;
    use crate::conn::scripted::Pipe;

    fn certificate(name: &str) -> Result<(X509, PKey<Private>), ErrorStack> {
        let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1)?;
        let key = PKey::from_ec_key(EcKey::generate(&group)?)?;
        let mut subject = X509Name::builder()?;
        subject.append_entry_by_nid(Nid::COMMONNAME, name)?;
        let mut certificate = X509::builder()?;
        let subject = subject.build();
        certificate.set_subject_name(&subject)?;
        certificate.set_issuer_name(&subject)?;
        certificate.set_pubkey(&key)?;
        certificate.set_not_before(&*Asn1Time::days_from_now(0)?)?;
        certificate.set_not_after(&*Asn1Time::days_from_now(1)?)?;
        certificate.sign(&key, MessageDigest::sha256())?;
        Ok((certificate.build(), key))
    }

    fn authority(name: &str) -> Result<Vec<u8>, ErrorStack> {
        certificate(name)?.0.to_pem()
    }

    fn archive(passphrase: &str) -> Result<Vec<u8>, ErrorStack> {
        let (certificate, key) = certificate("of a client")?;
        let mut builder = Pkcs12::builder();
        builder.pkey(&key).cert(&certificate);
        builder.build2(passphrase)?.to_der()
    }

    fn built(der: Vec<u8>, passphrase: &str) -> Result<Connector, Problem> {
        let identity = ClientIdentity::Archive { der, passphrase: passphrase.into() };
        Connector::build(&TlsSettings { identity: Some(identity), ..TlsSettings::default() }, false, None)
    }

    #[test]
    fn an_archive_is_opened_with_its_passphrase_and_no_other() {
        let der = archive("right").unwrap();
        let connector = built(der.clone(), "right").ok().unwrap();
        assert!(connector.context.context().certificate().is_some());
        assert!(connector.context.context().private_key().is_some());
        for (der, passphrase) in [(der, "wrong"), (b"no archive".to_vec(), "right")] {
            assert!(matches!(built(der, passphrase), Err(Problem::Archive(_))));
        }
    }

    #[test]
    fn a_further_root_is_trusted_besides_those_of_the_settings() {
        let roots = Some([String::from_utf8(authority("theirs").unwrap()).unwrap()].into());
        let settings = TlsSettings { verify: true, roots, ..TlsSettings::default() };
        let further = String::from_utf8(authority("further").unwrap()).unwrap();
        for (further, names) in [(None, "theirs"), (Some(further.as_str()), "further theirs")] {
            let connector = Connector::build(&settings, false, further).ok().unwrap();
            let trusted = connector.context.context().cert_store().all_certificates();
            let name = |root: &X509| {
                let entry = root.subject_name().entries_by_nid(Nid::COMMONNAME).next().unwrap();
                entry.data().to_string().unwrap()
            };
            let mut found: Vec<String> = trusted.iter().map(|root| name(&root.to_owned())).collect();
            found.sort();
            assert_eq!(found.join(" "), names);
        }
    }

    /// Whether a client that trusts this besides its own roots takes a server's certificate.
    async fn is_taken(server: &(X509, PKey<Private>), further_root: Option<&str>) -> bool {
        let (near, far) = tokio::io::duplex(4096);
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls()).unwrap();
        acceptor.set_certificate(&server.0).unwrap();
        acceptor.set_private_key(&server.1).unwrap();
        let ssl = Ssl::new(acceptor.build().context()).unwrap();
        tokio::spawn(async move {
            let mut session = SslStream::new(ssl, far).unwrap();
            // The client's refusal is an error of the server's handshake as well.
            let _ = Pin::new(&mut session).accept().await;
        });
        let roots = Some([String::from_utf8(authority("theirs").unwrap()).unwrap()].into());
        let settings = TlsSettings { verify: true, roots, ..TlsSettings::default() };
        let connector = Connector::build(&settings, false, further_root).ok().unwrap();
        let socket = Socket::Pipe(Pipe::new(near, Arc::default(), Arc::default()));
        match connector.connect("a server", socket).await {
            Ok(_) => true,
            Err(Problem::Untrusted((code, _))) => {
                assert_eq!(code, "DEPTH_ZERO_SELF_SIGNED_CERT");
                false
            }
            Err(problem) => panic!("{}", problem.into_error("").message),
        }
    }

    #[tokio::test]
    async fn a_server_is_taken_whose_certificate_leads_to_the_further_root_and_no_other() {
        let server = certificate("a server").unwrap();
        let root = String::from_utf8(server.0.to_pem().unwrap()).unwrap();
        assert!(is_taken(&server, Some(&root)).await);
        let unrelated = String::from_utf8(authority("unrelated").unwrap()).unwrap();
        assert!(!is_taken(&server, Some(&unrelated)).await);
        assert!(!is_taken(&server, None).await);
    }

    #[test]
    fn an_option_in_words_that_openssl_does_not_know_is_named() {
        let wrong = || Some("nonsense".to_owned());
        let with = |settings: TlsSettings| match Connector::build(&settings, false, None) {
            Err(Problem::Setup(reason)) => reason,
            _ => String::new(),
        };
        assert!(with(TlsSettings { ciphers: wrong(), ..Default::default() }).contains("ssl.ciphers"));
        assert!(with(TlsSettings { suites: wrong(), ..Default::default() }).contains("ssl.ciphers"));
        assert!(with(TlsSettings { signatures: wrong(), ..Default::default() }).contains("ssl.sigalgs"));
        assert!(with(TlsSettings { groups: wrong(), ..Default::default() }).contains("ssl.ecdhCurve"));
    }
}
