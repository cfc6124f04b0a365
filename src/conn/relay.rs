//! A request whose rows go to another receiver, and whose end comes to Rust.

use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::oneshot;

use super::operation::Operation;
use super::plain::Plain;
use super::reply::Reply;
use super::sink::{Sink, Tables, next_sink_id};
use crate::error::{Error, ServerError};
use crate::rows::Batch;

/// How the relayed request ended, as far as its own answer tells.
pub struct RelayEnd {
    /// Transaction status of its ReadyForQuery; 0 when none came, because the connection was lost.
    pub status: u8,
    /// What went wrong.
    pub error: Option<Box<Error>>,
    /// The command tags of its statements, in order.
    pub tags: Vec<String>,
}

/// A listener to an answer while it comes in.
pub trait Hearing: Send + Sync {
    /// One more statement was completed. Called before its records are delivered.
    fn completed(&self);
}

/// Passes rows and events on as they come, and keeps the end, whose meaning is decided in Rust.
pub struct Relay {
    id: u64,
    target: Reply,
    /// What is told of notices.
    operation: Option<Operation>,
    state: Mutex<State>,
    hearing: Option<Arc<dyn Hearing>>,
}

struct State {
    tags: Vec<String>,
    end: Option<oneshot::Sender<RelayEnd>>,
}

impl Relay {
    /// A relay for the request that `target` names, where to send the request's answer, and where its end will be.
    /// Notices that come among it are told as events of `operation`, and `hearing` hears of each statement.
    pub fn to(
        target: &Reply,
        operation: Option<Operation>,
        hearing: Option<Arc<dyn Hearing>>,
    ) -> (Reply, oneshot::Receiver<RelayEnd>) {
        let (sender, receiver) = oneshot::channel();
        let state = Mutex::new(State { tags: Vec::new(), end: Some(sender) });
        let relay = Arc::new(Relay { id: next_sink_id(), target: target.clone(), operation, hearing, state });
        (Reply { sink: relay, ..target.clone() }, receiver)
    }
}

impl Sink for Relay {
    fn deliver(&self, mut batch: Batch) {
        let end = batch.take_end();
        // Before the end is told: the task that waits for it, in another thread, tells the receiver of it at once.
        if !batch.is_empty() {
            self.target.sink.deliver(batch);
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((status, error)) = end
            && let Some(sender) = state.end.take()
        {
            // The task that asked may have gone away.
            let _ = sender.send(RelayEnd { status, error, tags: std::mem::take(&mut state.tags) });
        }
    }

    fn command_completed(&self, tag: &str) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).tags.push(tag.to_owned());
        if let Some(hearing) = &self.hearing {
            hearing.completed();
        }
    }

    fn notice(&self, notice: &ServerError) {
        if let Some(operation) = &self.operation {
            operation.tell_now(Plain::from(notice));
        }
    }

    fn tables(&self) -> &Tables {
        self.target.sink.tables()
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.operation {
            Some(operation) if operation.poll_ready(cx).is_pending() => Poll::Pending,
            _ => self.target.sink.poll_ready(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Record;
    use crate::rows::TypeMask;

    /// Notes at each delivery whether the end has been told.
    #[derive(Default)]
    struct Receiver {
        tables: Tables,
        end: Mutex<Option<oneshot::Receiver<RelayEnd>>>,
        told: Mutex<Vec<bool>>,
    }

    impl Sink for Receiver {
        fn deliver(&self, _: Batch) {
            let is_told = self.end.lock().unwrap().as_mut().is_some_and(|end| end.try_recv().is_ok());
            self.told.lock().unwrap().push(is_told);
        }
        fn tables(&self) -> &Tables {
            &self.tables
        }
        fn id(&self) -> u64 {
            1
        }
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    #[test]
    fn the_end_is_told_behind_everything_else_that_came_with_it() {
        let receiver = Arc::new(Receiver::default());
        let target =
            Reply { sink: receiver.clone(), request: 1, mask: TypeMask(0), eager: false, unordered: false, race: None };
        let (relay, end) = Relay::to(&target, None, None);
        *receiver.end.lock().unwrap() = Some(end);
        let mut batch = Batch::default();
        batch.record(Record::Complete, &[1, 0, 1, -1]);
        batch.record(Record::Done, &[1, i32::from(b'I')]);
        relay.sink.deliver(batch);
        assert_eq!(*receiver.told.lock().unwrap(), [false]);
        let end = receiver.end.lock().unwrap().as_mut().map(|end| end.try_recv().map(|end| end.status));
        assert_eq!(end, Some(Ok(b'I')));
    }
}
