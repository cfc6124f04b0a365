//! Turns the messages of a connection into records for whoever asked.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::connection::Connection;
use super::course::Course;
use super::flight::Flight;
use super::message::Message;
use super::read_buffer::ReadBuffer;
use super::reply::Reply;
use super::request::{Request, bind_described};
use super::sink::Sink;
use super::state::{Buried, Inner, Note, Notes, deliver_notes};
use super::statement::Statements;
use crate::error::{Error, ErrorKind, ServerError};
use crate::rows::{Batch, Event, Extra, Formats, Record, Shape, TypeMask, row};
use crate::wire::{Frame, command, frame, frontend, server_message};

/// Why a connection is over.
pub(super) enum End {
    /// Terminate was sent.
    Terminated,
    /// The caller closed it; this is for what is left.
    Destroyed(Error),
    /// The server or the network ended it.
    Lost(Option<Error>),
}

/// An answer of more bytes than this is worth another thread.
pub(super) const LONG_ANSWER: usize = 32 * 1024;

/// The answer that is being read, and the records made of it.
pub(super) struct Answer {
    pub(super) connection: Connection,
    batch: Batch,
    /// Whose records are in `batch`.
    pub(super) sink: Option<Arc<dyn Sink>>,
    current: Option<Flight>,
    /// Bytes since the answer before the current one was complete.
    pub(super) length: usize,
    /// Somebody else than the answer under way is for was told of something since he was last seen to keep up.
    has_told: bool,
    /// The request whose answer is under way, until its end stands in the batch.
    owed: Option<i32>,
    /// Reading has panicked: what is in the batch may be cut off anywhere.
    broken: bool,
    closed: bool,
}

impl Answer {
    pub(super) fn new(connection: Connection, length: usize) -> Self {
        Answer {
            connection,
            batch: Batch::default(),
            sink: None,
            current: None,
            length,
            has_told: false,
            owed: None,
            broken: false,
            closed: false,
        }
    }

    /// Understands all whole messages of the buffer.
    pub(super) fn read(&mut self, reader: &mut ReadBuffer) -> Result<(), Error> {
        let mut has_landed = false;
        let outcome = self.messages(reader, &mut has_landed);
        if outcome.is_err() {
            self.connection.lock().break_off();
        }
        // The next user's query is on its way before JavaScript looks at this answer.
        if has_landed {
            self.connection.audience().answered(true);
        }
        if !self.may_wait() {
            self.deliver();
        }
        outcome
    }

    fn messages(&mut self, reader: &mut ReadBuffer, has_landed: &mut bool) -> Result<(), Error> {
        while let Some(frame) = frame::next(reader.unread(), frame::MESSAGE_LIMIT)? {
            let size = frame.size;
            self.message(frame, has_landed)?;
            reader.start += size;
            if self.batch.is_full() {
                self.deliver();
            }
        }
        Ok(())
    }

    /// Whether the batch holds nothing but rows of a result that goes on: nobody can use them before its end, and
    /// waking JavaScript for each of the server's 8 KB packets costs more than decoding what is in it.
    fn may_wait(&self) -> bool {
        let Some(flight) = &self.current else { return false };
        let is_query = matches!(flight.course, Course::Simple | Course::Script { .. } | Course::Extended { .. });
        let is_told = self.batch.finished > 0 || !self.batch.extras.is_empty();
        is_query && flight.shape.is_some() && !flight.reply.eager && !is_told
    }

    fn deliver(&mut self) {
        if !self.batch.is_empty()
            && let Some(sink) = &self.sink
        {
            let next = if self.current.is_some() { sink.spare() } else { Batch::default() };
            sink.deliver(std::mem::replace(&mut self.batch, next));
        }
    }

