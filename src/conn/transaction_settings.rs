//! Settings that a session behind a pooler in transaction mode can't keep: they are made for each transaction
//! (docs/decisions/0070).

use bytes::{Buf, BytesMut};

use super::message::{Body, Extended, Message};
use super::pooling;
use crate::error::{Error, ServerError, texts};
use crate::sql::{Standing, begins_transactions_within, quote_identifier, quote_literal, standing};
use crate::wire::{frontend, frontend::Parameters, server_message};

/// What a transaction begins with.
#[derive(Debug)]
pub(super) struct TransactionSettings {
    /// The name of one of them, for errors.
    name: String,
    /// `SET LOCAL`, for what shares a Query. It takes no snapshot, so that BEGIN may follow with any isolation level.
    statements: Vec<String>,
    /// The same as one query, for what shares a Sync: the server has a warning in its log about SET LOCAL there.
    query: String,
}

/// What was put before a request, of whose answer the caller gets nothing.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Preamble {
    /// Statements whose completion has yet to come.
    pub(super) left: usize,
    /// Characters before the caller's text in one Query.
    pub(super) shift: usize,
    /// The first error came before they were complete.
    pub(super) failed: bool,
    /// It isn't known before the first message of a raw exchange.
    pub(super) held: bool,
}

impl Preamble {
    /// The position of an error or a notice in the caller's text, or none where it is in what stands before that.
    pub(super) fn place(&self, server: &mut ServerError) {
        let Preamble { shift, failed, .. } = *self;
        if shift == 0 && !failed {
            return;
        }
        server.fields.retain_mut(|(key, value)| {
            let Some(position) = (*key == b'P').then(|| value.parse::<usize>().ok()).flatten() else { return true };
            let place = position.saturating_sub(shift);
            *value = place.to_string();
            place > 0 && (shift > 0 || !failed)
        });
    }

    /// The content of an ErrorResponse with such a position, where it has to be another one.
    ///
    /// # Errors
    /// It isn't one.
    pub(super) fn placed(&self, body: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        if self.shift == 0 && !self.failed {
            return Ok(None);
        }
        let mut server = server_message::error_fields(body)?;
        self.place(&mut server);
        let fields = server.fields.iter().flat_map(|(key, value)| [&[*key][..], value.as_bytes(), &[0]].concat());
        Ok(Some(fields.chain([0]).collect()))
    }
}

/// What a setting that is made at the beginning of a transaction comes too late for, what holds between transactions as
/// well, what a list of names is for, what answers are read by, and whose rights statements have.
const OTHERWISE: [&str; 18] = [
    "client_encoding",
    "datestyle",
    "default_transaction_deferrable",
    "default_transaction_isolation",
    "default_transaction_read_only",
    "idle_session_timeout",
    "intervalstyle",
    "local_preload_libraries",
    "role",
    "search_path",
    "seed",
    "session_authorization",
    "session_preload_libraries",
    "standard_conforming_strings",
    "temp_tablespaces",
    "transaction_deferrable",
    "transaction_isolation",
    "transaction_read_only",
];

impl TransactionSettings {
    /// Whether a setting is the same to each transaction that begins with it as one of the session.
    pub(super) fn can_have(name: &str) -> bool {
        !OTHERWISE.iter().any(|other| other.eq_ignore_ascii_case(name))
    }

    /// These, by name and value; none where there are none.
    pub(super) fn of(settings: &[(String, String)]) -> Option<Box<TransactionSettings>> {
        let (name, _) = settings.first()?;
        let quoted = |name: &str| name.split('.').map(quote_identifier).collect::<Vec<_>>().join(".");
        let literal = |text: &str| quote_literal(text).trim_start().to_owned();
        let set = |(name, value): &(String, String)| format!("SET LOCAL {} TO {}", quoted(name), literal(value));
        let call = |(name, value): &(String, String)| {
            format!("pg_catalog.set_config({}, {}, true)", literal(name), literal(value))
        };
        Some(Box::new(TransactionSettings {
            name: name.clone(),
            statements: settings.iter().map(set).collect(),
            query: format!("SELECT {}", settings.iter().map(call).collect::<Vec<_>>().join(", ")),
        }))
    }

    /// Why a request isn't sent: it would begin a transaction that has nothing before it.
    pub(super) fn refusal(&self, message: &Message) -> Option<Error> {
        let text = match message {
            Message::Simple(text) => text,
            Message::Script(script) => script.body.text(),
            Message::Extended(query) => &query.text,
            Message::Portal(portal) => &portal.query.text,
            Message::Copy { text, .. } => text,
            Message::Exchange(_) | Message::Raw => return None,
        };
        let refused = || Error::config(texts::transaction_without_settings(&self.name)).with_code(pooling::CODE);
        begins_transactions_within(text).then(refused)
    }

