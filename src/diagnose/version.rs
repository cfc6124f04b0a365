//! Which server it is.

use super::cause::Cause;
use super::finding::Finding;

/// The oldest that is supported.
const OLDEST: u32 = 13;

/// Since this one only a database's owner may create anything in its schema `public`, unless it is granted.
const PUBLIC_IS_CLOSED: u32 = 15;

/// A version of PostgreSQL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Version {
    major: u32,
    /// The second number, which belonged to the name before version 10.
    minor: u32,
}

impl Version {
    /// From `server_version_num`.
    pub(super) fn numbered(number: &str) -> Option<Version> {
        let number: u32 = number.parse().ok().filter(|number| *number >= 10_000)?;
        let minor = if number >= 100_000 { number % 10_000 } else { number / 100 % 100 };
        Some(Version { major: number / 10_000, minor })
    }

    /// From `server_version`: `17.2 (Debian 17.2-1)`, `9.6.24`, `18beta1`. A pooler's own console has its own version,
    /// with a word behind a slash.
    pub(super) fn reported(text: &str) -> Option<Version> {
        let text = text.split_whitespace().next()?;
        if text.contains('/') {
            return None;
        }
        let mut numbers = text.split('.').map(|part| part.trim_end_matches(|end: char| !end.is_ascii_digit()));
        let major = leading(numbers.next()?)?;
        Some(Version { major, minor: numbers.next().and_then(leading).unwrap_or(0) })
    }

    fn is_too_old(self) -> bool {
        self.major < OLDEST
    }

    /// Whether nobody but its owner may create anything in `public` unless it is granted.
    pub(super) fn closes_public(self) -> bool {
        self.major >= PUBLIC_IS_CLOSED
    }

    fn shown(self) -> String {
        format!("PostgreSQL {}.{}", self.major, self.minor)
    }

    /// What is to be said of it.
    pub(super) fn finding(self, place: &str) -> Option<Finding> {
        self.is_too_old().then(|| {
            let version = self.shown();
            Finding::new(Cause::ServerTooOld)
                .with("place", place)
                .with("version", &version)
                .with("oldest", OLDEST.to_string())
                .seen(format!("The server at {place} says that it is {version}."))
        })
    }
}

fn leading(text: &str) -> Option<u32> {
    let end = text.find(|character: char| !character.is_ascii_digit()).unwrap_or(text.len());
    text.get(..end)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_as_servers_report_it() {
        for (text, version) in [
            ("9.6", Some((9, 6))),
            ("9.6.24", Some((9, 6))),
            ("12.22", Some((12, 22))),
            ("17.2 (Debian 17.2-1.pgdg120+1)", Some((17, 2))),
            ("18beta1", Some((18, 0))),
            ("19devel", Some((19, 0))),
            ("1.18.0/bouncer", None),
            ("", None),
            ("new", None),
        ] {
            let read = Version::reported(text).map(|version| (version.major, version.minor));
            assert_eq!(read, version, "{text}");
        }
    }

    #[test]
    fn its_number_has_two_forms() {
        for (number, shown) in
            [("90624", "PostgreSQL 9.6"), ("120022", "PostgreSQL 12.22"), ("170004", "PostgreSQL 17.4")]
        {
            assert_eq!(Version::numbered(number).map(Version::shown).as_deref(), Some(shown));
        }
        for other in ["1", "", "17", "t"] {
            assert_eq!(Version::numbered(other), None, "{other}");
        }
    }

    #[test]
    fn what_is_older_than_supported_is_said() {
        let is_said = |text| Version::reported(text).and_then(|version| version.finding("db:5432")).is_some();
        assert!(is_said("9.6") && is_said("12.9"));
        assert!(!is_said("13.0") && !is_said("17.2"));
    }
}
