//! A text that comes repeatedly: kept once, with what was learnt about it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use super::message::{Extended, Message};
use crate::config::Sharing;
use crate::sql;

/// So many quick answers in a row make a text one that is quick.
const PROOF: u32 = 64;

/// A text, shared by the requests that have it.
#[derive(Debug)]
pub struct KnownText {
    /// The text.
    pub text: Arc<str>,
    is_repeatable: bool,
    shares_extended: bool,
    shares_simple: bool,
    may_wait: bool,
    /// Quick answers since the last late one, as far as they count.
    quick: AtomicU32,
}

impl KnownText {
    /// A text of which nothing is known yet.
    pub fn new(text: impl Into<Arc<str>>) -> Self {
        let text = text.into();
        let shares_extended = sql::leaves_session_alone(&text);
        KnownText {
            is_repeatable: sql::is_repeatable_read(&text),
            shares_extended,
            shares_simple: shares_extended && sql::is_one_statement(&text),
            may_wait: sql::may_wait(&text),
            text,
            quick: AtomicU32::new(0),
        }
    }

    /// Whether its answers have all been quick for a while, and it waits for no lock: so the next one will be, too.
    pub fn is_quick(&self) -> bool {
        !self.may_wait && self.quick.load(Ordering::Relaxed) >= PROOF
    }

    /// An answer was quick.
    pub fn note_quick(&self) {
        let quick = self.quick.load(Ordering::Relaxed);
        // Two connections that count at once may lose a count, which does no harm.
        if quick < PROOF {
            self.quick.store(quick + 1, Ordering::Relaxed);
        }
    }

    /// An answer was late.
    pub fn note_late(&self) {
        self.quick.store(0, Ordering::Relaxed);
    }
}

/// Whether a request may share a connection with others.
pub fn may_share(message: &Message, known: Option<&KnownText>, sharing: Sharing) -> bool {
    match sharing {
        Sharing::None => false,
        Sharing::All => leaves_alone(message, known),
        Sharing::Reads => match (message, known) {
            (Message::Extended(_) | Message::Simple(_), Some(known)) => known.is_repeatable,
            (Message::Extended(Extended { text, .. }) | Message::Simple(text), None) => sql::is_repeatable_read(text),
            _ => false,
        },
    }
}

/// Whether it is one statement that does not change the session for the next one.
fn leaves_alone(message: &Message, known: Option<&KnownText>) -> bool {
    match (message, known) {
        (Message::Extended(_), Some(known)) => known.shares_extended,
        (Message::Simple(_), Some(known)) => known.shares_simple,
        (Message::Extended(query), None) => sql::leaves_session_alone(&query.text),
        (Message::Simple(text), None) => sql::leaves_session_alone(text) && sql::is_one_statement(text),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_single_plain_statements_share() {
        let simple = |text: &str| {
            let shares = may_share(&Message::Simple(text.into()), None, Sharing::All);
            let known = KnownText::new(text);
            assert_eq!(may_share(&Message::Simple(text.into()), Some(&known), Sharing::All), shares);
            shares
        };
        assert!(simple("SELECT 1"));
        assert!(simple("  select 1 ;"));
        for text in ["select 1; select 2", "BEGIN", "set x = 1", "COPY t TO STDOUT", "", "with x as (select 1) table x"]
        {
            assert!(!simple(text), "{text}");
        }
    }

    #[test]
    fn what_shares_is_told_by_the_pool() {
        let shares = |text: &str, sharing| {
            let (message, known) = (Message::Simple(text.into()), KnownText::new(text));
            let shares = may_share(&message, None, sharing);
            assert_eq!(may_share(&message, Some(&known), sharing), shares);
            shares
        };
        for (text, reads, all) in [
            ("select a from t", true, true),
            ("with x as (select 1) table x", true, false),
            ("select my_function()", false, true),
            ("insert into t values (1)", false, true),
            ("begin", false, false),
        ] {
            let found = [Sharing::Reads, Sharing::All, Sharing::None].map(|sharing| shares(text, sharing));
            assert_eq!(found, [reads, all, false], "{text}");
        }
    }

    #[test]
    fn a_text_is_quick_after_many_quick_answers_and_until_a_late_one() {
        let known = KnownText::new("select 1");
        for _ in 0..PROOF {
            assert!(!known.is_quick());
            known.note_quick();
        }
        assert!(known.is_quick());
        known.note_late();
        known.note_quick();
        assert!(!known.is_quick());
    }

    #[test]
    fn what_may_wait_is_never_quick() {
        let waiting = KnownText::new("update t set a = 1");
        (0..PROOF).for_each(|_| waiting.note_quick());
        assert!(!waiting.is_quick());
    }
}
