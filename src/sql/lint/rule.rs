//! The rules: how grave each is, what it concerns, and what it says.

use crate::sql::analysis::finding::Severity;

/// What a rule is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Concern {
    /// Locks, rewrites, scans or clients of a relation: nothing to say about one that the same script creates.
    Relation,
    /// Types, names, or the script itself.
    Text,
}

/// One rule and its words. `{on}` stands for what the statement is about and `{part}` for the part of it that the
/// finding is about, both as they are written.
#[derive(Debug)]
pub struct Rule {
    /// In lower case with hyphens; squawk's name where it is squawk's rule.
    pub name: &'static str,
    pub severity: Severity,
    pub concern: Concern,
    /// What is wrong.
    pub message: &'static str,
    /// What comes of it.
    pub why: &'static str,
    /// What kind of SQL the remedy is, for the documentation.
    pub remedy: &'static str,
}

impl Rule {
    pub const fn new(name: &'static str, severity: Severity, concern: Concern, words: [&'static str; 3]) -> Rule {
        let [message, why, remedy] = words;
        Rule { name, severity, concern, message, why, remedy }
    }
}

/// Squawk's older or shorter names for its rules.
pub(super) fn canonical(name: &str) -> &[&'static str] {
    match name {
        "prefer-timestamptz" => &["prefer-timestamp-tz"],
        "require-timeout-settings" => &["require-lock-timeout", "require-statement-timeout"],
        _ => &[],
    }
}
