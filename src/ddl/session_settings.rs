//! What a script sets for its session, and how to undo it.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::progress::Steps;
use crate::conn::Session;
use crate::error::{Error, texts};
use crate::sql::{quote_identifier, quote_literal};
use crate::wire::ResultSet;

/// The settings that a session had before a script, so that they can be restored.
pub(super) struct Backup {
    /// Settings made by the script that the server doesn't list.
    unlisted: Vec<String>,
    before: OnceLock<SessionSettings>,
    steps: Steps,
}

impl Backup {
    pub(super) fn new(unlisted: Vec<String>, steps: Steps) -> Backup {
        Backup { unlisted, before: OnceLock::new(), steps }
    }

    /// Reads the settings.
    pub(super) fn question(&self) -> String {
        SessionSettings::question(&self.unlisted)
    }

    /// Keeps them, the first time. Returns those that were read now.
    ///
    /// # Errors
    /// The server has not answered the question.
    pub(super) fn keep(&self, sets: &[ResultSet]) -> Result<SessionSettings, Error> {
        let unread = || Error::protocol(texts::SETTINGS_NOT_TOLD);
        let now = SessionSettings::read(sets).ok_or_else(unread)?;
        let _ = self.before.set(now.clone());
        Ok(now)
    }

    /// The server process that had them.
    pub(super) fn pid(&self) -> Option<&str> {
        self.before.get().map(|before| before.pid.as_str())
    }

    /// Undoes what has been set since, but for `own` settings of the transaction that is open. False when the server
    /// refuses that, or can't be asked.
    pub(super) async fn restore(&self, session: &Session, own: &[(&str, String)]) -> bool {
        let Some(before) = self.before.get() else { return true };
        let Ok(sets) = session.simple(&self.question()).await else { return false };
        let Some(now) = SessionSettings::read(&sets) else { return false };
        // Settings of another server process are not this script's.
        if now.pid != before.pid {
            return true;
        }
        let statements = now.without(own).undo(before);
        if statements.is_empty() {
            return true;
        }
        self.steps.tell_changed();
        session.simple(&statements.join("; ")).await.is_ok()
    }
}

/// The settings of a session that differ from those that it began with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct SessionSettings {
    /// The server process. Behind a pooler it may be another one each time.
    pub(super) pid: String,
    /// None for one that the server doesn't know (any more).
    values: BTreeMap<String, Option<String>>,
}

impl SessionSettings {
    /// Asks for them; `unlisted` are those besides which `pg_settings` doesn't show.
    pub(super) fn question(unlisted: &[String]) -> String {
        let names: Vec<String> = unlisted.iter().map(|name| quote_literal(name)).collect();
        format!(
            "SELECT '' AS name, pg_catalog.pg_backend_pid()::pg_catalog.text AS setting \
             UNION ALL SELECT name, setting FROM pg_catalog.pg_settings WHERE source OPERATOR(pg_catalog.=) 'session' \
             UNION ALL SELECT name, pg_catalog.current_setting(name, true) \
             FROM pg_catalog.unnest(ARRAY[{}]::pg_catalog.text[]) AS name",
            names.join(", ")
        )
    }

    /// What the answer says.
    pub(super) fn read(sets: &[ResultSet]) -> Option<SessionSettings> {
        let set = sets.iter().find(|set| set.columns == ["name", "setting"])?;
        let mut settings = SessionSettings { pid: set.rows.first()?.get(1)?.clone()?, values: BTreeMap::new() };
        for row in set.rows.iter().skip(1) {
            if let [Some(name), value] = row.as_slice() {
                settings.values.insert(name.clone(), value.clone());
            }
        }
        Some(settings)
    }

    /// Ignores a setting of this value: Rust has set it, and it ends with its transaction.
    pub(super) fn without(mut self, own: &[(&str, String)]) -> SessionSettings {
        for (name, value) in own {
            if self.values.get(*name).is_some_and(|now| now.as_ref() == Some(value)) {
                self.values.remove(*name);
            }
        }
        self
    }

