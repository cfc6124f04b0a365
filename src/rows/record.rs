//! The kinds of records that a batch is made of.

/// The kinds of records, with what follows the number in `ints`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum Record {
    /// The next text segment begins.
    Segment = 1,
    /// The next bytes segment begins.
    Blob = 2,
    /// request, shape: a result set begins.
    Fields = 3,
    /// request, shape, count, then `count` rows.
    Rows = 4,
    /// request, index of the command word, rows or -1, oid or -1.
    Complete = 5,
    /// request; the tag is the next extra.
    CompleteRare = 6,
    /// request: EmptyQueryResponse.
    Empty = 7,
    /// request: PortalSuspended.
    Suspended = 8,
    /// request, transaction status: the request is over.
    Done = 9,
    /// request, transaction status or 0; the error is the next extra. The request is over.
    Failed = 10,
    /// request; the value is the next extra. The request is over.
    Value = 11,
    /// The next extra is an event of a connection or a pool.
    Event = 12,
    /// request: a raw exchange has reached the head of the queue.
    Started = 13,
    /// request; the next extra holds whole backend messages.
    Raw = 14,
    /// request: COPY ... FROM STDIN was answered with CopyFail.
    CopyRefused = 15,
    /// request: there is room for more COPY data.
    Drained = 16,
    /// request: results from here on may be dropped.
    Mark = 17,
    /// request: results since the mark are dropped.
    Rewind = 18,
}

/// When a request with records in a batch ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Later, by itself.
    Later,
    /// After JavaScript, which was asked to go on, has done so.
    Asked,
    /// In this batch, with this transaction status or 0.
    Here(i32),
}
