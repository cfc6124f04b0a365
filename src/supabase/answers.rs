//! The table of answers.

use std::sync::LazyLock;
use std::time::Duration;

use super::form::Form;
use super::record::{Record, records, words};
use crate::error::Reaction;

/// What is known of one answer, or of several that mean the same.
#[derive(Debug, PartialEq, Eq)]
pub struct Answer {
    /// The pooler's codes for it, or a name of our own where it has none.
    pub codes: Vec<&'static str>,
    /// How to react.
    pub reaction: Reaction,
    /// How long to wait before the first new try, where one can help.
    pub pause: Option<Duration>,
    /// What a diagnosis names it, where the answer is enough to tell.
    pub cause: Option<&'static str>,
    pub(super) seen: Vec<Form>,
    pub(super) states: Vec<&'static str>,
    pub(super) leaves_open: bool,
    pub(super) means: String,
    pub(super) remedy: String,
}

/// All of them, in the order in which they are tried.
pub(super) static ANSWERS: LazyLock<Vec<Answer>> = LazyLock::new(|| read(TABLE).unwrap_or_default());

const TABLE: &str = include_str!("answers.txt");

/// The records of the table; an error names the line that isn't understood.
fn read(table: &'static str) -> Result<Vec<Answer>, String> {
    records(table)?.iter().map(answer).collect()
}

fn answer(record: &Record) -> Result<Answer, String> {
    let mut answer = Answer {
        codes: Vec::new(),
        reaction: Reaction::Fix,
        pause: None,
        cause: None,
        seen: Vec::new(),
        states: Vec::new(),
        leaves_open: false,
        means: String::new(),
        remedy: String::new(),
    };
    for (key, parts) in record.lines() {
        let whole = || parts.join(" ");
        match key {
            "codes" => answer.codes = words(parts).collect(),
            "state" => answer.states = words(parts).collect(),
            "seen" => answer.seen.push(Form::read(parts.first().copied().unwrap_or_default())?),
            "severity" => answer.leaves_open = whole() == "any",
            "reaction" => answer.reaction = reaction(&whole())?,
            "pause" => {
                let millis = whole().parse().map_err(|_| format!("no milliseconds: {}", whole()))?;
                answer.pause = Some(Duration::from_millis(millis));
            }
            "cause" => answer.cause = parts.first().copied(),
            "means" => answer.means = whole(),
            "do" => answer.remedy = whole(),
            // What only the documents need.
            "often" => {}
            _ => return Err(format!("unknown key: {key}")),
        }
    }
    Ok(answer)
}

fn reaction(word: &str) -> Result<Reaction, String> {
    let all = [Reaction::Fix, Reaction::Wait, Reaction::Retry, Reaction::Stop];
    all.into_iter().find(|reaction| reaction.as_str() == word).ok_or_else(|| format!("unknown reaction: {word}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_read_to_its_last_line() {
        let answers = read(TABLE).unwrap();
        let records = TABLE.lines().filter(|line| line.starts_with("codes: ")).count();
        assert!(records > 40);
        assert_eq!(answers.len(), records);
        assert_eq!(*ANSWERS, answers);
    }

    #[test]
    fn each_record_says_how_it_is_seen_what_it_means_and_what_to_do() {
        for answer in ANSWERS.iter() {
            assert!(!answer.codes.is_empty(), "{answer:?}");
            assert!(!answer.seen.is_empty(), "{answer:?}");
            assert!(answer.means.ends_with('.'), "{answer:?}");
            assert!(answer.remedy.ends_with(['.', '?']), "{answer:?}");
            let can_help = matches!(answer.reaction, Reaction::Wait | Reaction::Retry);
            assert!(answer.pause.is_some() || !can_help, "{answer:?}");
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (table, complaint) in [
            ("codes: A\nwhat: no", "unknown key: what"),
            ("codes: A\nnothing", "no key: nothing"),
            ("codes: A\nreaction: panic", "unknown reaction: panic"),
            ("codes: A\npause: soon", "no milliseconds: soon"),
            ("codes: A\nseen: code on mars", "unknown place: code on mars"),
        ] {
            assert_eq!(read(table).unwrap_err(), complaint);
        }
    }
}
