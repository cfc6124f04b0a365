//! Values that a script adds to enum types, which can't be used before they are committed.

use squawk_lexer::TokenKind;

use super::token::{Token, Tokens, Words};

/// A value that is added to an enum type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnumValue {
    /// The type, without its schema.
    pub of: String,
    /// The new value.
    pub value: String,
}

impl EnumValue {
    /// Whether a statement seems to use the value: as a literal, or in one with code. Naming it as the neighbour of
    /// another new value is no use.
    pub fn is_used_by(&self, statement: &str) -> bool {
        let quoted = self.value.replace('\'', "''");
        let uses = |token: Token<'_>| match (token.literal(), token.kind) {
            (Some(text), _) => text == self.value,
            (None, TokenKind::Literal { .. }) => token.text.contains(&quoted),
            _ => false,
        };
        statement.contains(&quoted) && Tokens::new(statement).any(uses) && added_enum_value(statement).is_none()
    }
}

/// The value that a statement adds to an enum type that exists.
pub fn added_enum_value(statement: &str) -> Option<EnumValue> {
    let mut words = Words::new(Tokens::new(statement));
    words.expect("alter")?;
    words.expect("type")?;
    let of = words.qualified()?.1.pop()?;
    words.expect("add")?;
    words.expect("value")?;
    let _may_exist = words.eat("if") && words.eat("not") && words.eat("exists");
    let value = words.next()?.literal()?;
    Some(EnumValue { of, value })
}

/// The enum type that a statement creates: its values can be used at once.
pub fn created_enum(statement: &str) -> Option<String> {
    let mut words = Words::new(Tokens::new(statement));
    words.expect("create")?;
    words.expect("type")?;
    let name = words.qualified()?.1.pop()?;
    (words.eat("as") && words.eat("enum")).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_told_with_its_type() {
        for statement in
            ["ALTER TYPE app.Mood ADD VALUE 'it''s'", "alter type mood add value if not exists 'it''s' before 'x'"]
        {
            let value = EnumValue { of: "mood".into(), value: "it's".into() };
            assert_eq!(added_enum_value(statement), Some(value), "{statement}");
        }
        assert_eq!(added_enum_value("ALTER TYPE mood RENAME VALUE 'a' TO 'b'"), None);
        assert_eq!(added_enum_value("ALTER TABLE t ADD COLUMN value text"), None);
        // The neighbour isn't what is added.
        assert_eq!(added_enum_value("ALTER TYPE app.mood ADD VALUE E'x' BEFORE 'y'"), None);
    }

    #[test]
    fn a_value_is_used_where_a_literal_has_it_and_not_where_a_name_does() {
        let added = EnumValue { of: "mood".into(), value: "it's".into() };
        assert!(added.is_used_by("SELECT 'it''s'::mood") && added.is_used_by("DO $$ SELECT 'it''s' $$"));
        assert!(!added.is_used_by("SELECT 'it''s me'") && !added.is_used_by("SELECT \"it's\""));
        assert!(!added.is_used_by("ALTER TYPE mood ADD VALUE 'x' BEFORE 'it''s'"));
    }

    #[test]
    fn a_type_that_is_created_is_told_by_its_name() {
        assert_eq!(created_enum("CREATE TYPE app.mood AS ENUM ('a')").as_deref(), Some("mood"));
        assert_eq!(created_enum("CREATE TYPE db.app.mood AS ENUM ('a')").as_deref(), Some("mood"));
        assert_eq!(created_enum("CREATE TYPE mood AS (a int)"), None);
    }
}
