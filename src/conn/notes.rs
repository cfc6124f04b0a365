//! Outcomes of requests: noted under a connection's lock, and delivered after it is released.

use super::reply::Reply;
use crate::error::{Error, contained};
use crate::rows::{Batch, Record};

/// Answers that were produced under the lock and are delivered after it.
pub(super) type Notes = Vec<(Reply, Note)>;

pub(super) enum Note {
    /// The connection is gone, or was never there.
    Failed(Error),
    /// The request alone could not be sent, in this transaction status.
    Refused(Error, u8),
    Started,
    Done,
    Drained,
}

/// Tells all of them, also after one whose receiver panics. False when that receiver has missed an event without which
/// its exchange can't go on.
pub(super) fn deliver_notes(notes: Notes) -> bool {
    let mut goes_on = true;
    for (reply, note) in notes {
        let is_awaited = !matches!(note, Note::Failed(_) | Note::Refused(..));
        goes_on &= contained(|| deliver(&reply, note)).is_some() || !is_awaited;
    }
    goes_on
}

fn deliver(reply: &Reply, note: Note) {
    match note {
        Note::Failed(error) => reply.fail(error),
        Note::Refused(error, status) => reply.fail_on(error, status),
        Note::Done => reply.done(0),
        Note::Started => tell(reply, Record::Started),
        Note::Drained => tell(reply, Record::Drained),
    }
}

fn tell(reply: &Reply, what: Record) {
    let mut batch = Batch::default();
    batch.record(what, &[reply.request]);
    reply.sink.deliver(batch);
}
