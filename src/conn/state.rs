//! The state of a connection: what is queued, in flight, and to be written.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use bytes::{Buf, BytesMut};
use tokio::io::AsyncWrite;

use super::exchange::{Exchange, Mode};
use super::flow::Flow;
use super::large_texts::LargeTexts;
use super::message::Message;
use super::notes::{Note, Notes};
use super::pending_request::PendingRequest;
use super::pooler_watch::PoolerWatch;
use super::race::Race;
use super::reader::Reader;
use super::reply::Reply;
use super::request::Request;
use super::sink::Sink;
use super::statement::Statements;
use super::stream::Stream;
use super::transaction_settings::{Preamble, TransactionSettings};
use crate::error::{Error, texts};
use crate::rows::Formats;
use crate::wire::frontend;

/// How far a connection is from its end.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Life {
    Open,
    /// The server broke the protocol, or the client has failed: no more requests are sent, and the task is about to
    /// close the socket.
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
    /// The request that was taken off the queue and is being written; after a panic it is still unanswered.
    sending: Option<Reply>,
    pub(super) pending: VecDeque<PendingRequest>,
    pub(super) exchange: Exchange,
    pub(super) statements: Statements,
    pub(super) large_texts: LargeTexts,
    pub(super) pooler: PoolerWatch,
    /// What each transaction begins with.
    pub(super) settings: Option<Box<TransactionSettings>>,
    pub(super) life: Life,
    pub(super) waker: Option<Waker>,
    /// Transaction status of the last ReadyForQuery.
    pub(super) status: u8,
    /// How many requests may be on the way at a time.
    pub(super) depth: usize,
    write_error: bool,
    /// Told when there is room for more.
    pub(super) drained: Notes,
    /// Told when the socket is closed.
    pub(super) ended: Vec<Reply>,
    /// What reads instead of the task.
    pub(super) reader: Option<Arc<dyn Reader>>,
    /// Short answers in a row to requests that were alone.
    lone_answers: u32,
}

/// After so many lone, short answers the next one is expected to be alike.
#[cfg(unix)]
const HABIT: u32 = 8;

/// A raw exchange is asked to wait when this many bytes are not sent yet.
pub(super) const UNSENT_LIMIT: usize = 256 * 1024;

impl Inner {
    pub(super) fn new(stream: Stream, status: u8, round_trip: Option<Duration>, pooler: PoolerWatch) -> Self {
        Inner {
            stream: Some(stream),
            out: BytesMut::new(),
            queue: VecDeque::new(),
            sending: None,
            pending: VecDeque::new(),
            exchange: Exchange::default(),
            statements: Statements::default(),
            large_texts: LargeTexts::new(round_trip),
            pooler,
            settings: None,
            life: Life::Open,
            waker: None,
            status,
            depth: 1,
            write_error: false,
            drained: Notes::new(),
            ended: Vec::new(),
            reader: None,
            lone_answers: 0,
        }
    }

    /// An answer is complete, before anything else is sent.
    pub(super) fn note_answer(&mut self, is_short: bool) {
        let is_lone = is_short && self.pending.is_empty() && self.queue.is_empty();
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
        let is_wanted =
            self.reader.is_some() && self.life == Life::Open && !self.exchange.is_paused() && self.out.is_empty();
        self.stream.as_mut().filter(|_| is_wanted)
    }

    /// Requests sent or waiting.
    pub(super) fn load(&self) -> usize {
        self.queue.len() + self.in_flight()
    }

    pub(super) fn in_flight(&self) -> usize {
        self.pending.len() + usize::from(self.exchange.is_answering())
    }

    pub(super) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Sends a request, or has it wait behind the others.
    pub(super) fn submit(&mut self, request: Request, notes: &mut Notes) {
        if self.queue.is_empty() && self.may_leave(&request.message) {
            self.send_next(request, notes);
        } else {
            self.queue.push_back(request);
            self.ask_if_held();
        }
    }

    /// Notes that the first request waits for what isn't known of a pooler.
    fn ask_if_held(&mut self) {
        let is_held = |first: &Request| self.pooler.holds(&first.message, self.status, true);
        if self.in_flight() == 0 && self.life == Life::Open && self.queue.front().is_some_and(is_held) {
            self.pooler.want();
        }
    }

    /// Sends as many waiting requests as may be in flight.
    pub(super) fn advance(&mut self, notes: &mut Notes) {
        while let Some(next) = self.queue.front()
            && self.may_leave(&next.message)
            && let Some(request) = self.queue.pop_front()
        {
            self.send_next(request, notes);
        }
        self.ask_if_held();
    }