    fn message(&mut self, frame: Frame<'_>, has_landed: &mut bool) -> Result<(), Error> {
        match frame.tag {
            b'N' => return self.notice(frame.body),
            b'A' => {
                let notification = server_message::notification(frame.body)?;
                self.news(Event::Notification(Box::new(notification)));
                return Ok(());
            }
            b'S' => {
                let (name, value) = server_message::parameter(frame.body)?;
                self.connection.lock().statements.styles.learn(&name, &value);
                self.news(Event::Parameter(name, value));
                return Ok(());
            }
            _ => {}
        }
        if self.current.is_none() {
            self.begin(frame)?;
        }
        let Some(flight) = &mut self.current else { return Ok(()) };
        let request = flight.reply.request;
        if matches!(flight.course, Course::Raw | Course::Exchange) {
            return self.raw(frame, has_landed);
        }
        if !flight.order.admits(frame.tag, &flight.course) {
            return Err(server_message::out_of_place(frame.tag));
        }
        match frame.tag {
            b'D' => {
                if let Course::Portal { left } = &mut flight.course {
                    if *left == 0 {
                        *left = self.connection.lock().take_asked();
                    }
                    // Who asks for pages keeps no more than one in memory, whatever the server would have.
                    *left = left.checked_sub(1).ok_or_else(|| unexpected("more rows than were asked for"))?;
                }
                let shape = flight.shape.as_ref().ok_or_else(|| unexpected("a row without a description"))?;
                if !flight.answered {
                    self.batch.fields(request, shape);
                    flight.answered = true;
                }
                let templates = &flight.reply.sink.tables().templates;
                row::append(&mut self.batch, request, shape, frame.body, flight.formats, templates)?;
            }
            b'T' | b'n' if matches!(flight.course, Course::Extended { unbound: Some(_), .. }) => {
                let shapes = &flight.reply.sink.tables().shapes;
                let shape = (frame.tag == b'T').then(|| shapes.get(frame.body, flight.reply.mask)).transpose()?;
                self.bind(shape);
            }
            b'T' => {
                let shape = flight.reply.sink.tables().shapes.get(frame.body, flight.reply.mask)?;
                self.batch.fields(request, &shape);
                flight.answered = true;
                if let Course::Extended { name, describe: Some(binary), .. } = &flight.course
                    && !name.is_empty()
                {
                    let mut inner = self.connection.lock();
                    inner.statements.describe(name, *binary, &flight.reply, Some(shape.clone()));
                }
                flight.shape = Some(shape);
            }
            b'n' => {
                if let Course::Extended { name, describe: Some(binary), .. } = &flight.course
                    && !name.is_empty()
                {
                    self.connection.lock().statements.describe(name, *binary, &flight.reply, None);
                }
            }
            b'C' => self.command_complete(frame.body)?,
            b'Z' => self.ready(server_message::ready(frame.body)?, has_landed)?,
            b'I' => {
                flight.answered = true;
                self.batch.record(Record::Empty, &[request]);
                self.end_portal(true);
            }
            b'd' if matches!(flight.course, Course::Copy { .. }) => {
                let join = matches!(flight.course, Course::Copy { each: false });
                self.batch.raw(request, &[frame.body], join);
            }
            b'c' if matches!(flight.course, Course::Copy { .. }) => self.batch.record(Record::Suspended, &[request]),
            b'G' | b'W' if matches!(flight.course, Course::Copy { .. }) => {
                server_message::copy_response(frame.body)?;
                self.batch.record(Record::Started, &[request]);
            }
            b's' => {
                if let Course::Portal { left } = &mut flight.course {
                    *left = 0;
                }
                self.batch.record(Record::Suspended, &[request]);
            }
            b'1' => {
                if let Course::Extended { name, .. } = &flight.course
                    && !name.is_empty()
                {
                    self.connection.lock().statements.confirm(name);
                }
            }
            b'E' => {
                let error = Error::from_server(server_message::error_fields(frame.body)?);
                flight.error.get_or_insert_with(|| Box::new(error));
                if let Course::Extended { unbound, .. } = &mut flight.course
                    && unbound.take().is_some()
                {
                    self.connection.lock().interject(frontend::sync);
                }
                self.end_portal(false);
            }
            b'G' => {
                server_message::copy_response(frame.body)?;
                self.refuse_copy();
            }
            b'2' => self.bound(),
            b'H' | b'W' => server_message::copy_response(frame.body)?,
            // CloseComplete, ParameterDescription; COPY data that a plain query has no use for.
            b'3' | b't' | b'd' | b'c' => {}
            other => return Err(unexpected(&format!("a message of type '{}'", char::from(other)))),
        }
        Ok(())
    }

    /// A message came while no answer was under way: it begins the next one, or it is the server's last word.
    fn begin(&mut self, frame: Frame<'_>) -> Result<(), Error> {
        let next = self.connection.lock().next_flight();
        match next {
            Some(mut flight) => {
                if flight.reply.race.is_some() {
                    flight.reply.begin(frame.tag == b'E' && server_message::error_fields(frame.body)?.is_fatal());
                }
                let sink = &flight.reply.sink;
                if self.sink.as_ref().is_none_or(|known| known.id() != sink.id()) {
                    self.deliver();
                    self.sink = Some(sink.clone());
                }
                if self.batch.is_empty() {
                    self.batch = sink.spare();
                }
                self.owed = Some(flight.reply.request);
                self.current = Some(flight);
                Ok(())
            }
            None if frame.tag == b'E' => {
                let error = Error::from_server(server_message::error_fields(frame.body)?);
                self.event(Event::Lost(Box::new(error)));
                Ok(())
            }
            None => Err(server_message::unasked(frame.tag)),
        }
    }

