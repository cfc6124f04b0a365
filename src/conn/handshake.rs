//! From an open stream to a session that is ready for queries.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::auth::{self, Challenge};
use super::caller::{Caller, Question, ask};
use super::demands::{Demands, Progress};
use super::established::Established;
use super::key_ring::KeyRing;
use super::meaning::Meaning;
use super::os_error::io_error;
use super::pooling::Way;
use super::route::{Route, broken};
use super::scram::{Channel, Scram};
use super::stream::Stream;
use super::tls;
use crate::clock;
use crate::config::ServerSettings;
use crate::error::{Error, ErrorKind, ServerError, texts};
use crate::wire::{Reader, frame, server_message};

/// The most that a server may send before it is ready for queries. PostgreSQL sends a few hundred bytes, and with
/// notices of log-in triggers somewhat more; all of it is kept until there is an observer to tell.
const LOGIN_LIMIT: usize = 1024 * 1024;

/// What a server says to a startup message, before it would be told anything secret.
#[derive(Debug, PartialEq, Eq)]
pub enum Said {
    /// It goes on with this kind of login.
    Login(Wanted),
    /// It refuses.
    Refusal(ServerError),
}

/// How a server wants the client to log in.
#[derive(Debug, PartialEq, Eq)]
pub enum Wanted {
    /// Not at all.
    Nothing,
    /// By the password as it is.
    Cleartext,
    /// By its MD5 hash.
    Md5,
    /// By one of these SASL mechanisms.
    Sasl(Vec<String>),
    /// By something else, as the number of its message says.
    Other(i32),
}

/// The contents of the messages after authentication.
pub(super) struct Started {
    process_id: i32,
    secret_key: i32,
    parameters: Vec<(String, String)>,
    notices: Vec<ServerError>,
    status: u8,
}

impl Wanted {
    fn read(body: &[u8]) -> Result<Wanted, Error> {
        match Challenge::parse(body) {
            Ok(Challenge::Ok) => Ok(Wanted::Nothing),
            Ok(Challenge::Cleartext) => Ok(Wanted::Cleartext),
            Ok(Challenge::Md5(_)) => Ok(Wanted::Md5),
            Ok(Challenge::Sasl(mechanisms)) => Ok(Wanted::Sasl(mechanisms)),
            _ => Ok(Wanted::Other(Reader::new(body).i32()?)),
        }
    }
}

/// The exchange from the startup message to ReadyForQuery.
pub(super) struct Conversation<'a> {
    stream: Stream,
    received: BytesMut,
    /// Bytes of the messages so far.
    heard: usize,
    settings: &'a ServerSettings,
    /// Parameters for the startup message, besides user and database.
    parameters: &'a [(String, String)],
    ring: &'a KeyRing,
    /// The password may be sent as it is.
    may_tell: bool,
    /// It was asked for as it is, and wasn't sent.
    has_withheld: bool,
    /// Passwords and proofs of one that were sent.
    proofs: u32,
    /// The server has asked for something that proves who this is.
    was_challenged: bool,
    /// When the message was sent whose answer is still to come.
    asked: Option<Instant>,
    round_trip: Option<Duration>,
    /// The error of writing a message. The server may have sent its reason before it closed the connection.
    write_error: Option<Error>,
}

impl<'a> Conversation<'a> {
    pub(super) fn new(
        stream: Stream,
        settings: &'a ServerSettings,
        parameters: &'a [(String, String)],
        ring: &'a KeyRing,
        may_tell: bool,
    ) -> Self {
        Conversation {
            stream,
            received: BytesMut::with_capacity(4096),
            heard: 0,
            settings,
            parameters,
            ring,
            may_tell,
            has_withheld: false,
            proofs: 0,
            was_challenged: false,
            asked: None,
            round_trip: None,
            write_error: None,
        }
    }

    /// Whether the server asked for the password as it is, and didn't get it.
    pub(super) fn has_withheld(&self) -> bool {
        self.has_withheld
    }

    /// How many passwords and proofs of one were sent.
    pub(super) fn proofs(&self) -> u32 {
        self.proofs
    }

    /// Whether the server has asked for a password or another proof, so that its refusal may count as a wrong one.
    pub(super) fn was_challenged(&self) -> bool {
        self.was_challenged
    }

    async fn send(&mut self, out: &mut BytesMut) {
        let written = self.stream.write_all(out).await;
        let flushed = self.stream.flush().await;
        self.asked = Some(clock::now());
        out.clear();
        self.write_error = written.and(flushed).err().map(|error| io_error(&error, "write", ""));
    }

    /// The error of a connection that ends before the server is ready.
    fn ended(&mut self, error: &std::io::Error) -> Error {
        self.write_error.take().unwrap_or_else(|| broken(error))
    }

    /// The next message: type byte and body.
    async fn receive(&mut self, limit: usize) -> Result<(u8, BytesMut), Error> {
        loop {
            let whole = frame::next(&self.received, limit)?.map(|frame| (frame.tag, frame.size));
            if let Some((tag, size)) = whole {
                self.heard += size;
                if self.heard > LOGIN_LIMIT {
                    return Err(Error::protocol(texts::LONG_LOGIN));
                }
                let mut message = self.received.split_to(size);
                message.advance(5);
                return Ok((tag, message));
            }
            match self.stream.read_buf(&mut self.received).await {
                Ok(0) => return Err(self.ended(&std::io::ErrorKind::UnexpectedEof.into())),
                Ok(_) => self.note_answer(),
                Err(error) => return Err(self.ended(&error)),
            }
        }
    }

