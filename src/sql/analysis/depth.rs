//! How deep a statement can take the parser, told from its tokens before it is called.
//!
//! The parser recurses, and a stack overflow ends the process. Every level takes at least one token; those that can't
//! begin one (literals, commas, dots, closing brackets) don't count, and a comma ends what was begun since the bracket
//! around it.

use squawk_lexer::TokenKind;

use crate::sql::token::{Token, Tokens};

/// The most brackets, CASE expressions and BEGIN ATOMIC bodies inside each other.
pub const MOST_NESTED: usize = 1_000;

/// The most words and operators that may nest without any of these, as in a chain of NOT or of joins: some 100,000
/// operators with what stands between them.
pub const MOST_LEVELS: usize = 1_000_000;

/// A level of brackets takes 1.4 KB at most in an optimised build (a subquery behind IN), any other 0.8 KB.
const BYTES_A_BRACKET: usize = 3 * 1024 * SLOW;
const BYTES_A_LEVEL: usize = 1024 * SLOW;
const BYTES_AT_LEAST: usize = 32 * 1024 * SLOW;

/// Frames are several times as large without optimisation.
const SLOW: usize = if cfg!(debug_assertions) { 8 } else { 1 };

/// What is parsed in next to no time even by a parser that needs the square of it.
const SHALLOW: usize = BYTES_AT_LEAST + 1_000 * BYTES_A_LEVEL;

/// Whether the statement is nested and chained like one that a person wrote.
pub(in crate::sql) fn is_shallow(text: &str) -> bool {
    stack_needed(text).is_some_and(|bytes| bytes <= SHALLOW)
}

/// One bracket that is open, or the statement itself.
#[derive(Default)]
struct Open {
    /// Words and operators since the last comma.
    levels: usize,
    /// CASE expressions that are open.
    cases: usize,
}

/// The stack that parsing this statement takes at most, in bytes; none if it is nested too deep.
pub(super) fn stack_needed(text: &str) -> Option<usize> {
    let mut around: Vec<Open> = Vec::new();
    let mut open = Open::default();
    let (mut levels, mut nested) = (0, 0);
    let (mut most_levels, mut most_nested) = (0, 0);
    for token in Tokens::new(text) {
        match token.kind {
            TokenKind::OpenParen | TokenKind::OpenBracket | TokenKind::OpenCurly => {
                around.push(std::mem::take(&mut open));
                nested += 1;
            }
            TokenKind::CloseParen | TokenKind::CloseBracket | TokenKind::CloseCurly => {
                if let Some(outer) = around.pop() {
                    levels -= open.levels;
                    nested -= 1 + open.cases;
                    open = outer;
                }
            }
            TokenKind::Comma => {
                levels -= open.levels;
                open.levels = 0;
            }
            TokenKind::Literal { .. } | TokenKind::Dot | TokenKind::Semi | TokenKind::PositionalParam { .. } => {}
            TokenKind::Ident => {
                open.levels += 1;
                levels += 1;
                if begins_block(&token) {
                    open.cases += 1;
                    nested += 1;
                } else if open.cases > 0 && token.is("end") {
                    open.cases -= 1;
                    nested -= 1;
                }
            }
            _ => {
                open.levels += 1;
                levels += 1;
            }
        }
        most_levels = most_levels.max(levels);
        most_nested = most_nested.max(nested);
    }
    (most_nested <= MOST_NESTED && most_levels <= MOST_LEVELS)
        .then_some(BYTES_AT_LEAST + most_nested * BYTES_A_BRACKET + most_levels * BYTES_A_LEVEL)
}

fn begins_block(token: &Token<'_>) -> bool {
    token.is("case") || token.is("atomic")
}
