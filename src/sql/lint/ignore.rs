//! Comments that silence rules: `-- pgfleet-ignore RULE…` and squawk's `-- squawk-ignore RULE, …` before a statement.

use std::ops::Range;

use memchr::memmem;

use super::rules;
use crate::sql::scan;
use crate::sql::script::Statement;

/// What is silenced for each statement.
#[derive(Debug, Default)]
pub(super) struct Ignores {
    /// In the order of the statements.
    comments: Vec<Comment>,
    whole: Silenced,
}

#[derive(Debug)]
struct Comment {
    /// The statement that it stands before, by its place in the script.
    statement: usize,
    silenced: Silenced,
    /// The names that no rule has, in bytes of the script.
    unknown: Vec<Range<usize>>,
}

#[derive(Debug, Default)]
struct Silenced {
    all: bool,
    rules: Vec<&'static str>,
}

impl Silenced {
    fn holds(&self, rule: &str) -> bool {
        self.all || self.rules.contains(&rule)
    }

    fn add(&mut self, other: Silenced) {
        self.all |= other.all;
        self.rules.extend(other.rules);
    }
}

impl Ignores {
    pub(super) fn of(script: &str, parts: &[Statement<'_>]) -> Ignores {
        let mut found = Ignores::default();
        if memmem::find(script.as_bytes(), b"-ignore").is_none() {
            return found;
        }
        let mut behind = 0;
        for (statement, part) in parts.iter().enumerate() {
            let between = script.get(behind..part.range.start).unwrap_or_default();
            found.read(between, behind, Some(statement));
            behind = part.copy_data.as_ref().map_or(part.range.end, |data| data.end);
        }
        found.read(script.get(behind..).unwrap_or_default(), behind, None);
        found
    }

    fn read(&mut self, text: &str, offset: usize, statement: Option<usize>) {
        if memmem::find(text.as_bytes(), b"-ignore").is_none() {
            return;
        }
        for (body, at) in comments(text) {
            let start = offset + at;
            let Some((list, is_whole)) = directive(body) else { continue };
            let list_start = start + (list.as_ptr() as usize - body.as_ptr() as usize);
            let (silenced, unknown) = names(list, list_start);
            if is_whole {
                self.whole.add(silenced);
            } else if let Some(statement) = statement {
                self.comments.push(Comment { statement, silenced, unknown });
            }
        }
    }

    pub(super) fn silences(&self, statement: usize, rule: &str) -> bool {
        self.whole.holds(rule) || self.before(statement).any(|comment| comment.silenced.holds(rule))
    }

    /// The unknown names in the comments before a statement.
    pub(super) fn unknown(&self, statement: usize) -> impl Iterator<Item = Range<usize>> {
        self.before(statement).flat_map(|comment| comment.unknown.iter().cloned())
    }

    fn before(&self, statement: usize) -> impl Iterator<Item = &Comment> {
        let first = self.comments.partition_point(|comment| comment.statement < statement);
        let behind = self.comments.iter().skip(first);
        behind.take_while(move |comment| comment.statement == statement)
    }
}

/// The insides of the comments in a text that holds nothing else of note, each with where it begins.
fn comments(text: &str) -> Vec<(&str, usize)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(rest) = text.as_bytes().get(at..).filter(|rest| !rest.is_empty()) {
        let (length, end) = match rest {
            [b'-', b'-', ..] => (scan::line(rest), 0),
            [b'/', b'*', ..] => (scan::block_comment(rest).unwrap_or(rest.len()), 2),
            _ => {
                at += 1;
                continue;
            }
        };
        let body = text.get(at + 2..(at + length).saturating_sub(end));
        found.extend(body.map(|body| (body, at + 2)));
        at += length;
    }
    found
}

/// The list of names in a comment, and whether it is for the whole script.
fn directive(body: &str) -> Option<(&str, bool)> {
    let body = body.trim_start();
    // What follows a second dash pair is for people.
    let body = body.find("--").map_or(body, |end| body.get(..end).unwrap_or_default());
    let forms = [("squawk-ignore-file", true), ("squawk-ignore", false), ("pgfleet-ignore", false)];
    let (list, is_whole) = forms.into_iter().find_map(|(word, is_whole)| Some((body.strip_prefix(word)?, is_whole)))?;
    let is_end = list.is_empty() || list.starts_with([' ', '\t', '\r', '\n', ',', ':']);
    is_end.then_some((list, is_whole))
}

fn names(list: &str, start: usize) -> (Silenced, Vec<Range<usize>>) {
    let mut silenced = Silenced::default();
    let mut unknown = Vec::new();
    let mut at = 0;
    let is_between = |c: char| c.is_whitespace() || c == ',' || c == ':';
    for name in list.split(is_between) {
        let range = start + at..start + at + name.len();
        at += name.len() + list.get(at + name.len()..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8);
        if name.is_empty() {
            continue;
        }
        let meant = rules::meant(name);
        if meant.is_empty() {
            unknown.push(range);
        }
        silenced.rules.extend(meant);
    }
    // A comment without names silences all; one with nothing but unknown ones, nothing.
    silenced.all = silenced.rules.is_empty() && unknown.is_empty();
    (silenced, unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sql::split;

    fn ignores(script: &str) -> Ignores {
        Ignores::of(script, &split(script).unwrap_or_default())
    }

    #[test]
    fn a_comment_silences_its_rules_for_the_next_statement_alone() {
        for comment in [
            "-- pgfleet-ignore ban-drop-table renaming-table",
            "--squawk-ignore ban-drop-table, renaming-table -- nobody uses it",
            "/* squawk-ignore ban-drop-table,renaming-table */",
            "-- pgfleet-ignore: ban-drop-table,\n-- pgfleet-ignore renaming-table",
        ] {
            let found = ignores(&format!("SELECT 1;\n{comment}\nSELECT 2; SELECT 3"));
            assert!(found.silences(1, "ban-drop-table") && found.silences(1, "renaming-table"), "{comment}");
            assert!(!found.silences(1, "renaming-column"), "{comment}");
            assert!(!found.silences(0, "ban-drop-table") && !found.silences(2, "ban-drop-table"), "{comment}");
        }
    }

    #[test]
    fn a_comment_without_names_silences_all_and_one_for_the_file_everywhere() {
        assert!(ignores("-- pgfleet-ignore\nSELECT 1").silences(0, "ban-drop-table"));
        assert!(!ignores("-- pgfleet-ignored\nSELECT 1").silences(0, "ban-drop-table"));
        let found = ignores("SELECT 1;\n-- squawk-ignore-file ban-drop-table\nSELECT 2");
        assert!(found.silences(0, "ban-drop-table") && !found.silences(0, "renaming-table"));
    }

    #[test]
    fn names_that_squawk_knows_twice_and_names_that_nobody_knows() {
        let script = "-- pgfleet-ignore prefer-timestamptz no-such-rule require-timeout-settings\nSELECT 1";
        let found = ignores(script);
        assert!(found.silences(0, "prefer-timestamp-tz") && found.silences(0, "require-lock-timeout"));
        let unknown: Vec<_> = found.unknown(0).filter_map(|range| script.get(range)).collect();
        assert_eq!(unknown, ["no-such-rule"]);
        assert!(!ignores("-- pgfleet-ignore no-such-rule\nSELECT 1").silences(0, "ban-drop-table"));
    }
}
