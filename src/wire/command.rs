//! Taking a command tag apart, as node-postgres's `Result` does.

use std::borrow::Cow;

/// What CommandComplete said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandTag<'a> {
    /// The first word; `None` when the tag begins with none.
    pub command: Option<Cow<'a, str>>,
    /// Rows affected or returned.
    pub rows: Option<u64>,
    /// The OID of tags with two numbers (`INSERT 0 1`).
    pub oid: Option<u64>,
}

impl CommandTag<'_> {
    /// The same with a word of its own.
    pub fn into_owned(self) -> CommandTag<'static> {
        let CommandTag { command, rows, oid } = self;
        CommandTag { command: command.map(|word| Cow::Owned(word.into_owned())), rows, oid }
    }
}

/// The first words of common tags; their index crosses to JavaScript instead of their text.
/// `lib/native/binding.js` reads the list from the addon, so the two cannot drift apart.
pub const COMMON: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "BEGIN",
    "COMMIT",
    "ROLLBACK",
    "SET",
    "CREATE",
    "DROP",
    "ALTER",
    "COPY",
    "FETCH",
    "MERGE",
    "SAVEPOINT",
    "RELEASE",
    "START",
    "LISTEN",
    "NOTIFY",
    "DO",
    "SHOW",
    "TRUNCATE",
];

/// Splits `WORD`, `WORD count` or `WORD oid count`; anything behind that is ignored.
pub fn parse(tag: &[u8]) -> CommandTag<'_> {
    let word_length = tag.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = tag.split_at(word_length);
    let (first, rest) = number(rest);
    let (second, _) = if first.is_some() { number(rest) } else { (None, rest) };
    let command = (!word.is_empty()).then(|| String::from_utf8_lossy(word));
    if command.is_none() {
        return CommandTag { command, rows: None, oid: None };
    }
    match second {
        Some(rows) => CommandTag { command, rows: Some(rows), oid: first },
        None => CommandTag { command, rows: first, oid: None },
    }
}

fn number(text: &[u8]) -> (Option<u64>, &[u8]) {
    let Some((b' ', digits)) = text.split_first() else { return (None, text) };
    let length = digits.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = digits.split_at(length);
    match std::str::from_utf8(digits).ok().and_then(|digits| digits.parse().ok()) {
        Some(number) => (Some(number), rest),
        None => (None, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_split_as_node_postgres_splits_them() {
        let check = |tag: &str, command: Option<&str>, rows: Option<u64>, oid: Option<u64>| {
            let parsed = parse(tag.as_bytes());
            assert_eq!((parsed.command.as_deref(), parsed.rows, parsed.oid), (command, rows, oid), "{tag}");
        };
        check("SELECT 3", Some("SELECT"), Some(3), None);
        check("INSERT 0 5", Some("INSERT"), Some(5), Some(0));
        check("CREATE TABLE", Some("CREATE"), None, None);
        check("CREATE TABLE AS 4", Some("CREATE"), None, None);
        check("BEGIN", Some("BEGIN"), None, None);
        check("", None, None, None);
        check("7 SELECT", None, None, None);
        check("COPY 10000000000", Some("COPY"), Some(10_000_000_000), None);
    }
}
