//! Turns the messages of a connection into records for the receivers of its answers.

use std::sync::Arc;
use std::task::{Context, Poll};

use super::connection::Connection;
use super::delivery::Delivery;
use super::event::Event;
use super::flow::Flow;
use super::notes::Notes;
use super::pending_request::PendingRequest;
use super::read_buffer::ReadBuffer;
use super::reply::Reply;
use super::request::bind_described;
use super::script_parts::send_copy;
use super::state::Inner;
use super::statement_error::{explain, second_try};
use super::transaction_settings::Preamble;
use crate::error::{Error, texts};
use crate::rows::{Extra, Formats, Record, Shape, row};
use crate::sql::SessionEffect;
use crate::wire::{Frame, command, frame, frontend, server_message};

/// An answer of more bytes than this is worth another thread.
pub(super) const LONG_ANSWER: usize = 32 * 1024;

/// The answer that is being read, and the records made of it.
pub(super) struct Answer {
    pub(super) connection: Connection,
    pub(super) delivery: Delivery,
    /// The request whose answer is under way.
    pub(super) current: Option<PendingRequest>,
    /// Bytes since the answer before the current one was complete.
    pub(super) length: usize,
    /// The number of that request, until its end stands in the batch.
    pub(super) owed: Option<i32>,
    /// Reading has panicked: what is in the batch may be cut off anywhere.
    pub(super) broken: bool,
    pub(super) closed: bool,
}

impl Answer {
    pub(super) fn new(connection: Connection, length: usize) -> Self {
        Answer {
            connection,
            delivery: Delivery::default(),
            current: None,
            length,
            owed: None,
            broken: false,
            closed: false,
        }
    }

    /// Processes all complete messages of the buffer.
    pub(super) fn read(&mut self, reader: &mut ReadBuffer) -> Result<(), Error> {
        let mut has_completed = false;
        let outcome = self.messages(reader, &mut has_completed);
        if outcome.is_err() {
            self.connection.lock().break_off();
        }
        // The next query is sent before JavaScript processes this answer.
        if has_completed {
            self.connection.observer().answered(true);
        }
        if !self.may_wait() {
            self.delivery.flush(self.current.is_some());
        }
        outcome
    }

    fn messages(&mut self, reader: &mut ReadBuffer, has_completed: &mut bool) -> Result<(), Error> {
        while let Some(frame) = frame::next(reader.unread(), frame::MESSAGE_LIMIT)? {
            let size = frame.size;
            self.message(frame, has_completed)?;
            reader.start += size;
            if self.delivery.batch.is_full() {
                self.delivery.flush(self.current.is_some());
            }
        }
        Ok(())
    }

    /// Whether the batch holds nothing but rows of a result that goes on: they are of no use before its end, and
    /// waking JavaScript for each of the server's 8 KB packets costs more than decoding what is in it.
    fn may_wait(&self) -> bool {
        let Some(pending) = &self.current else { return false };
        let is_query = matches!(pending.flow, Flow::Simple | Flow::Script { .. } | Flow::Extended { .. });
        let is_told = self.delivery.batch.finished > 0 || !self.delivery.batch.extras.is_empty();
        is_query && pending.shape.is_some() && !pending.reply.eager && !is_told
    }

