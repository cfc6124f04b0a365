//! What a failure on the way to a Supabase project means.

use super::Way;
use super::answers::{ANSWERS, Answer};
use super::facts::Facts;
use super::form::{Form, Sight, What, message};
use crate::error::{Advice, Error};

/// What the failure of a connection means: for the caller, as `error.supabase`. `None` where nothing is known of it, as
/// of any failure on the way to a server that isn't Supabase's, unless its text can only be a pooler's of theirs.
pub fn advice(way: &Way<'_>, error: &Error) -> Option<Advice> {
    let (answer, code) = found(way, error)?;
    let (means, remedy) = answer.filled(way, error);
    Some(Advice { code, reaction: answer.reaction, hint: format!("{means} {remedy}") })
}

/// The first record whose answers have this cause, by the word for it in `src/diagnose/causes.txt`.
pub fn answer_with(cause: &str) -> Option<&'static Answer> {
    ANSWERS.iter().find(|answer| answer.cause == Some(cause))
}

impl Answer {
    /// What it means, as a template for `fill`.
    pub fn means(&self) -> &str {
        &self.means
    }

    /// What to do, as a template for `fill`.
    pub fn remedy(&self) -> &str {
        &self.remedy
    }

    /// What this answer means and what to do, of an error on a way.
    pub fn filled(&self, way: &Way<'_>, error: &Error) -> (String, String) {
        let facts = Facts::of(way, message(error));
        (facts.filled(&self.means), facts.filled(&self.remedy))
    }
}

/// What may be repeated of a connection and of its failure, by name: `role`, `project`, `host`, `limit`, `address`.
pub fn facts(way: &Way<'_>, error: &Error) -> Vec<(&'static str, String)> {
    Facts::of(way, message(error)).into_known()
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
        ANSWERS.iter().find(|answer| answer.seen.iter().any(|form| is(form) && has(&sight, answer, form, way)))
    };
    let answer = find(true).or_else(|| find(false))?;
    let own = sight.code.and_then(|code| answer.codes.iter().find(|known| **known == code));
    let by_state = sight.state.and_then(|state| answer.states.iter().position(|known| *known == state));
    let code = own.or_else(|| answer.codes.get(by_state.unwrap_or(0)))?;
    Some((answer, code))
}

fn has(sight: &Sight<'_>, answer: &Answer, form: &Form, way: &Way<'_>) -> bool {
    (answer.leaves_open || !sight.leaves_open) && sight.is(form, &answer.codes, &answer.states, way)
}