    /// Puts them before a request that begins a transaction; one that can't stand in one goes without them. The same
    /// transaction is begun, committed and undone as without them: a single statement has one to itself in the extended
    /// protocol, and those of one Query share one anyway. A raw exchange has them before its [first
    /// message](Self::precede_raw).
    ///
    /// # Errors
    /// They can't be expressed in the protocol.
    pub(super) fn precede(&self, message: Message, out: &mut BytesMut) -> Result<(Message, Preamble), Error> {
        let none = Preamble::default();
        match message {
            Message::Exchange(_) | Message::Raw => Ok((message, none)),
            Message::Extended(ref query) => self.before(&query.text.clone(), message, out),
            Message::Portal(ref portal) => self.before(&portal.query.text.clone(), message, out),
            Message::Simple(text) => match standing(&text) {
                Standing::Alone => Ok((Message::Simple(text), none)),
                Standing::Single => {
                    let query = Extended { name: "".into(), text, parameters: Parameters::default(), binary: false };
                    Ok((Message::Extended(query), self.write(out)?))
                }
                Standing::Beginning | Standing::Shared => {
                    let (text, preamble) = self.in_front_of(&text);
                    Ok((Message::Simple(text.into()), preamble))
                }
            },
            Message::Copy { text, each } if standing(&text) == Standing::Alone => {
                Ok((Message::Copy { text, each }, none))
            }
            Message::Copy { text, each } => {
                let (text, preamble) = self.in_front_of(&text);
                Ok((Message::Copy { text, each }, preamble))
            }
            Message::Script(mut script) => match &script.body {
                Body::Query(query) => self.before(&query.text.clone(), Message::Script(script), out),
                Body::Text(text) => {
                    if script.begins || standing(text) != Standing::Alone {
                        script.lead.splice(0..0, self.statements.iter().cloned());
                    }
                    Ok((Message::Script(script), none))
                }
            },
        }
    }

    /// Writes what somebody else's exchange begins with, with the settings before it: the first message that isn't about
    /// another exchange, and what came behind it. None, and the rest is left, as long as there is no such message.
    ///
    /// # Errors
    /// They can't be expressed in the protocol.
    pub(super) fn precede_raw(&self, held: &mut BytesMut, out: &mut BytesMut) -> Result<Option<Preamble>, Error> {
        while let Some((tag, body)) = first_message(held) {
            let size = body.len() + 5;
            let mut strings = body.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            let preamble = match tag {
                // Close, Sync and Flush.
                b'C' | b'S' | b'H' => {
                    out.extend_from_slice(&held.split_to(size));
                    continue;
                }
                b'Q' => {
                    let text = strings.next().unwrap_or_default();
                    if standing(&text) == Standing::Alone {
                        Preamble::default()
                    } else {
                        let (text, preamble) = self.in_front_of(&text);
                        frontend::query(&text, out)?;
                        held.advance(size);
                        preamble
                    }
                }
                b'P' => match standing(&strings.nth(1).unwrap_or_default()) {
                    Standing::Alone => Preamble::default(),
                    Standing::Beginning => self.write_statements(out)?,
                    Standing::Single | Standing::Shared => self.write(out)?,
                },
                b'B' => self.write(out)?,
                _ => Preamble::default(),
            };
            out.extend_from_slice(held);
            return Ok(Some(preamble));
        }
        Ok(None)
    }

    fn before(&self, text: &str, message: Message, out: &mut BytesMut) -> Result<(Message, Preamble), Error> {
        let preamble = match standing(text) {
            Standing::Alone => Preamble::default(),
            Standing::Beginning => self.write_statements(out)?,
            Standing::Single | Standing::Shared => self.write(out)?,
        };
        Ok((message, preamble))
    }

    /// As the beginning of what a Sync ends.
    fn write(&self, out: &mut BytesMut) -> Result<Preamble, Error> {
        write_statement(&self.query, out)?;
        Ok(Preamble { left: 1, ..Preamble::default() })
    }

    /// The same without a snapshot.
    fn write_statements(&self, out: &mut BytesMut) -> Result<Preamble, Error> {
        self.statements.iter().try_for_each(|statement| write_statement(statement, out))?;
        Ok(Preamble { left: self.statements.len(), ..Preamble::default() })
    }

    /// In the same Query.
    fn in_front_of(&self, text: &str) -> (String, Preamble) {
        let mut whole: String = self.statements.iter().flat_map(|statement| [statement, ";"]).collect();
        let shift = whole.chars().count();
        whole.push_str(text);
        (whole, Preamble { left: self.statements.len(), shift, ..Preamble::default() })
    }
}

fn write_statement(text: &str, out: &mut BytesMut) -> Result<(), Error> {
    frontend::parse("", text, out)?;
    frontend::bind("", "", &Parameters::default(), std::iter::empty(), out)?;
    frontend::execute("", 0, out)
}