    fn message(&mut self, frame: Frame<'_>, has_completed: &mut bool) -> Result<(), Error> {
        match frame.tag {
            b'N' => return self.notice(frame.body),
            b'A' => {
                let notification = server_message::notification(frame.body)?;
                self.announce(Event::Notification(Box::new(notification)));
                return Ok(());
            }
            b'S' => {
                let (name, value) = server_message::parameter(frame.body)?;
                self.connection.lock().statements.styles.learn(&name, &value);
                self.announce(Event::Parameter(name, value));
                return Ok(());
            }
            _ => {}
        }
        if self.current.is_none() {
            self.begin(frame)?;
        }
        let Some(pending) = &mut self.current else { return Ok(()) };
        let request = pending.reply.request;
        if pending.preamble.held {
            // What comes before is about an exchange that was over.
            pending.preamble = self.connection.lock().exchange.take_preamble().unwrap_or(pending.preamble);
        }
        if pending.preamble.left > 0 {
            match frame.tag {
                // The last one is the answer to a Sync that another submittable has sent behind its end.
                b'1' | b'2' | b'D' | b'Z' => return Ok(()),
                b'3' => {}
                b'C' => {
                    pending.preamble.left -= 1;
                    return Ok(());
                }
                b'E' => pending.preamble = Preamble { left: 0, failed: true, ..pending.preamble },
                _ => pending.preamble.left = 0,
            }
        }
        if matches!(pending.flow, Flow::Raw | Flow::Exchange) {
            return self.raw(frame, has_completed);
        }
        if !pending.order.admits(frame.tag, &pending.flow) {
            return Err(server_message::out_of_place(frame.tag));
        }
        match frame.tag {
            b'D' => {
                if let Flow::Portal { left } = &mut pending.flow {
                    if *left == 0 {
                        *left = self.connection.lock().exchange.take_asked();
                    }
                    // A caller that asks for pages keeps no more than one in memory, whatever the server would have.
                    *left = left.checked_sub(1).ok_or_else(|| unexpected(texts::EXCESS_ROWS))?;
                }
                let shape = pending.shape.as_ref().ok_or_else(|| unexpected(texts::UNDESCRIBED_ROW))?;
                if !pending.answered {
                    self.delivery.batch.fields(request, shape);
                    pending.answered = true;
                }
                let templates = &pending.reply.sink.tables().templates;
                row::append(&mut self.delivery.batch, request, shape, frame.body, pending.formats, templates)?;
            }
            b'T' | b'n' if matches!(pending.flow, Flow::Extended { unbound: Some(_), .. }) => {
                let shape = described_shape(frame, &pending.reply)?;
                self.bind(shape);
            }
            b'T' | b'n' => self.described(frame)?,
            b'C' => self.command_complete(frame.body)?,
            b'Z' => self.ready(server_message::ready(frame.body)?, has_completed)?,
            b'I' => {
                pending.answered = true;
                self.delivery.batch.record(Record::Empty, &[request]);
                self.end_portal(true);
            }
            b'd' | b'c' | b'G' | b'W' if matches!(pending.flow, Flow::Copy { .. }) => self.copy(frame)?,
            b's' => {
                if let Flow::Portal { left } = &mut pending.flow {
                    *left = 0;
                }
                self.delivery.batch.record(Record::Suspended, &[request]);
            }
            b'1' => {
                if let Flow::Extended { name, .. } = &pending.flow
                    && !name.is_empty()
                {
                    self.connection.lock().statements.confirm(name);
                }
            }
            b'E' => self.failed(frame.body)?,
            b'G' => {
                server_message::copy_response(frame.body)?;
                self.answer_copy();
            }
            b'2' => self.bound(),
            b'H' | b'W' => server_message::copy_response(frame.body)?,
            // CloseComplete, ParameterDescription; COPY data that a plain query has no use for.
            b'3' | b't' | b'd' | b'c' => {}
            other => return Err(unexpected(&texts::message_of(other))),
        }
        Ok(())
    }

    /// A message came while no answer was under way: it begins the next one, or it is the server's last message.
    fn begin(&mut self, frame: Frame<'_>) -> Result<(), Error> {
        let next = self.connection.lock().next_pending();
        match next {
            Some(pending) => {
                // If anything fails from here on, the request is told.
                let pending = self.current.insert(pending);
                if pending.reply.race.is_some() {
                    pending.reply.begin(frame.tag == b'E' && server_message::error_fields(frame.body)?.is_fatal());
                }
                self.delivery.begin(&pending.reply.sink);
                self.owed = Some(pending.reply.request);
                Ok(())
            }
            None if frame.tag == b'E' => {
                let error = self.connection.explained(Error::from_server(server_message::error_fields(frame.body)?));
                self.delivery.tell(&self.connection, Event::Lost(Box::new(error)), false);
                Ok(())
            }
            None => Err(server_message::unasked(frame.tag)),
        }
    }

    /// The columns of what was asked, if it has any. Those of a statement with a name stay known.
    fn described(&mut self, frame: Frame<'_>) -> Result<(), Error> {
        let Some(PendingRequest { reply, flow, shape, answered, .. }) = &mut self.current else { return Ok(()) };
        let found = described_shape(frame, reply)?;
        if let Some(shape) = &found {
            self.delivery.batch.fields(reply.request, shape);
            *answered = true;
        }
        if let Flow::Extended { name, describe: Some(binary), .. } = flow
            && !name.is_empty()
        {
            self.connection.lock().statements.describe(name, *binary, reply, found.clone());
        }
        if found.is_some() {
            *shape = found;
        }
        Ok(())
    }

