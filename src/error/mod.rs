//! What went wrong, in terms of what the caller can do about it.
//!
//! Errors are plain data here. `src/node/` hands them to JavaScript field by field, and `lib/errors.js` makes the
//! `Error` objects; nothing else turns them into text.

mod advice;
mod contained;
mod phase;
pub mod texts;

use std::fmt;
use std::num::NonZeroU32;
use std::time::Duration;

pub use advice::{Advice, Reaction};
pub(crate) use contained::contained;
pub use phase::Phase;

/// One variant for each reaction a caller can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The arguments or options are wrong; retrying cannot help.
    Config,
    /// The operating system could not reach the server, or the socket broke.
    Io,
    /// A deadline passed while the request was in this phase.
    Timeout(Phase),
    /// TLS was refused, or the certificate is not trusted.
    Tls,
    /// The two sides could not agree on a way to authenticate.
    Auth,
    /// What was asked would be refused by the server, so it was not sent.
    Refused,
    /// The server answered with an ErrorResponse.
    Server,
    /// The bytes were not PostgreSQL; the connection is dropped.
    Protocol,
    /// This side closed the connection, pool or manager before or while the request ran.
    Closed,
    /// The other side or the network ended the connection without giving a reason.
    Lost,
    /// The caller aborted it.
    Aborted,
    /// The program's code has thrown, where Rust had asked it.
    Program,
}

/// A failed system call, under the names that Node gives its parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemCall {
    /// `connect`, `getaddrinfo`, `read` or `write`.
    pub name: &'static str,
    /// Address or socket path, when one is known.
    pub address: Option<String>,
    /// TCP port; absent for Unix sockets.
    pub port: Option<u16>,
    /// The name that could not be resolved.
    pub hostname: Option<String>,
}

/// The fields of an ErrorResponse or NoticeResponse, verbatim.
///
/// Keys are the field type bytes of <https://www.postgresql.org/docs/current/protocol-error-fields.html>.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ServerError {
    /// Length of the message on the wire, which node-postgres exposes as `length`.
    pub length: u32,
    /// Field type and text, in the order in which they came.
    pub fields: Vec<(u8, String)>,
}

impl ServerError {
    /// The text of one field, when the server sent it.
    pub fn field(&self, key: u8) -> Option<&str> {
        self.fields.iter().find(|(k, _)| *k == key).map(|(_, v)| v.as_str())
    }

    /// All fields in one text: the letter of each, its text and a null byte.
    pub fn joined(&self) -> String {
        self.fields.iter().fold(String::new(), |mut text, (key, value)| {
            text.push(char::from(*key));
            text.push_str(value);
            text.push('\0');
            text
        })
    }

    /// The five-character SQLSTATE, or an empty string.
    pub fn code(&self) -> &str {
        self.field(b'C').unwrap_or("")
    }
}

/// The outcome of the work of a failed request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Certain: nothing was sent, or it was rolled back.
    NotApplied,
    /// Something before the failure was committed.
    PartlyApplied,
    /// The server could not be asked, or its answer proves nothing.
    Unknown,
}

impl Outcome {
    /// The words that reach JavaScript as `error.outcome`.
    pub fn as_str(self) -> &'static str {
        match self {
            Outcome::NotApplied => "not applied",
            Outcome::PartlyApplied => "partly applied",
            Outcome::Unknown => "unknown",
        }
    }
}

/// What became of one statement of a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// Its text, without the semicolon.
    pub statement: String,
    /// What became of it.
    pub state: StepState,
}

/// What became of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepState {
    /// It was run, and what it did is committed.
    Done,
    /// The server refused it.
    Failed,
    /// It was not run, or undone with the one that failed.
    NotRun,
    /// The connection was lost before that was known.
    Unknown,
}

impl StepState {
    /// The words that reach JavaScript as `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            StepState::Done => "done",
            StepState::Failed => "failed",
            StepState::NotRun => "not run",
            StepState::Unknown => "unknown",
        }
    }
}

/// A lock that wasn't granted in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LockFailure {
    /// The blockers of the last try; one for each process.
    pub blockers: Vec<Blocker>,
    /// How often it was tried; the first try counts.
    pub attempts: u32,
    /// How long all tries together have waited, and the pauses between them.
    pub waited: Duration,
}

