//! A request, and how it is written as messages of the protocol.

use std::sync::Arc;

use bytes::BytesMut;

use super::flow::Flow;
use super::known_text::KnownText;
use super::message::{Body, Extended, Message, Portal, Script};
use super::reply::Reply;
use super::script_parts::Parts;
use super::statement::{Described, Statements};
use crate::error::{Error, ErrorKind, texts};
use crate::rows::{Formats, Shape};
use crate::sql;
use crate::wire::{frontend, frontend::Parameters};

/// A request, and where its answer goes.
pub struct Request {
    /// What to send.
    pub message: Message,
    /// Where its answer goes.
    pub reply: Reply,
    /// Its text may be prepared when it comes often. Not so for a request that must be sent before those behind it.
    pub may_prepare: bool,
    /// What is known of its text.
    pub known: Option<Arc<KnownText>>,
}

impl Request {
    /// Looks at the text of a query of which nothing is known, once and for all.
    pub fn study(&mut self) {
        if let Message::Simple(text) | Message::Extended(Extended { text, .. }) = &self.message {
            self.known.get_or_insert_with(|| Arc::new(KnownText::new(text.clone())));
        }
    }
}

impl Message {
    /// Writes the message, whose answer goes to `reply`, and says how that reads. `formats` are the columns that may
    /// come in binary format. `describes` has a query without a name described before it is bound.
    ///
    /// # Errors
    /// The message cannot be expressed in the protocol; nothing was written then.
    pub(super) fn send(
        self,
        may_prepare: bool,
        describes: bool,
        reply: &Reply,
        statements: &mut Statements,
        formats: Formats,
        out: &mut BytesMut,
    ) -> Result<Sent, Error> {
        let start = out.len();
        let sent = match self {
            Message::Simple(text) if describes => describing(&text, Parameters::default(), out),
            Message::Extended(query) if describes => describing(&query.text, query.parameters, out),
            Message::Simple(text) => simple(text, may_prepare, reply, statements, formats, out),
            Message::Script(script) => send_script(*script, out).map(|flow| (flow, None)),
            Message::Exchange(messages) => {
                out.extend_from_slice(&messages);
                Ok((Flow::Exchange, None))
            }
            Message::Extended(query) if may_prepare && query.name.is_empty() => {
                match statements.prepare_repeated(&query.text, query.parameters.len()) {
                    Some(prepared) => repeated(query, prepared, reply, statements, formats, out),
                    None => extended(&query, true, reply, statements, formats, out),
                }
            }
            Message::Extended(query) => {
                let is_named = !statements.leaves_out_names;
                extended(&query, is_named, reply, statements, formats, out)
            }
            Message::Raw => Ok((Flow::Raw, None)),
            Message::Portal(portal) => open_portal(&portal, out).map(|()| (Flow::Portal { left: 0 }, None)),
            Message::Copy { text, each } => frontend::query(&text, out).map(|()| (Flow::Copy { each }, None)),
        };
        if sent.is_err() {
            out.truncate(start);
        }
        sent
    }
}

/// Asks for the columns of a text without a name first; [`bind_described`] asks for the rows.
fn describing(text: &str, parameters: Parameters, out: &mut BytesMut) -> Result<Sent, Error> {
    frontend::parse("", text, out)?;
    frontend::describe_statement("", out)?;
    frontend::flush(out);
    let unbound = Some(Box::new(parameters));
    Ok((Flow::Extended { name: Arc::default(), parse: true, describe: None, unprepared: None, unbound }, None))
}

/// Binds and executes the statement without a name, which has been described. Ends the exchange in any case.
///
/// # Errors
/// The values cannot be expressed in the protocol; nothing is executed then.
pub fn bind_described(
    parameters: &Parameters,
    shape: Option<&Shape>,
    formats: Formats,
    out: &mut BytesMut,
) -> Result<(), Error> {
    let start = out.len();
    let codes = shape.into_iter().flat_map(|shape| shape.format_codes(formats));
    let bound = frontend::bind("", "", parameters, codes, out).and_then(|()| frontend::execute("", 0, out));
    if bound.is_err() {
        out.truncate(start);
    }
    frontend::sync(out);
    bound
}

