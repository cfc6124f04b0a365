//! The consequences of a change of a pool's state, which are carried out when its lock is released.

use std::any::Any;
use std::pin::Pin;
use std::sync::Arc;

use super::containment::panicked;
use crate::conn::{Connection, Reply, Sink, runtime};
use crate::error::{Error, contained, texts};
use crate::rows::{Batch, Extra, Record};

/// An action that runs without the lock.
pub(super) enum Effect {
    /// A request has failed without a connection.
    Fail(Reply, Error),
    /// A connection is lent to the request that waited for it, as this value.
    Lend(Connection, Reply, Box<dyn Any + Send>),
    /// A request is done.
    Done(Reply),
    /// A receiver is told of something that answers no request.
    Tell(Arc<dyn Sink>, Box<Batch>),
    /// A connection is closed: by Terminate when it is idle, at once when it is busy.
    Close(Connection),
    /// A connection is closed, and what the server does for it is cancelled.
    Abandon(Connection),
    /// A task starts.
    Spawn(Pin<Box<dyn Future<Output = ()> + Send>>),
}

impl Effect {
    /// Does it. A panic in it, as of a receiver, fails the request that it was for, and concerns nothing else.
    fn run(self) {
        let asked = match &self {
            Effect::Lend(_, reply, _) => Some((reply.clone(), texts::LENDING_FAILED)),
            Effect::Done(reply) => Some((reply.clone(), texts::DELIVERY_FAILED)),
            _ => None,
        };
        if contained(|| self.perform()).is_none()
            && let Some((reply, text)) = asked
        {
            contained(|| reply.fail(panicked(text)));
        }
    }

    fn perform(self) {
        match self {
            Effect::Fail(reply, error) => reply.fail(error),
            Effect::Lend(connection, reply, value) => {
                connection.set_depth(1);
                let mut batch = Batch::default();
                batch.record_with(Record::Value, &[reply.request], Extra::Value(value));
                reply.sink.deliver(batch);
            }
            Effect::Done(reply) => reply.done(0),
            Effect::Tell(sink, batch) => sink.deliver(*batch),
            Effect::Close(connection) if connection.load() == 0 => connection.end(None),
            Effect::Close(connection) => connection.destroy(Error::closed(texts::TERMINATED)),
            Effect::Abandon(connection) => connection.abandon(),
            Effect::Spawn(task) => runtime::spawn(task),
        }
    }
}

/// Effects in the order of the changes. One thread at a time carries them out, so that a receiver of several is told in
/// that order.
#[derive(Default)]
pub(super) struct Effects {
    list: Vec<Effect>,
    /// A thread is carrying them out, and takes on those that are added meanwhile.
    is_running: bool,
}

impl Effects {
    pub(super) fn push(&mut self, effect: Effect) {
        self.list.push(effect);
    }

    pub(super) fn spawn(&mut self, task: impl Future<Output = ()> + Send + 'static) {
        self.push(Effect::Spawn(Box::pin(task)));
    }

    /// Effects for this thread to carry out with [`Effects::run`]; to be called again when that is done.
    pub(super) fn take(&mut self, goes_on: bool) -> Option<Vec<Effect>> {
        if self.is_running && !goes_on {
            return None;
        }
        self.is_running = !self.list.is_empty();
        self.is_running.then(|| std::mem::take(&mut self.list))
    }

    pub(super) fn run(effects: Vec<Effect>) {
        effects.into_iter().for_each(Effect::run);
    }
}
