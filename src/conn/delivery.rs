//! The records of a connection on their way to receivers, with what happens besides the answers.

use std::sync::Arc;
use std::task::{Context, Poll, ready};

use super::connection::Connection;
use super::event::{ConnectionEvent, Event};
use super::sink::Sink;
use crate::rows::Batch;

/// The batch that is being filled, and its receiver.
#[derive(Default)]
pub(super) struct Delivery {
    pub(super) batch: Batch,
    /// The receiver of what is in `batch`.
    pub(super) sink: Option<Arc<dyn Sink>>,
    /// An observer other than the receiver of the current answer was sent something since it last kept up.
    has_told: bool,
}

impl Delivery {
    /// Hands over what there is. `goes_on` when more of the same answer is to follow.
    pub(super) fn flush(&mut self, goes_on: bool) {
        if !self.batch.is_empty()
            && let Some(sink) = &self.sink
        {
            let next = if goes_on { sink.spare() } else { Batch::default() };
            sink.deliver(std::mem::replace(&mut self.batch, next));
        }
    }

    /// An answer to this receiver begins.
    pub(super) fn begin(&mut self, sink: &Arc<dyn Sink>) {
        if self.sink.as_ref().is_none_or(|known| known.id() != sink.id()) {
            self.flush(false);
            self.sink = Some(sink.clone());
        }
        if self.batch.is_empty() {
            self.batch = sink.spare();
        }
    }

    /// Something happened that is told at once, behind the records that came before.
    pub(super) fn tell(&mut self, connection: &Connection, event: Event, is_answering: bool) {
        self.flush(is_answering);
        connection.observer().event(connection.id(), event);
    }

    /// Notices, notifications and parameters, of which there may be very many, travel with the records around them.
    pub(super) fn announce(&mut self, connection: &Connection, event: Event, is_answering: bool) {
        let Some(listener) = connection.observer().listener() else {
            return self.tell(connection, event, is_answering);
        };
        let id = connection.id();
        if self.sink.as_ref().is_none_or(|sink| sink.id() != listener.id()) {
            self.flush(is_answering);
            if is_answering {
                self.has_told = true;
                return listener.deliver(Batch::of(ConnectionEvent(id, event)));
            }
            self.sink = Some(listener);
        } else if self.batch.in_order {
            self.flush(is_answering);
        }
        self.record(connection, event);
    }

    /// The event goes where the answer under way goes.
    pub(super) fn record(&mut self, connection: &Connection, event: Event) {
        self.batch.news(ConnectionEvent(connection.id(), event));
    }

    /// Ready while the receivers keep up of what comes next: `sink` has the answer that is under way or the next one.
    pub(super) fn poll_ready(
        &mut self,
        cx: &mut Context<'_>,
        connection: &Connection,
        sink: Option<Arc<dyn Sink>>,
    ) -> Poll<()> {
        let listener = match &sink {
            // A slow observer in another thread doesn't hold up this answer, unless more and more is queued for it.
            Some(_) if !self.has_told => None,
            _ => connection.observer().listener(),
        };
        for sink in sink.into_iter().chain(listener) {
            ready!(sink.poll_ready(cx));
        }
        self.has_told = false;
        Poll::Ready(())
    }
}