    /// The statement is described: its rows are asked for, in binary format where that pays.
    fn bind(&mut self, shape: Option<Arc<Shape>>) {
        let Some(Flight { course: Course::Extended { unbound, .. }, shape: known, formats, error, .. }) =
            &mut self.current
        else {
            return;
        };
        let Some(parameters) = unbound.take() else { return };
        let mut inner = self.connection.lock();
        *formats = inner.statements.styles.formats();
        if let Err(refusal) = bind_described(&parameters, shape.as_deref(), *formats, &mut inner.out) {
            error.get_or_insert_with(|| Box::new(refusal));
        }
        *known = shape;
        inner.flush();
    }

    /// BindComplete: from here on the statement does what it does, once.
    fn bound(&mut self) {
        let Some(Flight { course: Course::Extended { describe, unprepared, .. }, reply, shape, answered, .. }) =
            &mut self.current
        else {
            return;
        };
        *unprepared = None;
        if let (None, Some(shape)) = (describe, shape) {
            self.batch.fields(reply.request, shape);
            *answered = true;
        }
    }

    fn command_complete(&mut self, body: &[u8]) -> Result<(), Error> {
        let tag = body.strip_suffix(&[0]).ok_or_else(|| unexpected("a command tag without an end"))?;
        if Statements::concerns(tag) {
            self.connection.lock().statements.heard(tag);
        }
        let Some(flight) = &mut self.current else { return Ok(()) };
        if let Course::Script { begins, .. } = &mut flight.course {
            if std::mem::take(begins) {
                return Ok(());
            }
            flight.reply.sink.command_completed(&String::from_utf8_lossy(tag));
        }
        flight.answered = true;
        self.batch.complete(flight.reply.request, command::parse(tag));
        if let (Some(text), Some(shape)) = (&flight.text, &flight.shape)
            && (self.length > LONG_ANSWER || flight.formats != Formats::TEXT)
        {
            let mut inner = self.connection.lock();
            let could_be_binary = shape.format_codes(inner.statements.styles.formats()).next().is_some();
            inner.large_texts.learn(text, self.length, could_be_binary);
        }
        flight.shape = None;
        self.end_portal(true);
        Ok(())
    }

    /// A portal that is exhausted or has failed is over, without waiting for JavaScript to say so.
    fn end_portal(&self, close: bool) {
        if matches!(self.current, Some(Flight { course: Course::Portal { .. }, .. })) {
            let mut inner = self.connection.lock();
            inner.sync_portal(close);
            inner.flush();
        }
    }

    /// ReadyForQuery.
    fn ready(&mut self, status: u8, has_landed: &mut bool) -> Result<(), Error> {
        self.connection.set_status(status);
        if let Some(flight) = &self.current
            && flight.error.is_none()
            && (!flight.answered || flight.shape.is_some())
            && matches!(flight.course, Course::Simple | Course::Extended { .. })
        {
            return Err(Error::protocol(
                "The server said that it is ready before it had answered the query; the connection was closed.",
            ));
        }
        let Some(mut flight) = self.current.take() else { return Ok(()) };
        if let Some(request) = self.second_try(&mut flight, status) {
            self.owed = None;
            self.land(status, |inner| inner.queue.push_front(request));
            return Ok(());
        }
        let request = flight.reply.request;
        let in_order = self.batch.in_order || !flight.reply.unordered;
        match flight.error.take() {
            None => self.batch.record(Record::Done, &[request, i32::from(status)]),
            Some(mut error) => {
                if !flight.reply.is_mute() {
                    self.connection.note_failure();
                }
                self.explain(&flight.course, &mut error);
                let extra = Extra::Error(error);
                self.batch.record_with(Record::Failed, &[request, i32::from(status)], extra);
            }
        }
        self.batch.in_order = in_order;
        self.owed = None;
        *has_landed = true;
        let length = std::mem::take(&mut self.length);
        self.land(status, |inner| inner.note_answer(length <= LONG_ANSWER / 2));
        Ok(())
    }

