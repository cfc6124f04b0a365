//! The commands of psql itself: a backslash outside of literals, identifiers and comments.
//!
//! PostgreSQL allows none there, so that such a command can't be meant for the server.

use squawk_lexer::TokenKind;

use super::position::Positions;
use super::scan;
use super::token::Token;
use crate::error::{Error, ErrorKind, texts};

/// What pg_dump writes around its scripts, to keep psql from running commands in between.
const HARMLESS: [&str; 2] = ["\\restrict", "\\unrestrict"];

/// A longer name is cut, so that the rest of a script isn't taken for one. In bytes.
const LONGEST: usize = 64;

/// A command of psql's in a script.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MetaCommand {
    /// With its backslash, such as `\connect`.
    pub name: String,
    /// Where it begins in the script, in bytes.
    pub start: usize,
}

impl MetaCommand {
    pub(super) fn at(script: &str, start: usize) -> MetaCommand {
        MetaCommand { name: name(script, start).to_owned(), start }
    }

    /// `Refused` with the code `PGFLEET_PSQL`. The script is the one that it was found in.
    pub fn to_error(&self, script: &str) -> Error {
        let line = Positions::new(script).at(self.start).line;
        Error::new(ErrorKind::Refused, texts::psql_command(&self.name, line)).with_code("PGFLEET_PSQL")
    }
}

pub(super) fn is_backslash(token: &Token<'_>) -> bool {
    token.kind == TokenKind::Unknown && token.text == "\\"
}

/// Whether the command there does nothing that the script needs.
pub(super) fn is_harmless(script: &str, start: usize) -> bool {
    HARMLESS.contains(&name(script, start))
}

/// Up to white space or the next backslash (`psqlscanslash.l`).
fn name(script: &str, start: usize) -> &str {
    let text = script.get(start..).unwrap_or_default();
    let behind = text.bytes().skip(1).position(|byte| byte == b'\\' || scan::is_space(byte));
    let length = behind.map_or(text.len(), |length| length + 1);
    text.get(..text.floor_char_boundary(length.min(LONGEST))).unwrap_or_default()
}
