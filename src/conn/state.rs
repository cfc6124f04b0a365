//! The state of a connection: what is queued, on the way, and written.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use super::course::Course;
use super::flight::Flight;
use super::large_texts::LargeTexts;
use super::message::Message;
use super::race::Race;
use super::reader::Reader;
use super::reply::Reply;
use super::request::Request;
use super::statement::Statements;
use super::stream::Stream;
use crate::error::Error;
use crate::rows::{Batch, Formats, Record};
use crate::wire::frontend;

/// How far a connection is from its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Life {
    Open,
    /// What the server sent makes no sense: nothing more is asked, and the task is about to close the socket.
    Broken,
    /// Terminate is sent when everything has been answered.
    Ending,
    /// The task shall close the socket now and fail what is left with this error.
    Closing(Error),
    Closed,
}

pub(super) struct Inner {
    pub(super) stream: Option<Stream>,
    pub(super) out: BytesMut,
    pub(super) queue: VecDeque<Request>,
    /// Whom the request is for that has left the queue and is being written; left behind by a panic.
    sending: Option<Reply>,
    pub(super) flights: VecDeque<Flight>,
    pub(super) answering: bool,
    pub(super) statements: Statements,
    pub(super) large_texts: LargeTexts,
    pub(super) life: Life,
    pub(super) waker: Option<Waker>,
    /// Transaction status of the last ReadyForQuery.
    pub(super) status: u8,
    /// How many requests may be on the way at a time.
    pub(super) depth: usize,
    /// The caller of a raw exchange asked for silence.
    pub(super) paused: bool,
    pub(super) write_error: bool,
    /// What is under way has the connection for itself.
    pub(super) exclusive: bool,
    pub(super) portal: Option<OpenPortal>,
    /// Whose COPY data is under way.
    pub(super) copy: Option<Reply>,
    /// Told when there is room for more.
    pub(super) drained: Notes,
    /// Told when the socket is closed.
    pub(super) ended: Vec<Reply>,
    /// Who reads instead of the task.
    pub(super) reader: Option<Arc<dyn Reader>>,
    /// Short answers in a row to requests that were alone.
    lone_answers: u32,
}

/// After so many lone, short answers the next one will be alike.
#[cfg(unix)]
const HABIT: u32 = 8;

/// Answers that were produced under the lock and are delivered after it.
pub(super) type Notes = Vec<(Reply, Note)>;

pub(super) enum Note {
    /// The connection is gone, or was never there.
    Failed(Error),
    /// The request alone could not be sent.
    Refused(Error, u8),
    Started,
    Done,
    Drained,
}

/// The portal of a [`Message::Portal`] under way.
pub(super) struct OpenPortal {
    pub(super) name: String,
    /// Sync was sent: nothing can be asked any more.
    pub(super) synced: bool,
    /// Rows of the page that was asked for, until its first one comes.
    pub(super) asked: u64,
}

pub(super) fn deliver_notes(notes: Notes) {
    for (reply, note) in notes {
        match note {
            Note::Failed(error) => reply.fail(error),
            Note::Refused(error, status) => reply.fail_on(error, status),
            Note::Done => {
                let mut batch = Batch::default();
                batch.record(Record::Done, &[reply.request, 0]);
                reply.sink.deliver(batch);
            }
            Note::Started => tell(&reply, Record::Started),
            Note::Drained => tell(&reply, Record::Drained),
        }
    }
}

fn tell(reply: &Reply, what: Record) {
    let mut batch = Batch::default();
    batch.record(what, &[reply.request]);
    reply.sink.deliver(batch);
}

/// A raw exchange is asked to wait when this many bytes have not left yet.
pub(super) const UNSENT_LIMIT: usize = 256 * 1024;

impl Inner {
    pub(super) fn new(stream: Stream, status: u8, round_trip: Option<Duration>) -> Self {
        Inner {
            stream: Some(stream),
            out: BytesMut::new(),
            queue: VecDeque::new(),
            sending: None,
            flights: VecDeque::new(),
            answering: false,
            statements: Statements::default(),
            large_texts: LargeTexts::new(round_trip),
            life: Life::Open,
            waker: None,
            status,
            depth: 1,
            paused: false,
            write_error: false,
            exclusive: false,
            portal: None,
            copy: None,
            drained: Notes::new(),
            ended: Vec::new(),
            reader: None,
            lone_answers: 0,
        }
    }

    /// An answer is complete, before anything else is sent.
    pub(super) fn note_answer(&mut self, is_short: bool) {
        let is_lone = is_short && self.flights.is_empty() && self.queue.is_empty();
        self.lone_answers = if is_lone { self.lone_answers.saturating_add(1) } else { 0 };
    }

