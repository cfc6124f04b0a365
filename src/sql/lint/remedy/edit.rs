//! The statement with a word more or less.

use rowan::TextRange;
use squawk_syntax::{SyntaxElement, SyntaxKind, SyntaxNode};

use super::steps::Steps;
use super::{Case, alone, outside};
use crate::sql::lint::names::{Qualified, plain, text};
use crate::sql::lint::state::Transaction;
use crate::sql::lint::target;

/// Squawk's changes of the text, all within the statement.
pub(super) fn applied(case: &Case<'_>) -> Option<String> {
    let mut edits: Vec<(TextRange, String)> = Vec::new();
    for edit in &case.fix?.edits {
        let replacement = edit.text.clone().unwrap_or_default();
        edits.push((edit.text_range, in_the_same_case(case, replacement)));
    }
    changed(case, edits)
}

/// Keywords of several letters as those of the statement are.
fn in_the_same_case(case: &Case<'_>, text: String) -> String {
    const KEYWORDS: [&str; 3] = [" concurrently", "if not exists", "if exists"];
    let is_upper = case.text.starts_with(|first: char| first.is_ascii_uppercase());
    let is_keyword = KEYWORDS.contains(&text.as_str()) || KEYWORDS.contains(&text.trim());
    if is_upper && is_keyword { text.to_uppercase() } else { text }
}

fn changed(case: &Case<'_>, mut edits: Vec<(TextRange, String)>) -> Option<String> {
    edits.sort_by_key(|(range, _)| range.start());
    let mut text = case.text.to_owned();
    for (range, replacement) in edits.into_iter().rev() {
        let start = usize::from(range.start().checked_sub(case.start)?);
        let end = usize::from(range.end().checked_sub(case.start)?);
        text.get(start..end)?;
        text.replace_range(start..end, &replacement);
    }
    Some(text)
}

/// The statement without its child of this kind.
pub(super) fn without(case: &Case<'_>, kind: SyntaxKind) -> Option<String> {
    let node = case.statement.children().find(|node| node.kind() == kind)?;
    let text = changed(case, vec![(node.text_range(), String::new())])?;
    Some(text.trim_end().to_owned())
}

/// IF EXISTS or IF NOT EXISTS, or else a transaction that is all or nothing.
pub(super) fn robust(case: &Case<'_>) -> Option<String> {
    if let Some(text) = applied(case) {
        let is_open = case.transaction != Transaction::None;
        return Some(if case.fits_transaction || !is_open { alone(text) } else { outside(case, &[text]) });
    }
    if !case.fits_transaction {
        return None;
    }
    let mut steps = Steps::default();
    steps.note("Together with the other statements of the script:");
    steps.sql("BEGIN".to_owned());
    steps.sql(case.text.to_owned());
    steps.sql("COMMIT".to_owned());
    Some(steps.finish())
}

/// The column once.
pub(super) fn once(case: &Case<'_>) -> Option<String> {
    if let Some(text) = applied(case) {
        return Some(alone(text));
    }
    if case.statement.kind() == SyntaxKind::CREATE_TABLE {
        let name = plain(&text(case.node));
        let column = case.node.parent()?;
        let list = column.parent()?;
        let is_same = |node: &SyntaxNode| {
            node.kind() == column.kind() && node.first_child().is_some_and(|first| plain(&text(&first)) == name)
        };
        let edits = list.children().filter(is_same).skip(1).map(|node| (with_comma(&node), String::new()));
        return changed(case, edits.collect()).map(alone);
    }
    let name = target::short(&text(case.node));
    Some(format!("-- Name {name} once, and give it one value."))
}

/// A member of a list from the comma before it.
fn with_comma(node: &SyntaxNode) -> TextRange {
    let mut before = node.prev_sibling_or_token();
    while let Some(element) = before {
        if let SyntaxElement::Token(token) = &element
            && token.kind() == SyntaxKind::COMMA
        {
            return TextRange::new(token.text_range().start(), node.text_range().end());
        }
        before = element.prev_sibling_or_token();
    }
    node.text_range()
}

/// Names without a schema in the schema public.
pub(super) fn qualified(case: &Case<'_>) -> Option<String> {
    let name = Qualified::of(case.node)?;
    changed(case, vec![(case.node.text_range(), format!("public.{}", name.written()))])
}
