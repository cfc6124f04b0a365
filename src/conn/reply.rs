//! Where the answer of a request goes.

use std::sync::Arc;

use super::null_sink::{NULL_SINK, NullSink};
use super::race::Race;
use super::sink::Sink;
use crate::error::Error;
use crate::rows::{Batch, Extra, Record, TypeMask};

/// The receiver that a request answers, and how.
#[derive(Clone)]
pub struct Reply {
    /// The receiver.
    pub sink: Arc<dyn Sink>,
    /// The request's number there.
    pub request: i32,
    /// Types that the receiver parses itself.
    pub mask: TypeMask,
    /// Rows are handed over as they come, and not only when there are many or the result is complete.
    pub eager: bool,
    /// Its order relative to other requests doesn't matter.
    pub unordered: bool,
    /// Other tries at the same request, one of which answers.
    pub race: Option<Arc<Race>>,
}

/// The receiver of a request and its number there: no other one under way has the same.
pub type RequestKey = (u64, i32);

impl Reply {
    /// Identifies it.
    pub fn key(&self) -> RequestKey {
        (self.sink.id(), self.request)
    }

    /// The request is done, on a connection that goes on in this transaction status; 0 without one.
    pub fn done(&self, status: u8) {
        let mut batch = Batch::default();
        batch.record(Record::Done, &[self.request, i32::from(status)]);
        self.sink.deliver(batch);
    }

    /// Fails the request without a connection.
    pub fn fail(&self, error: Error) {
        self.fail_on(error, 0);
    }

    /// Fails the request alone, on a connection that goes on in this transaction status.
    pub fn fail_on(&self, error: Error, status: u8) {
        if self.race.as_ref().is_some_and(|race| !race.lose()) {
            return;
        }
        let mut batch = Batch::default();
        batch.record_with(Record::Failed, &[self.request, i32::from(status)], Extra::Error(Box::new(error)));
        self.sink.deliver(batch);
    }
}

impl Reply {
    /// Drops the answer, whatever it will be: another try is answered in its place.
    pub(super) fn mute(&mut self) {
        self.sink = Arc::new(NullSink::default());
        self.race = None;
    }

    /// Whether the answer is dropped.
    pub(super) fn is_mute(&self) -> bool {
        self.sink.id() == NULL_SINK
    }

    /// The answer begins, which settles whether it counts. One that ends the connection, `is_last_word`, only counts
    /// when there is no other try.
    pub(super) fn begin(&mut self, is_last_word: bool) {
        let Some(race) = self.race.take() else { return };
        let counts = if is_last_word { race.lose() } else { race.win() };
        if !counts {
            self.mute();
        }
    }
}
