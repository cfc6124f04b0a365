//! Quoting of identifiers and literals, by the rules of libpq and node-postgres.

/// Quotes a name so that it can stand in SQL as exactly that name, whatever characters or keywords it contains.
///
/// The result is always in double quotes. PostgreSQL cuts names longer than 63 bytes; that is left to the server.
///
/// Same output as node-postgres's `escapeIdentifier` (`pg/lib/utils.js`).
pub fn quote_identifier(name: &str) -> String {
    let mut quoted = String::with_capacity(name.len() + 2);
    quoted.push('"');
    push_doubling(&mut quoted, name, |c| c == '"');
    quoted.push('"');
    quoted
}

/// Quotes a text so that it can stand in SQL as a string literal with exactly that value.
///
/// A text with a backslash becomes an escape string (`E'…'`), which means the same whether
/// `standard_conforming_strings` is on or off. Such a literal begins with a space, so that it can't merge with a
/// word right before it.
///
/// Same output as node-postgres's `escapeLiteral` (`pg/lib/utils.js`).
pub fn quote_literal(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 4);
    quoted.push_str(if text.contains('\\') { " E'" } else { "'" });
    push_doubling(&mut quoted, text, |c| c == '\'' || c == '\\');
    quoted.push('\'');
    quoted
}

fn push_doubling(target: &mut String, text: &str, doubled: impl Fn(char) -> bool) {
    for c in text.chars() {
        if doubled(c) {
            target.push(c);
        }
        target.push(c);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_are_always_quoted_and_inner_quotes_doubled() {
        let table = [
            ("users", r#""users""#),
            ("Select", r#""Select""#),
            (r#"a"b"#, r#""a""b""#),
            (r#"""#, r#""""""#),
            ("", r#""""#),
            (r"a\b", r#""a\b""#),
            ("naïve 🐘", "\"naïve 🐘\""),
        ];
        for (name, quoted) in table {
            assert_eq!(quote_identifier(name), quoted, "{name:?}");
        }
    }

    #[test]
    fn literals_double_quotes_and_turn_into_escape_strings_for_backslashes() {
        let table = [
            ("plain", "'plain'"),
            ("", "''"),
            ("it's", "'it''s'"),
            (r#"a"b"#, r#"'a"b'"#),
            (r"C:\dir", r" E'C:\\dir'"),
            (r"\'", r" E'\\'''"),
            ("line\nbreak", "'line\nbreak'"),
        ];
        for (text, quoted) in table {
            assert_eq!(quote_literal(text), quoted, "{text:?}");
        }
    }
}
