//! Events of a script while it runs.

use std::sync::Arc;

use crate::conn::{Operation, Plain};
use crate::error::Blocker;
use crate::rows::{Batch, Record};

/// How far a statement has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It was sent.
    Started,
    /// It was completed; in a transaction, it is not committed yet.
    Done,
    /// It waits for a lock.
    Waiting,
    /// It didn't get a lock in time, and is tried again.
    Retrying,
    /// It has failed.
    Failed,
}

impl Progress {
    /// The words that reach JavaScript as `state`.
    fn as_str(self) -> &'static str {
        match self {
            Progress::Started => "started",
            Progress::Done => "done",
            Progress::Waiting => "waiting",
            Progress::Retrying => "retrying",
            Progress::Failed => "failed",
        }
    }
}

/// The statements of a script, for events that name them by their index.
#[derive(Clone)]
pub(super) struct Steps {
    operation: Operation,
    statements: Arc<[String]>,
}

impl Steps {
    /// Of no statements where the program doesn't listen to the progress.
    pub(super) fn new(operation: &Operation, statements: Vec<String>) -> Steps {
        Steps { operation: operation.clone(), statements: statements.into() }
    }

    /// Reports the progress of the statement at this index, from 0. An index beyond the last is ignored.
    pub(super) fn tell(&self, place: usize, state: Progress, blockers: &[Blocker]) {
        let Some(statement) = self.statements.get(place) else { return };
        let mut event = vec![
            ("step".into(), count(place + 1)),
            ("steps".into(), count(self.statements.len())),
            ("statement".into(), Plain::text(statement.clone())),
            ("state".into(), Plain::text(state.as_str())),
        ];
        if !blockers.is_empty() {
            event.push(("blockers".into(), Plain::List(blockers.iter().map(Plain::from).collect())));
        }
        self.operation.tell_now(Plain::Record(event));
    }

    /// Results from here on belong to a piece that may be retried.
    pub(super) fn mark(&self) {
        self.record(Record::Mark);
    }

    /// Results since the mark are those of a try that failed.
    pub(super) fn rewind(&self) {
        self.record(Record::Rewind);
    }

    /// Delivered in order with the results, unlike events.
    fn record(&self, record: Record) {
        let reply = self.operation.reply();
        let mut batch = Batch::default();
        batch.record(record, &[reply.request]);
        reply.sink.deliver(batch);
    }

    /// Tells that the script has set something for its session, which is undone.
    pub(super) fn tell_changed(&self) {
        self.operation.tell_now(Plain::record([("session", Plain::text("changed"))]));
    }

    /// Tells that some of that may be left: the connection must not be used again.
    pub(super) fn tell_spoiled(&self) {
        self.operation.tell_now(Plain::record([("session", Plain::text("spoiled"))]));
    }
}

/// As in `index.d.ts`.
impl From<&Blocker> for Plain {
    fn from(blocker: &Blocker) -> Plain {
        let Blocker { pid, user, application, state, transaction_age, query, mode, relation, .. } = blocker;
        let text = |text: &String| Plain::text(text.clone());
        Plain::record([
            ("pid", Plain::Number(f64::from(*pid))),
            ("user", text(user)),
            ("application", text(application)),
            ("state", text(state)),
            ("transactionAge", Plain::Number((transaction_age.as_secs_f64() * 1000.0).round())),
            ("query", text(query)),
            ("mode", text(mode)),
            ("relation", text(relation)),
        ])
    }
}

/// As a number of JavaScript's.
fn count(count: usize) -> Plain {
    Plain::Number(u32::try_from(count).unwrap_or(u32::MAX).into())
}
