//! Startup parameters that were asked for, held against what the session has.

use super::cause::Cause;
use super::finding::Finding;
use super::place::Place;
use super::plain::shown_name;
use super::search_path;
use crate::conn::session::Question;
use crate::conn::{Request, Session};
use crate::error::Error;
use crate::supabase::Startup;
use crate::wire::ResultSet;

/// The value that a parameter has, and the form that the asked one takes. That is set for this statement alone, and
/// nothing is left of it behind.
const QUESTION: &str = "SELECT pg_catalog.current_setting($1, true), pg_catalog.set_config($1, $2, true)";

/// What the shared pooler reads in `options` for itself.
const POOLERS_OWN: [&str; 3] = ["reference", "jit", "log_level"];

/// They say what kind of connection it is.
const NO_SETTINGS: [&str; 4] = ["replication", "options", "user", "database"];

/// The most that are looked at.
const MOST: usize = 30;

/// The settings that a connection with these startup parameters asks for: name and value.
pub(super) fn of(place: &Place, parameters: &[(String, String)]) -> Vec<(String, String)> {
    let is_pooler = place.way().is_pooler();
    let is_options = |name: &str| name.eq_ignore_ascii_case("options");
    let (options, direct): (Vec<_>, Vec<_>) = parameters.iter().cloned().partition(|(name, _)| is_options(name));
    let in_options = Startup::bare(&options).set;
    let in_options = in_options.into_iter().filter(|(name, _)| !is_pooler || !POOLERS_OWN.contains(&name.as_str()));
    let mut asked: Vec<(String, String)> = Vec::new();
    // A parameter of its own wins over the same one in `options`, and the last one of several.
    for (name, value) in in_options.chain(direct) {
        if name.starts_with("_pq_.") || NO_SETTINGS.iter().any(|known| known.eq_ignore_ascii_case(&name)) {
            continue;
        }
        asked.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
        asked.push((name, value));
    }
    asked.truncate(MOST);
    asked
}

/// The question what the session has in the place of one of them.
///
/// # Errors
/// It has a byte in it that no setting can have.
pub(super) fn question(session: &Session, (name, value): &(String, String)) -> Result<(Request, Question), Error> {
    session.joint_question(&[(QUESTION, &[Some(name), Some(value)])])
}

/// The finding where the session has something else.
pub(super) fn finding((name, wanted): &(String, String), answer: &ResultSet) -> Option<Finding> {
    let meant = answer.value(1)?;
    let had = answer.value(0);
    if had.is_some_and(|had| is_same(name, had, meant)) {
        return None;
    }
    let shown = shown_name(name).unwrap_or("a parameter with an unusual name");
    let finding = Finding::new(Cause::ParameterDropped).with("parameter", shown);
    let said = (plain_value(name, wanted), had.and_then(|had| plain_value(name, had)));
    Some(match said {
        (Some(wanted), Some(had)) => finding
            .with("wanted", wanted)
            .with("had", had)
            .seen(format!("{shown} was asked for as {wanted} when the connection began, and is {had}.")),
        _ => finding.seen(format!("{shown} doesn't have the value that was asked for when the connection began.")),
    })
}

/// Whether a session that has `had` has got what was `meant`.
fn is_same(name: &str, had: &str, meant: &str) -> bool {
    match name.to_ascii_lowercase().as_str() {
        // Poolers add where the client is.
        "application_name" => had.contains(meant),
        "search_path" => search_path::names(had) == search_path::names(meant),
        _ => had.eq_ignore_ascii_case(meant),
    }
}

/// A value that may be repeated. What a program has called a parameter of its own may hold anything.
fn plain_value<'a>(name: &str, value: &'a str) -> Option<&'a str> {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "_-+/., ".contains(character);
    let is_short = (1..=40).contains(&value.len());
    let is_known = shown_name(name).is_some_and(|name| !name.contains('.'));
    (is_known && is_short && value.chars().all(is_plain)).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, wanted: &str, had: Option<&str>, meant: &str) -> Option<Finding> {
        let rows = vec![vec![had.map(str::to_owned), Some(meant.to_owned())]];
        finding(&(name.into(), wanted.into()), &ResultSet { columns: Vec::new(), rows, tag: String::new() })
    }

    #[test]
    fn the_same_in_another_form_was_not_dropped() {
        for (name, wanted, had, meant) in [
            ("statement_timeout", "5000", "5s", "5s"),
            ("client_encoding", "UTF8", "UTF8", "UTF8"),
            ("application_name", "app", "app - 127.0.0.1:4711", "app"),
            ("search_path", "a,b", r#"a, "b""#, "a,b"),
        ] {
            assert_eq!(found(name, wanted, Some(had), meant), None, "{name}");
        }
    }

    #[test]
    fn another_value_or_none_was_dropped() {
        let other = found("statement_timeout", "5000", Some("0"), "5s").unwrap();
        let facts = (other.fact("parameter"), other.fact("wanted"), other.fact("had"));
        assert_eq!(facts, (Some("statement_timeout"), Some("5000"), Some("0")));
        assert!(found("geqo", "off", None, "off").is_some());
    }

    #[test]
    fn a_value_that_may_be_a_secret_is_not_repeated() {
        for (name, wanted) in [("app.token", "abc"), ("application_name", "p@ss!word"), ("x y", "vvv1")] {
            let found = found(name, wanted, Some("other"), wanted).unwrap();
            let said = format!("{:?}", (&found.evidence, &found.facts));
            assert!(!said.contains(wanted) && !said.contains("x y"), "{said}");
        }
    }
}
