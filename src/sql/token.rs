//! The significant tokens of a text, without white space and comments, as squawk's lexer calls them.
//!
//! What is frequent or long is measured on bytes, several times as fast as the lexer walks over characters; the rest
//! is asked of it. It never sees the head of a text where it would take a byte order mark for white space: to the
//! server that is a letter.

use memchr::memchr;
use squawk_lexer::{Base, LiteralKind, TokenKind, tokenize};

use super::scan::{self, begins_word};

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

    /// An identifier as the server keeps it; none for one with escapes.
    pub(super) fn identifier(&self) -> Option<String> {
        match self.kind {
            TokenKind::Ident => Some(self.text.to_lowercase()),
            TokenKind::QuotedIdent { terminated: true, uescape: false } => {
                let inside = self.text.strip_prefix('"')?.strip_suffix('"')?;
                Some(inside.replace("\"\"", "\""))
            }
            _ => None,
        }
    }

    /// What a plain literal says; none for other tokens.
    pub(super) fn literal(&self) -> Option<String> {
        match self.kind {
            TokenKind::Literal { kind: LiteralKind::Str { terminated: true } } => {
                Some(self.text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
            }
            _ => None,
        }
    }

    /// Whether the literal ends elsewhere when the session has `standard_conforming_strings` off, so that nothing
    /// after it can be told for certain from the text alone.
    pub(super) fn is_doubtful(&self) -> bool {
        let plain =
            matches!(self.kind, TokenKind::Literal { kind: LiteralKind::Str { .. } | LiteralKind::NationalStr { .. } });
        plain && memchr(b'\\', self.text.as_bytes()).is_some() && self.text.contains("\\'")
    }
}

/// Walks over the significant tokens.
#[derive(Debug, Clone)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    position: usize,
    /// `standard_conforming_strings` is off: a backslash escapes in plain literals too.
    backslash_escapes: bool,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str) -> Tokens<'a> {
        Tokens { text, position: 0, backslash_escapes: false }
    }

    /// Reads the literals that follow as with `standard_conforming_strings` off, or on again.
    pub(super) fn set_backslash_escapes(&mut self, escapes: bool) {
        self.backslash_escapes = escapes;
    }

    /// Where the next token is looked for, in bytes.
    pub(super) fn position(&self) -> usize {
        self.position
    }

    /// What comes after the last token taken.
    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// Goes on `bytes` further, past text that isn't SQL.
    pub(super) fn pass_over(&mut self, bytes: usize) {
        self.position += bytes;
    }

    /// The kind and the length of what `rest` begins with; none for a comment, whose length is added.
    fn lex(&self, rest: &'a str) -> Option<(Option<TokenKind>, usize)> {
        let bytes = rest.as_bytes();
        let first = *bytes.first()?;
        let to_end = |length: Option<usize>| (length.is_some(), length.unwrap_or(bytes.len()));
        let kind = match first {
            _ if begins_word(first) => return Some(word_or_literal(rest)),
            b'\'' => {
                let length =
                    if self.backslash_escapes { scan::escape_string(bytes) } else { scan::quoted(bytes, first) };
                let (terminated, length) = to_end(length);
                return Some((Some(TokenKind::Literal { kind: LiteralKind::Str { terminated } }), length));
            }
            b'"' => {
                let (terminated, length) = to_end(scan::quoted(bytes, first));
                return Some((Some(TokenKind::QuotedIdent { terminated, uescape: false }), length));
            }
            b'-' if bytes.get(1) == Some(&b'-') => return Some((None, scan::line(bytes))),
            b'/' if bytes.get(1) == Some(&b'*') => return Some((None, to_end(scan::block_comment(bytes)).1)),
            b'$' => match scan::dollar_delimiter(bytes) {
                Some(delimiter) => {
                    let (terminated, length) = to_end(scan::dollar_quoted(bytes, delimiter));
                    let kind = LiteralKind::DollarQuotedString { terminated };
                    return Some((Some(TokenKind::Literal { kind }), length));
                }
                None => return from_lexer(rest),
            },
            b'0'..=b'9' => return number(rest),
            b';' => TokenKind::Semi,
            b',' => TokenKind::Comma,
            b'(' => TokenKind::OpenParen,
            b')' => TokenKind::CloseParen,
            _ => return from_lexer(rest),
        };
        Some((Some(kind), 1))
    }
}

