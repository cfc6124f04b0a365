//! The one place that calls squawk's linter.
//!
//! It takes a text alone, and parses it anew with a parser that needs a time that grows with the square of a chain of
//! operators. So it gets the statements that its rules can speak of, and none with such a chain.

use rowan::TextSize;
use squawk_lexer::TokenKind;
use squawk_linter::{Fix, Linter, Rule, Violation};
use squawk_syntax::ast::{AstNode, SourceFile, Stmt};
use squawk_syntax::{Parse, SyntaxNode};

use super::names;
use super::passes::Held;
use crate::error::contained;
use crate::sql::analysis::depth;
use crate::sql::script::Statement;

/// `own/timeout.rs` knows the locks.
const ANSWERED_ELSEWHERE: [Rule; 2] = [Rule::RequireLockTimeout, Rule::RequireStatementTimeout];

/// What stands between two statements.
const BETWEEN: &str = ";\n";

/// What squawk says of a statement.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) rule: String,
    pub(super) violation: Violation,
}

impl Said {
    pub(super) fn fix(&self) -> Option<&Fix> {
        self.violation.fix.as_ref()
    }
}

/// A statement as squawk sees it.
pub(super) struct Seen {
    /// Its place among the statements of the script.
    pub(super) statement: usize,
    pub(super) node: SyntaxNode,
    /// Where it begins in squawk's text.
    pub(super) start: TextSize,
    pub(super) said: Vec<Said>,
}

/// All that squawk's rules see of a script, in order.
pub(super) fn look(parts: &[Statement<'_>], server_version: u32, in_transaction: bool, also: &[Rule]) -> Vec<Seen> {
    let parts: Vec<_> = parts.iter().enumerate().filter(|(_, part)| is_of_interest(part)).collect();
    let found = look_at(&parts, server_version, in_transaction, also);
    found.unwrap_or_else(|| {
        // Something in it breaks out of its place, or makes squawk panic.
        let sound: Vec<_> = parts.into_iter().filter(|(_, part)| is_sound(part.text)).collect();
        look_at(&sound, server_version, in_transaction, also).unwrap_or_default()
    })
}

/// None if a statement isn't where it was put.
fn look_at(
    parts: &[(usize, &Statement<'_>)],
    server_version: u32,
    in_transaction: bool,
    also: &[Rule],
) -> Option<Vec<Seen>> {
    if parts.is_empty() {
        return Some(Vec::new());
    }
    let mut text = String::with_capacity(parts.iter().map(|(_, part)| part.text.len() + BETWEEN.len()).sum());
    let mut starts = Vec::with_capacity(parts.len());
    for (_, part) in parts {
        starts.push(TextSize::try_from(text.len()).ok()?);
        text.push_str(part.text);
        text.push_str(BETWEEN);
    }
    TextSize::try_from(text.len()).ok()?;
    let parsed = parsed(&text)?;
    let root = parsed.syntax_node();
    let mut seen = Vec::with_capacity(parts.len());
    let mut nodes = root.children().filter(|node| Stmt::can_cast(node.kind()));
    for ((statement, _), start) in parts.iter().zip(&starts) {
        let node = nodes.next().filter(|node| node.text_range().start() == *start)?;
        seen.push(Seen { statement: *statement, node, start: *start, said: Vec::new() });
    }
    if nodes.next().is_some() {
        return None;
    }
    let mut held = Held::default();
    seen.iter().for_each(|seen| held.note(&seen.node));
    let mut linter = Linter::with_rules(also, &ANSWERED_ELSEWHERE);
    let has_long_name = parts.iter().any(|(_, part)| has_long_name(part));
    linter.rules.retain(|rule| held.concerns(*rule) && (has_long_name || *rule != Rule::IdentifierTooLong));
    // A version without its second part is less than any with one.
    linter.settings.pg_version = format!("{server_version}.0").parse().ok()?;
    linter.settings.assume_in_transaction = in_transaction;
    for violation in contained(|| linter.lint(&parsed, &text))? {
        let start = violation.text_range.start();
        let place = starts.partition_point(|place| *place <= start).checked_sub(1)?;
        let rule = violation.code.to_string();
        seen.get_mut(place)?.said.push(Said { rule, violation });
    }
    Some(seen)
}

fn parsed(text: &str) -> Option<Parse<SourceFile>> {
    contained(|| SourceFile::parse(text))
}

/// Whether squawk takes the text for one statement.
fn is_sound(text: &str) -> bool {
    let Some(parsed) = parsed(text) else { return false };
    let root = parsed.syntax_node();
    let mut statements = root.children();
    let is_statement = |node: SyntaxNode| Stmt::can_cast(node.kind()) && node.text_range().start() == 0.into();
    statements.next().is_some_and(is_statement) && statements.next().is_none()
}

/// Whether squawk's rules can have something to say about it: of the statements that move rows only those with names
/// that are too long or come twice.
fn is_of_interest(part: &Statement<'_>) -> bool {
    let mut words = part.words();
    const MOVING: [&str; 11] =
        ["select", "copy", "values", "table", "show", "fetch", "move", "explain", "grant", "execute", "comment"];
    let is_odd = if words.eat("insert") {
        has_long_name(part) || names_column_twice(part) || part.tokens().any(|token| token.is("conflict"))
    } else if MOVING.into_iter().any(|word| words.eat(word)) {
        has_long_name(part) || part.tokens().any(|token| token.is("into"))
    } else {
        true
    };
    is_odd && depth::is_shallow(part.text)
}

fn has_long_name(part: &Statement<'_>) -> bool {
    let is_name = |kind: TokenKind| matches!(kind, TokenKind::Ident | TokenKind::QuotedIdent { .. });
    part.tokens().any(|token| token.text.len() > names::LONGEST && is_name(token.kind))
}

/// Whether the first parenthesis of an INSERT, which holds its columns, has a word twice.
fn names_column_twice(part: &Statement<'_>) -> bool {
    let columns = part.tokens().skip_while(|token| token.kind != TokenKind::OpenParen).skip(1);
    let mut names: Vec<_> = columns
        .take_while(|token| token.kind != TokenKind::CloseParen)
        .filter(|token| matches!(token.kind, TokenKind::Ident | TokenKind::QuotedIdent { .. }))
        .map(|token| token.text.trim_matches('"').to_lowercase())
        .collect();
    let all = names.len();
    names.sort_unstable();
    names.dedup();
    names.len() < all
}

/// The rules of squawk's with this name.
pub(super) fn rule(name: &str) -> Option<Rule> {
    Rule::try_from(name).ok()
}

/// The rules that squawk has on by default.
#[cfg(test)]
pub(super) fn all() -> impl Iterator<Item = Rule> {
    Linter::with_default_rules().rules.into_iter()
}
