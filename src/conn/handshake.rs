//! From settings to a connection that is ready for queries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_postgres::config::{Host, SslNegotiation};

use super::address::{Address, dial};
use super::auth::{self, Challenge};
use super::caller::{Caller, Question};
use super::connection::{Connection, ConnectionId};
use super::demands::{Demands, Progress};
use super::key_ring::KeyRing;
use super::os_error::io_error;
use super::scram::{Channel, Scram};
use super::session::Session;
use super::socket::Socket;
use super::stream::Stream;
use super::tls::{self, Connector};
use crate::clock;
use crate::config::{ServerSettings, SessionTarget};
use crate::error::{Error, ErrorKind, Phase, ServerError};
use crate::wire::{frame, server_message};

/// A connection that has just become ready.
pub struct Established {
    /// The open stream.
    pub stream: Stream,
    /// Bytes that came behind the first ReadyForQuery.
    pub received: BytesMut,
    /// Backend process, for cancelling; 0 when the server (a pooler) gave none.
    pub process_id: i32,
    /// Its secret.
    pub secret_key: i32,
    /// Parameters that the server reported.
    pub parameters: Vec<(String, String)>,
    /// Notices that came during start-up.
    pub notices: Vec<ServerError>,
    /// Transaction status, normally `I`.
    pub status: u8,
    /// Where it went, and by which TLS settings and name.
    pub route: Route,
    /// Repeated statements are prepared without being asked to.
    pub auto_prepare: bool,
    /// The shortest time between a message and its answer: the way there and back, and little more.
    pub round_trip: Option<Duration>,
}

/// How to reach the same server again, for a cancel request.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its address.
    pub address: Address,
    /// The host that was asked for, for the certificate.
    pub host: String,
    /// TLS, when the connection speaks it.
    pub tls: Option<Arc<Connector>>,
    /// The certificate that the program was asked about and took. Nothing is sent to a server that shows another one.
    pub certificate: Option<Vec<u8>>,
    /// How long reaching it may take.
    pub connect_timeout: Option<Duration>,
}

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
    let mut last = Error::config("No host to connect to was given.");
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
        let doing = match self.phase {
            Phase::Wait => "waiting for a free connection",
            Phase::Connect => "connecting",
            Phase::Tls => "negotiating TLS",
            Phase::Authenticate => "authenticating",
            Phase::Query => "waiting for an answer",
        };
        let Attempt { host, port, .. } = self;
        Error::new(
            ErrorKind::Timeout(self.phase),
            format!("No connection to {host}:{port} within {} ms: the time ran out while {doing}.", limit.as_millis()),
        )
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
        let wants_tls = self.settings.tls.as_ref().filter(|_| matches!(socket, Socket::Tcp(_)) || cfg!(not(unix)));
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
        let connection = Connection::start(self.id, conversation.established(started, route));
        self.check(connection).await
    }

    /// Makes sure that the server is of the kind that `target_session_attrs` asks for.
    async fn check(&self, connection: Connection) -> Result<Connection, Error> {
        let Some((question, refusal, kind)) = self.target.question() else { return Ok(connection) };
        let session = Session::owning(connection);
        let answer = session.simple(question).await?;
        let is_so = answer.first().and_then(|set| set.value(0)).is_some_and(|value| matches!(value, "on" | "t"));
        if is_so == refusal {
            let message = format!("The server {} is {kind}, which target_session_attrs does not accept.", self.host);
            return Err(Error::new(ErrorKind::Io, message).with_code("ECONNREFUSED"));
        }
        Ok(session.keep())
    }

    /// Asks the program whether this is the server that it means, when it has a check of its own.
    async fn check_identity(&self, connector: &Connector, session: &tls::Session) -> Result<Option<Vec<u8>>, Error> {
        if connector.settings().identity_check.is_none() {
            return Ok(None);
        }
        let name = connector.name(&self.host).to_owned();
        let question = Question::Identity { name, chain: tls::chain(session) };
        ask(self.caller, question, "check the server's certificate").await?;
        Ok(tls::certificate(session))
    }
}

async fn ask(caller: Option<&Arc<dyn Caller>>, question: Question, what: &str) -> Result<Option<String>, Error> {
    let nobody = || Error::closed(format!("Nobody is left to {what}."));
    caller.ok_or_else(nobody)?.ask(question).await.ok_or_else(nobody)?
}

fn keep_alive(stream: &tokio::net::TcpStream, idle: Duration) {
    let mut keepalive = socket2::TcpKeepalive::new();
    if !idle.is_zero() {
        keepalive = keepalive.with_time(idle);
    }
    // A socket without keepalives works as well, so a refusal is no reason to fail.
    let _ = socket2::SockRef::from(stream).set_tcp_keepalive(&keepalive);
}

