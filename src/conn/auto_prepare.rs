//! Which repeated texts are prepared automatically (`autoPrepare`), and under which names.

use std::collections::HashMap;
use std::collections::hash_map::{DefaultHasher, RandomState};
use std::hash::{BuildHasher, Hash, Hasher};

use crate::sql;

/// Statements that are kept prepared on a connection; the one that was not used for longest makes room.
pub const MOST_STATEMENTS: usize = 100;
/// Longer texts are not prepared: each is kept here and on the server.
const LONGEST_TEXT: usize = 32 * 1024;
/// Texts that are remembered as seen once, before all of them are forgotten.
const MOST_SEEN: usize = 1000;
/// A statement that vanished although the session didn't deallocate it shows that a pooler runs each transaction on
/// another server connection. After so many of them no more statements are prepared.
const MOST_VANISHED: u8 = 3;

/// The texts that a connection has run.
#[derive(Default)]
pub struct AutoPrepare {
    hashing: RandomState,
    /// Texts that are not prepared, by their hash.
    seen: HashMap<u64, Sight>,
    entries: HashMap<String, Entry>,
    uses: u64,
    vanished: u8,
}

/// What is known of a text that is not prepared.
#[derive(Clone, Copy)]
enum Sight {
    Once,
    /// It may not be prepared.
    Unfit,
}

struct Entry {
    name: String,
    parameters: usize,
    version: Version,
    last_use: u64,
}

/// A state of schema and session: what was prepared under another one may have other columns now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Version {
    /// Of the schema, as far as this process knows.
    pub schema: u64,
    /// Of this session's settings.
    pub session: u64,
}

/// What to do with a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The name of the statement to use.
    pub name: String,
    /// It was prepared under another version and has to be prepared again.
    pub is_stale: bool,
    /// Another statement that has to be closed to make room.
    pub evicted: Option<String>,
}

impl AutoPrepare {
    /// Whether statements are used at all, in this transaction status. After an error in a transaction the server's
    /// next error would name another routine; and where statements have vanished once, an error inside a transaction
    /// could not be mended.
    pub fn is_on(&self, status: u8) -> bool {
        match status {
            b'I' => self.vanished < MOST_VANISHED,
            b'T' => self.vanished == 0,
            _ => false,
        }
    }

    /// A statement was not there any more.
    pub fn note_vanished(&mut self) {
        self.vanished = self.vanished.saturating_add(1);
    }

    /// What to do with a text that comes now; `None` leaves it unprepared, as at its first appearance.
    pub fn choose(&mut self, text: &str, parameters: usize, version: Version) -> Option<Choice> {
        self.uses += 1;
        if let Some(entry) = self.entries.get_mut(text) {
            entry.last_use = self.uses;
            // With another number of values the server's error would be about the prepared statement.
            if std::mem::replace(&mut entry.parameters, parameters) != parameters {
                return None;
            }
            let is_stale = std::mem::replace(&mut entry.version, version) != version;
            return Some(Choice { name: entry.name.clone(), is_stale, evicted: None });
        }
        if text.len() > LONGEST_TEXT || !self.is_repeated_and_fit(text) {
            return None;
        }
        let evicted = self.make_room();
        let name = name_of(text);
        let entry = Entry { name: name.clone(), parameters, version, last_use: self.uses };
        self.entries.insert(text.to_owned(), entry);
        Some(Choice { name, is_stale: false, evicted })
    }

    fn is_repeated_and_fit(&mut self, text: &str) -> bool {
        let hash = self.hashing.hash_one(text);
        let sight = match self.seen.get(&hash) {
            Some(Sight::Unfit) => return false,
            Some(Sight::Once) if sql::is_plannable(text) => {
                self.seen.remove(&hash);
                return true;
            }
            Some(Sight::Once) => Sight::Unfit,
            None => Sight::Once,
        };
        if self.seen.len() >= MOST_SEEN {
            self.seen.clear();
        }
        self.seen.insert(hash, sight);
        false
    }

    fn make_room(&mut self) -> Option<String> {
        if self.entries.len() < MOST_STATEMENTS {
            return None;
        }
        let oldest = self.entries.iter().min_by_key(|(_, entry)| entry.last_use).map(|(text, _)| text.clone())?;
        self.entries.remove(&oldest).map(|entry| entry.name)
    }
}

/// The same text has the same name everywhere. So where a pooler brings several of us to one server connection, a
/// statement of that name is never another statement.
fn name_of(text: &str) -> String {
    let half = |salt: u8| {
        let mut hasher = DefaultHasher::new();
        salt.hash(&mut hasher);
        text.hash(&mut hasher);
        hasher.finish()
    };
    format!("pgfleet_{:016x}{:016x}", half(0), half(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Version = Version { schema: 1, session: 1 };

    #[test]
    fn a_text_is_prepared_when_it_comes_again() {
        let mut auto = AutoPrepare::default();
        assert_eq!(auto.choose("select $1", 1, NOW), None);
        let choice = auto.choose("select $1", 1, NOW).unwrap();
        assert_eq!(choice.name, name_of("select $1"));
        assert_eq!(auto.choose("select $1", 1, NOW), Some(choice));
        assert_eq!(auto.choose("select $2", 1, NOW), None);
    }

    #[test]
    fn what_is_no_single_planned_statement_never_is() {
        let mut auto = AutoPrepare::default();
        for text in ["show all", "select 1; select 2"] {
            assert!((0..4).all(|_| auto.choose(text, 0, NOW).is_none()), "{text}");
        }
        let long = format!("select '{}'", "x".repeat(LONGEST_TEXT));
        assert!((0..4).all(|_| auto.choose(&long, 0, NOW).is_none()));
    }

    #[test]
    fn another_version_makes_it_stale_once() {
        let mut auto = AutoPrepare::default();
        auto.choose("select 1", 0, NOW);
        auto.choose("select 1", 0, NOW);
        let later = Version { schema: 2, ..NOW };
        assert!(auto.choose("select 1", 0, later).unwrap().is_stale);
        assert!(!auto.choose("select 1", 0, later).unwrap().is_stale);
    }

    #[test]
    fn another_number_of_values_goes_unprepared() {
        let mut auto = AutoPrepare::default();
        auto.choose("select $1", 1, NOW);
        auto.choose("select $1", 1, NOW);
        assert_eq!(auto.choose("select $1", 2, NOW), None);
        assert_eq!(auto.choose("select $1", 1, NOW), None);
        assert!(auto.choose("select $1", 1, NOW).is_some());
    }

    #[test]
    fn the_one_that_was_not_used_for_longest_makes_room() {
        let mut auto = AutoPrepare::default();
        let twice = |auto: &mut AutoPrepare, text: &str| {
            auto.choose(text, 0, NOW);
            auto.choose(text, 0, NOW).unwrap()
        };
        for n in 0..MOST_STATEMENTS {
            assert_eq!(twice(&mut auto, &format!("select {n}")).evicted, None);
        }
        auto.choose("select 0", 0, NOW);
        assert_eq!(twice(&mut auto, "select -1").evicted, Some(name_of("select 1")));
        assert_eq!(auto.entries.len(), MOST_STATEMENTS);
    }

    #[test]
    fn statements_that_vanish_switch_it_off_in_transactions_first() {
        let mut auto = AutoPrepare::default();
        assert!(auto.is_on(b'I') && auto.is_on(b'T') && !auto.is_on(b'E'));
        auto.note_vanished();
        assert!(auto.is_on(b'I') && !auto.is_on(b'T'));
        auto.note_vanished();
        auto.note_vanished();
        assert!(!auto.is_on(b'I'));
    }
}
