//! The receiver of answers to Rust's own queries.

use std::any::Any;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use super::event::{ConnectionEvent, Event};
use super::reply::Reply;
use super::sink::{Sink, Tables, next_sink_id};
use crate::error::{Error, ServerError, texts};
use crate::rows::{Batch, Extra, Record, TypeMask};

/// An answer to a query of Rust's own takes no more bytes than this; a server that sends more is not answering it.
const ANSWER_LIMIT: usize = 16 * 1024 * 1024;
/// Notices that are kept until they are asked for; those behind them are dropped.
const NOTICE_LIMIT: usize = 1000;

/// How a request ended.
#[derive(Default)]
pub struct Ended {
    /// Transaction status of its ReadyForQuery; 0 when none came, because the connection was lost or never had.
    pub status: u8,
    /// What went wrong, when the request was answered by a failure.
    pub error: Option<Box<Error>>,
    /// What a [`Record::Value`] brought.
    pub value: Option<Box<dyn Any + Send>>,
    /// The messages of the answer to a [`super::message::Message::Exchange`].
    pub messages: Vec<u8>,
}

#[derive(Default)]
struct Pending {
    messages: Vec<u8>,
    is_too_long: bool,
    ended: Option<Ended>,
    waker: Option<Waker>,
}

impl Pending {
    fn append(&mut self, bytes: &[u8]) {
        self.is_too_long |= self.messages.len() + bytes.len() > ANSWER_LIMIT;
        if !self.is_too_long {
            self.messages.extend_from_slice(bytes);
        }
    }

    fn end(&mut self, status: i32, error: Option<Box<Error>>, value: Option<Box<dyn Any + Send>>) -> Option<Waker> {
        let too_long = || Error::protocol(texts::LONG_ANSWER);
        let error = error.or_else(|| self.is_too_long.then(too_long).map(Box::new));
        let status = u8::try_from(status).unwrap_or(0);
        self.ended = Some(Ended { status, error, value, messages: std::mem::take(&mut self.messages) });
        self.waker.take()
    }
}

#[derive(Default)]
struct Letters {
    last: i32,
    pending: HashMap<i32, Pending>,
    notices: Vec<ServerError>,
}

/// A receiver in Rust.
pub struct Inbox {
    id: u64,
    tables: Tables,
    letters: Mutex<Letters>,
}