    /// The next requests leave, after what is `first` to be done.
    fn land(&self, status: u8, first: impl FnOnce(&mut Inner)) {
        let mut notes = Notes::new();
        {
            let mut inner = self.connection.lock();
            first(&mut inner);
            inner.landed(status, &mut notes);
            inner.flush();
        }
        deliver_notes(notes);
    }

    /// The query of a prepared statement that the server would not take any more, as it came. Nothing of it has run;
    /// in a transaction, which is lost, there is no second try.
    fn second_try(&self, flight: &mut Flight, status: u8) -> Option<Request> {
        let Flight { course: Course::Extended { name, parse, unprepared, .. }, error: Some(error), .. } = flight else {
            return None;
        };
        let query = unprepared.take()?;
        let mut inner = self.connection.lock();
        if !inner.statements.lost(name, *parse, error) || status != b'I' {
            hide_name(error, name);
            return None;
        }
        Some(Request {
            message: Message::Extended(*query),
            reply: flight.reply.clone(),
            may_prepare: false,
            known: None,
        })
    }

    /// An error as the caller should see it: the position counts from the start of his text, and a statement that was
    /// never prepared is forgotten.
    fn explain(&self, course: &Course, error: &mut Error) {
        match course {
            Course::Extended { name, parse, .. } if !name.is_empty() => {
                let gone = error.code.as_deref() == Some("26000");
                let mut inner = self.connection.lock();
                if gone || (*parse && inner.statements.is_pending(name)) {
                    inner.statements.forget(name);
                }
            }
            Course::Script { shift, .. } => {
                if let Some(server) = &mut error.server {
                    shift_position(server, *shift);
                }
            }
            _ => {}
        }
    }

    fn refuse_copy(&mut self) {
        let Some(flight) = &self.current else { return };
        self.batch.record(Record::CopyRefused, &[flight.reply.request]);
        let extended = matches!(flight.course, Course::Extended { .. } | Course::Script { extended: true, .. });
        self.connection.lock().interject(|out| {
            // The text has no null byte, which is all that could be refused.
            let _ = frontend::copy_fail("No source stream defined", out);
            if extended {
                // The server ignores a Sync that reaches it while it waits for data.
                frontend::sync(out);
            }
        });
    }

    fn raw(&mut self, frame: Frame<'_>, has_landed: &mut bool) -> Result<(), Error> {
        let Some(flight) = &self.current else { return Ok(()) };
        let request = flight.reply.request;
        let length = u32::try_from(frame.body.len() + 4).unwrap_or(u32::MAX);
        self.batch.raw(request, &[&[frame.tag], &length.to_be_bytes(), frame.body], true);
        if frame.tag == b'Z' {
            self.ready(server_message::ready(frame.body)?, has_landed)?;
        }
        Ok(())
    }

    fn notice(&mut self, body: &[u8]) -> Result<(), Error> {
        let notice = server_message::error_fields(body)?;
        let event = Event::Notice(Box::new(notice));
        if matches!(&self.current, Some(Flight { course: Course::Exchange, .. })) {
            // It is about a question of this side, which has to say what becomes of it.
            let extra = Extra::ConnectionEvent(self.connection.id(), event);
            self.batch.record_with(Record::Event, &[], extra);
        } else {
            self.news(event);
        }
        Ok(())
    }

    fn event(&mut self, event: Event) {
        self.deliver();
        self.connection.audience().event(self.connection.id(), event);
    }

    /// Notices, notifications and parameters, of which there may be very many, travel with the records around them.
    fn news(&mut self, event: Event) {
        let Some(listener) = self.connection.audience().listener() else { return self.event(event) };
        let id = self.connection.id();
        if self.sink.as_ref().is_none_or(|sink| sink.id() != listener.id()) {
            self.deliver();
            if self.current.is_some() {
                self.has_told = true;
                return listener.deliver(Batch::of_event(id, event));
            }
            self.sink = Some(listener);
        } else if self.batch.in_order {
            self.deliver();
        }
        self.batch.record_with(Record::Event, &[], Extra::ConnectionEvent(id, event));
    }