/// Asks for TLS and wraps it around the socket.
///
/// # Errors
/// `Tls` when the server has none, or the two sides don't come together; see [`Connector::wrap`].
pub async fn secure(mut socket: Socket, connector: &Arc<Connector>, host: &str) -> Result<Box<tls::Session>, Error> {
    if !connector.is_direct() {
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        let mut answer = [0];
        let exchange = async {
            socket.write_all(&request).await?;
            socket.read_exact(&mut answer).await
        };
        exchange.await.map_err(|error| broken(&error))?;
        match answer {
            [b'S'] => {}
            [b'N'] => {
                return Err(Error::new(ErrorKind::Tls, "The server does not support SSL connections"));
            }
            _ => return Err(Error::new(ErrorKind::Tls, "There was an error establishing an SSL connection")),
        }
    }
    connector.wrap(socket, host).await.map(Box::new)
}

fn broken(error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Error::new(ErrorKind::Io, "Connection terminated unexpectedly").with_code("ECONNRESET");
    }
    io_error(error, "read", "")
}

/// The most that a server may send before it is ready for queries. PostgreSQL sends a few hundred bytes, and with
/// notices of log-in triggers somewhat more; all of it is kept until somebody can be told.
const LOGIN_LIMIT: usize = 1024 * 1024;

struct Started {
    process_id: i32,
    secret_key: i32,
    parameters: Vec<(String, String)>,
    notices: Vec<ServerError>,
    status: u8,
}

/// The exchange from the startup message to ReadyForQuery.
struct Conversation<'a> {
    stream: Stream,
    received: BytesMut,
    /// Bytes of the messages so far.
    heard: usize,
    settings: &'a ServerSettings,
    ring: &'a KeyRing,
    /// When the message left whose answer is still to come.
    asked: Option<Instant>,
    round_trip: Option<Duration>,
}

impl<'a> Conversation<'a> {
    fn new(stream: Stream, settings: &'a ServerSettings, ring: &'a KeyRing) -> Self {
        Conversation {
            stream,
            received: BytesMut::with_capacity(4096),
            heard: 0,
            settings,
            ring,
            asked: None,
            round_trip: None,
        }
    }

    async fn send(&mut self, out: &mut BytesMut) -> Result<(), Error> {
        let written = self.stream.write_all(out).await;
        let flushed = self.stream.flush().await;
        self.asked = Some(clock::now());
        out.clear();
        written.and(flushed).map_err(|error| io_error(&error, "write", ""))
    }

