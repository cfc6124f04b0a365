//! The end of a connection: every request that still waits for it is told.

use std::collections::BTreeSet;

use super::answer::Answer;
use super::event::Event;
use super::notes::{Note, Notes, deliver_notes};
use super::reply::Reply;
use super::state::Unanswered;
use crate::error::{Error, contained, texts};
use crate::rows::TypeMask;

/// Why a connection is over.
pub(super) enum End {
    /// Terminate was sent.
    Terminated,
    /// The caller closed it; this is for what is left.
    Destroyed(Error),
    /// The server or the network ended it.
    Lost(Option<Error>),
}

impl Answer {
    /// Tells every request that still waits, then the observer.
    pub(super) fn close(&mut self, end: End) {
        self.closed = true;
        let expected = self.connection.lock().is_expected_to_close();
        let Unanswered { pending, requests, sending, ended } = self.connection.lock().close();
        let lost = self.connection.explained(Error::lost());
        let (cause, reported) = match end {
            End::Terminated => (Error::closed(texts::TERMINATED), None),
            End::Destroyed(error) => (error, None),
            End::Lost(_) if expected => (Error::closed(texts::TERMINATED), None),
            End::Lost(None) => (lost.clone(), None),
            End::Lost(Some(error)) => {
                let error = self.connection.explained(error);
                (error.clone(), Some(error))
            }
        };
        let mut notes = self.lost_with_batch(&cause);
        if let Some(mut pending) = self.current.take() {
            let error = pending.error.take().map_or_else(|| cause.clone(), |error| *error);
            notes.push((pending.reply, Note::Failed(error)));
        }
        let replies = pending.into_iter().map(|pending| pending.reply).chain(sending);
        let replies = replies.chain(requests.into_iter().map(|r| r.reply));
        notes.extend(replies.map(|reply| (reply, Note::Failed(cause.clone()))));
        // If telling one of them fails, the others are told all the same.
        contained(|| self.delivery.flush(false));
        deliver_notes(notes);
        let observer = self.connection.observer();
        let id = self.connection.id();
        if let Some(error) = reported {
            contained(|| observer.event(id, Event::Lost(Box::new(error))));
        }
        if !expected {
            contained(|| observer.event(id, Event::Lost(Box::new(lost))));
        }
        deliver_notes(ended);
        contained(|| observer.event(id, Event::Closed));
        contained(|| observer.closed());
    }

    /// Reading has panicked, which loses this connection and nothing else: returns its end.
    pub(super) fn break_off(&mut self) -> Error {
        self.broken = true;
        Error::protocol(texts::READING_FAILED)
    }

    /// Those whose records can't be trusted any more, but for the one that is under way.
    fn lost_with_batch(&mut self, cause: &Error) -> Notes {
        let Some(sink) = self.delivery.sink.clone().filter(|_| self.broken) else { return Notes::new() };
        let mut requests: BTreeSet<i32> = std::mem::take(&mut self.delivery.batch).addressees().into_keys().collect();
        requests.extend(self.owed);
        if let Some(pending) = &self.current {
            requests.remove(&pending.reply.request);
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

/// A connection whose task is dropped without having ended it.
impl Drop for Answer {
    fn drop(&mut self) {
        if !self.closed {
            let end = self.break_off();
            self.close(End::Lost(Some(end)));
        }
    }
}