/// What precedes the text of a [`Script`] that begins a transaction.
const BEGIN: &str = "BEGIN;";

/// BEGIN stands in one Query with the text, or under one Sync with the statement: the server passes over what follows
/// an error there.
fn send_script(script: Script, out: &mut BytesMut) -> Result<Flow, Error> {
    let Script { body, begins, claim, lead, copies, cuts } = script;
    let parts = Parts::of(copies, cuts);
    let hidden = usize::from(begins) + lead.len();
    match body {
        Body::Text(text) if hidden == 0 && claim.is_empty() => {
            frontend::query(&text, out)?;
            Ok(Flow::Script { hidden, shift: 0, extended: false, parts })
        }
        Body::Text(text) => {
            let mut whole = claim + if begins { BEGIN } else { "" };
            lead.iter().for_each(|statement| whole.extend([statement, ";"]));
            let shift = whole.chars().count();
            whole.push_str(&text);
            frontend::query(&whole, out)?;
            Ok(Flow::Script { hidden, shift, extended: false, parts })
        }
        Body::Query(query) => {
            if begins {
                frontend::parse("", "BEGIN", out)?;
                frontend::bind("", "", &Parameters::default(), std::iter::empty(), out)?;
                frontend::execute("", 0, out)?;
            }
            frontend::parse("", &query.text, out)?;
            frontend::bind("", "", &query.parameters, query.binary.then_some(1), out)?;
            frontend::describe_portal("", out)?;
            frontend::execute("", 0, out)?;
            frontend::sync(out);
            Ok(Flow::Script { hidden: usize::from(begins), shift: 0, extended: true, parts })
        }
    }
}

fn open_portal(portal: &Portal, out: &mut BytesMut) -> Result<(), Error> {
    let Portal { portal, query } = portal;
    frontend::parse("", &query.text, out)?;
    frontend::bind(portal, "", &query.parameters, query.binary.then_some(1), out)?;
    frontend::describe_portal(portal, out)?;
    frontend::flush(out);
    Ok(())
}

/// How the answer reads, and its columns if they are known.
type Sent = (Flow, Option<Arc<Shape>>);

/// A text alone goes through the extended protocol once it is prepared.
fn simple(
    text: Arc<str>,
    may_prepare: bool,
    reply: &Reply,
    statements: &mut Statements,
    formats: Formats,
    out: &mut BytesMut,
) -> Result<Sent, Error> {
    let prepared =
        if may_prepare && !sql::may_have_parameters(&text) { statements.prepare_repeated(&text, 0) } else { None };
    match prepared {
        Some(prepared) => {
            let query = Extended { name: Arc::default(), text, parameters: Parameters::default(), binary: false };
            repeated(query, prepared, reply, statements, formats, out)
        }
        None => frontend::query(&text, out).map(|()| (Flow::Simple, None)),
    }
}

/// Runs a query as a statement of this name, after closing others on the server.
fn repeated(
    query: Extended,
    (name, closing): (String, Vec<String>),
    reply: &Reply,
    statements: &mut Statements,
    formats: Formats,
    out: &mut BytesMut,
) -> Result<Sent, Error> {
    for closed in &closing {
        frontend::close_statement(closed, out)?;
    }
    let mut query = Extended { name: name.into(), ..query };
    let (mut flow, shape) = extended(&query, true, reply, statements, formats, out)?;
    if let Flow::Extended { unprepared, .. } = &mut flow {
        query.name = Arc::default();
        *unprepared = Some(Box::new(query));
    }
    Ok((flow, shape))
}