    /// The next answers have to show that they are short and alone.
    #[cfg(unix)]
    pub(super) fn forget_habit(&mut self) {
        self.lone_answers = 0;
    }

    /// Whether the next request will be one like many before it, alone and with a short answer.
    #[cfg(unix)]
    pub(super) fn is_predictable(&self) -> bool {
        self.reader.is_none() && self.lone_answers >= HABIT && self.life == Life::Open && self.load() == 0
    }

    /// The socket, while it is detached and wanted.
    #[cfg(unix)]
    pub(super) fn detached_stream(&mut self) -> Option<&mut Stream> {
        let is_wanted = self.reader.is_some() && self.life == Life::Open && !self.paused && self.out.is_empty();
        self.stream.as_mut().filter(|_| is_wanted)
    }

    /// Requests sent or waiting.
    pub(super) fn load(&self) -> usize {
        self.queue.len() + self.in_flight()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.flights.len() + usize::from(self.answering)
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Sends a request, or has it wait behind the others.
    pub(super) fn submit(&mut self, request: Request, notes: &mut Notes) {
        if self.queue.is_empty() && self.may_leave(&request.message) {
            self.send(request, notes);
        } else {
            self.queue.push_back(request);
        }
    }

    /// Sends as many waiting requests as may be on the way.
    pub(super) fn advance(&mut self, notes: &mut Notes) {
        while let Some(next) = self.queue.front()
            && self.may_leave(&next.message)
            && let Some(request) = self.queue.pop_front()
        {
            self.sending = Some(request.reply.clone());
            self.send(request, notes);
            self.sending = None;
        }
    }

    fn send(&mut self, mut request: Request, notes: &mut Notes) {
        let text = self.large_texts.learnable(&request);
        request.may_prepare &= self.statements.may_prepare(self.status);
        let describes = !request.may_prepare
            && self.in_flight() == 0
            && text.as_ref().is_some_and(|text| self.large_texts.knows(text));
        let exclusive = describes || request.message.is_exclusive();
        let portal = match &request.message {
            Message::Portal(portal) => Some(OpenPortal { name: portal.portal.clone(), synced: false, asked: 0 }),
            _ => None,
        };
        // What is on the way already may change how the session writes dates.
        let formats = if self.in_flight() == 0 { self.statements.styles.formats() } else { Formats::PLAIN };
        match request.send(&mut self.statements, formats, describes, &mut self.out) {
            Ok(mut flight) => {
                flight.text = text;
                self.exclusive = exclusive;
                self.portal = portal;
                match flight.course {
                    Course::Raw => notes.push((flight.reply.clone(), Note::Started)),
                    Course::Copy { .. } => self.copy = Some(flight.reply.clone()),
                    _ => {}
                }
                self.flights.push_back(flight);
            }
            Err((reply, error)) => notes.push((reply, Note::Refused(*error, self.status))),
        }
    }

    /// Whether a request can be sent now, were it the next one.
    fn may_leave(&self, message: &Message) -> bool {
        let in_flight = self.in_flight();
        in_flight == 0 || (in_flight < self.depth && !self.exclusive && !self.must_travel_alone(message))
    }

    /// A raw exchange has the connection for itself, and a name is not used again before the server accepted it.
    fn must_travel_alone(&self, message: &Message) -> bool {
        match message {
            Message::Extended(query) => self.statements.is_pending(&query.name),
            other => other.is_exclusive(),
        }
    }

    /// Ends the exchange of a portal, once; `close` frees the portal as well.
    pub(super) fn sync_portal(&mut self, close: bool) {
        let Some(OpenPortal { name, synced: synced @ false, .. }) = &mut self.portal else { return };
        *synced = true;
        if close {
            // The name was accepted when the portal was opened.
            let _ = frontend::close_portal(name, &mut self.out);
        }
        frontend::sync(&mut self.out);
    }

    /// The most rows of the page whose first row has come; none if no page is due.
    pub(super) fn take_asked(&mut self) -> u64 {
        self.portal.as_mut().map_or(0, |portal| std::mem::take(&mut portal.asked))
    }

    /// Writes what the socket takes. The task's waker is registered for the rest, whichever thread this runs on.
    pub(super) fn flush(&mut self) {
        let waker = self.waker.clone();
        let mut cx = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
        while !self.out.is_empty() && !self.write_error {
            let Some(stream) = &mut self.stream else { return };
            match Pin::new(stream).poll_write(&mut cx, &self.out) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => {
                    // Reading tells what is wrong, in the server's own words if it left any.
                    self.write_error = true;
                    self.wake();
                }
                Poll::Ready(Ok(written)) => self.out.advance(written),
                Poll::Pending => {
                    self.recall();
                    return;
                }
            }
        }
        if self.out.is_empty() && self.out.capacity() > 64 * 1024 {
            self.out = BytesMut::new();
        }
    }

