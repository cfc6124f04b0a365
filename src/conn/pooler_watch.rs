//! What a connection does about a pooler before its server: it has requests wait that depend on what isn't known yet, and
//! refuses or changes those that a pooler in transaction mode would break.

use std::sync::Arc;

use super::message::{Extended, Message, Portal};
use super::pooling::{Known, Pooling, refused};
use crate::error::Error;
use crate::sql;
use crate::supabase::{self, Way};

/// The pooler of one connection, in the connection's eyes.
pub(super) struct PoolerWatch {
    known: Arc<Known>,
    /// The number of the server process is none that a system has given.
    is_made_up: bool,
    asking: Asking,
    /// A statement with a name was sent without it in a transaction, where nothing can be asked.
    is_due: bool,
}

#[derive(PartialEq)]
enum Asking {
    Not,
    /// A request waits for the answer.
    Wanted,
    UnderWay,
    /// Nothing more can be found out on this connection.
    Done,
}

impl PoolerWatch {
    pub(super) fn new(known: Arc<Known>, is_made_up: bool) -> PoolerWatch {
        PoolerWatch { known, is_made_up, asking: Asking::Not, is_due: false }
    }

    /// Whether a request has to wait for what isn't known yet, in this transaction status, `alone` or behind others.
    /// Nothing can be asked in a transaction, which a question would give its snapshot.
    pub(super) fn holds(&self, message: &Message, status: u8, alone: bool) -> bool {
        self.known.pooling() == Pooling::Unknown
            && self.asking != Asking::Done
            && (!alone || status == b'I')
            && self.depends(message)
    }

    /// Whether a pooler in transaction mode would need the request to be changed or refused. A transaction counts where
    /// a pooler is likely, because it's too late to ask inside it.
    fn depends(&self, message: &Message) -> bool {
        let Some(text) = text_of(message) else { return false };
        self.is_due
            || matches!(message, Message::Extended(query) if !query.name.is_empty())
            || (self.is_made_up && sql::has_transaction_control(text))
            || !sql::session_uses(text).is_empty()
    }

    /// A request waits.
    pub(super) fn want(&mut self) {
        if self.asking == Asking::Not {
            self.asking = Asking::Wanted;
        }
    }

    /// Whether it has to be asked now.
    pub(super) fn begin(&mut self) -> bool {
        let begins = self.asking == Asking::Wanted;
        if begins {
            self.asking = Asking::UnderWay;
        }
        begins
    }

    /// No request waits any longer.
    pub(super) fn end(&mut self) {
        self.asking = Asking::Done;
        self.is_due = false;
    }

    /// Why a request isn't sent.
    pub(super) fn refusal(&self, message: &Message) -> Option<Error> {
        if self.known.pooling() != Pooling::Transaction {
            return None;
        }
        let found = sql::session_uses(text_of(message)?).into_iter().next()?;
        Some(refused(found))
    }

    /// Whether statements are used without their names, which is the same to the caller.
    pub(super) fn leaves_out_names(&self) -> bool {
        self.known.pooling() != Pooling::Session
    }

    /// Whether texts may be prepared that have no name.
    pub(super) fn may_prepare(&self) -> bool {
        self.known.pooling() != Pooling::Transaction
    }

    /// A statement was sent without its name.
    pub(super) fn left_out_name(&mut self) {
        self.is_due = self.asking == Asking::Not;
    }

    /// A request has failed: what does that say about the pooler?
    pub(super) fn failed(&mut self, error: &Error) {
        match error.code.as_deref() {
            Some("XX000") if is_of_transaction_mode(error) => self.known.prove(),
            // A statement isn't there that was, or one is that wasn't; or the program is mistaken.
            Some("26000" | "42P05") if self.known.doubt() => {
                self.asking = Asking::Not;
                self.is_due = true;
            }
            _ => {}
        }
    }
}

/// Whether it is what Supabase's pooler answers in transaction mode alone, wherever it listens.
fn is_of_transaction_mode(error: &Error) -> bool {
    supabase::answer(&Way::new("", 0, ""), error).is_some_and(|answer| answer.codes.contains(&"EPSSIMPLEQUERY"))
}

/// The text of the caller's, for one that isn't a script: a script is looked at as a whole before it is sent.
fn text_of(message: &Message) -> Option<&str> {
    match message {
        Message::Simple(text) => Some(text),
        Message::Extended(Extended { text, .. }) => Some(text),
        Message::Portal(portal) => {
            let Portal { query, .. } = &**portal;
            Some(&query.text)
        }
        Message::Copy { text, .. } => Some(text),
        Message::Script(_) | Message::Exchange(_) | Message::Raw => None,
    }
}
