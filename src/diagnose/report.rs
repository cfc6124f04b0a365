//! The report about one database.

use std::time::{Duration, Instant};

use super::cause::Cause;
use super::finding::Finding;
use super::texts;
use crate::clock;

/// What is looked at, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// What the caller says.
    Configuration,
    /// The host's addresses.
    Resolve,
    /// A socket to one of them.
    Connect,
    /// What the server answers to the first bytes.
    SslRequest,
    /// TLS.
    Tls,
    /// The startup message, before any password.
    Startup,
    /// The login.
    Authentication,
    /// The session.
    Session,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Stage; 8] = [
        Stage::Configuration,
        Stage::Resolve,
        Stage::Connect,
        Stage::SslRequest,
        Stage::Tls,
        Stage::Startup,
        Stage::Authentication,
        Stage::Session,
    ];

    /// The word that reaches JavaScript as `name`.
    pub fn as_str(self) -> &'static str {
        match self {
            Stage::Configuration => "configuration",
            Stage::Resolve => "resolve",
            Stage::Connect => "connect",
            Stage::SslRequest => "ssl-request",
            Stage::Tls => "tls",
            Stage::Startup => "startup",
            Stage::Authentication => "authentication",
            Stage::Session => "session",
        }
    }
}

/// How a check has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Nothing is wrong.
    Ok,
    /// The connection ends here.
    Failed,
    /// Something is to be said, and the connection works.
    Warning,
    /// It wasn't reached, or there is nothing to look at.
    Skipped,
}

impl State {
    /// The word that reaches JavaScript as `state`.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Ok => "ok",
            State::Failed => "failed",
            State::Warning => "warning",
            State::Skipped => "skipped",
        }
    }
}

/// One check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// What was looked at.
    pub stage: Stage,
    /// How it ended.
    pub state: State,
    /// What was seen, in a sentence.
    pub detail: String,
    /// How long it took.
    pub took: Duration,
}

/// What is known of one database's connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnosis {
    /// It works.
    pub ok: bool,
    /// What is wrong, or the gravest of what is to be said.
    pub cause: Cause,
    /// What is wrong, in a sentence or two.
    pub message: String,
    /// The one thing to change.
    pub remedy: String,
    /// What was seen.
    pub evidence: Vec<String>,
    /// One for each stage, in order.
    pub checks: Vec<Check>,
    /// Passwords or proofs that were sent.
    pub auth_attempts: u32,
    /// How long all of it took.
    pub took: Duration,
}

/// A report that is being written.
pub(super) struct Report {
    began: Instant,
    stage_began: Instant,
    checks: Vec<Check>,
    failure: Option<Finding>,
    warnings: Vec<Finding>,
    evidence: Vec<String>,
    auth_attempts: u32,
}

impl Report {
    /// An empty one, which begins now.
    pub(super) fn begin() -> Report {
        let now = clock::now();
        Report {
            began: now,
            stage_began: now,
            checks: Vec::new(),
            failure: None,
            warnings: Vec::new(),
            evidence: Vec::new(),
            auth_attempts: 0,
        }
    }

    /// Something was seen that belongs to no failure.
    pub(super) fn note(&mut self, evidence: impl Into<String>) {
        self.evidence.push(evidence.into());
    }

    /// So many passwords or proofs were sent more.
    pub(super) fn count_attempts(&mut self, more: u32) {
        self.auth_attempts += more;
    }

    /// How many were sent so far.
    pub(super) fn attempts(&self) -> u32 {
        self.auth_attempts
    }

    /// A stage has ended well.
    pub(super) fn pass(&mut self, stage: Stage, detail: impl Into<String>) {
        self.end(stage, State::Ok, detail.into());
    }

    /// A stage has ended well, whatever is to be said of it.
    pub(super) fn end_well(&mut self, stage: Stage, detail: impl Into<String>, warnings: Vec<Finding>) {
        if warnings.is_empty() { self.pass(stage, detail) } else { self.warn(stage, warnings) }
    }

    /// For how long it has been written.
    pub(super) fn age(&self) -> Duration {
        clock::now().saturating_duration_since(self.began)
    }

    /// A stage has nothing to look at.
    pub(super) fn skip(&mut self, stage: Stage, detail: impl Into<String>) {
        self.end(stage, State::Skipped, detail.into());
    }

