//! The table of answers.

use std::sync::LazyLock;
use std::time::Duration;

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
    pub(super) seen: Vec<Form>,
    pub(super) states: Vec<&'static str>,
    pub(super) leaves_open: bool,
    pub(super) means: String,
    pub(super) remedy: String,
}

/// One form in which an answer is seen.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) what: What,
    pub(super) place: Place,
    /// Any of them; none stand for any text.
    pub(super) texts: Vec<Words>,
}

/// What a program sees first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What {
    /// One of the codes, in brackets before the text.
    Code,
    /// An SQLSTATE.
    State(&'static str),
    /// Node's code for a failure that isn't the server's.
    System(&'static str),
}

/// Where the answer has this meaning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Anywhere,
    Supabase,
    Pooler,
    Direct,
    TransactionMode,
}

/// What a text is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Words {
    AtStart(&'static str),
    Anywhere(&'static str),
}

/// All of them, in the order in which they are tried.
pub(super) static ANSWERS: LazyLock<Vec<Answer>> = LazyLock::new(|| read(TABLE).unwrap_or_default());

const TABLE: &str = include_str!("answers.txt");

/// The records of the table; an error names the line that isn't understood.
fn read(table: &'static str) -> Result<Vec<Answer>, String> {
    let mut answers = Vec::new();
    let mut record = Record::default();
    for line in table.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if line.is_empty() {
            let full = std::mem::take(&mut record);
            answers.extend(full.finish()?);
        } else {
            record.add(line)?;
        }
    }
    Ok(answers)
}

/// The lines of a record, each under its key.
#[derive(Default)]
struct Record(Vec<(&'static str, Vec<&'static str>)>);

impl Record {
    fn add(&mut self, line: &'static str) -> Result<(), String> {
        if let (Some(more), Some((_, parts))) = (line.strip_prefix("  "), self.0.last_mut()) {
            parts.push(more);
            return Ok(());
        }
        let (key, value) = line.split_once(": ").ok_or_else(|| format!("no key: {line}"))?;
        self.0.push((key, vec![value]));
        Ok(())
    }

    fn finish(self) -> Result<Option<Answer>, String> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let mut answer = Answer {
            codes: Vec::new(),
            reaction: Reaction::Fix,
            pause: None,
            seen: Vec::new(),
            states: Vec::new(),
            leaves_open: false,
            means: String::new(),
            remedy: String::new(),
        };
        for (key, parts) in self.0 {
            let words = || parts.iter().flat_map(|part| part.split([',', ' '])).filter(|word| !word.is_empty());
            let whole = || parts.join(" ");
            match key {
                "codes" => answer.codes = words().collect(),
                "state" => answer.states = words().collect(),
                "seen" => answer.seen.push(form(parts.first().copied().unwrap_or_default())?),
                "severity" => answer.leaves_open = whole() == "any",
                "reaction" => answer.reaction = reaction(&whole())?,
                "pause" => {
                    let millis = whole().parse().map_err(|_| format!("no milliseconds: {}", whole()))?;
                    answer.pause = Some(Duration::from_millis(millis));
                }
                "means" => answer.means = whole(),
                "do" => answer.remedy = whole(),
                // What only the documents need.
                "often" => {}
                _ => return Err(format!("unknown key: {key}")),
            }
        }
        Ok(Some(answer))
    }
}

fn reaction(word: &str) -> Result<Reaction, String> {
    let all = [Reaction::Fix, Reaction::Wait, Reaction::Retry, Reaction::Stop];
    all.into_iter().find(|reaction| reaction.as_str() == word).ok_or_else(|| format!("unknown reaction: {word}"))
}

/// `WHAT [on PLACE] [: TEXT | TEXT …]`
fn form(line: &'static str) -> Result<Form, String> {
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
    let texts = texts.map(|text| text.strip_prefix('…').map_or(Words::AtStart(text), Words::Anywhere)).collect();
    Ok(Form { what, place, texts })
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