    /// Ready while those keep up who hear of what comes next.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next = match &self.current {
            Some(flight) => Some(flight.reply.sink.clone()),
            None => self.connection.lock().flights.front().map(|flight| flight.reply.sink.clone()),
        };
        let listener = match &next {
            // What another thread is slow to listen to does not keep this answer up, unless it is told more and more.
            Some(_) if !self.has_told => None,
            _ => self.connection.audience().listener(),
        };
        for sink in next.into_iter().chain(listener) {
            ready!(sink.poll_ready(cx));
        }
        self.has_told = false;
        Poll::Ready(())
    }

    /// Tells everybody who still waits, then the observer.
    pub(super) fn close(&mut self, end: End) {
        self.closed = true;
        let expected = self.connection.lock().is_expected_to_close();
        let Buried { flights, requests, sending, ended } = self.connection.lock().bury();
        let lost = Error::new(ErrorKind::Io, "Connection terminated unexpectedly");
        let (cause, reported) = match end {
            End::Terminated => (Error::closed("Connection terminated"), None),
            End::Destroyed(error) => (error, None),
            End::Lost(_) if expected => (Error::closed("Connection terminated"), None),
            End::Lost(None) => (lost.clone(), None),
            End::Lost(Some(error)) => (error.clone(), Some(error)),
        };
        let mut notes = self.lost_with_batch(&cause);
        if let Some(mut flight) = self.current.take() {
            let error = flight.error.take().map_or_else(|| cause.clone(), |error| *error);
            notes.push((flight.reply, Note::Failed(error)));
        }
        let replies = flights.into_iter().map(|flight| flight.reply).chain(sending);
        let replies = replies.chain(requests.into_iter().map(|r| r.reply));
        notes.extend(replies.map(|reply| (reply, Note::Failed(cause.clone()))));
        // Whatever one of them fails at, the others are told.
        contained(|| self.deliver());
        notes.into_iter().for_each(|note| contained(|| deliver_notes(vec![note])));
        let audience = self.connection.audience();
        let id = self.connection.id();
        if let Some(error) = reported {
            contained(|| audience.event(id, Event::Lost(Box::new(error))));
        }
        if !expected {
            contained(|| audience.event(id, Event::Lost(Box::new(lost))));
        }
        ended.into_iter().for_each(|note| contained(|| deliver_notes(vec![note])));
        contained(|| audience.event(id, Event::Closed));
        contained(|| audience.closed());
    }

    /// Reading has panicked, which loses this connection and nothing else: returns its end.
    pub(super) fn break_off(&mut self) -> Error {
        self.broken = true;
        Error::protocol("pgfleet failed while it read an answer; the connection was closed.")
    }

    /// Those whose records can't be trusted any more, but for the one that is under way.
    fn lost_with_batch(&mut self, cause: &Error) -> Notes {
        let Some(sink) = self.sink.clone().filter(|_| self.broken) else { return Notes::new() };
        let mut requests: BTreeSet<i32> = std::mem::take(&mut self.batch).addressees().into_keys().collect();
        requests.extend(self.owed);
        if let Some(flight) = &self.current {
            requests.remove(&flight.reply.request);
        }
        let reply = |request| Reply {
            sink: sink.clone(),
            request,
            mask: TypeMask(0),
            eager: false,
            unordered: false,
            race: None,
        };
        requests.into_iter().map(|request| (reply(request), Note::Failed(cause.clone()))).collect()
    }
}

fn contained(step: impl FnOnce()) {
    // What it says has been printed by the panic hook.
    let _ = catch_unwind(AssertUnwindSafe(step));
}

/// A connection whose task goes away without having ended it.
impl Drop for Answer {
    fn drop(&mut self) {
        if !self.closed {
            let end = self.break_off();
            self.close(End::Lost(Some(end)));
        }
    }
}

fn unexpected(what: &str) -> Error {
    Error::protocol(format!("The server sent {what}, which PostgreSQL never does; the connection was closed."))
}

/// What the server says of a statement that has a name of ours, as it says it of one without.
fn hide_name(error: &mut Error, name: &str) {
    let quoted = format!("\"{name}\"");
    let Some(server) = &mut error.server else { return };
    for (_, value) in server.fields.iter_mut().filter(|(key, value)| *key == b'M' && value.contains(&quoted)) {
        *value = value.replace(&quoted, "\"\"");
        error.message.clone_from(value);
        server.length = server.length.saturating_sub(u32::try_from(name.len()).unwrap_or(0));
    }
}

/// The script stood behind BEGIN in its Query.
fn shift_position(error: &mut ServerError, shift: usize) {
    for (key, value) in &mut error.fields {
        if *key == b'P'
            && let Ok(position) = value.parse::<usize>()
        {
            *value = position.saturating_sub(shift).max(1).to_string();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_from_the_start_of_the_script() {
        let mut error = ServerError { length: 0, fields: vec![(b'P', "14".into()), (b'C', "42601".into())] };
        shift_position(&mut error, super::super::request::BEGIN.len());
        assert_eq!(error.field(b'P'), Some("8"));
    }
}
