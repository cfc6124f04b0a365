//! The program on whose behalf a connection is made, for what only it can say.

use tokio::sync::oneshot;

use crate::error::Error;

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

/// Answers questions.
pub trait Caller: Send + Sync {
    /// The answer: the password, if there is one, and nothing for an identity that will do. An error ends the attempt; a
    /// dropped sender means that nobody is left to answer.
    fn ask(&self, question: Question) -> oneshot::Receiver<Result<Option<String>, Error>>;
}
