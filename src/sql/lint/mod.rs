//! What is risky in a script, why, and the SQL that does the same safely.
//!
//! Squawk's rules find most of it; `own/` has what they lack. The words and the remedies are ours throughout.

mod chosen;
mod ignore;
mod names;
mod own;
mod passes;
mod remedy;
mod rule;
mod rules;
mod setting;
mod squawk;
mod state;
mod target;

use std::borrow::Cow;
use std::ops::Range;

use rowan::{NodeOrToken, TextRange};
use squawk_syntax::ast::AstNode;
use squawk_syntax::{SyntaxKind, SyntaxNode};

pub use chosen::Chosen;
pub use rule::{Concern, Rule};

use self::ignore::Ignores;
use self::names::{child, text};
use self::own::{Bounds, Found, Parsed, Resets};
use self::remedy::Case;
use self::squawk::{Said, Seen};
use self::state::State;
use super::analysis::finding::Finding;
use super::analysis::locks;
use super::script::Statement;
use super::transaction::fits_transaction;

/// How many findings of a statement are looked at for squawk's change of the text.
const MOST_ALIKE: usize = 64;

const TWICE: &str = "ban-duplicate-column-assignments";

/// The findings of a script that is taken apart, in the order of its statements and in each by place.
///
/// Needs as much stack as parsing the statements does.
pub(super) fn findings(
    script: &str,
    parts: &[Statement<'_>],
    server_version: u32,
    in_transaction: bool,
    chosen: Chosen,
) -> Vec<(usize, Finding)> {
    let seen = squawk::look(parts, server_version, in_transaction, &chosen.of_squawk());
    let mut resets = Resets::default();
    seen.iter().for_each(|seen| resets.note(seen.statement, &seen.node));
    let mut walk = Walk {
        script,
        ignores: Ignores::of(script, parts),
        state: State::new(in_transaction),
        bounds: Bounds::default(),
        resets,
        server_version,
    };
    let mut seen = seen.into_iter().peekable();
    let mut found = Vec::new();
    for (index, part) in parts.iter().enumerate() {
        let seen = seen.next_if(|seen| seen.statement == index);
        let mut findings = walk.statement(index, part, seen.as_ref());
        findings.sort_by_key(|finding| finding.range.start);
        found.extend(findings.into_iter().map(|finding| (index, finding)));
    }
    found
}

struct Walk<'a> {
    script: &'a str,
    ignores: Ignores,
    state: State,
    bounds: Bounds,
    resets: Resets,
    server_version: u32,
}

impl Walk<'_> {
    fn statement(&mut self, index: usize, part: &Statement<'_>, seen: Option<&Seen>) -> Vec<Finding> {
        let mut findings: Vec<_> = self.ignores.unknown(index).filter_map(|range| self.unknown(range)).collect();
        let mut room = Room::of(part);
        let Some(seen) = seen else {
            for found in own::found(index, part, None, &self.state, &self.resets, &mut self.bounds) {
                findings.extend(self.own(index, part, (None, &found), "", &mut room));
            }
            return findings;
        };
        let locks = locks::of(&seen.node, self.server_version);
        let fits_transaction = fits_transaction(part, self.server_version);
        let parsed = Parsed { node: &seen.node, locks: &locks, fits_transaction };
        let found = own::found(index, part, Some(&parsed), &self.state, &self.resets, &mut self.bounds);
        if !seen.said.is_empty() || !found.is_empty() {
            let on = target::written(&seen.node);
            let is_about_new = self.state.is_about_new(&seen.node);
            for said in &seen.said {
                findings.extend(self.squawks(index, part, (seen, said), (&on, is_about_new), &mut room));
            }
            for found in found {
                findings.extend(self.own(index, part, (Some(seen), &found), &on, &mut room));
            }
        }
        self.state.pass(&seen.node, &locks);
        findings
    }

    fn squawks(
        &self,
        index: usize,
        part: &Statement<'_>,
        (seen, said): (&Seen, &Said),
        (on, is_about_new): (&str, bool),
        room: &mut Room,
    ) -> Option<Finding> {
        let rule = rules::named(&said.rule)?;
        if (rule.concern == Concern::Relation && is_about_new) || self.ignores.silences(index, rule.name) {
            return None;
        }
        let node = covering(&seen.node, said.violation.text_range);
        if self.is_harmless(rule, &node) {
            return None;
        }
        let inside = said.violation.text_range - seen.start;
        let range = trimmed(part.text, usize::from(inside.start())..usize::from(inside.end()));
        let written = part.text.get(range.clone()).unwrap_or_default();
        // Of several at the same names squawk changes the text at the last.
        let alike = seen.said.iter().rev().take(MOST_ALIKE).filter(|other| other.rule == said.rule);
        let fix = said.fix().or_else(|| alike.filter(|_| rule.name == TWICE).find_map(Said::fix));
        let remedy = room.remedy(|| remedy::of(&self.case(rule, part, seen, &node, fix)));
        Some(finding(rule, part, range, on, &shown(rule, &node, written), remedy))
    }

    fn own(
        &self,
        index: usize,
        part: &Statement<'_>,
        (seen, found): (Option<&Seen>, &Found),
        on: &str,
        room: &mut Room,
    ) -> Option<Finding> {
        let rule = rules::named(found.rule)?;
        if self.ignores.silences(index, rule.name) {
            return None;
        }
        let on = found.on.as_deref().unwrap_or(on);
        let written = part.text.get(found.range.clone()).unwrap_or_default();
        let in_node = found.node.as_ref().map(|node| shown(rule, node, written));
        let shown = found.part.clone().or(in_node).unwrap_or_else(|| target::short(written));
        let remedy = match (&found.remedy, seen) {
            (Some(remedy), _) => remedy.clone(),
            (None, Some(seen)) => {
                let node = found.node.as_ref().unwrap_or(&seen.node);
                room.remedy(|| remedy::of(&self.case(rule, part, seen, node, None)))
            }
            (None, None) => format!("{};", part.text),
        };
        Some(finding(rule, part, found.range.clone(), on, &shown, remedy))
    }

    fn case<'b>(
        &self,
        rule: &'static Rule,
        part: &Statement<'b>,
        seen: &'b Seen,
        node: &'b SyntaxNode,
        fix: Option<&'b squawk_linter::Fix>,
    ) -> Case<'b> {
        Case {
            rule,
            text: part.text,
            statement: &seen.node,
            node,
            fix,
            start: seen.start,
            transaction: self.state.transaction,
            fits_transaction: fits_transaction(part, self.server_version),
            server_version: self.server_version,
        }
    }

    /// A comment that silences nothing, told at the comment.
    fn unknown(&self, range: Range<usize>) -> Option<Finding> {
        let name = self.script.get(range.clone()).unwrap_or_default();
        Some(said(rules::named("unused-ignore")?, range, "", name, remedy::RIGHT_IGNORE.to_owned()))
    }

    /// Whether squawk takes for a rewrite what isn't one.
    fn is_harmless(&self, rule: &Rule, node: &SyntaxNode) -> bool {
        if rule.name != "adding-field-with-default" {
            return false;
        }
        let is_constraint = |node: &SyntaxNode| {
            matches!(node.kind(), SyntaxKind::DEFAULT_CONSTRAINT | SyntaxKind::GENERATED_CONSTRAINT)
        };
        let Some(constraint) = node.ancestors().find(is_constraint) else { return false };
        if constraint.kind() == SyntaxKind::DEFAULT_CONSTRAINT {
            return self.server_version >= 11 && own::volatile::is_constant(&constraint);
        }
        let is_kind = |kind: SyntaxKind| names::first(&constraint, kind).is_some();
        // Computed when it is read.
        !is_kind(SyntaxKind::GENERATED_IDENTITY) && !is_kind(SyntaxKind::STORED)
    }
}

