//! What may be repeated of a caller's values and of another party's words. What stands in the wrong place, such as a key
//! that was pasted as a host, hasn't the form of what belongs there.

/// The most bytes of a name in PostgreSQL.
const LONGEST_NAME: usize = 63;

/// The most bytes of a host's name (RFC 1035), and of what stands between two of its dots.
const LONGEST_HOST: usize = 253;
const LONGEST_LABEL: usize = 63;

/// How keys and tokens begin that are pasted into the wrong place.
const KEYS: [&str; 4] = ["eyJ", "sb_", "sbp_", "ghp_"];

fn is_like_a_key(text: &str) -> bool {
    KEYS.iter().any(|key| text.starts_with(key))
}

/// Whether a text has the form of a name of a role, database, schema or parameter: letters, digits, `_`, and inside of it
/// `-`, `.` and `$`.
pub(super) fn is_name(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b'$');
    text.len() <= LONGEST_NAME
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(is_inner)
        && !is_like_a_key(text)
}

/// A name that has the form of one.
pub(super) fn shown_name(name: &str) -> Option<&str> {
    is_name(name).then_some(name)
}

/// Whether a text has the form of a host's name or of an IP address.
pub(super) fn is_host(text: &str) -> bool {
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    text.len() <= LONGEST_HOST
        && text.bytes().all(is_inner)
        && text.split('.').all(|label| label.len() <= LONGEST_LABEL)
        && !is_like_a_key(text)
}

/// The most characters that are repeated of what another party says.
const LONGEST_LINE: usize = 200;

/// The beginning of a text, on one line and without what a terminal would obey.
pub(super) fn line(text: &str) -> String {
    cut(text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }), LONGEST_LINE)
}

/// The first so many characters, with `…` for those behind them.
pub(super) fn cut(letters: impl IntoIterator<Item = char>, most: usize) -> String {
    let mut letters = letters.into_iter();
    let mut beginning: String = letters.by_ref().take(most).collect();
    if letters.next().is_some() {
        beginning.push('…');
    }
    beginning
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_hosts_have_their_forms_and_keys_are_neither() {
        for name in ["app", "_a", "my.role-2", "a$b"] {
            assert!(is_name(name), "{name}");
        }
        for other in ["", "2fast", "p@ss", "a b", "sbp_0123", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln"] {
            assert!(!is_name(other), "{other}");
        }
        for host in ["localhost", "127.0.0.1", "fe80::1", "db_1", "a-b.example.com."] {
            assert!(is_host(host), "{host}");
        }
        let long = format!("{}.example.com", "a".repeat(64));
        for other in ["p@ss", "/tmp", "sb_secret_1", "eyJhbGciOiJIUzI1NiJ9.e30.c2ln", &long] {
            assert!(!is_host(other), "{other}");
        }
    }

    #[test]
    fn a_text_that_is_cut_says_so() {
        assert_eq!(cut("äbc".chars(), 3), "äbc");
        assert_eq!(cut("äbcd".chars(), 3), "äbc…");
    }
}
