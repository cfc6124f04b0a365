//! From settings to a connection that is ready for queries: one try.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::config::{Host, SslNegotiation};

use super::address::{Address, dial};
use super::caller::{Caller, Question, ask};
use super::connection::Connection;
use super::connection_id::ConnectionId;
use super::driver;
use super::handshake::Conversation;
use super::key_ring::KeyRing;
use super::logins::Login;
use super::pooler_question;
use super::pooling;
use super::route::{Route, secure};
use super::session::Session;
use super::session_parameters::SessionParameters;
use super::socket::Socket;
use super::stream::Stream;
use super::tls::{self, Connector};
use crate::clock;
use crate::config::{ServerSettings, SessionTarget, TlsSettings};
use crate::error::{Error, ErrorKind, Phase, texts};
use crate::supabase::{self, Way};

/// One try at each host of the settings.
#[derive(Clone, Copy)]
pub(super) struct Attempts<'a> {
    pub(super) id: ConnectionId,
    pub(super) settings: &'a ServerSettings,
    pub(super) ring: &'a KeyRing,
    /// How long each host may take.
    pub(super) limit: Option<Duration>,
    /// Answers questions later on.
    pub(super) program: Option<&'a Arc<dyn Caller>>,
    /// Told as soon as the password was right.
    pub(super) login: Option<&'a Login<'a>>,
}

impl<'a> Attempts<'a> {
    /// Connects to the first host that is up and of the wanted kind. Must be called on the runtime.
    ///
    /// # Errors
    /// The error of the only host, or of the last one tried. `Timeout` names the phase that the time ran out in.
    pub(super) async fn run(&self, caller: Option<&Arc<dyn Caller>>) -> Result<Connection, Error> {
        match self.settings.session {
            SessionTarget::PreferStandby => match self.run_any(SessionTarget::Standby, caller).await {
                Err(error) if !is_hopeless(&error) => self.run_any(SessionTarget::Any, caller).await,
                outcome => outcome,
            },
            target => self.run_any(target, caller).await,
        }
    }

    async fn run_any(&self, target: SessionTarget, caller: Option<&'a Arc<dyn Caller>>) -> Result<Connection, Error> {
        let Attempts { id, settings, ring, limit, program, login } = *self;
        let hosts = settings.server.get_hosts();
        let ports = settings.server.get_ports();
        let mut last = Error::config(texts::NO_HOST);
        for (index, host) in hosts.iter().enumerate() {
            let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
            let name = host_name(host);
            let way = settings.way(&name, port);
            let mut attempt = Attempt {
                id,
                settings,
                ring,
                caller,
                program,
                login,
                target,
                limit,
                way,
                phase: Phase::Connect,
                was_challenged: false,
            };
            match attempt.run_in_time(host).await {
                Ok(connection) => return Ok(connection),
                Err(error) => last = advised(&way, error),
            }
            if is_hopeless(&last) {
                break;
            }
        }
        Err(last)
    }
}

/// The password is wrong everywhere, and each further try counts towards a ban.
fn is_hopeless(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Config | ErrorKind::Auth) || error.code.as_deref() == Some("28P01")
}

/// The error, with what it means where the server is a Supabase project's.
fn advised(way: &Way<'_>, error: Error) -> Error {
    match supabase::advice(way, &error) {
        Some(advice) if error.supabase.is_none() => error.with_advice(advice),
        _ => error,
    }
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

pub(super) fn timed_out(way: &Way<'_>, limit: Duration, phase: Phase) -> Error {
    Error::new(ErrorKind::Timeout(phase), texts::connect_timeout(way.host, way.port, limit, phase))
        .with_code("ETIMEDOUT")
}

struct Attempt<'a> {
    id: ConnectionId,
    settings: &'a ServerSettings,
    ring: &'a KeyRing,
    caller: Option<&'a Arc<dyn Caller>>,
    program: Option<&'a Arc<dyn Caller>>,
    login: Option<&'a Login<'a>>,
    target: SessionTarget,
    limit: Option<Duration>,
    way: Way<'a>,
    phase: Phase,
    /// The last login has got as far as the proof of who this is.
    was_challenged: bool,
}

/// Why there is no connection.
enum Failure {
    Error(Error),
    /// The server asks for the password as it is, and its certificate wasn't verified.
    Unverified,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::Error(error)
    }
}