    fn recall(&self) {
        if let Some(reader) = &self.reader {
            reader.recall();
        }
    }

    /// Those who waited for room, when there is some again.
    pub(super) fn take_drained(&mut self) -> Notes {
        if self.drained.is_empty() || self.out.len() > UNSENT_LIMIT / 2 {
            return Notes::new();
        }
        std::mem::take(&mut self.drained)
    }

    /// The flight whose answer begins now.
    pub(super) fn next_flight(&mut self) -> Option<Flight> {
        let flight = self.flights.pop_front();
        self.answering = flight.is_some();
        flight
    }

    /// Whom to answer of all whose answer has not begun, in order.
    fn unanswered(&mut self) -> impl Iterator<Item = &mut Reply> {
        let flights = self.flights.iter_mut().map(|flight| &mut flight.reply);
        flights.chain(self.queue.iter_mut().map(|request| &mut request.reply))
    }

    /// Has those that wait behind the first one race against another try, as far as they are `wanted`.
    pub(super) fn contend(&mut self, mut wanted: impl FnMut(&Reply) -> bool) -> Vec<Reply> {
        let first = usize::from(!self.answering);
        let wanted = self.unanswered().skip(first).filter(|reply| reply.race.is_none() && wanted(reply));
        let contend = |reply: &mut Reply| {
            reply.race = Some(Race::of_two());
            reply.clone()
        };
        wanted.map(contend).collect()
    }

    /// Drops the answers of all that is under way. False when one of them is wanted.
    pub(super) fn give_up(&mut self) -> bool {
        !self.answering
            && self.unanswered().all(|reply| {
                let is_moot = reply.is_mute() || reply.race.as_ref().is_some_and(|race| race.give_up());
                if is_moot {
                    reply.mute();
                }
                is_moot
            })
    }

    /// The flight under way is answered; the next requests leave.
    pub(super) fn landed(&mut self, status: u8, notes: &mut Notes) {
        self.status = status;
        self.answering = false;
        self.paused = false;
        self.exclusive = false;
        self.portal = None;
        self.copy = None;
        // Who still waits to send data hears of the end instead; its number may be another request's by then.
        self.drained.retain(|(_, note)| !matches!(note, Note::Drained));
        self.advance(notes);
    }

    /// Appends to what is being written.
    pub(super) fn interject(&mut self, write: impl FnOnce(&mut BytesMut)) {
        write(&mut self.out);
        self.flush();
    }

    /// One turn of the task: notes who to wake, writes, and says whether to read, to close, or neither.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>) -> Turn<'_> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
        if self.reader.is_some() {
            if self.life != Life::Open || self.paused || self.write_error || !self.out.is_empty() {
                self.recall();
            }
            return Turn::Wait;
        }
        if let Life::Closing(error) = &self.life {
            return Turn::Close(Some(error.clone()));
        }
        if self.life == Life::Ending && self.in_flight() == 0 && self.queue.is_empty() {
            frontend::terminate(&mut self.out);
            self.life = Life::Closing(Error::closed("Connection terminated"));
            self.flush();
            return Turn::Close(None);
        }
        self.flush();
        match &mut self.stream {
            Some(stream) if !self.paused => Turn::Read(stream),
            _ => Turn::Wait,
        }
    }

    /// Takes no more requests; the task closes the socket, and tells why.
    pub(super) fn break_off(&mut self) {
        if self.life == Life::Open {
            self.life = Life::Broken;
        }
    }

    /// The caller ended it, so that its end is no failure.
    pub(super) fn is_expected_to_close(&self) -> bool {
        matches!(self.life, Life::Ending | Life::Closing(_))
    }

    /// Takes everything that will never be answered, and the socket.
    pub(super) fn bury(&mut self) -> Buried {
        self.life = Life::Closed;
        self.answering = false;
        self.stream = None;
        self.reader = None;
        self.out = BytesMut::new();
        self.waker = None;
        Buried {
            flights: self.flights.drain(..).collect(),
            requests: self.queue.drain(..).collect(),
            sending: self.sending.take(),
            ended: std::mem::take(&mut self.drained)
                .into_iter()
                .filter(|(_, note)| matches!(note, Note::Done))
                .chain(self.ended.drain(..).map(|reply| (reply, Note::Done)))
                .collect(),
        }
    }
}

/// What a connection leaves behind.
pub(super) struct Buried {
    pub(super) flights: Vec<Flight>,
    pub(super) requests: Vec<Request>,
    pub(super) sending: Option<Reply>,
    /// Those who waited for the end.
    pub(super) ended: Notes,
}

/// What the task does next.
pub(super) enum Turn<'a> {
    Read(&'a mut Stream),
    Wait,
    /// Close; with an error for what is left.
    Close(Option<Error>),
}