    fn send_next(&mut self, request: Request, notes: &mut Notes) {
        let Request { message, reply, may_prepare, known } = request;
        let by_settings = |settings: &TransactionSettings| settings.refusal(&message);
        let refusal = self.pooler.refusal(&message).or_else(|| self.settings.as_deref().and_then(by_settings));
        if let Some(refusal) = refusal {
            return notes.push((reply, Note::Refused(refusal, self.status)));
        }
        let is_alone = self.in_flight() == 0;
        let reply = self.sending.insert(reply);
        let text = self.large_texts.learnable(&message, may_prepare, known.as_deref());
        let may_prepare = may_prepare && self.pooler.may_prepare() && self.statements.may_prepare(self.status);
        let describes = !may_prepare && is_alone && text.as_ref().is_some_and(|text| self.large_texts.knows(text));
        let start = self.out.len();
        let (message, preamble) = match &self.settings {
            Some(settings) if is_alone && self.status == b'I' => match settings.precede(message, &mut self.out) {
                Ok(preceded) => preceded,
                Err(error) => {
                    self.out.truncate(start);
                    let Some(reply) = self.sending.take() else { return };
                    return notes.push((reply, Note::Refused(error, self.status)));
                }
            },
            _ => (message, Preamble::default()),
        };
        let describes = describes && preamble == Preamble::default();
        let mode = Mode::of(&message, reply, describes);
        // Requests in flight may change how the session writes dates.
        let formats = if is_alone { self.statements.styles.formats() } else { Formats::PLAIN };
        self.statements.leaves_out_names = self.pooler.leaves_out_names();
        if self.statements.leaves_out_names && matches!(&message, Message::Extended(query) if !query.name.is_empty()) {
            self.pooler.left_out_name();
        }
        let sent = message.send(may_prepare, describes, reply, &mut self.statements, formats, &mut self.out);
        let Some(reply) = self.sending.take() else { return };
        match sent {
            Ok((flow, shape)) => {
                if let Some(Mode::Raw { .. }) = mode {
                    notes.push((reply.clone(), Note::Started));
                }
                self.exchange.sent(mode);
                let held = self.settings.is_some() && self.status == b'I' && self.exchange.hold_first();
                let preamble = Preamble { held, ..preamble };
                let request = PendingRequest::new(reply, flow, shape, formats, text);
                self.pending.push_back(PendingRequest { preamble, ..request });
            }
            Err(error) => {
                self.out.truncate(start);
                notes.push((reply, Note::Refused(error, self.status)));
            }
        }
    }

    /// Whether a request can be sent now, were it the next one.
    fn may_leave(&self, message: &Message) -> bool {
        let in_flight = self.in_flight();
        let has_room = in_flight == 0
            || (in_flight < self.depth && !self.exchange.is_exclusive() && !self.must_travel_alone(message));
        has_room && !self.pooler.holds(message, self.status, in_flight == 0)
    }

    /// A raw exchange has the connection exclusively, and a name is not used again before the server accepted it.
    fn must_travel_alone(&self, message: &Message) -> bool {
        match message {
            // Whether it begins a transaction depends on those before it.
            _ if self.settings.is_some() => true,
            Message::Extended(query) => self.statements.is_pending(&query.name),
            other => other.is_exclusive(),
        }
    }

    /// Bytes of somebody else's for the raw exchange that is under way. Its first message may have to wait until it is
    /// whole.
    pub(super) fn write_raw(&mut self, bytes: &[u8]) {
        let (Some(settings), Some(held)) = (&self.settings, self.exchange.held_first()) else {
            return self.out.extend_from_slice(bytes);
        };
        held.extend_from_slice(bytes);
        match settings.precede_raw(held, &mut self.out) {
            Ok(None) => {}
            Ok(Some(preamble)) => self.exchange.release_first(preamble),
            // Its text has grown beyond what a message may be: the server would refuse it.
            Err(_) => self.break_off(),
        }
    }

    /// Ends the exchange of a portal, once; `close` frees the portal as well.
    pub(super) fn sync_portal(&mut self, close: bool) {
        let Some(portal) = self.exchange.portal() else { return };
        portal.is_synced = true;
        if close {
            // The name was accepted when the portal was opened.
            let _ = frontend::close_portal(&portal.name, &mut self.out);
        }
        frontend::sync(&mut self.out);
    }

