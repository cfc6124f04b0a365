//! Asking the program for something that only it can decide or do.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::plain::Plain;
use crate::error::{Error, ErrorKind, Phase, texts};

/// What a program is asked.
#[derive(Debug, Clone)]
pub struct Question {
    /// The method in `lib/` that answers, of the object there that stands for the asking connection, pool or request.
    pub name: &'static str,
    /// The argument of that method.
    pub data: Plain,
    /// How long the answer may take. Without a limit it is waited for until the question is withdrawn.
    pub limit: Option<Duration>,
}

impl Question {
    /// The server wants a password, and the settings have none. The answer is the password, or null.
    pub fn password() -> Question {
        Question { name: "password", data: Plain::Null, limit: None }
    }

    /// Whether this is the right server: the name that was connected to, and its certificate with those that it sent
    /// along, in DER. The answer is null if it is.
    pub fn identity(name: &str, chain: Vec<Vec<u8>>) -> Question {
        let chain = chain.into_iter().map(Plain::Bytes).collect();
        Question {
            name: "identity",
            data: Plain::List(vec![Plain::text(name.to_owned()), Plain::List(chain)]),
            limit: None,
        }
    }
}

/// Why a question has no answer.
#[derive(Debug, Clone)]
pub enum Unanswered {
    /// No responder is left: its thread has ended, or it has itself.
    Gone,
    /// The limit has passed.
    Late,
    /// The program has thrown.
    Refused(Error),
}

/// The answer to come. Dropping it withdraws the question.
pub type Answering = Pin<Box<dyn Future<Output = Result<Plain, Unanswered>> + Send>>;

/// Answers questions.
pub trait Caller: Send + Sync {
    /// Asks; to be called on the runtime.
    fn ask(&self, question: Question) -> Answering;
}

/// The program's answer while a connection is made; `what` names the request in the error when no responder is left.
///
/// # Errors
/// `Auth` for what the program has thrown; `Closed` when nobody is left to answer.
pub async fn ask(caller: Option<&Arc<dyn Caller>>, question: Question, what: &str) -> Result<Plain, Error> {
    let answer = match caller {
        Some(caller) => caller.ask(question).await,
        None => Err(Unanswered::Gone),
    };
    answer.map_err(|unanswered| match unanswered {
        Unanswered::Gone => Error::closed(texts::no_responder(what)),
        Unanswered::Late => Error::new(ErrorKind::Timeout(Phase::Authenticate), texts::took_too_long(what)),
        Unanswered::Refused(error) => Error { kind: ErrorKind::Auth, ..error },
    })
}
