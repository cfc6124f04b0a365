//! TLS, with what the server's certificates say.

use std::sync::Arc;
use std::time::Duration;

use super::cause::Cause;
use super::certificate::{Moment, printable};
use super::finding::Finding;
use super::place::Place;
use super::quote::quote;
use super::trust::{self, Chain, Expected};
use crate::clock;
use crate::config::{ServerSettings, TlsSettings, TlsVersion};
use crate::conn::address::Address;
use crate::conn::alert::is_alert;
use crate::conn::steps::{self, Seen};
use crate::conn::stream::Stream;
use crate::conn::tls::{Connector, Disagreement, Refusal};
use crate::conn::{Caller, KeyRing, Socket};
use crate::error::{Error, ErrorKind};

/// How long a handshake may take.
const LIMIT: Duration = Duration::from_secs(3);
/// The same of one more, which only adds to what is known.
const FURTHER_LIMIT: Duration = Duration::from_secs(2);
/// How long a server may take to complain behind the handshake.
const COMPLAINT_LIMIT: Duration = Duration::from_secs(1);

/// What is wrong with the files of certificates and keys that the settings have.
pub(super) async fn unusable(settings: &ServerSettings) -> Option<Finding> {
    let tls = settings.tls.as_ref()?;
    let given = tls.roots.iter().flat_map(|roots| roots.iter()).filter(|_| tls.own_roots);
    if given.into_iter().any(|roots| !roots.contains("-----BEGIN ")) {
        return Some(Finding::new(Cause::CaFile).with("reason", "there is no certificate in PEM in it"));
    }
    let error = KeyRing::default().connector(tls, false, None).await.err()?;
    // Without its words for the library, whose answers to them repeat them.
    let plain = TlsSettings {
        ciphers: None,
        suites: None,
        signatures: None,
        groups: None,
        protocols: Vec::new(),
        ..tls.clone()
    };
    if KeyRing::default().connector(&plain, false, None).await.is_ok() {
        let reason =
            "`ciphers`, `sigalgs`, `ecdhCurve` or `ALPNProtocols` of `ssl` isn't understood by the TLS library";
        return Some(Finding::new(Cause::Configuration).with("reason", reason).by(error));
    }
    Some(Finding::new(Cause::CaFile).with("reason", error.message.clone()).by(error))
}

/// A server that is to speak TLS.
pub(super) struct Guarded<'a> {
    pub(super) place: &'a Place,
    pub(super) tls: &'a TlsSettings,
    pub(super) address: &'a Address,
    pub(super) ring: &'a KeyRing,
}

