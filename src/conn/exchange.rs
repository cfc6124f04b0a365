//! The state of a connection's exchange: answering requests one behind the other, or one that has the connection
//! exclusively.

use bytes::BytesMut;

use super::message::Message;
use super::reply::Reply;
use super::transaction_settings::Preamble;

/// What is under way. Requests that were sent and whose answer has not begun are in the connection's state.
pub(super) enum Exchange {
    /// Requests whose answers come one behind the other, or none.
    Pipeline {
        /// The first one's answer has begun.
        is_answering: bool,
    },
    /// One request, and no other is sent before its answer is complete.
    Exclusive {
        /// What for.
        mode: Mode,
        /// The answer has begun.
        is_answering: bool,
        /// The request's caller has paused: nothing is read.
        is_paused: bool,
    },
}

/// Why a request has the connection exclusively.
pub(super) enum Mode {
    /// The next message depends on the description of its columns.
    Described,
    /// JavaScript speaks the protocol.
    Raw {
        /// What it has written of its first message, as long as that isn't sent.
        held: Option<BytesMut>,
        /// What was put before that.
        preamble: Option<Preamble>,
    },
    /// Rows are asked for page by page.
    Portal(OpenPortal),
    /// COPY data, of this request.
    Copy(Reply),
}

/// The portal of a [`Message::Portal`] under way.
pub(super) struct OpenPortal {
    pub(super) name: String,
    /// Sync was sent: no page can be asked for any more.
    pub(super) is_synced: bool,
    /// Rows of the page that was asked for, until its first one comes.
    pub(super) asked: u64,
}

impl Default for Exchange {
    /// Nothing is under way.
    fn default() -> Self {
        Exchange::Pipeline { is_answering: false }
    }
}

impl Mode {
    /// The mode of a request about to be sent that needs the connection exclusively. One that is `described` first
    /// waits for the description before the next message may be sent.
    pub(super) fn of(message: &Message, reply: &Reply, described: bool) -> Option<Mode> {
        match message {
            Message::Raw => Some(Mode::Raw { held: None, preamble: None }),
            Message::Portal(portal) => {
                Some(Mode::Portal(OpenPortal { name: portal.portal.clone(), is_synced: false, asked: 0 }))
            }
            Message::Copy { .. } => Some(Mode::Copy(reply.clone())),
            _ => described.then_some(Mode::Described),
        }
    }
}

impl Exchange {
    /// A request was sent; it has the connection exclusively if it has a mode.
    pub(super) fn sent(&mut self, mode: Option<Mode>) {
        if let Some(mode) = mode {
            *self = Exchange::Exclusive { mode, is_answering: false, is_paused: false };
        }
    }

    /// The answer of the first request begins.
    pub(super) fn begin_answer(&mut self) {
        let (Exchange::Pipeline { is_answering } | Exchange::Exclusive { is_answering, .. }) = self;
        *is_answering = true;
    }

    /// An answer has begun and is not complete.
    pub(super) fn is_answering(&self) -> bool {
        let (Exchange::Pipeline { is_answering } | Exchange::Exclusive { is_answering, .. }) = self;
        *is_answering
    }

    /// No other request may be sent.
    pub(super) fn is_exclusive(&self) -> bool {
        matches!(self, Exchange::Exclusive { .. })
    }

    /// Stops or restarts reading. A pause after the end of its exchange would stop the connection for good, so it is
    /// ignored.
    pub(super) fn pause(&mut self, paused: bool) {
        if let Exchange::Exclusive { is_paused, .. } = self {
            *is_paused = paused;
        }
    }

    /// Nothing may be read.
    pub(super) fn is_paused(&self) -> bool {
        matches!(self, Exchange::Exclusive { is_paused: true, .. })
    }

    /// The first message of a raw exchange isn't sent before it is whole. False for another exchange.
    pub(super) fn hold_first(&mut self) -> bool {
        let Exchange::Exclusive { mode: Mode::Raw { held, .. }, .. } = self else { return false };
        *held = Some(BytesMut::new());
        true
    }