/// A session that a statement waits for, because of a lock.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blocker {
    /// Server process; 0 for a prepared transaction.
    pub pid: i32,
    /// Role; empty for a process of the server's own.
    pub user: String,
    /// Its `application_name`, or the kind of process where it has none.
    pub application: String,
    /// As in `pg_stat_activity`; `prepared` for a prepared transaction.
    pub state: String,
    /// How old its transaction is.
    pub transaction_age: Duration,
    /// What it does, or did last.
    pub query: String,
    /// Of its lock, as in LOCK TABLE.
    pub mode: String,
    /// `schema.table` that its lock is on; empty where it is on none of this database.
    pub relation: String,
    /// It is an autovacuum worker, which yields once it has been waited for as long as `deadlock_timeout`.
    pub is_autovacuum: bool,
}

impl Blocker {
    /// It can't be cancelled in favour of others: a table's transaction ids run out.
    pub fn prevents_wraparound(&self) -> bool {
        self.is_autovacuum && self.query.contains("(to prevent wraparound)")
    }
}

/// A failure on its way to the caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error {
    /// How to react.
    pub kind: ErrorKind,
    /// For people: what was expected and what to do.
    pub message: String,
    /// What programs match on: `ECONNREFUSED`, `28P01`, …
    pub code: Option<Box<str>>,
    /// The system call behind it.
    pub call: Option<Box<SystemCall>>,
    /// The server's own words.
    pub server: Option<Box<ServerError>>,
    /// When several addresses were tried: one error for each.
    pub attempts: Box<[Error]>,
    /// What became of the work, where that is known to matter: a script that may have been applied all the same.
    pub outcome: Option<Outcome>,
    /// What became of each statement of a script, unless nothing of it was applied.
    pub steps: Box<[Step]>,
    /// What is known of the lock that wasn't granted.
    pub lock: Option<Box<LockFailure>>,
    /// What it means where the server is a Supabase project's.
    pub supabase: Option<Box<Advice>>,
    /// The program itself has thrown it, in answer to the question of this number.
    pub thrown: Option<NonZeroU32>,
}

impl Error {
    /// An error with nothing but its kind and message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Error {
            kind,
            message: message.into(),
            code: None,
            call: None,
            server: None,
            attempts: Box::default(),
            outcome: None,
            steps: Box::default(),
            lock: None,
            supabase: None,
            thrown: None,
        }
    }

    /// What the program has thrown in answer to the question of this number.
    pub fn thrown(question: u32, message: impl Into<String>) -> Self {
        Error { thrown: NonZeroU32::new(question), ..Error::new(ErrorKind::Program, message) }
    }

    /// The same error with a code for programs.
    pub fn with_code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into().into());
        self
    }

    /// The same error with the system call that failed.
    pub fn with_call(mut self, call: SystemCall) -> Self {
        self.call = Some(Box::new(call));
        self
    }

    /// The same error with what became of the work, and of each of its statements.
    pub fn with_outcome(mut self, outcome: Outcome, steps: Vec<Step>) -> Self {
        self.outcome = Some(outcome);
        self.steps = steps.into();
        self
    }

    /// The same error with what is known of the lock that was not had.
    pub fn with_lock(mut self, lock: LockFailure) -> Self {
        self.lock = Some(Box::new(lock));
        self
    }

    /// The same error with what it means where the server is a Supabase project's.
    pub fn with_advice(mut self, advice: Advice) -> Self {
        self.supabase = Some(Box::new(advice));
        self
    }

    /// The server's ErrorResponse.
    pub fn from_server(server: ServerError) -> Self {
        let message = server.field(b'M').unwrap_or("").to_owned();
        let code = server.code().to_owned();
        Error { server: Some(Box::new(server)), ..Error::new(ErrorKind::Server, message).with_code(code) }
    }

    /// Bytes that no PostgreSQL server sends.
    pub fn protocol(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Protocol, message)
    }

    /// Something was closed.
    pub fn closed(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Closed, message)
    }

    /// A connection ended without a reason.
    pub fn lost() -> Self {
        Error::new(ErrorKind::Lost, texts::UNEXPECTED_END)
    }

    /// Wrong arguments or options.
    pub fn config(message: impl Into<String>) -> Self {
        Error::new(ErrorKind::Config, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}
