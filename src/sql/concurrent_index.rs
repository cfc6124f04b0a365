//! The indexes and tables that CREATE INDEX CONCURRENTLY and REINDEX CONCURRENTLY name.

use std::iter;

use squawk_lexer::TokenKind;

use super::quote::quote_identifier;
use super::token::{Tokens, Words};

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
    let mut words = Words::new(Tokens::new(statement));
    words.expect("create")?;
    let is_unique = words.eat("unique");
    words.expect("index")?;
    words.expect("concurrently")?;
    if words.eat("if") {
        words.expect("not")?;
        words.expect("exists")?;
    }
    let name = words.next()?.identifier()?;
    words.expect("on")?;
    words.eat("only");
    let (table, mut parts) = words.qualified()?;
    let table_name = parts.pop()?;
    let first = words.next()?;
    // A comment behind it would swallow what is put there.
    let last = iter::once(first).chain(words).filter(|token| token.kind != TokenKind::Semi).last()?;
    let rest = statement.get(first.start..last.end())?;
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
    let mut words = Words::new(Tokens::new(statement));
    words.expect("reindex")?;
    let is_option = has_option(&mut words)?;
    let kind = words.next()?;
    if !words.eat("concurrently") && !is_option {
        return None;
    }
    if kind.is("index") {
        Some(Reindexed::Index(words.qualified()?.0))
    } else if kind.is("table") {
        Some(Reindexed::Table(words.qualified()?.0))
    } else if kind.is("schema") {
        Some(Reindexed::Schema(words.next()?.identifier()?))
    } else {
        Some(Reindexed::Database)
    }
}

/// Passes over options in parentheses, if there are any; whether CONCURRENTLY is among them.
fn has_option(words: &mut Words<'_>) -> Option<bool> {
    if words.peek()? != TokenKind::OpenParen {
        return Some(false);
    }
    let mut is_among = false;
    loop {
        let token = words.next()?;
        if token.kind == TokenKind::CloseParen {
            // With CONCURRENTLY switched off nothing is left behind either.
            return Some(is_among);
        }
        is_among |= token.is("concurrently");
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