/// The type and the content of a client's first message.
fn first_message(written: &[u8]) -> Option<(u8, &[u8])> {
    let (tag, rest) = written.split_first()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let length = usize::try_from(u32::from_be_bytes(*length)).ok()?.checked_sub(4)?;
    Some((*tag, rest.get(..length)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings() -> Box<TransactionSettings> {
        TransactionSettings::of(&[("statement_timeout".into(), "5s".into()), ("app.tenant".into(), r"o'\".into())])
            .unwrap()
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
        let left = Preamble { left: 1, ..Preamble::default() };
        for text in ["select 1", "DO $$ begin perform '$1'; commit; end $$", "CALL p('$1')", "select ';';"] {
            assert_eq!(preceded(text), (format!("<{text}>"), left));
        }
    }

    #[test]
    fn statements_of_one_query_have_them_in_it() {
        let (text, Preamble { left, shift, .. }) = preceded("select 1; select 2");
        assert_eq!((left, &text[shift..]), (2, "select 1; select 2"));
        assert_eq!(&text[..shift], r#"SET LOCAL "statement_timeout" TO '5s';SET LOCAL "app"."tenant" TO E'o''\\';"#);
        assert_eq!(preceded("select $1").1.left, 2);
        assert_eq!(preceded("BEGIN ISOLATION LEVEL SERIALIZABLE").1.left, 2);
    }

    #[test]
    fn a_text_that_begins_another_transaction_in_its_middle_is_refused_by_name() {
        let refusal = |text: &str| settings().refusal(&Message::Simple(text.into()));
        for text in
            ["commit; select 1", "BEGIN; select 1; COMMIT; select 2", "rollback and chain", "end work and chain"]
        {
            let error = refusal(text).unwrap();
            assert_eq!(error.code.as_deref(), Some("PGFLEET_TRANSACTION_MODE"));
            assert!(error.message.contains("\"statement_timeout\""), "{}", error.message);
        }
        for text in ["BEGIN; select 1; COMMIT;", "commit and no chain", "rollback to a; select 1", "select 1; begin"] {
            assert!(refusal(text).is_none(), "{text}");
        }
    }

    #[test]
    fn the_first_message_of_a_raw_exchange_has_them_before_it_whatever_it_is() {
        let tags = |written: &[u8]| {
            let mut out = BytesMut::new();
            let preamble = settings().precede_raw(&mut BytesMut::from(written), &mut out).unwrap();
            let (mut tags, mut rest) = (String::new(), &out[..]);
            while let Some((tag, body)) = first_message(rest) {
                tags.push(char::from(tag));
                rest = &rest[body.len() + 5..];
            }
            (tags, preamble.map(|Preamble { left, shift, .. }| (left, shift > 0)))
        };
        let written = |write: fn(&mut BytesMut)| {
            let mut out = BytesMut::new();
            write(&mut out);
            out
        };
        let query = written(|out| frontend::query("copy t from stdin", out).unwrap());
        assert_eq!(tags(&query), ("Q".to_owned(), Some((2, true))));
        assert_eq!(tags(&query[..9]), (String::new(), None));
        let parse = written(|out| {
            frontend::parse("s", "select 1", out).unwrap();
            frontend::sync(out);
        });
        assert_eq!(tags(&parse), ("PBEPS".to_owned(), Some((1, false))));
        let begin = written(|out| frontend::parse("", "begin", out).unwrap());
        assert_eq!(tags(&begin), ("PBEPBEP".to_owned(), Some((2, false))));
        let vacuum = written(|out| frontend::query("vacuum", out).unwrap());
        assert_eq!(tags(&vacuum), ("Q".to_owned(), Some((0, false))));
        assert_eq!(tags(&written(frontend::sync)), ("S".to_owned(), None));
        let behind = [&written(frontend::sync)[..], &parse].concat();
        assert_eq!(tags(&behind), ("SPBEPS".to_owned(), Some((1, false))));
    }

    #[test]
    fn a_position_is_one_of_the_callers_text_or_none() {
        let place = |position: &str, preamble: Preamble| {
            let mut error = ServerError { length: 0, fields: vec![(b'P', position.into()), (b'C', "42601".into())] };
            preamble.place(&mut error);
            error.field(b'P').map(str::to_owned)
        };
        let in_query = Preamble { shift: 10, failed: true, ..Preamble::default() };
        assert_eq!(place("18", in_query).as_deref(), Some("8"));
        assert_eq!(place("5", in_query), None);
        assert_eq!(place("8", Preamble::default()).as_deref(), Some("8"));
        assert_eq!(place("8", Preamble { failed: true, ..Preamble::default() }), None);
    }

    #[test]
    fn what_can_not_stand_in_a_transaction_and_what_is_no_statement_is_left_alone() {
        for text in ["VACUUM", "create index concurrently i on t (a)", "lock table t", "commit", "", " -- nothing\n;"] {
            assert_eq!(preceded(text), (text.to_owned(), Preamble::default()));
        }
    }

    #[test]
    fn what_holds_for_more_than_a_transaction_can_not_be_had_in_each() {
        assert!(TransactionSettings::can_have("statement_timeout") && TransactionSettings::can_have("TimeZone"));
        assert!(!TransactionSettings::can_have("Default_Transaction_Read_Only"));
    }
}
