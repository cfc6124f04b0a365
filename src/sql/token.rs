//! The significant tokens of a text: squawk's lexer without whitespace and comments.

use squawk_lexer::{BOM, LiteralKind, TokenKind, tokenize};

/// One significant token and where it begins in the lexed text, in bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token<'a> {
    pub(super) kind: TokenKind,
    pub(super) text: &'a str,
    pub(super) start: usize,
}

impl Token<'_> {
    /// Whether this is the unquoted `word`, in any case.
    pub(super) fn is(&self, word: &str) -> bool {
        self.kind == TokenKind::Ident && self.text.eq_ignore_ascii_case(word)
    }

    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// Whether the literal ends elsewhere when the session has `standard_conforming_strings` off, so that nothing
    /// after it can be told for certain from the text alone.
    pub(super) fn is_doubtful(&self) -> bool {
        let plain =
            matches!(self.kind, TokenKind::Literal { kind: LiteralKind::Str { .. } | LiteralKind::NationalStr { .. } });
        plain && self.text.contains("\\'")
    }
}

/// Walks over the significant tokens.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    position: usize,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Tokens<'a> {
        Tokens { text, position: 0 }
    }

    /// What comes after the last token taken.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// Goes on `bytes` further, past text that isn't SQL.
    pub(super) fn pass_over(&mut self, bytes: usize) {
        self.position += bytes;
    }

    fn lex(&self) -> Option<(TokenKind, usize)> {
        let rest = self.rest();
        // A byte order mark is a letter for the server, but white space for the lexer at the head of what it is
        // given, which here is the head of each token.
        if rest.starts_with(BOM) {
            return Some((TokenKind::Ident, word_length(rest)));
        }
        let token = tokenize(rest).next()?;
        let length = token.len as usize;
        let escapes = matches!(token.kind, TokenKind::Literal { kind: LiteralKind::EscStr { terminated: true } });
        if escapes {
            return Some((token.kind, continued_length(rest, length)));
        }
        Some((token.kind, length))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.position += leading_spaces(self.rest());
            let (kind, length) = self.lex()?;
            let start = self.position;
            let text = self.rest().get(..length)?;
            self.position += length;
            let trivia =
                matches!(kind, TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. });
            if !trivia {
                return Some(Token { kind, text, start });
            }
        }
    }
}

/// Walks over the same tokens and can look at one before taking it.
#[derive(Debug, Clone)]
pub(super) struct Words<'a> {
    next: Option<Token<'a>>,
    later: Tokens<'a>,
}

impl<'a> Words<'a> {
    pub(super) fn new(mut tokens: Tokens<'a>) -> Words<'a> {
        Words { next: tokens.next(), later: tokens }
    }

    /// Takes the next token if it is the unquoted `word`.
    pub(super) fn eat(&mut self, word: &str) -> bool {
        let found = self.next.is_some_and(|token| token.is(word));
        if found {
            self.next = self.later.next();
        }
        found
    }

    /// The kind of the next token, which stays where it is.
    pub(super) fn peek(&self) -> Option<TokenKind> {
        self.next.map(|token| token.kind)
    }
}

/// Nearly half of all tokens are white space, which is passed over faster by bytes than by the lexer.
fn leading_spaces(text: &str) -> usize {
    text.bytes().take_while(|byte| matches!(byte, b' ' | b'\n' | b'\t' | b'\r')).count()
}

fn word_length(text: &str) -> usize {
    text.find(|c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' && c != '$').unwrap_or(text.len())
}

/// The length of the escape string that `text` begins with, whose first segment is `length` bytes long.
///
/// A literal goes on after white space that holds a line break, and its further segments keep the escapes of the
/// first although they carry no `E` (`quotecontinue` in PostgreSQL's `scan.l`). The lexer takes them for literals
/// of their own, without escapes, and would end such a segment at `\'`.
fn continued_length(text: &str, mut length: usize) -> usize {
    while let Some(gap) = continuation_gap(&text[length..]) {
        let segment = length + gap;
        match escaped_segment(&text[segment..]) {
            Some(end) => length = segment + end,
            None => return text.len(),
        }
    }
    length
}

/// The bytes up to the opening quote of a further segment.
fn continuation_gap(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut line_break = false;
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b'\n' | b'\r' => line_break = true,
            b' ' | b'\t' | 0x0b | 0x0c => {}
            b'-' if bytes.get(at + 1) == Some(&b'-') => {
                at += text[at..].find(['\n', '\r'])?;
                continue;
            }
            b'\'' if line_break => return Some(at),
            _ => return None,
        }
        at += 1;
    }
}

/// The length of a segment with its two quotes; none if it isn't closed.
fn escaped_segment(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 1;
    loop {
        match bytes.get(at)? {
            b'\\' => at += 1,
            b'\'' if bytes.get(at + 1) == Some(&b'\'') => at += 1,
            b'\'' => return Some(at + 1),
            _ => {}
        }
        at += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(sql: &str) -> Vec<&str> {
        Tokens::new(sql).map(|token| token.text).collect()
    }

    #[test]
    fn whitespace_and_nested_comments_are_left_out() {
        assert_eq!(texts("a -- b\n/* c /* d */ e */ f/**/;"), ["a", "f", ";"]);
    }

    #[test]
    fn further_segments_of_an_escape_string_keep_its_escapes() {
        let sql = "E'a' -- why\n \t'b\\'; c' \r\n '''d' ; 'e\\' f";
        assert_eq!(texts(sql), ["E'a' -- why\n \t'b\\'; c' \r\n '''d'", ";", "'e\\'", "f"]);
    }

    #[test]
    fn a_string_on_the_same_line_is_a_literal_of_its_own() {
        assert_eq!(texts("E'a' 'b\\' c"), ["E'a'", "'b\\'", "c"]);
        assert_eq!(texts("E'a' /*\n*/ 'b\\' c"), ["E'a'", "'b\\'", "c"]);
    }

    #[test]
    fn an_unclosed_further_segment_takes_the_rest() {
        assert_eq!(texts("E'a'\n'b\\'; c"), ["E'a'\n'b\\'; c"]);
    }

    #[test]
    fn a_byte_order_mark_is_a_letter() {
        assert_eq!(texts("\u{feff}a \u{feff}b_1-c"), ["\u{feff}a", "\u{feff}b_1", "-", "c"]);
    }

    #[test]
    fn words_are_compared_without_case_and_never_with_quotes() {
        let tokens: Vec<_> = Tokens::new("VaCuUm \"vacuum\" U&\"vacuum\"").collect();
        let matches: Vec<_> = tokens.iter().map(|token| token.is("vacuum")).collect();
        assert_eq!(matches, [true, false, false]);
    }
}
