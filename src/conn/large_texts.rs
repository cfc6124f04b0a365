//! Texts without a name whose results were large, so that the next one may be asked for in binary format.
//!
//! Which columns can come in binary format is known once the server has described them. A named statement's columns are
//! described the first time (docs/decisions/0008); for a text without a name it takes a round trip of its own each
//! time, which a large result earns back (docs/decisions/0020).

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::known_text::KnownText;
use super::message::Message;
use crate::sql;

/// Bytes of an answer from which on describing may pay.
const LARGE: usize = 128 * 1024;
/// Describing costs a round trip, and binary columns save about two nanoseconds a byte: an answer has to have one byte
/// for each of the round trip's nanoseconds. Beyond this round trip it isn't tried.
const FARTHEST: Duration = Duration::from_millis(1);
/// Texts that a connection remembers.
const MOST: usize = 8;
/// Longer texts are not remembered.
const LONGEST: usize = 8 * 1024;

/// The texts of one connection.
pub(super) struct LargeTexts {
    /// Bytes of an answer that make a text a large one; `None` far from the server.
    threshold: Option<usize>,
    /// The newest one in front.
    texts: VecDeque<Arc<str>>,
}

impl LargeTexts {
    pub(super) fn new(round_trip: Option<Duration>) -> Self {
        let near = round_trip.filter(|round_trip| *round_trip <= FARTHEST);
        let threshold = near.map(|near| usize::try_from(near.as_nanos()).unwrap_or(usize::MAX).max(LARGE));
        LargeTexts { threshold, texts: VecDeque::new() }
    }

    /// The text of a request from whose answer something may be learnt. Not for a named statement, one that asks for
    /// binary format anyway, or a caller that sends on without waiting.
    pub(super) fn learnable(
        &self,
        message: &Message,
        may_prepare: bool,
        known: Option<&KnownText>,
    ) -> Option<Arc<str>> {
        if self.threshold.is_none() || !may_prepare || known.is_some_and(KnownText::is_quick) {
            return None;
        }
        let text = unnamed(message)?;
        (text.len() <= LONGEST).then(|| text.clone())
    }

    /// Whether the last answer to this text was large.
    pub(super) fn knows(&self, text: &str) -> bool {
        self.texts.iter().any(|known| **known == *text)
    }

    /// An answer to this text had so many bytes, and columns that could have come in binary format, or not. Only single
    /// statements that are planned are remembered: of others, the extended protocol may say something else.
    pub(super) fn learn(&mut self, text: &Arc<str>, bytes: usize, could_be_binary: bool) {
        let Some(threshold) = self.threshold else { return };
        let is_large = could_be_binary && bytes >= threshold;
        // In binary format the same rows have fewer bytes.
        let stays = could_be_binary && bytes >= threshold / 4;
        match self.texts.iter().position(|known| **known == **text) {
            Some(place) if !stays => drop(self.texts.remove(place)),
            None if is_large && sql::is_plannable(text) => {
                self.texts.truncate(MOST - 1);
                self.texts.push_front(text.clone());
            }
            _ => {}
        }
    }
}

fn unnamed(message: &Message) -> Option<&Arc<str>> {
    match message {
        Message::Simple(text) => Some(text),
        Message::Extended(query) if query.name.is_empty() && !query.binary => Some(&query.text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEAR: Option<Duration> = Some(Duration::from_micros(50));

    fn text(text: &str) -> Arc<str> {
        text.into()
    }

    #[test]
    fn a_text_is_known_from_its_first_large_answer_until_a_small_one() {
        let mut texts = LargeTexts::new(NEAR);
        let read = text("select * from t");
        texts.learn(&read, LARGE - 1, true);
        assert!(!texts.knows(&read));
        texts.learn(&read, LARGE, true);
        assert!(texts.knows(&read));
        texts.learn(&read, LARGE / 2, true);
        assert!(texts.knows(&read));
        texts.learn(&read, LARGE / 8, true);
        assert!(!texts.knows(&read));
    }

    #[test]
    fn columns_that_come_as_text_in_any_case_need_no_description() {
        let mut texts = LargeTexts::new(NEAR);
        let read = text("select * from t");
        texts.learn(&read, LARGE, false);
        assert!(!texts.knows(&read));
        texts.learn(&read, LARGE, true);
        texts.learn(&read, LARGE, false);
        assert!(!texts.knows(&read));
    }

    #[test]
    fn the_farther_the_server_the_larger_is_large() {
        let read = text("table t");
        for (micros, bytes) in [(1, LARGE), (500, 500_000), (1000, 1_000_000)] {
            let mut texts = LargeTexts::new(Some(Duration::from_micros(micros)));
            texts.learn(&read, bytes - 1, true);
            assert!(!texts.knows(&read), "{micros}");
            texts.learn(&read, bytes, true);
            assert!(texts.knows(&read), "{micros}");
        }
        for round_trip in [None, Some(Duration::from_micros(1001))] {
            let mut texts = LargeTexts::new(round_trip);
            texts.learn(&read, usize::MAX, true);
            assert!(!texts.knows(&read));
        }
    }

    #[test]
    fn only_single_planned_statements_are_known() {
        let mut texts = LargeTexts::new(NEAR);
        for other in ["select 1; select 2", "FETCH ALL FROM c", "EXPLAIN SELECT 1", "EXECUTE s", "SHOW ALL", ""] {
            texts.learn(&text(other), LARGE, true);
            assert!(!texts.knows(other), "{other}");
        }
    }

    #[test]
    fn the_oldest_make_room() {
        let mut texts = LargeTexts::new(NEAR);
        let read = |n: usize| text(&format!("select {n}"));
        for n in 0..=MOST {
            texts.learn(&read(n), LARGE, true);
        }
        let known: Vec<usize> = (0..=MOST).filter(|n| texts.knows(&read(*n))).collect();
        assert_eq!(known, (1..=MOST).collect::<Vec<_>>());
    }
}
