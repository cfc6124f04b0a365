//! A request's content, before it is written as messages of the protocol.

use std::sync::Arc;

use super::script_parts::Cut;
use crate::wire::frontend::Parameters;

/// What to send.
pub enum Message {
    /// One simple Query, several statements allowed.
    Simple(Arc<str>),
    /// A script; its receiver is told which statements were completed.
    Script(Box<Script>),
    /// Whole messages of Rust's own, which the server answers with one ReadyForQuery; the messages of the answer are
    /// handed over as they come.
    Exchange(Vec<u8>),
    /// Parse (unless the statement is known), Bind, Describe (unless its result is known), Execute, Sync.
    Extended(Extended),
    /// JavaScript speaks the protocol itself until the next ReadyForQuery.
    Raw,
    /// Parse, Bind, Describe: rows are asked for page by page, see [`super::Connection::read_portal`].
    Portal(Box<Portal>),
    /// A simple Query whose COPY data JavaScript reads and writes.
    Copy {
        /// The statement.
        text: String,
        /// Hand each CopyData message over by itself.
        each: bool,
    },
}

/// A query whose rows are asked for page by page.
pub struct Portal {
    /// Name of the portal, or empty.
    pub portal: String,
    /// The query; its name is not used.
    pub query: Extended,
}

impl Message {
    /// The same message for another try, for a query.
    pub fn again(&self) -> Option<Message> {
        match self {
            Message::Simple(text) => Some(Message::Simple(text.clone())),
            Message::Extended(query) => Some(Message::Extended(query.clone())),
            _ => None,
        }
    }

    /// It has the connection exclusively while it is under way.
    pub fn is_exclusive(&self) -> bool {
        matches!(self, Message::Raw | Message::Portal(_) | Message::Copy { .. })
    }
}

/// A script on its way.
pub struct Script {
    /// What to run.
    pub body: Body,
    /// `BEGIN` stands before it, in such a way that a refused BEGIN takes the script with it, and is not answered.
    pub begins: bool,
    /// A comment before everything else in a text's Query, by which others find its server process; or empty.
    pub claim: String,
    /// Statements of Rust's own before a text, in the same Query, which are not answered.
    pub lead: Vec<String>,
    /// Data for its `COPY … FROM STDIN`, in order. One beyond these is refused.
    pub copies: Vec<Arc<str>>,
    /// Where the text differs from the caller's.
    pub cuts: Vec<Cut>,
}

/// What a script consists of.
#[derive(Clone)]
pub enum Body {
    /// Statements, for a simple Query.
    Text(Arc<str>),
    /// One statement with values or options that take the extended protocol; its name is not used.
    Query(Extended),
}

impl Body {
    /// Its text.
    pub fn text(&self) -> &str {
        match self {
            Body::Text(text) => text,
            Body::Query(query) => &query.text,
        }
    }
}

/// A query with values.
#[derive(Clone)]
pub struct Extended {
    /// Name of the prepared statement, or empty.
    pub name: Arc<str>,
    /// Text; ignored when the name is known.
    pub text: Arc<str>,
    /// Values.
    pub parameters: Parameters,
    /// Ask for results in binary format.
    pub binary: bool,
}
