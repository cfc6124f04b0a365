//! What the statements of a script are and do: their command tags, how grave they are, whether a transaction block
//! takes them, and which strong locks they ask for.
//!
//! Squawk's parser says how a statement is built; `syntax.rs` alone knows how it is called. Where it takes a statement
//! for something else than PostgreSQL does, PostgreSQL is right: `__test__/sql/` holds the analysis against
//! PostgreSQL's own grammar.

mod class;
mod condition;
pub(super) mod depth;
pub(super) mod finding;
mod kind;
pub(super) mod locks;
mod relation;
mod stack;
pub(super) mod syntax;

use std::borrow::Cow;
use std::ops::Range;

use super::lint::{self, Chosen};
use super::position::Positions;
use super::psql::MetaCommand;
use super::script::split;
use super::transaction::fits_transaction;
use crate::error::{Error, ErrorKind, texts};

pub use class::Class;
pub use depth::{MOST_LEVELS, MOST_NESTED};
pub use finding::{Finding, Severity};
pub use locks::{Lock, Mode};
use syntax::Parser;
pub use syntax::Syntax;

/// One statement and what it does.
#[derive(Debug, Clone)]
pub struct Statement<'a> {
    /// From the first token to the last, without the semicolon.
    pub text: &'a str,
    /// Where `text` stands in the script, in bytes.
    pub range: Range<usize>,
    /// The data behind a `COPY … FROM STDIN`, in bytes of the script.
    pub copy_data: Option<Range<usize>>,
    /// The command tag that the server would answer, without counts; `UNKNOWN` for what can't be parsed.
    pub kind: Cow<'static, str>,
    /// The gravest class of anything inside.
    pub class: Class,
    /// Whether a transaction block takes it, as far as its text tells.
    pub transactional: bool,
    /// The locks that hold others up, each relation once with its strongest.
    pub locks: Vec<Lock>,
    /// What the rules of `lint` find in it.
    pub findings: Vec<Finding>,
    /// The statement's syntax, whose text is `text`; none for what can't be parsed.
    pub syntax: Option<Syntax>,
}

/// Why a script isn't analysed at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    /// It holds a command of psql's.
    MetaCommand(MetaCommand),
    /// It is nested deeper than [`MOST_NESTED`], or a chain in it is longer than [`MOST_LEVELS`].
    TooDeep {
        /// Where the statement begins, in bytes.
        start: usize,
    },
}

impl Refusal {
    /// `Refused` with the code `PGFLEET_PSQL` or `PGFLEET_TOO_DEEP`. The script is the one that was refused.
    pub fn to_error(&self, script: &str) -> Error {
        match self {
            Refusal::MetaCommand(command) => command.to_error(script),
            Refusal::TooDeep { start } => {
                let line = Positions::new(script).at(*start).line;
                let message = texts::nested_too_deep(line, MOST_NESTED);
                Error::new(ErrorKind::Refused, message).with_code("PGFLEET_TOO_DEEP")
            }
        }
    }
}

/// What the analysis has to know besides the script.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// The server's major version.
    pub server_version: u32,
    /// The script will run in a transaction block that others begin and end.
    pub in_transaction: bool,
    /// The rules that are on besides those that always are.
    pub rules: Chosen,
}

/// Analyses the statements of a script and gives one after the other to `each`, on a stack that suffices for them:
/// another thread's, if need be. Their syntax can't leave it.
///
/// # Errors
/// The first command of psql's, or the first statement that is nested too deep. Broken statements are no error: they
/// are of the class `unknown`.
pub fn analyze(script: &str, options: Options, mut each: impl FnMut(Statement<'_>) + Send) -> Result<(), Refusal> {
    let parts = split(script).map_err(Refusal::MetaCommand)?;
    let mut needed = 0;
    for part in &parts {
        let bytes = depth::stack_needed(part.text).ok_or(Refusal::TooDeep { start: part.range.start })?;
        needed = needed.max(bytes);
    }
    let work = move || {
        let Options { server_version, in_transaction, rules } = options;
        let mut findings = lint::findings(script, &parts, server_version, in_transaction, rules).into_iter().peekable();
        let mut parser = Parser::default();
        for (index, part) in parts.into_iter().enumerate() {
            let mut statement = statement(&mut parser, part, server_version);
            while let Some((_, finding)) = findings.next_if(|(place, _)| *place == index) {
                // Of what isn't understood nothing is said but what stands before it.
                if statement.syntax.is_some() || finding.range.start < statement.range.start {
                    statement.findings.push(finding);
                }
            }
            each(statement);
        }
    };
    stack::with(needed, work).ok_or(Refusal::TooDeep { start: 0 })
}

fn statement<'a>(parser: &mut Parser, part: super::Statement<'a>, server_version: u32) -> Statement<'a> {
    let syntax = parser.parse(part.text);
    let transactional = fits_transaction(&part, server_version);
    let super::Statement { text, range, copy_data } = part;
    let (kind, class, locks) = match syntax.as_ref().map(Syntax::node) {
        Some(node) => (kind::of(node), class::of(node), locks::of(node, server_version)),
        None => (Cow::Borrowed("UNKNOWN"), Class::Unknown, Vec::new()),
    };
    Statement { text, range, copy_data, kind, class, transactional, locks, findings: Vec::new(), syntax }
}

#[cfg(test)]
mod tests;
