//! What a failure on the way to a Supabase project means.

use super::Way;
use super::answers::{ANSWERS, Answer, Form, Place, What, Words};
use super::facts::Facts;
use crate::error::{Advice, Error, ErrorKind, Phase, ServerError};

/// What the failure of a connection means: for the caller, as `error.supabase`. `None` where nothing is known of it, as
/// of any failure on the way to a server that isn't Supabase's, unless its text can only be a pooler's of theirs.
pub fn advice(way: &Way<'_>, error: &Error) -> Option<Advice> {
    let (answer, code) = found(way, error)?;
    let facts = Facts::of(way, message(error));
    let hint = format!("{} {}", facts.filled(&answer.means), facts.filled(&answer.remedy));
    Some(Advice { code, reaction: answer.reaction, hint })
}

/// The record of the table that fits a failure.
pub fn answer(way: &Way<'_>, error: &Error) -> Option<&'static Answer> {
    found(way, error).map(|(answer, _)| answer)
}

/// The record, and the code that its advice has.
fn found(way: &Way<'_>, error: &Error) -> Option<(&'static Answer, &'static str)> {
    let sight = Sight::of(error);
    let find = |by_code: bool| {
        let is = |form: &Form| (form.what == What::Code) == by_code;
        ANSWERS.iter().find(|answer| answer.seen.iter().any(|form| is(form) && sight.is(answer, form, way)))
    };
    let answer = find(true).or_else(|| find(false))?;
    let own = sight.code.and_then(|code| answer.codes.iter().find(|known| **known == code));
    let by_state = sight.state.and_then(|state| answer.states.iter().position(|known| *known == state));
    let code = own.or_else(|| answer.codes.get(by_state.unwrap_or(0)))?;
    Some((answer, code))
}

/// No text of a pooler is longer, and the beginning of any other will do.
const LONGEST: usize = 2000;

fn message(error: &Error) -> &str {
    let whole = error.server.as_ref().and_then(|server| server.field(b'M')).unwrap_or("");
    whole.get(..whole.floor_char_boundary(LONGEST)).unwrap_or("")
}

/// What can be seen of an error.
struct Sight<'a> {
    state: Option<&'a str>,
    /// The pooler's code, before the text.
    code: Option<&'a str>,
    text: &'a str,
    /// Node's codes, of each address that was tried.
    system: Vec<&'a str>,
    /// The connection goes on behind it.
    leaves_open: bool,
}

impl<'a> Sight<'a> {
    fn of(error: &'a Error) -> Self {
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

    fn is(&self, answer: &Answer, form: &Form, way: &Way<'_>) -> bool {
        let is_seen = match form.what {
            What::Code => {
                self.code.is_some_and(|code| answer.codes.contains(&code))
                    && self.state.is_some_and(|state| state == "XX000" || answer.states.contains(&state))
            }
            What::State(state) => self.state == Some(state),
            What::System(code) => self.system.contains(&code),
        };
        if !is_seen || (self.leaves_open && !answer.leaves_open) {
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
    match words {
        Words::AtStart(words) => begins(text.as_bytes(), words),
        Words::Anywhere(words) => {
            (0..text.len()).any(|at| text.as_bytes().get(at..).is_some_and(|rest| begins(rest, words)))
        }
    }
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