    /// A message of COPY whose data JavaScript reads and writes.
    fn copy(&mut self, frame: Frame<'_>) -> Result<(), Error> {
        let Some(PendingRequest { reply, flow, .. }) = &self.current else { return Ok(()) };
        match frame.tag {
            b'd' => self.delivery.batch.raw(reply.request, &[frame.body], matches!(flow, Flow::Copy { each: false })),
            b'c' => self.delivery.batch.record(Record::Suspended, &[reply.request]),
            _ => {
                server_message::copy_response(frame.body)?;
                self.delivery.batch.record(Record::Started, &[reply.request]);
            }
        }
        Ok(())
    }

    /// ErrorResponse.
    fn failed(&mut self, body: &[u8]) -> Result<(), Error> {
        let Some(PendingRequest { flow, error, .. }) = &mut self.current else { return Ok(()) };
        let found = Error::from_server(server_message::error_fields(body)?);
        self.connection.lock().pooler.failed(&found);
        error.get_or_insert_with(|| Box::new(self.connection.explained(found)));
        if let Flow::Extended { unbound, .. } = flow
            && unbound.take().is_some()
        {
            self.connection.lock().interject(frontend::sync);
        }
        self.end_portal(false);
        Ok(())
    }

    /// The statement is described: its rows are asked for, in binary format where that pays.
    fn bind(&mut self, shape: Option<Arc<Shape>>) {
        let Some(PendingRequest { flow: Flow::Extended { unbound, .. }, shape: known, formats, error, .. }) =
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
        let Some(PendingRequest { flow: Flow::Extended { describe, unprepared, .. }, reply, shape, answered, .. }) =
            &mut self.current
        else {
            return;
        };
        *unprepared = None;
        if let (None, Some(shape)) = (describe, shape) {
            self.delivery.batch.fields(reply.request, shape);
            *answered = true;
        }
    }

    fn command_complete(&mut self, body: &[u8]) -> Result<(), Error> {
        let tag = body.strip_suffix(&[0]).ok_or_else(|| unexpected(texts::ENDLESS_TAG))?;
        if let Some(effect) = SessionEffect::of(tag) {
            self.connection.lock().statements.note(effect);
        }
        let Some(pending) = &mut self.current else { return Ok(()) };
        if let Flow::Script { hidden, .. } = &mut pending.flow {
            if let Some(left) = hidden.checked_sub(1) {
                *hidden = left;
                return Ok(());
            }
            pending.reply.sink.command_completed(&String::from_utf8_lossy(tag));
        }
        pending.answered = true;
        self.delivery.batch.complete(pending.reply.request, command::parse(tag));
        if let (Some(text), Some(shape)) = (&pending.text, &pending.shape)
            && (self.length > LONG_ANSWER || pending.formats != Formats::TEXT)
        {
            let mut inner = self.connection.lock();
            let could_be_binary = shape.format_codes(inner.statements.styles.formats()).next().is_some();
            inner.large_texts.learn(text, self.length, could_be_binary);
        }
        pending.shape = None;
        self.end_portal(true);
        Ok(())
    }

    /// A portal that is exhausted or has failed is over, without waiting for JavaScript to say so.
    fn end_portal(&self, close: bool) {
        if matches!(self.current, Some(PendingRequest { flow: Flow::Portal { .. }, .. })) {
            let mut inner = self.connection.lock();
            inner.sync_portal(close);
            inner.flush();
        }
    }

    /// ReadyForQuery.
    fn ready(&mut self, status: u8, has_completed: &mut bool) -> Result<(), Error> {
        self.connection.set_status(status);
        if let Some(pending) = &self.current
            && pending.error.is_none()
            && (!pending.answered || pending.shape.is_some())
            && matches!(pending.flow, Flow::Simple | Flow::Extended { .. })
        {
            return Err(Error::protocol(texts::READY_TOO_EARLY));
        }
        let Some(mut pending) = self.current.take() else { return Ok(()) };
        if let Some(request) = second_try(&self.connection, &mut pending, status) {
            self.owed = None;
            self.complete(status, |inner| inner.queue.push_front(request));
            return Ok(());
        }
        let request = pending.reply.request;
        let in_order = self.delivery.batch.in_order || !pending.reply.unordered;
        match pending.error.take() {
            None => self.delivery.batch.record(Record::Done, &[request, i32::from(status)]),
            Some(mut error) => {
                if !pending.reply.is_mute() {
                    self.connection.note_failure();
                }
                explain(&self.connection, &pending.flow, pending.preamble, &mut error);
                let extra = Extra::Error(error);
                self.delivery.batch.record_with(Record::Failed, &[request, i32::from(status)], extra);
            }
        }
        self.delivery.batch.in_order = in_order;
        self.owed = None;
        *has_completed = true;
        let length = std::mem::take(&mut self.length);
        self.complete(status, |inner| inner.note_answer(length <= LONG_ANSWER / 2));
        Ok(())
    }

