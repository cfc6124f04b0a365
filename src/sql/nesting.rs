//! Which semicolons end a statement, and which stand inside one.

use squawk_lexer::TokenKind;

use super::token::Token;

/// What has to be known of a statement's tokens so far to tell whether a semicolon ends it.
#[derive(Debug, Default)]
pub(super) struct Nesting {
    head: Head,
    previous: Word,
    parentheses: usize,
    bodies: usize,
    /// A `COPY … FROM STDIN` so far.
    pub(super) reads_stdin: bool,
}

/// How far the first words have come towards a statement whose inside matters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Head {
    #[default]
    Start,
    Create,
    CreateOr,
    CreateOrReplace,
    Routine,
    Copy,
    Other,
}

/// The token before, as far as it matters.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Word {
    Begin,
    Atomic,
    Semicolon,
    From,
    #[default]
    Other,
}

impl Nesting {
    pub(super) fn is_outermost(&self) -> bool {
        self.parentheses == 0 && self.bodies == 0
    }

    pub(super) fn enter(&mut self, token: &Token<'_>) {
        match token.kind {
            // A rule's actions stand in parentheses with semicolons between them.
            TokenKind::OpenParen => self.parentheses += 1,
            TokenKind::CloseParen => self.parentheses = self.parentheses.saturating_sub(1),
            _ => {}
        }
        self.head = self.head.then(token);
        if self.parentheses > 0 {
            return;
        }
        let mut word = Word::Other;
        match self.head {
            Head::Routine if token.kind == TokenKind::Semi => word = Word::Semicolon,
            Head::Routine if token.is("begin") => word = Word::Begin,
            Head::Routine if token.is("atomic") && self.previous == Word::Begin => {
                word = Word::Atomic;
                self.bodies += 1;
            }
            // Every statement of a body has its semicolon, so the END of the body follows one; the END of a CASE
            // and a column named "end" never do.
            Head::Routine if token.is("end") && matches!(self.previous, Word::Semicolon | Word::Atomic) => {
                self.bodies = self.bodies.saturating_sub(1);
            }
            Head::Copy if token.is("from") => word = Word::From,
            // PostgreSQL takes FROM STDOUT for FROM STDIN.
            Head::Copy if token.is("stdin") || token.is("stdout") => self.reads_stdin |= self.previous == Word::From,
            _ => {}
        }
        self.previous = word;
    }
}

impl Head {
    fn then(self, token: &Token<'_>) -> Head {
        match self {
            Head::Start if token.is("create") => Head::Create,
            Head::Start if token.is("copy") => Head::Copy,
            Head::Create if token.is("or") => Head::CreateOr,
            Head::CreateOr if token.is("replace") => Head::CreateOrReplace,
            Head::Create | Head::CreateOrReplace if token.is("function") || token.is("procedure") => Head::Routine,
            Head::Routine | Head::Copy => self,
            _ => Head::Other,
        }
    }
}
