//! The program on whose behalf a connection is made, for what only it can say.

use std::pin::Pin;
use std::sync::Arc;

use crate::error::{Error, texts};

/// What a program is asked while a connection is being made.
#[derive(Debug, Clone)]
pub enum Question {
    /// The server wants a password, and the settings have none.
    Password,
    /// Whether this is the server that was meant.
    Identity {
        /// The name that was connected to.
        name: String,
        /// Its certificate and those that it sent along, in DER.
        chain: Vec<Vec<u8>>,
    },
}

/// The answer to come: the password, if there is one, and nothing for an identity that will do. An error ends the attempt;
/// `None` says that no program is left to answer.
pub type Answering = Pin<Box<dyn Future<Output = Option<Result<Option<String>, Error>>> + Send>>;

/// Answers questions.
pub trait Caller: Send + Sync {
    /// Asks; to be called on the runtime.
    fn ask(&self, question: Question) -> Answering;
}

/// What the program answers; `what` it is asked to do stands in the error when no program is left.
pub(super) async fn ask(
    caller: Option<&Arc<dyn Caller>>,
    question: Question,
    what: &str,
) -> Result<Option<String>, Error> {
    let gone = || Error::closed(texts::nobody_left(what));
    caller.ok_or_else(gone)?.ask(question).await.ok_or_else(gone)?
}
