//! What the statements of a script are, at once.

use napi::bindgen_prelude::Uint32Array;
use napi_derive::napi;

use crate::sql::analysis::{self, Finding, Lock, Options, Statement};
use crate::sql::lint::Chosen;
use crate::sql::{self, Positions};

/// How many numbers there are for each statement: start, end, line, column, the index of its kind, whether it is
/// transactional, how many locks and how many findings it has.
const NUMBERS: usize = 8;

/// The statements of a script. Positions are UTF-16 units; lines and columns count from 1.
#[napi(object, object_from_js = false)]
pub(super) struct AnalyzedStatements {
    /// [`NUMBERS`] for each: an object for each takes longer to make than the analysis.
    pub numbers: Uint32Array,
    /// Command tag and class, each pair once.
    pub kinds: Vec<AnalyzedKind>,
    pub locks: Vec<AnalyzedLock>,
    pub findings: Vec<AnalyzedFinding>,
}

/// What many statements have in common.
#[napi(object, object_from_js = false)]
#[derive(Clone, PartialEq)]
pub(super) struct AnalyzedKind {
    pub kind: String,
    pub class: &'static str,
}

/// A lock that a statement asks for.
#[napi(object, object_from_js = false)]
pub(super) struct AnalyzedLock {
    pub relation: String,
    pub mode: &'static str,
}

/// What a rule says.
#[napi(object, object_from_js = false)]
pub(super) struct AnalyzedFinding {
    pub rule: String,
    pub severity: &'static str,
    pub message: String,
    pub why: String,
    pub remedy: String,
    pub start: u32,
    pub end: u32,
    pub line: u32,
    pub column: u32,
}

/// Why a script isn't analysed.
#[napi(object, object_from_js = false)]
pub(super) struct AnalysisRefusal {
    pub message: String,
    /// `PGFLEET_PSQL` or `PGFLEET_TOO_DEEP`.
    pub code: String,
}

/// One of the two.
#[napi(object, object_from_js = false)]
pub(super) struct Analysis {
    pub statements: Option<AnalyzedStatements>,
    pub refusal: Option<AnalysisRefusal>,
}

/// The first name that no rule has.
#[napi(catch_unwind)]
pub(super) fn unknown_rule(names: Vec<String>) -> Option<String> {
    names.into_iter().find(|name| Chosen::default().with(name).is_none())
}

/// Analyses a script for a server of this major version, with these rules besides those that are always on.
#[napi(catch_unwind)]
pub(super) fn analyze_script(
    script: String,
    server_version: u32,
    in_transaction: bool,
    rules: Vec<String>,
) -> Analysis {
    let rules = rules.iter().fold(Chosen::default(), |chosen, name| chosen.with(name).unwrap_or(chosen));
    let options = Options { server_version, in_transaction, rules };
    let mut told = Told {
        positions: Positions::new(&script),
        numbers: Vec::new(),
        kinds: Vec::new(),
        locks: Vec::new(),
        findings: Vec::new(),
    };
    match analysis::analyze(&script, options, |statement| told.add(statement)) {
        Ok(()) => Analysis { statements: Some(told.finish()), refusal: None },
        Err(refusal) => {
            let error = refusal.to_error(&script);
            let refusal = AnalysisRefusal { message: error.message, code: error.code.unwrap_or_default().into() };
            Analysis { statements: None, refusal: Some(refusal) }
        }
    }
}

/// How many statements a script has, by splitting alone.
#[napi(catch_unwind)]
pub(super) fn statement_count(script: String) -> u32 {
    sql::statements(&script).count() as u32
}

struct Told<'a> {
    positions: Positions<'a>,
    numbers: Vec<u32>,
    kinds: Vec<AnalyzedKind>,
    locks: Vec<AnalyzedLock>,
    findings: Vec<AnalyzedFinding>,
}

impl Told<'_> {
    fn add(&mut self, statement: Statement<'_>) {
        let (lock_count, finding_count) = (statement.locks.len(), statement.findings.len());
        // Those at comments before the statement come first.
        let before = statement.findings.partition_point(|finding| finding.range.start < statement.range.start);
        let mut findings = statement.findings.into_iter();
        let positions = &mut self.positions;
        self.findings.extend(findings.by_ref().take(before).map(|finding| told_finding(finding, positions)));
        let start = positions.at(statement.range.start);
        let mut inside = positions.clone();
        self.findings.extend(findings.map(|finding| told_finding(finding, &mut inside)));
        let end = positions.at(statement.range.end);
        let kind = self.kind_index(&statement.kind, statement.class.as_str());
        self.locks.extend(statement.locks.into_iter().map(told_lock));
        let numbers: [usize; NUMBERS] = [
            start.offset,
            end.offset,
            start.line,
            start.column,
            kind,
            usize::from(statement.transactional),
            lock_count,
            finding_count,
        ];
        self.numbers.extend(numbers.map(|number| number as u32));
    }

    fn kind_index(&mut self, kind: &str, class: &'static str) -> usize {
        let known = self.kinds.iter().position(|known| known.kind == kind && known.class == class);
        known.unwrap_or_else(|| {
            self.kinds.push(AnalyzedKind { kind: kind.to_owned(), class });
            self.kinds.len() - 1
        })
    }

    fn finish(self) -> AnalyzedStatements {
        let Told { numbers, kinds, locks, findings, .. } = self;
        AnalyzedStatements { numbers: numbers.into(), kinds, locks, findings }
    }
}

fn told_lock(lock: Lock) -> AnalyzedLock {
    AnalyzedLock { relation: lock.relation, mode: lock.mode.as_str() }
}

fn told_finding(finding: Finding, positions: &mut Positions<'_>) -> AnalyzedFinding {
    let start = positions.at(finding.range.start);
    // The next one may begin before the end of this one.
    let end = positions.clone().at(finding.range.end);
    AnalyzedFinding {
        rule: finding.rule.into_owned(),
        severity: finding.severity.as_str(),
        message: finding.message,
        why: finding.why,
        remedy: finding.remedy,
        start: start.offset as u32,
        end: end.offset as u32,
        line: start.line as u32,
        column: start.column as u32,
    }
}
