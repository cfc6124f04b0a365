//! The schemas in which names are looked up.

use super::cause::Cause;
use super::finding::Finding;
use super::plain::shown_name;
use crate::wire::ResultSet;

/// The setting, with each schema whose name may be in it and whether the role may use that.
pub(super) const QUESTION: &str = "SELECT s.path, n.nspname, pg_catalog.has_schema_privilege(n.oid, 'USAGE') \
    FROM (SELECT pg_catalog.current_setting('search_path') AS path) s LEFT JOIN pg_catalog.pg_namespace n \
    ON pg_catalog.strpos(pg_catalog.lower(pg_catalog.replace(s.path, '\"\"', '\"')), \
    pg_catalog.lower(n.nspname::pg_catalog.text)) > 0 LIMIT 1000";

/// Schemas that are there for each session, or for none: their absence is no fault.
const ALWAYS_RIGHT: [&str; 2] = ["$user", ""];
const TEMPORARY: &str = "pg_temp";

/// What is to be said of the answer.
pub(super) fn finding(answer: &ResultSet) -> Option<Finding> {
    let path = answer.value(0)?;
    let is_known = |name: &str| {
        let mut rows = answer.rows.iter();
        rows.find_map(|row| match row.as_slice() {
            [_, Some(known), usable] if known == name => Some(usable.as_deref() == Some("t")),
            _ => None,
        })
    };
    let is_asked = |name: &String| !ALWAYS_RIGHT.contains(&name.as_str()) && !name.starts_with(TEMPORARY);
    let mut found: Option<Finding> = None;
    for name in names(path).into_iter().filter(is_asked) {
        let shown = shown_name(&name).unwrap_or("a schema with an unusual name");
        let seen = match is_known(&name) {
            Some(true) => continue,
            Some(false) => format!("search_path names {shown}, which this role may not use."),
            None => format!("search_path names {shown}, which isn't there."),
        };
        let finding = found.take().unwrap_or_else(|| Finding::new(Cause::SearchPath).with("schema", shown));
        found = Some(finding.seen(seen));
    }
    found
}

/// The names in a `search_path`, as PostgreSQL reads them: separated by commas, in small letters unless quoted.
pub(super) fn names(path: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut rest = path.chars().peekable();
    while rest.peek().is_some() {
        let mut name = String::new();
        let mut is_quoted = false;
        let mut was_quoted = false;
        while let Some(character) = rest.next() {
            match character {
                '"' if is_quoted && rest.peek() == Some(&'"') => name.extend(rest.next()),
                '"' => (is_quoted, was_quoted) = (!is_quoted, true),
                ',' if !is_quoted => break,
                blank if blank.is_whitespace() && !is_quoted => {}
                other if is_quoted => name.push(other),
                other => name.extend(other.to_lowercase()),
            }
        }
        if was_quoted || !name.is_empty() {
            names.push(name);
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(path: &str, known: &[(&str, &str)]) -> ResultSet {
        let row = |(name, usable): &(&str, &str)| [path, name, usable].map(|value| Some(value.to_owned())).to_vec();
        let mut rows: Vec<_> = known.iter().map(row).collect();
        if rows.is_empty() {
            rows.push(vec![Some(path.to_owned()), None, None]);
        }
        ResultSet { columns: Vec::new(), rows, tag: String::new() }
    }

    #[test]
    fn names_are_read_as_the_server_reads_them() {
        for (path, read) in [
            (r#""$user", public"#, &["$user", "public"][..]),
            (r#"App ,"App","a,b" , "say ""so""""#, &["app", "App", "a,b", r#"say "so""#]),
            (r#""""#, &[""]),
            ("", &[]),
            (" , ", &[]),
            (r#""unclosed"#, &["unclosed"]),
        ] {
            assert_eq!(names(path), read, "{path}");
        }
    }

    #[test]
    fn only_what_is_not_there_or_may_not_be_used_is_said() {
        let all = [("public", "t"), ("hidden", "f")];
        assert_eq!(finding(&answer(r#""$user", public, pg_temp, pg_temp_3, """#, &all)), None);
        assert_eq!(finding(&answer("", &[])), None);
        let found = finding(&answer("public, gone, hidden, Gone2", &all)).unwrap();
        assert_eq!((found.cause, found.fact("schema")), (Cause::SearchPath, Some("gone")));
        assert_eq!(found.evidence.len(), 3);
        assert!(finding(&answer("gone", &[])).is_some());
    }

    #[test]
    fn a_name_of_another_form_is_not_repeated() {
        let found = finding(&answer(r#""p@ss word!""#, &[])).unwrap();
        assert!(!format!("{found:?}").contains("p@ss"));
    }
}