/// Runs a query as a statement of its name. Where that isn't sent (not `is_named`) the statement is parsed and described
/// each time, and the caller can't tell the difference.
fn extended(
    query: &Extended,
    is_named: bool,
    reply: &Reply,
    statements: &mut Statements,
    formats: Formats,
    out: &mut BytesMut,
) -> Result<Sent, Error> {
    let Extended { name, text, parameters, binary } = query;
    let binary = *binary;
    let known = if name.is_empty() { None } else { statements.get(name) };
    if let Some(statement) = known
        && !text.is_empty()
        && statement.text != **text
    {
        return Err(Error::new(ErrorKind::Refused, texts::statement_not_unique(name)));
    }
    let is_known = known.is_some();
    let text = known.map_or(&**text, |statement| statement.text.as_str());
    let known = known.filter(|statement| is_named && statement.is_named());
    let parse = known.is_none();
    let sent_name = if is_named { &**name } else { "" };
    if parse {
        frontend::parse(sent_name, text, out)?;
    }
    let described = known.and_then(|statement| statement.described(binary, reply));
    let shape = match &described {
        Some(Described::Rows(shape)) => Some(shape.clone()),
        _ => None,
    };
    let codes = shape.iter().flat_map(|shape| shape.format_codes(formats));
    frontend::bind("", sent_name, parameters, codes.chain(binary.then_some(1)), out)?;
    let describe = described.is_none().then_some(binary);
    if describe.is_some() {
        frontend::describe_portal("", out)?;
    }
    frontend::execute("", 0, out)?;
    frontend::sync(out);
    if parse && !name.is_empty() && (is_named || !is_known) {
        let text = text.to_owned();
        statements.sent(name, text, is_named);
    }
    Ok((Flow::Extended { name: name.clone(), parse, describe, unprepared: None, unbound: None }, shape))
}

#[cfg(test)]
mod tests {
    use super::super::auto_prepare::AutoPrepare;
    use super::super::null_sink::NullSink;
    use super::super::pending_request::PendingRequest;
    use super::*;
    use crate::error::ServerError;
    use crate::rows::TypeMask;
    use crate::sql::SessionEffect;

    fn reply() -> Reply {
        Reply { sink: NullSink::numbered(1), request: 1, mask: TypeMask(0), eager: false, unordered: false, race: None }
    }

    /// Sends a query without values and returns the tags of the messages, the format codes of Bind, and the pending.
    fn send(text: &str, name: &str, statements: &mut Statements) -> (String, Vec<u8>, PendingRequest) {
        let parameters = Parameters::default();
        let query = Extended { name: name.into(), text: text.into(), parameters, binary: false };
        let (mut out, reply, formats) = (BytesMut::new(), reply(), Formats::INSTANTS);
        let Ok((flow, shape)) = Message::Extended(query).send(true, false, &reply, statements, formats, &mut out)
        else {
            panic!("it can be sent")
        };
        let pending = PendingRequest::new(reply, flow, shape, formats, None);
        let (mut tags, mut codes, mut rest) = (String::new(), Vec::new(), &out[..]);
        while let [tag, a, b, c, d, ..] = rest {
            let size = usize::try_from(u32::from_be_bytes([*a, *b, *c, *d])).unwrap() + 1;
            tags.push(char::from(*tag));
            if *tag == b'B' {
                let names = 5 + 1 + rest[6..].iter().position(|byte| *byte == 0).unwrap() + 1;
                codes = rest[names + 4..size].to_vec();
            }
            rest = &rest[size..];
        }
        (tags, codes, pending)
    }

    fn described(name: &str, statements: &mut Statements) {
        let body = crate::rows::shape::tests::description(&[("a", 23), ("b", 701), ("c", 1184)]);
        let reply = reply();
        let shape = reply.sink.tables().shapes.get(&body, reply.mask).unwrap();
        statements.confirm(name);
        statements.describe(name, false, &reply, Some(shape));
    }

