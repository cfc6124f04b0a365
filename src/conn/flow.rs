//! How an answer is to be read.

use std::sync::Arc;

use super::message::Extended;
use super::script_parts::Parts;
use crate::wire::frontend::Parameters;

/// By what was asked.
pub(super) enum Flow {
    /// Simple Query.
    Simple,
    /// A script.
    Script {
        /// Statements of Rust's own before it whose answers have yet to come.
        hidden: usize,
        /// Characters of the Query before the script.
        shift: usize,
        /// By the extended protocol.
        extended: bool,
        /// Its data besides the text.
        parts: Option<Box<Parts>>,
    },
    /// Extended query.
    Extended {
        /// Name of the prepared statement, or empty.
        name: Arc<str>,
        /// Parse was sent.
        parse: bool,
        /// Describe was sent, for results in this format.
        describe: Option<bool>,
        /// The statement was prepared automatically: the query as it came, until the server has bound it.
        unprepared: Option<Box<Extended>>,
        /// The values, as long as the statement is yet to be described: Bind follows then.
        unbound: Option<Box<Parameters>>,
    },
    /// JavaScript reads the messages.
    Raw,
    /// Rust reads the messages.
    Exchange,
    /// Rows page by page.
    Portal {
        /// How many the page under way may still have.
        left: u64,
    },
    /// COPY data.
    Copy {
        /// Each message by itself.
        each: bool,
    },
}
