//! What a server does on a connection, step by step.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::Semaphore;

use super::manual::Manual;
use super::messages::{message, ready};
use crate::clock;

const SSL_REQUEST: i32 = 80_877_103;
const CANCEL_REQUEST: i32 = 80_877_102;
const TERMINATE: u8 = b'X';

/// In place of a type: the startup message.
pub const STARTUP: u8 = 0;
/// In place of a type: a cancel request, whose body is its code and the keys of a session.
pub const CANCEL: u8 = 1;
/// In place of a type: the question whether the server speaks TLS.
pub const TLS: u8 = 2;

/// The keys of every session.
pub const KEYS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 2];

/// What is answered to a message of this type and body; nothing closes the connection.
pub type Answering = Arc<dyn Fn(u8, &[u8]) -> Option<Vec<u8>> + Send + Sync>;

/// What is sent for a message with this body.
pub type Making = Arc<dyn Fn(&[u8]) -> Vec<u8> + Send + Sync>;

/// Steps in their order. After the last one a server takes any message, and closes when the client does.
pub type Script = Vec<Step>;

/// One thing that a server does.
#[derive(Clone)]
pub enum Step {
    /// Takes a message, which has to be of this type.
    Expect(u8),
    /// Takes a message of this type, and sends what is made of its body.
    Answer(u8, Making),
    /// Sends this.
    Send(Vec<u8>),
    /// Sends this in pieces of one byte, each after such a pause.
    Dribble(Vec<u8>, Duration),
    /// Goes on when the gate is open.
    Pass(Gate),
    /// Answers any message.
    Serve(Answering),
    /// Answers when the test says so, and what it says.
    Manual(Arc<Manual>),
    /// Does nothing for so long.
    Pause(Duration),
    /// Closes the connection.
    Close,
    /// The server's side ends in the middle of its work.
    Panic,
    /// Neither reads nor writes any more.
    Never,
}

/// Where a server waits for the test; closed at first.
#[derive(Clone)]
pub struct Gate {
    open: Arc<Semaphore>,
    reached: Arc<Semaphore>,
}

impl Default for Gate {
    fn default() -> Gate {
        Gate { open: Arc::new(Semaphore::new(0)), reached: Arc::new(Semaphore::new(0)) }
    }
}

impl Gate {
    /// Lets one connection through.
    pub fn open(&self) {
        self.open.add_permits(1);
    }

    /// Waits until a connection stands there, each counted once.
    pub async fn reached(&self) {
        self.reached.acquire().await.unwrap().forget();
    }

    async fn pass(&self) {
        self.reached.add_permits(1);
        self.open.acquire().await.unwrap().forget();
    }
}

/// A server that asks for no password.
pub fn trust() -> Script {
    vec![Step::Expect(STARTUP), Step::Send(message(b'R', &[0; 4])), Step::Send(greeting())]
}

/// What follows AuthenticationOk.
pub fn greeting() -> Vec<u8> {
    [message(b'K', &KEYS), ready(b'I')].concat()
}

/// The server's end of a connection.
pub struct Backend {
    incoming: Incoming,
    writer: WriteHalf<DuplexStream>,
}

/// The messages that come.
pub struct Incoming {
    reader: ReadHalf<DuplexStream>,
    is_started: bool,
    next: Option<(u8, Vec<u8>)>,
}

/// Why a connection is over, when it is not for the end of its script.
pub enum Stop {
    /// The client has closed it, or the script says so.
    Closed,
    /// The client has sent what the script doesn't expect.
    Unexpected(String),
}

impl From<io::Error> for Stop {
    fn from(_: io::Error) -> Stop {
        Stop::Closed
    }
}

impl Incoming {
    /// The next message, by its type and body.
    pub async fn receive(&mut self) -> io::Result<(u8, Vec<u8>)> {
        if let Some(next) = self.next.take() {
            return Ok(next);
        }
        let tag = if self.is_started { self.reader.read_u8().await? } else { STARTUP };
        let length = self.reader.read_i32().await?;
        let mut body = vec![0; usize::try_from(length - 4).unwrap()];
        self.reader.read_exact(&mut body).await?;
        if self.is_started {
            return Ok((tag, body));
        }
        let code = body.first_chunk().map(|code| i32::from_be_bytes(*code));
        match code {
            Some(SSL_REQUEST) => Ok((TLS, body)),
            Some(CANCEL_REQUEST) => Ok((CANCEL, body)),
            _ => {
                self.is_started = true;
                Ok((STARTUP, body))
            }
        }
    }
}

impl Backend {
    /// Takes the first message, whose type says what the connection is for.
    pub async fn accept(stream: DuplexStream) -> io::Result<(Backend, u8, Vec<u8>)> {
        let (reader, writer) = tokio::io::split(stream);
        let mut incoming = Incoming { reader, is_started: false, next: None };
        let (tag, body) = incoming.receive().await?;
        incoming.next = Some((tag, body.clone()));
        Ok((Backend { incoming, writer }, tag, body))
    }

    /// Plays a script to its end; `hear` is told of each message.
    pub async fn play(mut self, script: Script, hear: impl Fn(u8, &[u8])) -> Result<(), Stop> {
        for step in script {
            match step {
                Step::Expect(wanted) => drop(self.expect(wanted, &hear).await?),
                Step::Answer(wanted, answer) => {
                    let body = self.expect(wanted, &hear).await?;
                    self.writer.write_all(&answer(&body)).await?;
                }
                Step::Send(bytes) => self.writer.write_all(&bytes).await?,
                Step::Dribble(bytes, pause) => {
                    for byte in bytes {
                        clock::sleep(pause).await;
                        self.writer.write_u8(byte).await?;
                    }
                }
                Step::Pass(gate) => gate.pass().await,
                Step::Serve(answer) => self.serve(&answer, &hear).await?,
                Step::Manual(manual) => manual.serve(&mut self.incoming, &mut self.writer, &hear).await?,
                Step::Pause(pause) => clock::sleep(pause).await,
                Step::Close => return Err(Stop::Closed),
                Step::Panic => panic!("a server, as the test wants it"),
                // The client has closed; messages that it sent before may still be unread.
                Step::Never => {
                    self.until_closed().await;
                    return Err(Stop::Closed);
                }
            }
        }
        loop {
            let (tag, body) = self.incoming.receive().await?;
            hear(tag, &body);
        }
    }

    async fn expect(&mut self, wanted: u8, hear: &impl Fn(u8, &[u8])) -> Result<Vec<u8>, Stop> {
        let (tag, body) = self.incoming.receive().await?;
        hear(tag, &body);
        if tag == TERMINATE {
            return Err(Stop::Closed);
        }
        if tag != wanted {
            let [wanted, tag] = [wanted, tag].map(|tag| char::from(tag).escape_default().to_string());
            return Err(Stop::Unexpected(format!("'{wanted}' was expected, and '{tag}' came")));
        }
        Ok(body)
    }

    async fn serve(&mut self, answer: &Answering, hear: &impl Fn(u8, &[u8])) -> Result<(), Stop> {
        loop {
            let (tag, body) = self.incoming.receive().await?;
            hear(tag, &body);
            let bytes = answer(tag, &body).ok_or(Stop::Closed)?;
            self.writer.write_all(&bytes).await?;
        }
    }

    /// Waits only for the end.
    pub async fn until_closed(&mut self) {
        let mut ignored = [0; 256];
        while self.incoming.reader.read(&mut ignored).await.is_ok_and(|count| count > 0) {}
    }
}