    /// Writes what the socket takes. The task's waker is registered for the rest, whichever thread this runs on.
    pub(super) fn flush(&mut self) {
        let waker = self.waker.clone();
        let mut cx = Context::from_waker(waker.as_ref().unwrap_or(Waker::noop()));
        while !self.out.is_empty() && !self.write_error {
            let Some(stream) = &mut self.stream else { return };
            match Pin::new(stream).poll_write(&mut cx, &self.out) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => {
                    // Reading then gives the reason, in the server's own words if it sent any.
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

    /// The requests that waited for room, when there is some again.
    pub(super) fn take_drained(&mut self) -> Notes {
        if self.drained.is_empty() || self.out.len() > UNSENT_LIMIT / 2 {
            return Notes::new();
        }
        std::mem::take(&mut self.drained)
    }

    /// Where the next answer goes, if that is one to a script.
    pub(super) fn next_script(&self) -> Option<Arc<dyn Sink>> {
        let next = self.pending.front().filter(|next| matches!(next.flow, Flow::Script { .. }));
        next.map(|next| next.reply.sink.clone())
    }

    /// The request whose answer begins now.
    pub(super) fn next_pending(&mut self) -> Option<PendingRequest> {
        let pending = self.pending.pop_front()?;
        self.exchange.begin_answer();
        Some(pending)
    }

    /// All requests whose answer has not begun, in order.
    fn unanswered(&mut self) -> impl Iterator<Item = &mut Reply> {
        let pending = self.pending.iter_mut().map(|pending| &mut pending.reply);
        pending.chain(self.queue.iter_mut().map(|request| &mut request.reply))
    }

    /// Has those that wait behind the first one race against another try, as far as they are `wanted`.
    pub(super) fn contend(&mut self, mut wanted: impl FnMut(&Reply) -> bool) -> Vec<Reply> {
        let first = usize::from(!self.exchange.is_answering());
        let wanted = self.unanswered().skip(first).filter(|reply| reply.race.is_none() && wanted(reply));
        let contend = |reply: &mut Reply| {
            reply.race = Some(Race::of_two());
            reply.clone()
        };
        wanted.map(contend).collect()
    }

    /// Drops the answers of all that is under way. False when one of them is wanted.
    pub(super) fn give_up(&mut self) -> bool {
        !self.exchange.is_answering()
            && self.unanswered().all(|reply| {
                let is_moot = reply.is_mute() || reply.race.as_ref().is_some_and(|race| race.give_up());
                if is_moot {
                    reply.mute();
                }
                is_moot
            })
    }

    /// The answer under way is complete; the next requests are sent.
    pub(super) fn completed(&mut self, status: u8, notes: &mut Notes) {
        self.status = status;
        self.exchange = Exchange::default();
        // A request that still waits to send data gets the end instead; its number may be used again by then.
        self.drained.retain(|(_, note)| !matches!(note, Note::Drained));
        self.advance(notes);
    }

    /// Appends to what is being written.
    pub(super) fn interject(&mut self, write: impl FnOnce(&mut BytesMut)) {
        write(&mut self.out);
        self.flush();
    }

    /// One turn of the task: notes which task to wake, writes, and says whether to read, to close, or neither.
    pub(super) fn turn(&mut self, cx: &mut Context<'_>) -> Turn<'_> {
        if !self.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            self.waker = Some(cx.waker().clone());
        }
        if self.reader.is_some() {
            if self.life != Life::Open || self.exchange.is_paused() || self.write_error || !self.out.is_empty() {
                self.recall();
            }
            return Turn::Wait;
        }
        match &self.life {
            Life::Closing(error) => return Turn::Close(Some(error.clone())),
            Life::Broken => return Turn::Broken,
            Life::Open | Life::Ending | Life::Closed => {}
        }
        if self.life == Life::Ending && self.in_flight() == 0 && self.queue.is_empty() {
            frontend::terminate(&mut self.out);
            self.life = Life::Closing(Error::closed(texts::TERMINATED));
            self.flush();
            return Turn::Close(None);
        }
        self.flush();
        match &mut self.stream {
            Some(stream) if !self.exchange.is_paused() => Turn::Read(stream),
            _ => Turn::Wait,
        }
    }

    /// Takes no more requests; the task closes the socket, and reports why.
    pub(super) fn break_off(&mut self) {
        if self.life == Life::Open {
            self.life = Life::Broken;
        }
    }

    /// A panic has left this half changed; the task closes the socket, and reports why.
    pub(super) fn fail(&mut self) {
        if matches!(self.life, Life::Open | Life::Ending) {
            self.life = Life::Broken;
        }
        self.wake();
    }

    /// The caller ended it, so that its end is no failure.
    pub(super) fn is_expected_to_close(&self) -> bool {
        matches!(self.life, Life::Ending | Life::Closing(_))
    }

    /// Takes everything that will never be answered, and the socket.
    pub(super) fn close(&mut self) -> Unanswered {
        self.life = Life::Closed;
        self.exchange = Exchange::default();
        self.stream = None;
        self.reader = None;
        self.out = BytesMut::new();
        self.waker = None;
        Unanswered {
            pending: self.pending.drain(..).collect(),
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

/// The requests that a closed connection has to answer.
pub(super) struct Unanswered {
    pub(super) pending: Vec<PendingRequest>,
    pub(super) requests: Vec<Request>,
    pub(super) sending: Option<Reply>,
    /// Requests that waited for the end.
    pub(super) ended: Notes,
}

/// What the task does next.
pub(super) enum Turn<'a> {
    Read(&'a mut Stream),
    Wait,
    /// Close, because the client has failed.
    Broken,
    /// Close; with an error for what is left.
    Close(Option<Error>),
}