    /// A stage has ended well, with something to be said.
    pub(super) fn warn(&mut self, stage: Stage, findings: Vec<Finding>) {
        let details: Vec<String> = findings.iter().map(texts::message).collect();
        self.warnings.extend(findings);
        self.end(stage, State::Warning, details.join(" "));
    }

    /// The connection ends at this stage.
    pub(super) fn fail(&mut self, stage: Stage, finding: Finding) {
        let detail = texts::message(&finding);
        self.failure = Some(finding);
        self.end(stage, State::Failed, detail);
    }

    /// The connection ends at the stage that was being looked at.
    pub(super) fn fail_next(&mut self, finding: Finding) {
        let stage = Stage::ALL.get(self.checks.len()).copied().unwrap_or(Stage::Session);
        self.fail(stage, finding);
    }

    /// A host of several has failed: the next one is looked at from its name on.
    pub(super) fn start_over(&mut self, host: &str, finding: &Finding) {
        self.checks.truncate(1);
        self.warnings.clear();
        self.evidence.push(format!("{host}: {}", texts::message(finding)));
    }

    /// Where and why the connection has failed.
    pub(super) fn failure(&self) -> Option<(Stage, Cause)> {
        let failed = self.checks.iter().find(|check| check.state == State::Failed)?;
        Some((failed.stage, self.failure.as_ref()?.cause))
    }

    /// It fails because of an earlier stage than the one that showed it.
    pub(super) fn blame(&mut self, stage: Stage, mut finding: Finding) {
        if let Some(later) = self.failure.take() {
            finding.evidence.push(texts::message(&later));
            finding.evidence.extend(later.evidence);
        }
        if let Some(at) = self.checks.iter().position(|check| check.stage == stage) {
            self.checks.truncate(at);
        }
        self.warnings.clear();
        self.fail(stage, finding);
    }

    /// Something is to be said of a stage that has ended well.
    pub(super) fn add_warning(&mut self, stage: Stage, finding: Finding) {
        let detail = texts::message(&finding);
        if let Some(check) = self.checks.iter_mut().find(|check| check.stage == stage) {
            check.state = State::Warning;
            check.detail = detail;
        }
        self.warnings.push(finding);
    }

    fn end(&mut self, stage: Stage, state: State, detail: String) {
        let now = clock::now();
        let took = now.saturating_duration_since(std::mem::replace(&mut self.stage_began, now));
        self.checks.push(Check { stage, state, detail, took });
    }

    /// The whole, with what wasn't reached.
    pub(super) fn finish(mut self) -> Diagnosis {
        for stage in Stage::ALL {
            if self.checks.iter().all(|check| check.stage != stage) {
                let detail = texts::NOT_REACHED.to_owned();
                self.checks.push(Check { stage, state: State::Skipped, detail, took: Duration::ZERO });
            }
        }
        let ok = self.failure.is_none();
        let finding = self.failure.or_else(|| gravest(&self.warnings)).unwrap_or_else(|| Finding::new(Cause::Ok));
        let mut evidence = self.evidence;
        evidence.extend(finding.evidence.iter().cloned());
        for warning in self.warnings.iter().filter(|warning| **warning != finding) {
            evidence.extend(warning.evidence.iter().cloned());
        }
        Diagnosis {
            ok,
            cause: finding.cause,
            message: texts::message(&finding),
            remedy: texts::remedy(&finding),
            evidence,
            checks: self.checks,
            auth_attempts: self.auth_attempts,
            took: clock::now().saturating_duration_since(self.began),
        }
    }
}

/// Findings of a connection that works, the gravest first.
const GRAVITY: [Cause; 10] = [
    Cause::ReadOnly,
    Cause::ServerTooOld,
    Cause::NoCreateRight,
    Cause::SearchPath,
    Cause::TransactionMode,
    Cause::ParameterDropped,
    Cause::Ipv6BlackHole,
    Cause::IdleCut,
    Cause::SslmodeConflict,
    Cause::UrlNotEncoded,
];

fn gravest(warnings: &[Finding]) -> Option<Finding> {
    let gravity = |finding: &&Finding| GRAVITY.iter().position(|cause| *cause == finding.cause);
    warnings.iter().min_by_key(|finding| gravity(finding).unwrap_or(GRAVITY.len())).cloned()
}