    /// Sends the next requests, after doing what is `first`.
    fn complete(&self, status: u8, first: impl FnOnce(&mut Inner)) {
        let mut notes = Notes::new();
        self.connection.send_after(|inner| {
            first(inner);
            inner.completed(status, &mut notes);
        });
        self.connection.tell_all(notes);
    }

    /// A script may have the data; elsewhere there is none.
    fn answer_copy(&mut self) {
        let Some(pending) = &mut self.current else { return };
        if let Flow::Script { parts: Some(parts), .. } = &mut pending.flow
            && let Some(data) = parts.next_copy()
        {
            return self.connection.lock().interject(|out| send_copy(&data, out));
        }
        self.delivery.batch.record(Record::CopyRefused, &[pending.reply.request]);
        let extended = matches!(pending.flow, Flow::Extended { .. } | Flow::Script { extended: true, .. });
        self.connection.lock().interject(|out| {
            // The text has no null byte, which is all that could be refused.
            let _ = frontend::copy_fail("No source stream defined", out);
            if extended {
                // The server ignores a Sync that reaches it while it waits for data.
                frontend::sync(out);
            }
        });
    }

    fn raw(&mut self, frame: Frame<'_>, has_completed: &mut bool) -> Result<(), Error> {
        let Some(pending) = &self.current else { return Ok(()) };
        let request = pending.reply.request;
        let in_place = (frame.tag == b'E').then(|| pending.preamble.placed(frame.body)).transpose()?.flatten();
        let body = in_place.as_deref().unwrap_or(frame.body);
        let length = u32::try_from(body.len() + 4).unwrap_or(u32::MAX);
        self.delivery.batch.raw(request, &[&[frame.tag], &length.to_be_bytes(), body], true);
        if frame.tag == b'Z' {
            self.ready(server_message::ready(frame.body)?, has_completed)?;
        }
        Ok(())
    }

    fn notice(&mut self, body: &[u8]) -> Result<(), Error> {
        let mut notice = server_message::error_fields(body)?;
        if self.is_preamble(notice.code()) {
            return Ok(());
        }
        if let Some(pending) = &self.current {
            pending.preamble.place(&mut notice);
        }
        let sink = match &self.current {
            Some(pending) => Some(pending.reply.sink.clone()),
            // A script's answer may begin with it.
            None => self.connection.lock().next_script(),
        };
        if let Some(sink) = sink {
            sink.notice(&notice);
        }
        let event = Event::Notice(Box::new(notice));
        if matches!(&self.current, Some(PendingRequest { flow: Flow::Exchange, .. })) {
            // It is about a query of Rust's own, which decides how to go on.
            self.delivery.record(&self.connection, event);
        } else {
            self.announce(event);
        }
        Ok(())
    }

    /// Whether a notice is the server's opinion that SET LOCAL needs a transaction block (`no_active_sql_transaction`),
    /// where it holds for a single statement.
    fn is_preamble(&self, code: &str) -> bool {
        code == "25P01" && self.current.as_ref().is_some_and(|pending| pending.preamble.left > 0)
    }

    fn announce(&mut self, event: Event) {
        self.delivery.announce(&self.connection, event, self.current.is_some());
    }

    /// Ready while the receivers of what comes next keep up.
    pub(super) fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let next = match &self.current {
            Some(pending) => Some(pending.reply.sink.clone()),
            None => self.connection.lock().pending.front().map(|pending| pending.reply.sink.clone()),
        };
        self.delivery.poll_ready(cx, &self.connection, next)
    }
}

/// RowDescription or NoData.
fn described_shape(frame: Frame<'_>, reply: &Reply) -> Result<Option<Arc<Shape>>, Error> {
    if frame.tag != b'T' {
        return Ok(None);
    }
    reply.sink.tables().shapes.get(frame.body, reply.mask).map(Some)
}

fn unexpected(what: &str) -> Error {
    Error::protocol(texts::never_sent(what))
}