    /// The statements that turn these, later settings back into `before`.
    pub(super) fn undo(&self, before: &SessionSettings) -> Vec<String> {
        let names = self.values.keys().chain(before.values.keys().filter(|name| !self.values.contains_key(*name)));
        let changed = names.filter(|name| self.values.get(*name) != before.values.get(*name));
        // SET TRANSACTION is the transaction's, and ends with it.
        let undone = changed.filter(|name| !name.starts_with("transaction_"));
        let mut statements: Vec<(bool, String)> = undone
            .map(|name| {
                (name != "session_authorization", back(name, before.values.get(name).and_then(Option::as_deref)))
            })
            .collect();
        // The session's user first: the one that the script has set may lack the right to set the others.
        statements.sort_by_key(|(is_later, _)| *is_later);
        statements.into_iter().map(|(_, statement)| statement).collect()
    }
}

fn back(name: &str, value: Option<&str>) -> String {
    match (name, value) {
        ("role", None | Some("none")) => "RESET ROLE".to_owned(),
        ("role", Some(role)) => format!("SET ROLE {}", quote_identifier(role)),
        ("session_authorization", None) => "RESET SESSION AUTHORIZATION".to_owned(),
        ("session_authorization", Some(role)) => format!("SET SESSION AUTHORIZATION {}", quote_identifier(role)),
        (name, None) => {
            let parts: Vec<String> = name.split('.').map(quote_identifier).collect();
            format!("RESET {}", parts.join("."))
        }
        (name, Some(value)) => {
            format!("SELECT pg_catalog.set_config({}, {}, false)", quote_literal(name), quote_literal(value))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(values: &[(&str, Option<&str>)]) -> SessionSettings {
        let row = |(name, value): &(&str, Option<&str>)| vec![Some((*name).to_owned()), value.map(str::to_owned)];
        let rows = [("", Some("42"))].iter().chain(values).map(row).collect();
        let columns = vec!["name".to_owned(), "setting".to_owned()];
        SessionSettings::read(&[ResultSet { columns, rows, tag: String::new() }]).unwrap()
    }

    #[test]
    fn only_what_has_changed_is_undone() {
        let before = settings(&[("work_mem", Some("64")), ("search_path", Some("a")), ("app.user", None)]);
        let after = settings(&[
            ("work_mem", Some("64")),
            ("search_path", Some("")),
            ("row_security", Some("off")),
            ("app.user", Some("x")),
            ("transaction_isolation", Some("serializable")),
        ]);
        assert_eq!(before.pid, "42");
        assert_eq!(
            after.undo(&before),
            [
                "RESET \"app\".\"user\"",
                "RESET \"row_security\"",
                "SELECT pg_catalog.set_config('search_path', 'a', false)",
            ]
        );
        assert!(after.undo(&after.clone()).is_empty());
    }

    #[test]
    fn what_was_reset_is_set_again() {
        let before = settings(&[("search_path", Some("a"))]);
        assert_eq!(settings(&[]).undo(&before), ["SELECT pg_catalog.set_config('search_path', 'a', false)"]);
    }

    #[test]
    fn the_sessions_user_comes_before_settings_that_need_its_rights() {
        let before = settings(&[("role", Some("none")), ("session_authorization", Some("me"))]);
        let after = settings(&[("a", Some("1")), ("role", Some("x")), ("session_authorization", Some("y"))]);
        assert_eq!(after.undo(&before), ["SET SESSION AUTHORIZATION \"me\"", "RESET \"a\"", "RESET ROLE"]);
    }

    #[test]
    fn what_rust_has_set_is_not_the_scripts() {
        let own = [("lock_timeout", "500".to_owned())];
        assert_eq!(settings(&[("lock_timeout", Some("500"))]).without(&own), settings(&[]));
        let changed = settings(&[("lock_timeout", Some("0"))]);
        assert_eq!(changed.clone().without(&own), changed);
    }
}
