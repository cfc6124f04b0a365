//! What one of the checks has found.

use std::time::Duration;

use super::cause::Cause;
use crate::error::Error;

/// A cause, with what speaks for it. No text in it may hold a secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Finding {
    /// What is wrong.
    pub(super) cause: Cause,
    /// For the places of the cause's texts: name and value.
    pub(super) facts: Vec<(&'static str, String)>,
    /// What was seen, a sentence each.
    pub(super) evidence: Vec<String>,
    /// The error that a connection gets of it, where there is one.
    pub(super) error: Option<Box<Error>>,
}

impl Finding {
    /// A cause, with nothing known but that.
    pub(super) fn new(cause: Cause) -> Finding {
        Finding { cause, facts: Vec::new(), evidence: Vec::new(), error: None }
    }

    /// The time for a step was over.
    pub(super) fn timed_out(limit: Duration) -> Finding {
        Finding::new(Cause::TimedOut).with("limit", format!("{} ms", limit.as_millis()))
    }

    /// The same with a fact for its texts.
    pub(super) fn with(mut self, name: &'static str, value: impl Into<String>) -> Finding {
        self.facts.push((name, value.into()));
        self
    }

    /// The same, of another cause: what is known of the answer to the first doesn't hold any more.
    pub(super) fn of(mut self, cause: Cause) -> Finding {
        if self.cause != cause {
            self.facts.retain(|(name, _)| !matches!(*name, "meaning" | "advice"));
        }
        self.cause = cause;
        self
    }

    /// The same with something that was seen.
    pub(super) fn seen(mut self, evidence: impl Into<String>) -> Finding {
        self.evidence.push(evidence.into());
        self
    }

    /// The same with the error behind it.
    pub(super) fn by(mut self, error: Error) -> Finding {
        self.error = Some(Box::new(error));
        self
    }

    /// The value of a fact.
    pub(super) fn fact(&self, name: &str) -> Option<&str> {
        self.facts.iter().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }
}