impl Attempt<'_> {
    async fn run_in_time(&mut self, host: &Host) -> Result<Connection, Error> {
        let Some(limit) = self.limit else { return self.run(host).await };
        let outcome = clock::within(limit, self.run(host)).await;
        outcome.unwrap_or_else(|| Err(timed_out(&self.way, self.settings.connect_timeout.unwrap_or(limit), self.phase)))
    }

    async fn run(&mut self, host: &Host) -> Result<Connection, Error> {
        let mut parameters = SessionParameters::of(self.settings, self.way)?;
        let mut connected = self.connect(host, &parameters).await;
        // A refusal of the proof has the same code, and may not have it given twice.
        if let Err(error) = &connected
            && !self.was_challenged
            && let Some(fewer) = parameters.refused(error)
        {
            parameters = fewer;
            connected = self.connect(host, &parameters).await;
        }
        let is_of_parameters = !self.was_challenged;
        let explained = |error| if is_of_parameters { parameters.explained(error) } else { error };
        let session = Session::owning(connected.map_err(explained)?);
        parameters.settle(&session).await?;
        self.check(&session).await?;
        Ok(session.keep())
    }

    /// Connects with TLS as set, and where the server wants the password in the clear, once more with its certificate
    /// verified.
    async fn connect(&mut self, host: &Host, parameters: &SessionParameters<'_>) -> Result<Connection, Error> {
        match self.talk(host, parameters).await {
            Ok(connection) => Ok(connection),
            Err(Failure::Error(error)) => Err(error),
            Err(Failure::Unverified) => self.verifying(host, parameters).await,
        }
    }

    /// As [`Attempt::talk`], with the server's certificate verified.
    async fn verifying(&self, host: &Host, parameters: &SessionParameters<'_>) -> Result<Connection, Error> {
        let given = self.settings.tls.clone().unwrap_or_default();
        let tls = Some(TlsSettings { verify: true, verify_name: true, ..given });
        let settings = &ServerSettings { tls, ..self.settings.clone() };
        match (Attempt { settings, ..*self }).talk(host, parameters).await {
            Ok(connection) => Ok(connection),
            Err(Failure::Error(error)) if error.kind == ErrorKind::Tls => {
                let message = texts::cleartext_unverified(&error.message);
                Err(Error { message, ..error })
            }
            Err(Failure::Error(error)) => Err(error),
            Err(Failure::Unverified) => Err(Error::new(ErrorKind::Auth, texts::PASSWORD_WITHHELD)),
        }
    }

    async fn talk(&mut self, host: &Host, parameters: &SessionParameters<'_>) -> Result<Connection, Failure> {
        self.phase = Phase::Connect;
        let (socket, address) = dial(host, self.way.port).await?;
        if let (Socket::Tcp(stream), Some(idle)) = (&socket, self.settings.keepalive) {
            keep_alive(stream, idle);
        }
        let wants_tls = self.settings.tls.as_ref().filter(|_| matches!(address, Address::Tcp(_)));
        let direct = self.settings.server.get_ssl_negotiation() == SslNegotiation::Direct;
        self.phase = Phase::Tls;
        let connect_timeout = self.settings.connect_timeout;
        let host = self.way.host.to_owned();
        let mut route = Route { address, host, tls: None, certificate: None, connect_timeout };
        let stream = match wants_tls {
            Some(settings) => {
                let further_root = self.settings.further_root(self.way.host);
                let connector = self.ring.connector(settings, direct, further_root).await?;
                let session = secure(socket, &connector, self.way.host).await?;
                route.certificate = self.check_identity(&connector, &session).await?;
                route.tls = Some(connector);
                Stream::Tls(session)
            }
            None => Stream::Plain(socket),
        };
        self.phase = Phase::Authenticate;
        let may_tell = !self.settings.by_ref || wants_tls.is_some_and(TlsSettings::verifies);
        let mut conversation = Conversation::new(stream, self.settings, parameters.sent(), self.ring, may_tell);
        let started = conversation.start(self.caller).await;
        self.was_challenged = conversation.was_challenged();
        match started {
            Ok(started) => {
                if let Some(login) = self.login {
                    login.succeed();
                }
                let way = pooling::Way::of(self.settings, self.program, self.way.host, self.way.port);
                Ok(driver::start(self.id, conversation.established(started, route, way), pooler_question::begin))
            }
            Err(_) if conversation.has_withheld() => Err(Failure::Unverified),
            Err(error) => Err(error.into()),
        }
    }

    /// Makes sure that the server is of the kind that `target_session_attrs` asks for.
    async fn check(&self, session: &Session) -> Result<(), Error> {
        let Some((question, refusal, kind)) = self.target.question() else { return Ok(()) };
        let answer = session.simple(question).await?;
        let is_so = answer.first().and_then(|set| set.value(0)).is_some_and(|value| matches!(value, "on" | "t"));
        if is_so == refusal {
            return Err(Error::new(ErrorKind::Io, texts::wrong_session(self.way.host, kind)).with_code("ECONNREFUSED"));
        }
        Ok(())
    }

    /// Asks the program whether this is the right server, when it has a check of its own.
    async fn check_identity(&self, connector: &Connector, session: &tls::Session) -> Result<Option<Vec<u8>>, Error> {
        if connector.settings().identity_check.is_none() {
            return Ok(None);
        }
        let question = Question::identity(connector.name(self.way.host), tls::chain(session));
        ask(self.caller, question, "check the server's certificate").await?;
        Ok(tls::certificate(session))
    }
}

fn keep_alive(stream: &tokio::net::TcpStream, idle: Duration) {
    let mut keepalive = socket2::TcpKeepalive::new();
    if !idle.is_zero() {
        keepalive = keepalive.with_time(idle);
    }
    // A socket without keepalives works as well, so a refusal is no reason to fail.
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive);
}