/// How much the remedies for a statement may still take: most repeat it.
struct Room {
    bytes: usize,
}

impl Room {
    fn of(part: &Statement<'_>) -> Room {
        Room { bytes: 64 * 1024 + 16 * part.text.len() }
    }

    fn remedy(&mut self, make: impl FnOnce() -> String) -> String {
        if self.bytes == 0 {
            return "-- As for the findings before it: the statement is too long to be repeated for each.".to_owned();
        }
        let remedy = make();
        self.bytes = self.bytes.saturating_sub(remedy.len());
        remedy
    }
}

fn finding(
    rule: &'static Rule,
    part: &Statement<'_>,
    range: Range<usize>,
    on: &str,
    shown: &str,
    remedy: String,
) -> Finding {
    let start = part.range.start;
    said(rule, start + range.start..start + range.end, on, shown, remedy)
}

fn said(rule: &'static Rule, range: Range<usize>, on: &str, shown: &str, remedy: String) -> Finding {
    let message = rule.message.replace("{on}", on).replace("{part}", shown);
    let (rule, severity, why) = (Cow::Borrowed(rule.name), rule.severity, rule.why.to_owned());
    Finding { rule, severity, message, why, remedy, range }
}

/// The largest node of just this text.
fn covering(statement: &SyntaxNode, range: TextRange) -> SyntaxNode {
    if !statement.text_range().contains_range(range) {
        return statement.clone();
    }
    let mut node = match statement.covering_element(range) {
        NodeOrToken::Node(node) => node,
        NodeOrToken::Token(token) => token.parent().unwrap_or_else(|| statement.clone()),
    };
    while let Some(parent) = node.parent().filter(|parent| parent.text_range() == node.text_range()) {
        node = parent;
    }
    node
}

/// Without the semicolon and the blanks that squawk counts in, and within the statement.
fn trimmed(text: &str, range: Range<usize>) -> Range<usize> {
    let start = range.start.min(text.len());
    let inside = text.get(start..range.end.min(text.len())).unwrap_or_default();
    start..start + inside.trim_end_matches([';', ' ', '\t', '\r', '\n']).len()
}

/// What `{part}` stands for: the column, or else the text itself.
fn shown(rule: &Rule, node: &SyntaxNode, written: &str) -> String {
    use SyntaxKind::*;
    const BY_TEXT: [&str; 8] = [
        "identifier-too-long",
        "ban-duplicate-column-assignments",
        "prefer-robust-stmts",
        "constraint-missing-not-valid",
        "transaction-nesting",
        "unused-ignore",
        "require-enum-value-ordering",
        "ban-drop-constraint",
    ];
    let short = target::short(written);
    if BY_TEXT.contains(&rule.name) {
        return short;
    }
    let is_constraint = squawk_syntax::ast::Constraint::can_cast(node.kind());
    let from = if is_constraint { node.parent() } else { Some(node.clone()) };
    // The old name of a column comes first, the new one is another kind of node. The file has all the statements.
    let mut around = from.iter().flat_map(|node| node.ancestors()).take_while(|node| node.kind() != SOURCE_FILE);
    let column = around.find_map(|node| child(&node, COLUMN_NAME_REF).or_else(|| child(&node, COLUMN_NAME)));
    column.map_or(short, |column| text(&column))
}

#[cfg(test)]
mod tests;