    /// The next message: type byte and body.
    async fn receive(&mut self, limit: usize) -> Result<(u8, BytesMut), Error> {
        loop {
            let whole = frame::next(&self.received, limit)?.map(|frame| (frame.tag, frame.size));
            if let Some((tag, size)) = whole {
                self.heard += size;
                if self.heard > LOGIN_LIMIT {
                    return Err(Error::protocol(
                        "The server sent more than 1 MB before it was ready for queries, which PostgreSQL never does; \
                         the connection was closed.",
                    ));
                }
                let mut message = self.received.split_to(size);
                message.advance(5);
                return Ok((tag, message));
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return Err(broken(&std::io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => self.note_answer(),
                Err(error) => return Err(broken(&error)),
            }
        }
    }

    fn note_answer(&mut self) {
        if let Some(asked) = self.asked.take() {
            let took = clock::now().saturating_duration_since(asked);
            self.round_trip = Some(self.round_trip.map_or(took, |known| known.min(took)));
        }
    }

    async fn start(&mut self, caller: Option<&Arc<dyn Caller>>) -> Result<Started, Error> {
        let mut out = BytesMut::new();
        let server = &self.settings.server;
        let user = server.get_user().unwrap_or("");
        let fixed = [("user", user), ("database", server.get_dbname().unwrap_or(user)), ("client_encoding", "UTF8")];
        let rest = self.settings.startup.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let rest = rest.filter(|(name, _)| !name.eq_ignore_ascii_case("client_encoding"));
        frontend::startup_message(fixed.into_iter().chain(rest), &mut out)
            .map_err(|error| Error::config(format!("A startup parameter cannot be sent: {error}.")))?;
        self.send(&mut out).await?;
        let user = user.to_owned();
        let mut password: Option<Option<String>> = None;
        let mut scram: Option<Scram> = None;
        let mut has_answered = false;
        let demands = Demands { binding: server.get_channel_binding(), methods: self.settings.required_auth.as_ref() };
        let mut notices = Vec::new();
        loop {
            let (tag, body) = self.receive(frame::HANDSHAKE_LIMIT).await?;
            match tag {
                b'E' => return Err(Error::from_server(server_message::error_fields(&body)?)),
                b'N' => notices.push(server_message::error_fields(&body)?),
                // The server knows a newer protocol than ours and names what it does not know of ours: nothing.
                b'v' => {}
                b'R' => {
                    let challenge = Challenge::parse(&body)?;
                    let progress = Progress {
                        finished: scram.as_ref().map_or(has_answered, Scram::is_finished),
                        bound: scram.as_ref().is_some_and(Scram::is_bound),
                    };
                    demands.check(&challenge, progress)?;
                    if challenge == Challenge::Ok {
                        if scram.as_ref().is_some_and(|scram| !scram.is_finished()) {
                            let message = "SASL: the server let us in without proving that it knows the password";
                            return Err(Error::new(ErrorKind::Auth, message));
                        }
                        return self.parameters(notices).await;
                    }
                    if password.is_none() {
                        password = Some(self.password(caller).await?);
                    }
                    let password = password.as_ref().and_then(Option::as_deref);
                    self.answer(challenge, &user, password, &mut scram, &mut out).await?;
                    self.send(&mut out).await?;
                    has_answered = true;
                }
                other => return Err(unexpected(other, "during authentication")),
            }
        }
    }

    async fn password(&self, caller: Option<&Arc<dyn Caller>>) -> Result<Option<String>, Error> {
        if self.settings.asks_for_password && caller.is_some() {
            return ask(caller, Question::Password, "supply the password").await;
        }
        let password = self.settings.server.get_password();
        Ok(password.map(|bytes| String::from_utf8_lossy(bytes).into_owned()))
    }

    async fn answer(
        &self,
        challenge: Challenge<'_>,
        user: &str,
        password: Option<&str>,
        scram: &mut Option<Scram>,
        out: &mut BytesMut,
    ) -> Result<(), Error> {
        let out_of_order = || Error::protocol("The server's SASL messages are out of order.");
        match challenge {
            Challenge::Ok => Ok(()),
            Challenge::Cleartext => auth::cleartext(password, out),
            Challenge::Md5(salt) => auth::md5(user, password, salt, out),
            Challenge::Sasl(_) if scram.is_some() => {
                Err(Error::new(ErrorKind::Auth, "SASL: duplicate SASL authentication request"))
            }
            Challenge::Sasl(mechanisms) => {
                let wanted = self.settings.server.get_channel_binding();
                let limit = self.settings.scram_max_iterations;
                *scram = Some(Scram::start(&mechanisms, password, wanted, self.channel(), limit, out)?);
                Ok(())
            }
            Challenge::SaslContinue(message) => {
                scram.as_mut().ok_or_else(out_of_order)?.proceed(message, self.ring, out).await
            }
            Challenge::SaslFinal(message) => scram.as_mut().ok_or_else(out_of_order)?.finish(message),
        }
    }

    fn channel(&self) -> Channel {
        match &self.stream {
            Stream::Tls(session) => Channel::Tls(tls::end_point(session)),
            Stream::Plain(_) => Channel::Plain,
        }
    }

    async fn parameters(&mut self, mut notices: Vec<ServerError>) -> Result<Started, Error> {
        let (mut process_id, mut secret_key, mut parameters) = (0, 0, Vec::new());
        loop {
            let (tag, body) = self.receive(frame::HANDSHAKE_LIMIT).await?;
            match tag {
                b'K' => {
                    let mut reader = crate::wire::Reader::new(&body);
                    (process_id, secret_key) = (reader.i32()?, reader.i32()?);
                }
                b'S' => parameters.push(server_message::parameter(&body)?),
                b'N' => notices.push(server_message::error_fields(&body)?),
                b'E' => return Err(Error::from_server(server_message::error_fields(&body)?)),
                b'v' => {}
                b'Z' => {
                    let status = server_message::ready(&body)?;
                    return Ok(Started { process_id, secret_key, parameters, notices, status });
                }
                other => return Err(unexpected(other, "before it was ready")),
            }
        }
    }

    fn established(self, started: Started, route: Route) -> Established {
        let Started { process_id, secret_key, parameters, notices, status } = started;
        let Conversation { stream, received, settings, round_trip, .. } = self;
        let auto_prepare = settings.auto_prepare;
        Established {
            stream,
            received,
            process_id,
            secret_key,
            parameters,
            notices,
            status,
            route,
            auto_prepare,
            round_trip,
        }
    }
}

fn unexpected(tag: u8, when: &str) -> Error {
    Error::protocol(format!(
        "The server sent a message of type '{}' {when}, which PostgreSQL never does; the connection was closed.",
        char::from(tag)
    ))
}
