//! The steps of opening a connection, each by itself, for whoever has to know which of them fails.

use std::sync::Arc;
use std::time::Instant;

use tokio::io::AsyncReadExt;
use tokio_postgres::config::SslNegotiation;

use super::address::{Address, dial_again};
use super::caller::{Caller, Question, ask};
use super::connection_id::next_id;
use super::destination::Destination;
use super::driver;
use super::handshake::{Conversation, Said};
use super::key_ring::KeyRing;
use super::login::{begin, failed, is_failed_look_up};
use super::logins::Fingerprint;
use super::pooler_question;
use super::pooling::Way;
use super::project::Approach;
use super::route::{Route, broken, secure};
use super::session::Session;
use super::session_parameters::SessionParameters;
use super::socket::Socket;
use super::stream::Stream;
use super::tls::{self, Connector, Refusal};
use crate::clock;
use crate::config::{ProjectSettings, ServerSettings, TlsSettings};
use crate::error::{Error, ErrorKind, Phase, texts};
use crate::supabase::{self, Account};

/// The settings for the host that leads to their project, which is looked for where it isn't known: its own machine
/// where that is preferred, else its pooler.
///
/// # Errors
/// Why no pooler was found.
pub async fn find(settings: &ServerSettings, project: &ProjectSettings) -> Result<ServerSettings, Error> {
    Approach::new(settings, project).next().await
}

/// The pooler that knows a project, where these hosts, which are some, don't. No password is sent.
///
/// # Errors
/// Why none was found.
pub async fn find_elsewhere(
    settings: &ServerSettings,
    project: &ProjectSettings,
    hosts: &[String],
) -> Result<String, Error> {
    let found = Approach::elsewhere(settings, project, hosts).next().await?;
    Ok(found.first_way().host.to_owned())
}

/// The startup parameters that a connection sends at first, and when a pooler has refused one of them.
///
/// # Errors
/// `Config` for what the way can't have.
pub fn parameters(settings: &ServerSettings, way: supabase::Way<'_>) -> Result<Parameters, Error> {
    let first = SessionParameters::of(settings, way)?;
    let fewer = first.fewer().map(|fewer| fewer.sent().to_vec());
    Ok(Parameters { sent: first.sent().to_vec(), fewer })
}

/// Parameters for startup messages.
pub struct Parameters {
    /// Those that a connection sends at first.
    pub sent: Vec<(String, String)>,
    /// Those that it sends once more when a pooler refuses one of the first. Without them it gives up then.
    pub fewer: Option<Vec<(String, String)>>,
}

/// A stream to the very address that another connection had, with TLS by the settings.
///
/// # Errors
/// As of a connection.
pub async fn connect_again(
    address: &Address,
    host: &str,
    settings: &ServerSettings,
    ring: &KeyRing,
) -> Result<Stream, Error> {
    stream_to(address, host, settings, ring).await.map(|(stream, _)| stream)
}

async fn stream_to(
    address: &Address,
    host: &str,
    settings: &ServerSettings,
    ring: &KeyRing,
) -> Result<(Stream, Option<Arc<Connector>>), Error> {
    let socket = dial_again(address).await?;
    let Some(tls) = settings.tls.as_ref().filter(|_| matches!(address, Address::Tcp(_))) else {
        return Ok((Stream::Plain(socket), None));
    };
    let connector = connector(tls, settings, host, ring).await?;
    let session = secure(socket, &connector, host).await?;
    Ok((Stream::Tls(session), Some(connector)))
}

/// TLS that has come about.
pub struct Secured {
    /// What goes on.
    pub stream: Stream,
    /// What is seen of it.
    pub seen: Seen,
}

/// What is seen of TLS.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// The server's certificate and those that it sent along, in DER; its own alone where the library has no more.
    pub chain: Vec<Vec<u8>>,
    /// The version in OpenSSL's words (`TLSv1.3`), where the library tells it.
    pub version: Option<&'static str>,
}

impl Seen {
    fn of(session: &tls::Session) -> Seen {
        Seen { chain: tls::chain(session), version: tls::version(session) }
    }
}

/// What TLS at this host is made with, by the settings.
///
/// # Errors
/// `Config` for certificates, keys and options that can't be used.
pub async fn connector(
    tls: &TlsSettings,
    settings: &ServerSettings,
    host: &str,
    ring: &KeyRing,
) -> Result<Arc<Connector>, Error> {
    let direct = settings.server.get_ssl_negotiation() == SslNegotiation::Direct;
    ring.connector(tls, direct, settings.further_root(host)).await
}

/// Wraps TLS around a socket whose server has agreed to it.
///
/// # Errors
/// As of a connection: `Tls` with Node's codes, and what the two sides don't come together over.
pub async fn wrap(socket: Socket, connector: &Arc<Connector>, host: &str) -> Result<Secured, Refusal> {
    let session = connector.attempt(socket, host).await?;
    let seen = Seen::of(&session);
    Ok(Secured { stream: Stream::Tls(Box::new(session)), seen })
}

/// What a server shows in a handshake that verifies nothing, on a connection of its own. It is asked for TLS first
/// unless `direct`.
///
/// # Errors
/// As of a connection.
pub async fn look_at(
    address: &Address,
    tls: &TlsSettings,
    direct: bool,
    host: &str,
    ring: &KeyRing,
) -> Result<Seen, Error> {
    let trusting = TlsSettings { verify: false, verify_name: false, ..tls.clone() };
    let connector = ring.connector(&trusting, direct, None).await?;
    let session = secure(dial_again(address).await?, &connector, host).await?;
    Ok(Seen::of(&session))
}