impl<'a> Iterator for Tokens<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        loop {
            self.position += scan::spaces(self.rest().as_bytes());
            let rest = self.rest();
            let (kind, length) = self.lex(rest)?;
            let start = self.position;
            self.position += length;
            if let Some(kind) = kind {
                return Some(Token { kind, text: rest.get(..length)?, start });
            }
        }
    }
}

/// A word, or a literal or identifier that a letter stands before.
fn word_or_literal(rest: &str) -> (Option<TokenKind>, usize) {
    let bytes = rest.as_bytes();
    let (prefix, kind): (usize, fn(bool) -> TokenKind) = match bytes {
        [b'e' | b'E', b'\'', ..] => (1, |terminated| literal(LiteralKind::EscStr { terminated })),
        [b'b' | b'B', b'\'', ..] => (1, |terminated| literal(LiteralKind::BitStr { terminated })),
        [b'x' | b'X', b'\'', ..] => (1, |terminated| literal(LiteralKind::ByteStr { terminated })),
        [b'n' | b'N', b'\'', ..] => (1, |terminated| literal(LiteralKind::NationalStr { terminated })),
        [b'u' | b'U', b'&', b'\'', ..] => (2, |terminated| literal(LiteralKind::UnicodeEscStr { terminated })),
        [b'u' | b'U', b'&', b'"', ..] => (2, |terminated| TokenKind::QuotedIdent { terminated, uescape: true }),
        _ => return (Some(TokenKind::Ident), scan::word(bytes)),
    };
    let quoted = bytes.get(prefix..).unwrap_or_default();
    let length = match (bytes.first(), quoted.first()) {
        (Some(b'e' | b'E'), _) => scan::escape_string(quoted),
        (_, Some(quote)) => scan::quoted(quoted, *quote),
        _ => None,
    };
    (Some(kind(length.is_some())), length.map_or(bytes.len(), |length| prefix + length))
}

fn literal(kind: LiteralKind) -> TokenKind {
    TokenKind::Literal { kind }
}

/// Most numbers are plain digits; the others are the lexer's.
fn number(rest: &str) -> Option<(Option<TokenKind>, usize)> {
    let length = scan::digits(rest.as_bytes());
    let next = rest.as_bytes().get(length);
    if next.is_some_and(|byte| *byte == b'.' || begins_word(*byte)) {
        return from_lexer(rest);
    }
    let kind = LiteralKind::Int { base: Base::Decimal, empty_int: false, trailing_junk_start: length as u32 };
    Some((Some(literal(kind)), length))
}

fn from_lexer(rest: &str) -> Option<(Option<TokenKind>, usize)> {
    let token = tokenize(rest).next()?;
    Some((Some(token.kind), token.len as usize))
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

    /// The same, for a word that has to be there.
    pub(super) fn expect(&mut self, word: &str) -> Option<()> {
        self.eat(word).then_some(())
    }

    /// Takes a name with or without others before it: as it is written, and each part as the server keeps it.
    pub(super) fn qualified(&mut self) -> Option<(&'a str, Vec<String>)> {
        let first = self.next()?;
        let mut parts = vec![first.identifier()?];
        let mut end = first.end();
        while self.peek() == Some(TokenKind::Dot) {
            let part = self.by_ref().nth(1)?;
            parts.push(part.identifier()?);
            end = part.end();
        }
        Some((self.later.text.get(first.start..end)?, parts))
    }

    /// Takes the next token if it is exactly this.
    pub(super) fn eat_text(&mut self, text: &str) -> bool {
        let found = self.text() == Some(text);
        if found {
            self.next = self.later.next();
        }
        found
    }

    /// The next token as it is written; it stays where it is.
    pub(super) fn text(&self) -> Option<&'a str> {
        self.next.map(|token| token.text)
    }

    /// The kind of the next token, which stays where it is.
    pub(super) fn peek(&self) -> Option<TokenKind> {
        self.next.map(|token| token.kind)
    }
}

impl<'a> Iterator for Words<'a> {
    type Item = Token<'a>;

    fn next(&mut self) -> Option<Token<'a>> {
        std::mem::replace(&mut self.next, self.later.next())
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