    /// What there is of it.
    pub(super) fn held_first(&mut self) -> Option<&mut BytesMut> {
        match self {
            Exchange::Exclusive { mode: Mode::Raw { held, .. }, .. } => held.as_mut(),
            _ => None,
        }
    }

    /// It was sent, behind these.
    pub(super) fn release_first(&mut self, before: Preamble) {
        if let Exchange::Exclusive { mode: Mode::Raw { held, preamble }, .. } = self {
            (*held, *preamble) = (None, Some(before));
        }
    }

    /// What was put before the first message, once.
    pub(super) fn take_preamble(&mut self) -> Option<Preamble> {
        match self {
            Exchange::Exclusive { mode: Mode::Raw { preamble, .. }, .. } => preamble.take(),
            _ => None,
        }
    }

    /// The portal under way, as long as something can be asked of it.
    pub(super) fn portal(&mut self) -> Option<&mut OpenPortal> {
        match self {
            Exchange::Exclusive { mode: Mode::Portal(portal), .. } if !portal.is_synced => Some(portal),
            _ => None,
        }
    }

    /// The most rows of the page whose first row has come; none if no page is due.
    pub(super) fn take_asked(&mut self) -> u64 {
        match self {
            Exchange::Exclusive { mode: Mode::Portal(portal), .. } => std::mem::take(&mut portal.asked),
            _ => 0,
        }
    }

    /// The request whose COPY data is under way.
    pub(super) fn copy(&self) -> Option<&Reply> {
        match self {
            Exchange::Exclusive { mode: Mode::Copy(reply), .. } => Some(reply),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::{Extended, Portal};
    use super::super::null_sink::NullSink;
    use super::*;
    use crate::rows::TypeMask;
    use crate::wire::frontend::Parameters;

    fn exchange(message: &Message, described: bool) -> Exchange {
        let sink = NullSink::numbered(1);
        let reply = Reply { sink, request: 1, mask: TypeMask(0), eager: false, unordered: false, race: None };
        let mut exchange = Exchange::default();
        exchange.sent(Mode::of(message, &reply, described));
        exchange
    }

    fn portal() -> Message {
        let parameters = Parameters::default();
        let query = Extended { name: "".into(), text: "select 1".into(), parameters, binary: false };
        Message::Portal(Box::new(Portal { portal: "c".to_owned(), query }))
    }

    #[test]
    fn a_query_leaves_room_for_others_unless_it_is_described_first() {
        let query = Message::Simple("select 1".into());
        assert!(!exchange(&query, false).is_exclusive());
        assert!(exchange(&query, true).is_exclusive());
    }

    #[test]
    fn an_exchange_in_parts_has_the_connection_exclusively_and_can_be_paused() {
        let copy = Message::Copy { text: "copy t to stdout".to_owned(), each: false };
        for message in [Message::Raw, portal(), copy] {
            let mut exchange = exchange(&message, false);
            assert!(message.is_exclusive() && exchange.is_exclusive() && !exchange.is_paused());
            exchange.pause(true);
            exchange.begin_answer();
            assert!(exchange.is_paused() && exchange.is_answering());
        }
    }

    #[test]
    fn a_pause_behind_the_end_of_its_exchange_stops_nothing() {
        let mut exchange = Exchange::default();
        exchange.begin_answer();
        exchange.pause(true);
        assert!(!exchange.is_paused() && exchange.is_answering());
    }

    #[test]
    fn a_portal_is_asked_for_pages_until_its_exchange_ends() {
        let mut exchange = exchange(&portal(), false);
        exchange.portal().unwrap().asked = 5;
        assert_eq!((exchange.take_asked(), exchange.take_asked()), (5, 0));
        exchange.portal().unwrap().is_synced = true;
        assert!(exchange.portal().is_none() && exchange.is_exclusive());
    }
}
