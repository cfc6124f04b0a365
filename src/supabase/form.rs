//! The forms in which an answer of a server is seen, and whether an error has one of them.

use super::Way;
use crate::error::{Error, ErrorKind, Phase, ServerError};

/// One form in which an answer is seen.
#[derive(Debug, PartialEq, Eq)]
pub struct Form {
    /// What a program sees first.
    pub what: What,
    /// Where it has this meaning.
    pub place: Place,
    /// Any of them; none stand for any text.
    pub texts: Vec<Words>,
}

/// What a program sees first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// One of the codes, in brackets before the text.
    Code,
    /// An SQLSTATE.
    State(&'static str),
    /// Node's code for a failure that isn't the server's.
    System(&'static str),
}

/// Where the answer has this meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Any server.
    Anywhere,
    /// A Supabase project's.
    Supabase,
    /// A shared pooler of Supabase's.
    Pooler,
    /// The project's own machine.
    Direct,
    /// A pooler of Supabase's in transaction mode.
    TransactionMode,
}

/// What a text is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Words {
    /// How it begins; empty for any text.
    pub start: &'static str,
    /// What stands anywhere behind that.
    pub inside: &'static str,
}

impl Form {
    /// Reads `WHAT [on PLACE] [: TEXT | TEXT …]`; `…` before words means that they stand anywhere behind.
    ///
    /// # Errors
    /// The line, where it names a place that there isn't.
    pub fn read(line: &'static str) -> Result<Form, String> {
        let (head, texts) = line.split_once(": ").unwrap_or((line, ""));
        let (what, place) = head.split_once(" on ").unwrap_or((head, ""));
        let place = match place {
            "" => Place::Anywhere,
            "supabase" => Place::Supabase,
            "pooler" => Place::Pooler,
            "direct" => Place::Direct,
            "transaction" => Place::TransactionMode,
            _ => return Err(format!("unknown place: {line}")),
        };
        let what = match what {
            "code" => What::Code,
            _ if what.len() == 5 && what.bytes().any(|byte| byte.is_ascii_digit()) => What::State(what),
            _ => What::System(what),
        };
        let texts = texts.split(" | ").filter(|text| !text.is_empty());
        let words = |text: &'static str| {
            let (start, inside) = text.split_once('…').unwrap_or((text, ""));
            Words { start, inside }
        };
        let texts = texts.map(words).collect();
        Ok(Form { what, place, texts })
    }
}

/// No text of a pooler is longer, and the beginning of any other will do.
const LONGEST: usize = 2000;

pub(super) fn message(error: &Error) -> &str {
    let whole = error.server.as_ref().and_then(|server| server.field(b'M')).unwrap_or("");
    whole.get(..whole.floor_char_boundary(LONGEST)).unwrap_or("")
}

/// What can be seen of an error.
pub struct Sight<'a> {
    /// The server's SQLSTATE.
    pub state: Option<&'a str>,
    /// The pooler's code, before the text.
    pub code: Option<&'a str>,
    text: &'a str,
    /// Node's codes, of each address that was tried.
    system: Vec<&'a str>,
    /// The connection goes on behind it.
    pub leaves_open: bool,
}

impl<'a> Sight<'a> {
    /// Looks at an error.
    pub fn of(error: &'a Error) -> Self {
        let (code, text) = split(message(error));
        let server = error.server.as_deref();
        Sight {
            state: server.map(ServerError::code),
            code,
            text,
            system: if server.is_some() { Vec::new() } else { system_codes(error) },
            leaves_open: server.is_some_and(leaves_open),
        }
    }

    /// Whether it has this form, where a code is one of these and its SQLSTATE XX000 or one of these.
    pub fn is(&self, form: &Form, codes: &[&str], states: &[&str], way: &Way<'_>) -> bool {
        let is_seen = match form.what {
            What::Code => {
                self.code.is_some_and(|code| codes.contains(&code))
                    && self.state.is_some_and(|state| state == "XX000" || states.contains(&state))
            }
            What::State(state) => self.state == Some(state),
            What::System(code) => self.system.contains(&code),
        };
        if !is_seen {
            return false;
        }
        let is_place = match form.place {
            Place::Anywhere => true,
            Place::Supabase => way.is_supabase(),
            Place::Pooler => way.is_pooler(),
            Place::Direct => way.is_direct(),
            Place::TransactionMode => way.is_supabase() && way.transaction_mode,
        };
        is_place && (form.texts.is_empty() || form.texts.iter().any(|words| says(self.text, *words)))
    }
}

/// The code in brackets before a text, and the text.
fn split(message: &str) -> (Option<&str>, &str) {
    let Some((code, text)) = message.strip_prefix('(').and_then(|rest| rest.split_once(')')) else {
        return (None, message);
    };
    let is_code = code.starts_with('E') && code.bytes().all(|byte| byte.is_ascii_uppercase());
    if is_code { (Some(code), text.trim_start()) } else { (None, message) }
}

fn says(text: &str, words: Words) -> bool {
    let begins = |text: &[u8], words: &str| {
        text.get(..words.len()).is_some_and(|start| start.eq_ignore_ascii_case(words.as_bytes()))
    };
    let behind = words.start.len()..=text.len();
    begins(text.as_bytes(), words.start)
        && behind.into_iter().any(|at| text.as_bytes().get(at..).is_some_and(|rest| begins(rest, words.inside)))
}

/// The severity is written in the server's language in one field, and in English in the other, which poolers leave out.
fn leaves_open(server: &ServerError) -> bool {
    matches!(server.field(b'V').or_else(|| server.field(b'S')), Some(severity) if !matches!(severity, "FATAL" | "PANIC"))
}

fn system_codes(error: &Error) -> Vec<&str> {
    let own = match error.kind {
        // Nothing tells where else the time went.
        ErrorKind::Timeout(phase) if phase != Phase::Connect => None,
        ErrorKind::Lost => Some("ECONNRESET"),
        _ => error.code.as_deref(),
    };
    own.into_iter().chain(error.attempts.iter().filter_map(|attempt| attempt.code.as_deref())).collect()
}