/// What a server says behind the handshake while it is told nothing: an alert where it doesn't like the client's
/// certificate. The wait for it has no limit of its own.
pub async fn listen(address: &Address, connector: &Arc<Connector>, host: &str) -> Option<Error> {
    let session = secure(dial_again(address).await.ok()?, connector, host).await;
    let mut session = match session {
        Ok(session) => session,
        Err(error) => return Some(error),
    };
    let read = session.read_u8().await;
    read.err().map(|error| broken(&error))
}

/// Asks the program whether this is the right server, where it has a check of its own.
///
/// # Errors
/// What it has thrown.
pub async fn identify(
    caller: Option<&Arc<dyn Caller>>,
    connector: &Connector,
    host: &str,
    chain: &[Vec<u8>],
) -> Result<(), Error> {
    if connector.settings().identity_check.is_none() {
        return Ok(());
    }
    ask(caller, Question::identity(connector.name(host), chain.to_vec()), "check the server's certificate")
        .await
        .map(drop)
}

/// What the server says to the startup message with these parameters; the connection ends then.
///
/// # Errors
/// The stream ends, or what comes isn't of the protocol.
pub async fn introduce(
    stream: Stream,
    settings: &ServerSettings,
    parameters: &[(String, String)],
    ring: &KeyRing,
) -> Result<Said, Error> {
    Conversation::new(stream, settings, parameters, ring, false).ask().await
}

/// A login, with what was spent on it.
pub struct Login {
    /// The session, or why there is none.
    pub outcome: Result<Session, Error>,
    /// Passwords and proofs that were sent.
    pub proofs: u32,
    /// It wasn't tried, since look-ups of roles have failed: the outcome is that of another login.
    pub is_withheld: bool,
}

/// Logs in at an address of `host`, by the settings' own password, which may take until then. What is known of wrong
/// passwords to Supabase counts here as well: one that was refused isn't sent again.
pub async fn log_in(
    address: &Address,
    host: &str,
    settings: &ServerSettings,
    parameters: &[(String, String)],
    ring: &KeyRing,
    until: Instant,
) -> Login {
    let account = Account::of(&settings.first_way(), &settings.startup);
    let password = settings.server.get_password().filter(|password| !password.is_empty());
    let password = password.map(|password| Fingerprint::of(&String::from_utf8_lossy(password)));
    let destination = Destination::of(settings);
    let login = match account.as_ref().zip(password) {
        Some((account, password)) => match in_time(until, host, begin(settings, account, password, &destination)).await
        {
            Ok(login) => Some(login),
            Err(error) => {
                let is_withheld = is_failed_look_up(settings, &error);
                return Login { outcome: Err(error), proofs: 0, is_withheld };
            }
        },
        None => None,
    };
    let verifying;
    let mut talk = Talk { address, host, settings, parameters, ring, until, proofs: 0 };
    let mut outcome = talk.run().await;
    if let Err(Failure::Withheld) = outcome {
        // As a connection does: the password goes in the clear to a server only whose certificate was verified.
        let tls = settings.tls.clone().map(|given| TlsSettings { verify: true, verify_name: true, ..given });
        verifying = ServerSettings { tls, ..settings.clone() };
        talk = Talk { settings: &verifying, ..talk };
        outcome = talk.run().await;
    }
    let proofs = talk.proofs;
    let outcome = outcome.map_err(|failure| match failure {
        Failure::Error(error) => *error,
        Failure::Withheld => Error::new(ErrorKind::Auth, texts::PASSWORD_WITHHELD),
    });
    if let Some(login) = &login {
        match &outcome {
            Ok(_) => login.succeed(),
            Err(error) => failed(login, settings, error, &destination),
        }
    }
    Login { outcome, proofs, is_withheld: false }
}

async fn in_time<T>(until: Instant, host: &str, work: impl Future<Output = Result<T, Error>>) -> Result<T, Error> {
    let left = until.saturating_duration_since(clock::now());
    clock::within(left, work).await.unwrap_or_else(|| {
        let phase = Phase::Authenticate;
        Err(Error::new(ErrorKind::Timeout(phase), texts::login_timeout(host)).with_code("ETIMEDOUT"))
    })
}

enum Failure {
    Error(Box<Error>),
    /// The server asks for the password as it is, and its certificate wasn't verified.
    Withheld,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(Box::new(error))
    }
}

/// A login under way.
struct Talk<'a> {
    address: &'a Address,
    host: &'a str,
    settings: &'a ServerSettings,
    parameters: &'a [(String, String)],
    ring: &'a KeyRing,
    until: Instant,
    proofs: u32,
}

impl Talk<'_> {
    async fn run(&mut self) -> Result<Session, Failure> {
        let Talk { address, host, settings, parameters, ring, until, .. } = *self;
        let (stream, connector) = in_time(until, host, stream_to(address, host, settings, ring)).await?;
        let route = Route {
            address: address.clone(),
            host: host.to_owned(),
            tls: connector,
            certificate: None,
            connect_timeout: settings.connect_timeout,
        };
        let is_verified = route.tls.is_some() && settings.tls.as_ref().is_some_and(TlsSettings::verifies);
        let may_tell = !settings.by_ref || is_verified;
        let mut conversation = Conversation::new(stream, settings, parameters, ring, may_tell);
        let started = in_time(until, host, conversation.start(None)).await;
        self.proofs += conversation.proofs();
        match started {
            Ok(started) => {
                let way = Way::of(settings, None, host, settings.port());
                let established = conversation.established(started, route, way);
                Ok(Session::owning(driver::start(next_id(), established, pooler_question::begin)))
            }
            Err(_) if conversation.has_withheld() => Err(Failure::Withheld),
            Err(error) => Err(error.into()),
        }
    }
}