impl Inbox {
    /// An empty one.
    pub fn new() -> Arc<Inbox> {
        Arc::new(Inbox { id: next_sink_id(), tables: Tables::default(), letters: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A new request, and where its answer goes.
    pub fn expect(self: &Arc<Self>) -> Reply {
        let mut letters = self.lock();
        letters.last = letters.last.wrapping_add(1);
        let request = letters.last;
        letters.pending.insert(request, Pending::default());
        Reply { sink: self.clone(), request, mask: TypeMask(u32::MAX), eager: false, unordered: false, race: None }
    }

    /// Waits until the request has ended.
    pub async fn ended(&self, request: i32) -> Ended {
        std::future::poll_fn(|cx| self.poll_ended(request, cx)).await
    }

    fn poll_ended(&self, request: i32, cx: &mut Context<'_>) -> Poll<Ended> {
        let mut letters = self.lock();
        // A second caller is told that there is nothing more.
        let Some(pending) = letters.pending.get_mut(&request) else { return Poll::Ready(Ended::default()) };
        match pending.ended.take() {
            Some(ended) => {
                letters.pending.remove(&request);
                Poll::Ready(ended)
            }
            None => {
                pending.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    /// The request is not waited for any more.
    pub fn forget(&self, request: i32) {
        self.lock().pending.remove(&request);
    }

    /// The notices so far.
    pub fn take_notices(&self) -> Vec<ServerError> {
        std::mem::take(&mut self.lock().notices)
    }
}

impl Letters {
    /// Takes in the records that exchanges, failures and events consist of.
    fn take_in(&mut self, batch: Batch) -> Vec<Waker> {
        let mut wakers = Vec::new();
        let mut extras = batch.extras.into_iter();
        let mut ints = batch.ints.into_iter();
        while let Some(kind) = ints.next() {
            if kind == Record::Event as i32 {
                if let Some(Extra::News(news)) = extras.next()
                    && let Ok(event) = (news as Box<dyn Any>).downcast::<ConnectionEvent>()
                    && let ConnectionEvent(_, Event::Notice(notice)) = *event
                    && self.notices.len() < NOTICE_LIMIT
                {
                    self.notices.push(*notice);
                }
                continue;
            }
            let mut pending = ints.next().and_then(|request| self.pending.get_mut(&request));
            let mut end = |status, error, value| pending.as_mut().and_then(|pending| pending.end(status, error, value));
            let waker = match kind {
                kind if kind == Record::Raw as i32 => {
                    if let (Some(Extra::Bytes(bytes)), Some(pending)) = (extras.next(), pending) {
                        pending.append(&bytes);
                    }
                    None
                }
                kind if kind == Record::Done as i32 => end(ints.next().unwrap_or(0), None, None),
                kind if kind == Record::Failed as i32 => {
                    let Some(Extra::Error(error)) = extras.next() else { break };
                    end(ints.next().unwrap_or(0), Some(error), None)
                }
                kind if kind == Record::Value as i32 => {
                    let Some(Extra::Value(value)) = extras.next() else { break };
                    end(0, None, Some(value))
                }
                kind if kind == Record::Started as i32 => None,
                // Rust's own queries have no other records.
                _ => break,
            };
            wakers.extend(waker);
        }
        wakers
    }
}

impl Sink for Inbox {
    fn deliver(&self, batch: Batch) {
        let wakers = self.lock().take_in(batch);
        wakers.into_iter().for_each(Waker::wake);
    }

    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_of_several_requests_are_told_apart() {
        let inbox = Inbox::new();
        let (first, second, third) = (inbox.expect(), inbox.expect(), inbox.expect());
        let mut batch = Batch::default();
        batch.raw(first.request, &[b"one"], true);
        batch.record(Record::Done, &[first.request, i32::from(b'T')]);
        batch.raw(second.request, &[b"two"], true);
        batch.record(Record::Done, &[second.request, i32::from(b'I')]);
        inbox.deliver(batch);
        third.fail(Error::closed("gone"));
        let (one, two, three) =
            (inbox.ended(first.request).await, inbox.ended(second.request).await, inbox.ended(third.request).await);
        assert_eq!((one.messages.as_slice(), one.status), (&b"one"[..], b'T'));
        assert_eq!((two.messages.as_slice(), two.status), (&b"two"[..], b'I'));
        assert_eq!(three.error.map(|error| error.message), Some("gone".to_owned()));
    }

    #[tokio::test]
    async fn an_answer_without_end_fails_instead_of_filling_the_memory() {
        let inbox = Inbox::new();
        let reply = inbox.expect();
        for _ in 0..5 {
            let mut batch = Batch::default();
            batch.raw(reply.request, &[&vec![0; ANSWER_LIMIT / 4]], true);
            inbox.deliver(batch);
        }
        let mut batch = Batch::default();
        batch.record(Record::Done, &[reply.request, i32::from(b'I')]);
        inbox.deliver(batch);
        let ended = inbox.ended(reply.request).await;
        assert!(ended.error.is_some() && ended.messages.len() <= ANSWER_LIMIT);
    }

    #[test]
    fn notices_are_kept_up_to_a_limit() {
        let inbox = Inbox::new();
        for _ in 0..NOTICE_LIMIT + 5 {
            let mut batch = Batch::default();
            let notice = Event::Notice(Box::default());
            batch.news(ConnectionEvent(1, notice));
            inbox.deliver(batch);
        }
        assert_eq!((inbox.take_notices().len(), inbox.take_notices().len()), (NOTICE_LIMIT, 0));
    }
}
