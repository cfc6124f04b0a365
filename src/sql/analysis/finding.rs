//! What a rule reports about a statement.

use std::borrow::Cow;
use std::ops::Range;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
    Info,
}

impl Severity {
    /// The name that JavaScript sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// One finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name, such as `adding-not-nullable-field`.
    pub rule: Cow<'static, str>,
    pub severity: Severity,
    /// What is wrong.
    pub message: String,
    /// What comes of it.
    pub why: String,
    /// SQL that does the same safely, with the statement's own names.
    pub remedy: String,
    /// Where it is, in bytes of the script.
    pub range: Range<usize>,
}
