//! From settings to a connection that is ready for queries.

use std::sync::Arc;
use std::time::Duration;

use tokio_postgres::config::{Host, SslNegotiation};

use super::address::{Address, dial};
use super::caller::{Caller, Question, ask};
use super::connection::Connection;
use super::connection_id::{ConnectionId, next_id};
use super::driver;
use super::event::Event;
use super::handshake::Conversation;
use super::key_ring::KeyRing;
use super::observer::Observer;
use super::project::Approach;
use super::route::{Route, secure};
use super::session::Session;
use super::socket::Socket;
use super::stream::Stream;
use super::tls::{self, Connector};
use crate::clock;
use crate::config::{ServerSettings, SessionTarget};
use crate::error::{Error, ErrorKind, Phase, texts};

/// Connects to the first host of the settings that is up and of the wanted kind, as the connection of this number. Must
/// be called on the runtime.
///
/// # Errors
/// The error of the only host, or of the last one tried. `Timeout` names the phase that the time ran out in.
pub async fn open(
    id: ConnectionId,
    settings: &ServerSettings,
    ring: &KeyRing,
    caller: Option<&Arc<dyn Caller>>,
) -> Result<Connection, Error> {
    let Some(project) = &settings.project else { return open_settled(id, settings, ring, caller).await };
    let mut approach = Approach::new(settings, project);
    loop {
        match open_settled(id, &approach.next().await?, ring, caller).await {
            Ok(connection) => return Ok(connection),
            Err(error) => approach.failed(error)?,
        }
    }
}

/// The same where the hosts are known.
async fn open_settled(
    id: ConnectionId,
    settings: &ServerSettings,
    ring: &KeyRing,
    caller: Option<&Arc<dyn Caller>>,
) -> Result<Connection, Error> {
    let open_any = |target| open_any(id, settings, ring, target, caller);
    match settings.session {
        SessionTarget::PreferStandby => match open_any(SessionTarget::Standby).await {
            Err(error) if !is_hopeless(&error) => open_any(SessionTarget::Any).await,
            outcome => outcome,
        },
        target => open_any(target).await,
    }
}

/// The password is wrong everywhere, and each further try counts towards a ban.
fn is_hopeless(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Config | ErrorKind::Auth) || error.code.as_deref() == Some("28P01")
}

async fn open_any(
    id: ConnectionId,
    settings: &ServerSettings,
    ring: &KeyRing,
    target: SessionTarget,
    caller: Option<&Arc<dyn Caller>>,
) -> Result<Connection, Error> {
    let hosts = settings.server.get_hosts();
    let ports = settings.server.get_ports();
    let mut last = Error::config(texts::NO_HOST);
    for (index, host) in hosts.iter().enumerate() {
        let port = ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        let mut attempt =
            Attempt { id, settings, ring, caller, target, host: host_name(host), port, phase: Phase::Connect };
        match attempt.run_in_time(host).await {
            Ok(connection) => return Ok(connection),
            Err(error) if is_hopeless(&error) => return Err(error),
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn host_name(host: &Host) -> String {
    match host {
        Host::Tcp(name) => name.clone(),
        #[cfg(unix)]
        Host::Unix(path) => path.display().to_string(),
    }
}

struct Attempt<'a> {
    id: ConnectionId,
    settings: &'a ServerSettings,
    ring: &'a KeyRing,
    caller: Option<&'a Arc<dyn Caller>>,
    target: SessionTarget,
    host: String,
    port: u16,
    phase: Phase,
}

impl Attempt<'_> {
    fn timed_out(&self, limit: Duration) -> Error {
        let Attempt { host, port, .. } = self;
        Error::new(ErrorKind::Timeout(self.phase), texts::connect_timeout(host, *port, limit, self.phase))
            .with_code("ETIMEDOUT")
    }

    async fn run_in_time(&mut self, host: &Host) -> Result<Connection, Error> {
        let Some(limit) = self.settings.connect_timeout else { return self.run(host).await };
        let outcome = clock::within(limit, self.run(host)).await;
        outcome.unwrap_or_else(|| Err(self.timed_out(limit)))
    }

    async fn run(&mut self, host: &Host) -> Result<Connection, Error> {
        let (socket, address) = dial(host, self.port).await?;
        if let (Socket::Tcp(stream), Some(idle)) = (&socket, self.settings.keepalive) {
            keep_alive(stream, idle);
        }
        let wants_tls = self.settings.tls.as_ref().filter(|_| matches!(address, Address::Tcp(_)));
        let direct = self.settings.server.get_ssl_negotiation() == SslNegotiation::Direct;
        self.phase = Phase::Tls;
        let connect_timeout = self.settings.connect_timeout;
        let mut route = Route { address, host: self.host.clone(), tls: None, certificate: None, connect_timeout };
        let stream = match wants_tls {
            Some(settings) => {
                let connector = self.ring.connector(settings, direct).await?;
                let session = secure(socket, &connector, &self.host).await?;
                route.certificate = self.check_identity(&connector, &session).await?;
                route.tls = Some(connector);
                Stream::Tls(session)
            }
            None => Stream::Plain(socket),
        };
        self.phase = Phase::Authenticate;
        let mut conversation = Conversation::new(stream, self.settings, self.ring);
        let started = conversation.start(self.caller).await?;
        let connection = driver::start(self.id, conversation.established(started, route));
        self.check(connection).await
    }

    /// Makes sure that the server is of the kind that `target_session_attrs` asks for.
    async fn check(&self, connection: Connection) -> Result<Connection, Error> {
        let Some((question, refusal, kind)) = self.target.question() else { return Ok(connection) };
        let session = Session::owning(connection);
        let answer = session.simple(question).await?;
        let is_so = answer.first().and_then(|set| set.value(0)).is_some_and(|value| matches!(value, "on" | "t"));
        if is_so == refusal {
            return Err(Error::new(ErrorKind::Io, texts::wrong_session(&self.host, kind)).with_code("ECONNREFUSED"));
        }
        Ok(session.keep())
    }

    /// Asks the program whether this is the right server, when it has a check of its own.
    async fn check_identity(&self, connector: &Connector, session: &tls::Session) -> Result<Option<Vec<u8>>, Error> {
        if connector.settings().identity_check.is_none() {
            return Ok(None);
        }
        let question = Question::identity(connector.name(&self.host), tls::chain(session));
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

impl Session {
    /// Opens a connection of the session's own, which ends with it.
    ///
    /// # Errors
    /// As [`open`].
    pub async fn open(settings: &ServerSettings, caller: Option<&Arc<dyn Caller>>) -> Result<Session, Error> {
        let connection = open(next_id(), settings, &KeyRing::default(), caller).await?;
        connection.watch(Arc::new(Unobserved));
        Ok(Session::owning(connection))
    }
}

/// The observer of a connection on which only the answers matter.
struct Unobserved;

impl Observer for Unobserved {
    fn answered(&self, _: bool) {}
    fn event(&self, _: ConnectionId, _: Event) {}
    fn closed(&self) {}
}
