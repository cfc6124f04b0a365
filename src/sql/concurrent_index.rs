//! The indexes and tables that CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY name.

use squawk_lexer::{LiteralKind, TokenKind};

use super::quote::quote_identifier;
use super::token::{Token, Tokens};

/// An index that is built without blocking writes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConcurrentIndex<'a> {
    /// As the server keeps it.
    pub name: String,
    /// The table as it is written.
    pub table: &'a str,
    /// The table's own name, as the server keeps it.
    pub table_name: String,
    is_unique: bool,
    rest: &'a str,
}

impl ConcurrentIndex<'_> {
    /// The statement that builds the same index on another table, at once.
    pub fn on(&self, table: &str) -> String {
        let unique = if self.is_unique { "UNIQUE " } else { "" };
        format!("CREATE {unique}INDEX {} ON {table} {}", quote_identifier(&self.name), self.rest)
    }
}

/// The index that a statement builds concurrently; none for other statements, and where the server makes up the name.
pub fn concurrent_index(statement: &str) -> Option<ConcurrentIndex<'_>> {
    let tokens: Vec<Token<'_>> = Tokens::new(statement).collect();
    let mut words = Cursor { statement, tokens: &tokens };
    words.expect("create")?;
    let is_unique = words.eat("unique");
    words.expect("index")?;
    words.expect("concurrently")?;
    if words.eat("if") {
        words.expect("not")?;
        words.expect("exists")?;
    }
    let name = words.name()?;
    words.expect("on")?;
    words.eat("only");
    let (table, table_name) = words.qualified()?;
    // A comment behind it would swallow what is put there.
    let last = words.tokens.iter().rfind(|token| token.kind != TokenKind::Semi)?;
    let rest = statement.get(words.tokens.first()?.start..last.end())?;
    Some(ConcurrentIndex { name, table, table_name, is_unique, rest })
}

/// The target of a REINDEX.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reindexed<'a> {
    /// One index, as it is written.
    Index(&'a str),
    /// The indexes of one table, as it is written.
    Table(&'a str),
    /// Those of a schema, by its name.
    Schema(String),
    /// Those of the whole database.
    Database,
}

/// What a statement reindexes concurrently.
pub fn concurrent_reindex(statement: &str) -> Option<Reindexed<'_>> {
    let tokens: Vec<Token<'_>> = Tokens::new(statement).collect();
    let mut words = Cursor { statement, tokens: &tokens };
    words.expect("reindex")?;
    let is_option = words.options()?;
    let kind = words.tokens.first()?;
    words.tokens = words.tokens.get(1..)?;
    if !words.eat("concurrently") && !is_option {
        return None;
    }
    if kind.is("index") {
        Some(Reindexed::Index(words.qualified()?.0))
    } else if kind.is("table") {
        Some(Reindexed::Table(words.qualified()?.0))
    } else if kind.is("schema") {
        Some(Reindexed::Schema(words.name()?))
    } else {
        Some(Reindexed::Database)
    }
}

struct Cursor<'a, 't> {
    statement: &'a str,
    tokens: &'t [Token<'a>],
}

impl<'a> Cursor<'a, '_> {
    fn eat(&mut self, word: &str) -> bool {
        match self.tokens.split_first() {
            Some((first, rest)) if first.is(word) => {
                self.tokens = rest;
                true
            }
            _ => false,
        }
    }

    fn expect(&mut self, word: &str) -> Option<()> {
        self.eat(word).then_some(())
    }

    fn name(&mut self) -> Option<String> {
        let (first, rest) = self.tokens.split_first()?;
        let name = identifier(first)?;
        self.tokens = rest;
        Some(name)
    }

    /// A name with or without a schema: as it is written, and its last part.
    fn qualified(&mut self) -> Option<(&'a str, String)> {
        let start = self.tokens.first()?.start;
        loop {
            let end = self.tokens.first()?.end();
            let name = self.name()?;
            match self.tokens.split_first() {
                Some((dot, rest)) if dot.kind == TokenKind::Dot => self.tokens = rest,
                _ => return Some((self.statement.get(start..end)?, name)),
            }
        }
    }

    /// Passes over options in parentheses, if there are any; whether CONCURRENTLY is among them.
    fn options(&mut self) -> Option<bool> {
        if self.tokens.first()?.kind != TokenKind::OpenParen {
            return Some(false);
        }
        let end = self.tokens.iter().position(|token| token.kind == TokenKind::CloseParen)?;
        let (options, rest) = self.tokens.split_at_checked(end + 1)?;
        self.tokens = rest;
        // With CONCURRENTLY switched off nothing is left behind either.
        Some(options.iter().any(|token| token.is("concurrently")))
    }
}

/// An identifier as the server keeps it; none for one with escapes.
pub(super) fn identifier(token: &Token<'_>) -> Option<String> {
    match token.kind {
        TokenKind::Ident => Some(token.text.to_lowercase()),
        TokenKind::QuotedIdent { terminated: true, uescape: false } => {
            let inside = token.text.strip_prefix('"')?.strip_suffix('"')?;
            Some(inside.replace("\"\"", "\""))
        }
        _ => None,
    }
}

/// What a plain literal says; none for other tokens.
pub(super) fn literal(token: &Token<'_>) -> Option<String> {
    match token.kind {
        TokenKind::Literal { kind: LiteralKind::Str { terminated: true } } => {
            Some(token.text.strip_prefix('\'')?.strip_suffix('\'')?.replace("''", "'"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_has_its_name_and_its_table() {
        let statement =
            "create unique index concurrently if not exists T_a on only public.\"Orders\" using btree (a) where a > 0";
        let index = concurrent_index(statement).unwrap();
        assert_eq!(
            (index.name.as_str(), index.table, index.table_name.as_str()),
            ("t_a", "public.\"Orders\"", "Orders")
        );
        assert_eq!(index.on("copy"), "CREATE UNIQUE INDEX \"t_a\" ON copy using btree (a) where a > 0");
    }

    #[test]
    fn a_comment_behind_an_index_is_none_of_its_definition() {
        for statement in ["create index concurrently i on t (a); -- why", "create index concurrently i on t (a) -- why"]
        {
            let index = concurrent_index(statement).unwrap();
            assert_eq!(index.on("copy"), "CREATE INDEX \"i\" ON copy (a)", "{statement}");
        }
    }

    #[test]
    fn without_a_name_or_concurrently_there_is_none() {
        for statement in ["CREATE INDEX CONCURRENTLY ON t (a)", "CREATE INDEX i ON t (a)", "SELECT 1", ""] {
            assert_eq!(concurrent_index(statement), None, "{statement}");
        }
    }

    #[test]
    fn what_is_reindexed_is_told_by_its_kind() {
        assert_eq!(concurrent_reindex("REINDEX INDEX CONCURRENTLY s.i"), Some(Reindexed::Index("s.i")));
        assert_eq!(concurrent_reindex("reindex (verbose, concurrently) table t"), Some(Reindexed::Table("t")));
        assert_eq!(concurrent_reindex("REINDEX SCHEMA CONCURRENTLY S"), Some(Reindexed::Schema("s".into())));
        assert_eq!(concurrent_reindex("REINDEX DATABASE CONCURRENTLY d"), Some(Reindexed::Database));
        assert_eq!(concurrent_reindex("REINDEX TABLE t"), None);
    }
}
