//! Settings that a session behind a pooler in transaction mode can't keep: they are made for each transaction
//! (docs/decisions/0070).

use bytes::BytesMut;

use super::message::{Body, Extended, Message};
use crate::error::Error;
use crate::sql::{may_have_parameters, outside_transaction, quote_identifier, quote_literal, statements};
use crate::wire::{frontend, frontend::Parameters};

/// What a transaction begins with.
#[derive(Debug, Default)]
pub(super) struct TransactionSettings {
    statements: Vec<String>,
}

/// What was put before a request, of whose answer the caller gets nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preamble {
    /// Statements whose completion has yet to come.
    pub(super) left: usize,
    /// Characters before the caller's text in one Query.
    pub(super) shift: usize,
}

/// What a setting that is made at the beginning of a transaction comes too late for, what holds between transactions as
/// well, what a list of names is for, and what answers are read by.
const OTHERWISE: [&str; 13] = [
    "client_encoding",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "idle_session_timeout",
    "intervalstyle",
    "local_preload_libraries",
    "search_path",
    "session_authorization",
    "session_preload_libraries",
    "standard_conforming_strings",
    "temp_tablespaces",
];

impl TransactionSettings {
    /// Whether a setting is the same to each transaction that begins with it as one of the session.
    pub(super) fn can_have(name: &str) -> bool {
        !OTHERWISE.iter().any(|other| other.eq_ignore_ascii_case(name))
    }

    /// These, by name and value.
    pub(super) fn of(settings: &[(String, String)]) -> TransactionSettings {
        let quoted = |name: &str| name.split('.').map(quote_identifier).collect::<Vec<_>>().join(".");
        let set = |(name, value): &(String, String)| {
            format!("SET LOCAL {} TO {}", quoted(name), quote_literal(value).trim_start())
        };
        TransactionSettings { statements: settings.iter().map(set).collect() }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.statements.is_empty()
    }

    /// Puts them before a request that begins a transaction; one that can't stand in one goes without them. The same
    /// transaction is begun, committed and undone as without them: a single statement has one to itself in the extended
    /// protocol, and those of one Query share one anyway.
    ///
    /// # Errors
    /// They can't be expressed in the protocol.
    pub(super) fn precede(&self, message: Message, out: &mut BytesMut) -> Result<(Message, Preamble), Error> {
        let none = Preamble::default();
        match message {
            Message::Exchange(_) => Ok((message, none)),
            Message::Raw => Ok((message, self.write(out)?)),
            Message::Extended(ref query) => self.before(&query.text.clone(), message, out),
            Message::Portal(ref portal) => self.before(&portal.query.text.clone(), message, out),
            Message::Simple(text) => match Content::of(&text) {
                Content::Alone => Ok((Message::Simple(text), none)),
                Content::One => {
                    let query = Extended { name: "".into(), text, parameters: Parameters::default(), binary: false };
                    Ok((Message::Extended(query), self.write(out)?))
                }
                Content::Several => {
                    let (text, preamble) = self.in_front_of(&text);
                    Ok((Message::Simple(text.into()), preamble))
                }
            },
            Message::Copy { text, each } => {
                let (text, preamble) = self.in_front_of(&text);
                Ok((Message::Copy { text, each }, preamble))
            }
            Message::Script(mut script) => match &script.body {
                Body::Query(query) => self.before(&query.text.clone(), Message::Script(script), out),
                Body::Text(text) => {
                    if script.begins || Content::of(text) != Content::Alone {
                        script.lead.splice(0..0, self.statements.iter().cloned());
                    }
                    Ok((Message::Script(script), none))
                }
            },
        }
    }

    fn before(&self, text: &str, message: Message, out: &mut BytesMut) -> Result<(Message, Preamble), Error> {
        let preamble = if Content::of(text) == Content::Alone { Preamble::default() } else { self.write(out)? };
        Ok((message, preamble))
    }

    /// By the extended protocol, as the beginning of what a Sync ends. They take no snapshot there, so that BEGIN may
    /// follow with any isolation level.
    fn write(&self, out: &mut BytesMut) -> Result<Preamble, Error> {
        for statement in &self.statements {
            frontend::parse("", statement, out)?;
            frontend::bind("", "", &Parameters::default(), std::iter::empty(), out)?;
            frontend::execute("", 0, out)?;
        }
        Ok(Preamble { left: self.statements.len(), shift: 0 })
    }

    /// In the same Query.
    fn in_front_of(&self, text: &str) -> (String, Preamble) {
        let mut whole: String = self.statements.iter().flat_map(|statement| [statement, ";"]).collect();
        let shift = whole.chars().count();
        whole.push_str(text);
        (whole, Preamble { left: self.statements.len(), shift })
    }
}

/// A text by its statements.
#[derive(PartialEq)]
enum Content {
    /// None, or one that can't stand in a transaction.
    Alone,
    One,
    Several,
}

impl Content {
    fn of(text: &str) -> Content {
        if outside_transaction(text).is_some() {
            return Content::Alone;
        }
        let mut all = statements(text);
        match (all.next(), all.next()) {
            (None, _) => Content::Alone,
            // By the simple protocol a parameter that isn't given has another error.
            (Some(_), None) if !all.is_doubtful() && !may_have_parameters(text) => Content::One,
            _ => Content::Several,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> TransactionSettings {
        TransactionSettings::of(&[("statement_timeout".into(), "5s".into()), ("app.tenant".into(), r"o'\".into())])
    }

    /// What becomes of a simple Query: its text, or the type of its messages, and what isn't told of the answer.
    fn preceded(text: &str) -> (String, Preamble) {
        let mut out = BytesMut::new();
        let (message, preamble) = settings().precede(Message::Simple(text.into()), &mut out).unwrap();
        match message {
            Message::Simple(text) => (text.to_string(), preamble),
            Message::Extended(query) => (format!("<{}>", query.text), preamble),
            _ => panic!("it is a query"),
        }
    }

    #[test]
    fn a_statement_has_them_before_it_in_its_own_transaction() {
        let left = Preamble { left: 2, shift: 0 };
        for text in ["select 1", "BEGIN ISOLATION LEVEL SERIALIZABLE", "DO $$ begin commit; end $$", "select ';';"] {
            assert_eq!(preceded(text), (format!("<{text}>"), left));
        }
    }

    #[test]
    fn statements_of_one_query_have_them_in_it() {
        let (text, Preamble { left, shift }) = preceded("select 1; select 2");
        assert_eq!((left, &text[shift..]), (2, "select 1; select 2"));
        assert_eq!(&text[..shift], r#"SET LOCAL "statement_timeout" TO '5s';SET LOCAL "app"."tenant" TO E'o''\\';"#);
        assert_eq!(preceded("select $1").1.left, 2);
    }

    #[test]
    fn what_can_not_stand_in_a_transaction_and_what_is_no_statement_is_left_alone() {
        for text in ["VACUUM", "create index concurrently i on t (a)", "", " -- nothing\n;"] {
            assert_eq!(preceded(text), (text.to_owned(), Preamble::default()));
        }
    }

    #[test]
    fn what_holds_for_more_than_a_transaction_can_not_be_had_in_each() {
        assert!(TransactionSettings::can_have("statement_timeout") && TransactionSettings::can_have("TimeZone"));
        assert!(!TransactionSettings::can_have("Default_Transaction_Read_Only"));
    }
}