    fn note_answer(&mut self) {
        if let Some(asked) = self.asked.take() {
            let took = clock::now().saturating_duration_since(asked);
            self.round_trip = Some(self.round_trip.map_or(took, |known| known.min(took)));
        }
    }

    /// Says who wants to connect to which database.
    async fn introduce(&mut self, out: &mut BytesMut) -> Result<(), Error> {
        startup_message(self.settings, self.parameters, out)?;
        self.send(out).await;
        Ok(())
    }

    /// What the server says to the startup message before it would be told anything secret. The connection is closed
    /// without a further word.
    pub(super) async fn ask(mut self) -> Result<Said, Error> {
        self.introduce(&mut BytesMut::new()).await?;
        let answer = loop {
            let (tag, body) = self.receive(frame::HANDSHAKE_LIMIT).await?;
            match tag {
                b'R' => break Said::Login(Wanted::read(&body)?),
                b'E' => break Said::Refusal(server_message::error_fields(&body)?),
                b'N' | b'v' => {}
                other => return Err(unexpected(other, "during authentication")),
            }
        };
        // A server that doesn't want to hear of the end has ended it itself.
        let _ = self.stream.shutdown().await;
        Ok(answer)
    }

    pub(super) async fn start(&mut self, caller: Option<&Arc<dyn Caller>>) -> Result<Started, Error> {
        let mut out = BytesMut::new();
        self.introduce(&mut out).await?;
        let server = &self.settings.server;
        let user = server.get_user().unwrap_or("").to_owned();
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
                // NegotiateProtocolVersion: the server supports a newer protocol than this one, and lists the options
                // that it doesn't know: none.
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
                            return Err(Error::new(ErrorKind::Auth, texts::SASL_WITHOUT_PROOF));
                        }
                        return self.parameters(notices).await;
                    }
                    self.was_challenged = true;
                    if challenge == Challenge::Cleartext && !self.may_tell {
                        self.has_withheld = true;
                        return Err(Error::new(ErrorKind::Auth, texts::PASSWORD_WITHHELD));
                    }
                    if password.is_none() {
                        password = Some(self.password(caller).await?);
                    }
                    let password = password.as_ref().and_then(Option::as_deref);
                    let is_proof =
                        matches!(challenge, Challenge::Cleartext | Challenge::Md5(_) | Challenge::SaslContinue(_));
                    self.answer(challenge, &user, password, &mut scram, &mut out).await?;
                    self.proofs += u32::from(is_proof);
                    self.send(&mut out).await;
                    has_answered = true;
                }
                other => return Err(unexpected(other, "during authentication")),
            }
        }
    }

    async fn password(&self, caller: Option<&Arc<dyn Caller>>) -> Result<Option<String>, Error> {
        if self.settings.asks_for_password && caller.is_some() {
            let answer = ask(caller, Question::password(), "supply the password").await?;
            return Ok(answer.into_text());
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
        let out_of_order = || Error::protocol(texts::SASL_OUT_OF_ORDER);
        match challenge {
            Challenge::Ok => Ok(()),
            Challenge::Cleartext => auth::cleartext(password, out),
            Challenge::Md5(salt) => auth::md5(user, password, salt, out),
            Challenge::Sasl(_) if scram.is_some() => Err(Error::new(ErrorKind::Auth, texts::SASL_TWICE)),
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
                    let mut reader = Reader::new(&body);
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

    /// What is left of it when the server is ready.
    pub(super) fn established(self, started: Started, route: Route, way: Way) -> Established {
        let Started { process_id, secret_key, parameters, notices, status } = started;
        let Conversation { stream, received, settings, round_trip, .. } = self;
        let (auto_prepare, busy_wait) = (settings.auto_prepare, settings.busy_wait);
        let meaning = Meaning::of(settings, &route);
        Established {
            stream,
            received,
            process_id,
            secret_key,
            parameters,
            notices,
            status,
            route,
            meaning,
            way,
            auto_prepare,
            busy_wait,
            round_trip,
        }
    }
}

/// Writes who wants to connect to which database, with these parameters.
///
/// # Errors
/// `Config` for what the message can't have.
pub(super) fn startup_message(
    settings: &ServerSettings,
    parameters: &[(String, String)],
    out: &mut BytesMut,
) -> Result<(), Error> {
    let user = settings.server.get_user().unwrap_or("");
    let database = settings.server.get_dbname().unwrap_or(user);
    let fixed = [("user", user), ("database", database), ("client_encoding", "UTF8")];
    let rest = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let rest = rest.filter(|(name, _)| !name.eq_ignore_ascii_case("client_encoding"));
    frontend::startup_message(fixed.into_iter().chain(rest), out)
        .map_err(|error| Error::config(texts::startup_not_sent(error)))
}

fn unexpected(tag: u8, when: &str) -> Error {
    Error::protocol(texts::never_sent(&format!("{} {when}", texts::message_of(tag))))
}