impl Guarded<'_> {
    /// Wraps TLS around the socket, by the settings. What is seen of it comes with it, in a sentence.
    pub(super) async fn secure(
        &self,
        socket: Socket,
        caller: Option<&Arc<dyn Caller>>,
    ) -> Result<(Stream, String), Finding> {
        let connector = self.connector().await.map_err(|error| {
            let reason = printable(&error.message);
            Finding::new(Cause::Configuration).with("reason", reason).by(error)
        })?;
        let secured = match clock::within(LIMIT, steps::wrap(socket, &connector, self.host())).await {
            Some(Ok(secured)) => secured,
            Some(Err(refusal)) => return Err(self.refused(refusal).await),
            None => return Err(self.silent()),
        };
        let chain = &secured.seen.chain;
        match steps::identify(caller, &connector, self.host(), chain).await {
            Ok(()) => Ok((secured.stream, self.detail(&secured.seen))),
            Err(error) => Err(self.turned_down(chain, error)),
        }
    }

    /// What the server has against the client's certificate, where a connection has ended behind the handshake for
    /// that: in TLS 1.3 the client has said the next thing by then, and the end of the connection may hide the reason.
    pub(super) async fn complaint(&self, finding: &Finding) -> Option<Finding> {
        let is_end = |error: &Error| matches!(error.kind, ErrorKind::Lost | ErrorKind::Io);
        if !finding.error.as_deref().is_some_and(is_end) {
            return None;
        }
        let connector = self.connector().await.ok()?;
        let error = clock::within(COMPLAINT_LIMIT, steps::listen(self.address, &connector, self.host())).await??;
        is_about_client(&error).then(|| self.about_client(error))
    }

    async fn connector(&self) -> Result<Arc<Connector>, Error> {
        steps::connector(self.tls, &self.place.settings, self.host(), self.ring).await
    }

    fn host(&self) -> &str {
        &self.place.host
    }

    fn begin(&self, cause: Cause) -> Finding {
        Finding::new(cause).with("place", self.place.shown())
    }

    fn silent(&self) -> Finding {
        let seconds = LIMIT.as_secs();
        let seen = if self.place.is_direct_tls() {
            format!("The connection was taken, and TLS wasn't there within {seconds} s.")
        } else {
            format!("The server agreed to speak TLS, and TLS wasn't there within {seconds} s.")
        };
        self.begin(Cause::SilentServer).seen(seen)
    }

    async fn refused(&self, Refusal { error, disagreement }: Refusal) -> Finding {
        match disagreement {
            Some(Disagreement::Version) => self.other_version().await,
            Some(Disagreement::Terms) => self.failed(
                "the server takes none of the ciphers, key exchanges and signatures that are offered, or it misses \
                 something that it doesn't name, such as a certificate of the client's",
            ),
            Some(Disagreement::ClientCertificate) => return self.about_client(error),
            Some(Disagreement::Language) => self.failed("what it says isn't TLS"),
            Some(Disagreement::End) => self.ended().await,
            None => return self.distrusted(error).await,
        }
        .seen(format!("{}: {}", self.place.shown(), printable(&error.message)))
        .by(error)
    }

    fn failed(&self, reason: &str) -> Finding {
        self.begin(Cause::TlsFailed).with("reason", reason)
    }

    async fn other_version(&self) -> Finding {
        let offered = offered(self.tls);
        let open = TlsSettings { oldest: Some(TlsVersion::V1_0), newest: None, ..self.tls.clone() };
        let seen = self.look(&open, self.place.is_direct_tls()).await;
        let spoken = seen.as_ref().and_then(|seen| seen.version).map(shown_version);
        let finding = self.begin(Cause::TlsVersion);
        match spoken {
            Some(spoken) => {
                let version = format!("this side takes {offered}, and the server speaks {spoken}");
                finding.with("version", version).seen(format!("Without a limit on this side, {spoken} comes about."))
            }
            None => finding.with("version", format!("this side takes {offered}, and the server takes none of it")),
        }
    }

    /// The server has ended the connection in the midst of it.
    async fn ended(&self) -> Finding {
        if !self.place.is_direct_tls() {
            return self.failed("the server agrees to speak TLS and ends the connection in the midst of it");
        }
        match self.look(self.tls, false).await {
            Some(_) => self
                .failed("the server wants to be asked for TLS first: leave `sslnegotiation=direct` out")
                .seen("Asked first, the same server speaks TLS."),
            None => self.begin(Cause::ClosesAtOnce).seen("It ended the connection when TLS began."),
        }
    }

    /// The certificates aren't accepted. TLS libraries keep to themselves what they don't accept, so the certificates
    /// are looked at once more.
    async fn distrusted(&self, error: Error) -> Finding {
        let code = error.code.as_deref().unwrap_or("");
        let seen = self.look(self.tls, self.place.is_direct_tls()).await.unwrap_or_default();
        let chain = Chain::read(&seen.chain);
        let finding = match trust::finding(code, &chain, &self.expected()) {
            Some(finding) => finding,
            None => {
                let mut finding = self.failed(&printable(&error.message));
                finding.evidence = chain.sentences();
                finding
            }
        };
        finding.by(error)
    }

    fn expected(&self) -> Expected<'_> {
        let host = self.host();
        Expected {
            place: self.place,
            host,
            name: self.tls.server_name.as_deref().unwrap_or(host),
            trusts_supabase: self.place.settings.further_root(host).is_some(),
            has_own_roots: self.tls.own_roots,
            now: Moment::at(clock::today()),
        }
    }

    async fn look(&self, tls: &TlsSettings, direct: bool) -> Option<Seen> {
        let looking = steps::look_at(self.address, tls, direct, self.host(), self.ring);
        clock::within(FURTHER_LIMIT, looking).await?.ok()
    }

    /// The program's own check has refused the server.
    fn turned_down(&self, chain: &[Vec<u8>], error: Error) -> Finding {
        let chain = Chain::read(chain);
        let mut finding = trust::of_name(&chain, &self.expected());
        let said = match quote(&error.message, self.place) {
            Some(reason) => format!("The program's own `checkServerIdentity` refuses it: {reason}"),
            None => "The program's own `checkServerIdentity` refuses it.".to_owned(),
        };
        finding.evidence.push(said);
        finding.by(error)
    }

    fn about_client(&self, error: Error) -> Finding {
        let seen = match &self.tls.identity {
            Some(_) => "In the TLS handshake the server refuses the certificate that it was shown.",
            None => "In the TLS handshake the server wants a certificate of the client's, and there is none.",
        };
        self.begin(Cause::ClientCertificate).seen(seen).by(error)
    }

    fn detail(&self, seen: &Seen) -> String {
        let version = seen.version.map_or_else(|| "TLS".to_owned(), shown_version);
        let chain = Chain::read(&seen.chain);
        let Some(own) = chain.own() else { return format!("{version} is spoken; its certificate can't be read") };
        let end = chain.validity(Moment::at(clock::today()));
        let check = match (self.tls.verify, self.tls.verify_name || self.tls.identity_check.is_some()) {
            (false, _) => "; the configuration has it not verified",
            (true, false) => "; the configuration has its name not checked",
            (true, true) => "",
        };
        format!("{version}, with a certificate for {}, issued by {}, {end}{check}", own.shown_names(), own.issuer)
    }
}

fn is_about_client(error: &Error) -> bool {
    error.code.as_deref().is_some_and(is_alert)
}

/// The versions that this side takes.
fn offered(tls: &TlsSettings) -> String {
    let oldest = tls.oldest.unwrap_or(TlsVersion::V1_2);
    match tls.newest.unwrap_or(TlsVersion::V1_3) {
        newest if newest == oldest => format!("{} alone", named(oldest)),
        newest => format!("{} to {}", named(oldest), named(newest)),
    }
}

fn named(version: TlsVersion) -> &'static str {
    match version {
        TlsVersion::V1_0 => "TLS 1.0",
        TlsVersion::V1_1 => "TLS 1.1",
        TlsVersion::V1_2 => "TLS 1.2",
        TlsVersion::V1_3 => "TLS 1.3",
    }
}

/// OpenSSL's word for a version, as people write it.
fn shown_version(version: &str) -> String {
    version.replacen("TLSv", "TLS ", 1)
}