    #[test]
    fn a_statement_whose_columns_are_known_asks_for_the_plain_ones_in_binary_format() {
        let mut statements = Statements::default();
        let (tags, codes, pending) = send("select 1", "s", &mut statements);
        assert_eq!((tags.as_str(), codes.as_slice()), ("PBDES", [0, 0].as_slice()));
        assert_eq!(pending.formats, Formats::TEXT);
        described("s", &mut statements);
        let (tags, codes, pending) = send("select 1", "s", &mut statements);
        assert_eq!((tags.as_str(), codes.as_slice()), ("BES", [0, 3, 0, 1, 0, 0, 0, 1].as_slice()));
        assert_eq!(pending.formats, Formats::INSTANTS);
    }

    #[test]
    fn a_statement_whose_columns_can_change_is_described_each_time() {
        let mut statements = Statements::default();
        send("fetch 1 from c", "s", &mut statements);
        described("s", &mut statements);
        assert_eq!(send("fetch 1 from c", "s", &mut statements).0, "BDES");
        send("select 1", "t", &mut statements);
        described("t", &mut statements);
        statements.note(SessionEffect::ChangesStatements);
        assert_eq!(send("select 1", "t", &mut statements).0, "BDES");
    }

    #[test]
    fn what_is_known_before_the_server_has_accepted_the_statement_is_about_another_one() {
        let mut statements = Statements::default();
        send("select 1", "s", &mut statements);
        let reply = reply();
        statements.describe("s", false, &reply, None);
        assert_eq!(send("select 1", "s", &mut statements).0, "BDES");
    }

    #[test]
    fn a_repeated_text_is_prepared_and_goes_unprepared_until_the_server_has_accepted_it() {
        let mut statements = Statements::preparing(Some(AutoPrepare::default()));
        assert_eq!(send("select 1", "", &mut statements).0, "PBDES");
        let (tags, _, pending) = send("select 1", "", &mut statements);
        assert_eq!(tags, "CPBDES");
        let Flow::Extended { name, unprepared: Some(query), .. } = pending.flow else { panic!("it is prepared") };
        assert_eq!((&*query.name, &*query.text), ("", "select 1"));
        assert_eq!(send("select 1", "", &mut statements).0, "PBDES");
        described(&name, &mut statements);
        assert_eq!(send("select 1", "", &mut statements).0, "BES");
        statements.note(SessionEffect::ChangesSettings);
        assert_eq!(send("select 1", "", &mut statements).0, "CPBDES");
        statements.confirm(&name);
        statements.note(SessionEffect::ForgetsStatements);
        assert_eq!(send("select 1", "", &mut statements).0, "CPBDES");
    }

    #[test]
    fn only_errors_that_depend_on_the_preparation_are_worth_a_second_try() {
        let error = |code: &str, routine: &str| {
            Error::from_server(ServerError { length: 0, fields: vec![(b'C', code.into()), (b'R', routine.into())] })
        };
        let mut statements = Statements::preparing(Some(AutoPrepare::default()));
        assert!(statements.lost("s", false, &error("26000", "FetchPreparedStatement")));
        assert!(statements.lost("s", false, &error("0A000", "RevalidateCachedQuery")));
        assert!(statements.lost("s", true, &error("42P05", "StorePreparedStatement")));
        assert!(!statements.lost("s", false, &error("0A000", "transformSelectStmt")));
        assert!(!statements.lost("s", true, &error("0A000", "RevalidateCachedQuery")));
        assert!(!statements.lost("s", false, &error("22P02", "pg_strtoint32_safe")));
    }

    #[test]
    fn what_stands_before_a_text_is_hidden_and_not_counted() {
        let lead = vec!["SET LOCAL lock_timeout = 5".to_owned()];
        let script = Script {
            body: Body::Text("select 1".into()),
            begins: true,
            claim: "/* us */".into(),
            lead,
            copies: Vec::new(),
            cuts: Vec::new(),
        };
        let mut out = BytesMut::new();
        let Ok(Flow::Script { hidden, shift, .. }) = send_script(script, &mut out) else { panic!("it can be sent") };
        assert_eq!((hidden, shift), (2, "/* us */BEGIN;SET LOCAL lock_timeout = 5;".len()));
        assert!(out.ends_with(b"/* us */BEGIN;SET LOCAL lock_timeout = 5;select 1\0"));
    }
}
