//! A connection string in the form of a URL, as far as the doctor takes it apart by itself: it may be one that no parser
//! takes.

/// A URL in the parts that matter here.
struct Parts<'a> {
    /// All before the last `@` that can stand before a host.
    login: &'a str,
    /// What a parser takes for the authority.
    authority: &'a str,
    rest: &'a str,
}

fn parts(url: &str) -> Option<Parts<'_>> {
    let (scheme, behind) = url.split_once("://")?;
    if !scheme.to_ascii_lowercase().starts_with("postgres") {
        return None;
    }
    let end = behind.find(['/', '?', '#']).unwrap_or(behind.len());
    let (authority, rest) = behind.split_at_checked(end)?;
    // A query's values may have an @ of their own.
    let before_query =
        rest.split_once('?').map_or(behind, |(path, _)| behind.get(..authority.len() + path.len()).unwrap_or(behind));
    let at = before_query.rfind('@').or_else(|| behind.rfind('@'))?;
    Some(Parts { login: behind.get(..at)?, authority, rest })
}

/// A character that ends the authority stands in the login: what a parser may take for the host then is a part of the
/// password, and what it takes for the database, too.
pub(super) const ENDS_EARLY: &str = "has a /, ? or # before the host";

/// User and password, as they stand there.
pub(super) fn login(url: &str) -> Option<&str> {
    Some(parts(url)?.login)
}

/// What shows that its user or password has characters that have to be encoded, as what the string has.
pub(super) fn unencoded(url: &str) -> Option<&'static str> {
    let Parts { login, authority, rest } = parts(url)?;
    let path = rest.split_once('?').map_or(rest, |(path, _)| path);
    let ends_early = login.len() > authority.len() || (!authority.contains('@') && rest.contains('@'));
    if has_bad_escape(login) {
        Some("has a % that no two hexadecimal digits follow")
    } else if ends_early || path.contains('@') {
        Some(ENDS_EARLY)
    } else if login.contains('@') {
        Some("has more than one @")
    } else {
        None
    }
}

fn has_bad_escape(text: &str) -> bool {
    let is_hex = |part: Option<&str>| part.is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    text.match_indices('%').any(|(at, _)| !is_hex(text.get(at + 1..at + 3)))
}

/// What its parameter `sslmode` says.
pub(super) fn sslmode(url: &str) -> Option<&str> {
    let mode = url.split(['?', '&', ' ']).find_map(|pair| pair.strip_prefix("sslmode="))?;
    mode.split('#').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reserved_characters_are_seen_and_encoded_ones_are_not() {
        for url in [
            "postgres://u:p%40ss@h/d",
            "postgresql://u:p@h:5432/d?options=-c%20a=b@c",
            "postgres://h/d",
            "postgres://[::1]:5432/d",
        ] {
            assert_eq!(unencoded(url), None, "{url}");
        }
        for (url, sign) in [
            ("postgres://u:p@ss@h/d", "more than one @"),
            ("postgres://u:p#s@h/d", "before the host"),
            ("postgres://u:p/s@h/d", "before the host"),
            ("postgres://u:p?s@h/d", "before the host"),
            ("postgres://u:p%s@h/d", "hexadecimal"),
            ("postgres://u:p%zz@h/d", "hexadecimal"),
        ] {
            assert!(unencoded(url).is_some_and(|how| how.contains(sign)), "{url}");
        }
    }
}
