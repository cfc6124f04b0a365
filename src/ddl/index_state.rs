//! The state of an index that is to be built, and the remains of earlier tries.
//!
//! CREATE INDEX CONCURRENTLY that fails leaves an invalid index, which IF NOT EXISTS then takes for the wanted one; and
//! REINDEX CONCURRENTLY leaves copies whose names end in `_ccnew` or `_ccold`.

use crate::conn::Session;
use crate::error::{Error, ErrorKind, texts};
use crate::sql::{ConcurrentIndex, Reindexed, quote_identifier, quote_literal};
use crate::wire::ResultSet;

/// The state of an index by its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum IndexState {
    /// No such index, or none that matters here; the server decides.
    Absent,
    /// The same one, and it is valid.
    Valid,
    /// The same one, left by an earlier try: the statement that drops it.
    Invalid(String),
    /// The same one, which another process is building.
    Building,
}

impl IndexState {
    /// Looks an index up. Each transaction for that begins with `lead`, which has BEGIN in it and may set limits: to
    /// tell a definition the server locks the table, if only against those who change it.
    ///
    /// # Errors
    /// Code 42P07 when the name stands for another index, and the server's for a lock that was not had.
    pub(super) async fn of(index: &ConcurrentIndex<'_>, session: &Session, lead: &str) -> Result<IndexState, Error> {
        let sets = in_transaction(session, &format!("{lead}; {}; COMMIT", look_up(index))).await?;
        let Some(found) = definition_in(&sets).filter(|set| !set.rows.is_empty()) else {
            return Ok(IndexState::Absent);
        };
        let value = |column| found.value(column).unwrap_or_default();
        let (definition, name) = (value(0), value(1));
        if value(2) != "t" {
            return Err(other(texts::index_of_another_table(name, definition)));
        }
        let wanted = match wanted(index, session, lead).await {
            Ok(wanted) => wanted,
            // What has to do with time says nothing about the index.
            Err(error) if error.code.as_deref().is_some_and(|code| ENDED_WAITS.contains(&code)) => return Err(error),
            Err(error) => {
                return Err(other(texts::index_not_comparable(name, definition, &error)));
            }
        };
        if essence(definition) != essence(&wanted) {
            return Err(other(texts::index_of_another_definition(name, definition)));
        }
        Ok(match (value(3) == "t", value(4) == "t") {
            (true, _) => IndexState::Valid,
            (false, true) => IndexState::Building,
            (false, false) => IndexState::Invalid(format!("DROP INDEX CONCURRENTLY {name}")),
        })
    }
}

fn look_up(index: &ConcurrentIndex<'_>) -> String {
    format!(
        "SELECT pg_catalog.pg_get_indexdef(c.oid) AS definition, \
         pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname), i.indrelid = t.oid, i.indisvalid, \
         EXISTS (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p WHERE p.index_relid = c.oid) \
         FROM pg_catalog.pg_class t JOIN pg_catalog.pg_class c ON c.relnamespace = t.relnamespace \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         JOIN pg_catalog.pg_index i ON i.indexrelid = c.oid \
         WHERE t.oid = pg_catalog.to_regclass({}) AND c.relname = {}",
        quote_literal(index.table),
        quote_literal(&index.name)
    )
}

/// The definition as the server words it: of the same index on an empty table of the same columns, which is dropped
/// again at once.
async fn wanted(index: &ConcurrentIndex<'_>, session: &Session, lead: &str) -> Result<String, Error> {
    let temporary = format!("pg_temp.{}", quote_identifier(&index.table_name));
    let on_temporary = index.on(&temporary);
    let name = format!("pg_temp.{}", quote_identifier(&index.name));
    let text = format!(
        "{lead}; CREATE TEMPORARY TABLE {temporary} (LIKE {}); {on_temporary}; \
         SELECT pg_catalog.pg_get_indexdef({}::pg_catalog.regclass) AS definition; ROLLBACK",
        index.table,
        quote_literal(&name)
    );
    let sets = in_transaction(session, &text).await?;
    let definition = definition_in(&sets).and_then(|set| set.value(0)).map(str::to_owned);
    definition.ok_or_else(|| Error::protocol(texts::DEFINITION_NOT_TOLD))
}

/// Runs a transaction from its BEGIN to its end, and leaves none behind.
async fn in_transaction(session: &Session, text: &str) -> Result<Vec<ResultSet>, Error> {
    let answer = session.ask(text).answer().await;
    if matches!(session.status(), b'T' | b'E') {
        session.simple("ROLLBACK").await?;
    }
    answer.all()
}

fn definition_in(sets: &[ResultSet]) -> Option<&ResultSet> {
    sets.iter().find(|set| set.columns.first().is_some_and(|column| column == "definition"))
}

/// Codes of a lock that was not had, a deadlock, a statement that was ended, a lost connection's process.
const ENDED_WAITS: [&str; 4] = ["55P03", "40P01", "57014", "57P01"];

/// The part of a definition that doesn't depend on names: whether it is unique, and all from USING on.
fn essence(definition: &str) -> (bool, &str) {
    let tail = definition.split_once(" USING ").map_or(definition, |(_, tail)| tail);
    (definition.starts_with("CREATE UNIQUE"), tail)
}

fn other(message: String) -> Error {
    Error::new(ErrorKind::Refused, message).with_code("42P07")
}

/// The statements that drop what earlier tries of a REINDEX CONCURRENTLY have left.
///
/// # Errors
/// The server can't be asked.
pub(super) async fn leftovers(reindexed: &Reindexed<'_>, session: &Session) -> Result<Vec<String>, Error> {
    let scope = match reindexed {
        Reindexed::Index(name) => format!(
            "i.indrelid = (SELECT o.indrelid FROM pg_catalog.pg_index o WHERE o.indexrelid = pg_catalog.to_regclass({}))",
            quote_literal(name)
        ),
        Reindexed::Table(name) => format!("i.indrelid = pg_catalog.to_regclass({})", quote_literal(name)),
        Reindexed::Schema(name) => format!("n.nspname = {}", quote_literal(name)),
        Reindexed::Database => "true".to_owned(),
    };
    let question = format!(
        "SELECT pg_catalog.quote_ident(n.nspname) || '.' || pg_catalog.quote_ident(c.relname) \
         FROM pg_catalog.pg_index i JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid \
         JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
         WHERE NOT i.indisvalid AND c.relkind = 'i' AND c.relname ~ '_cc(new|old)[0-9]*$' \
         AND n.nspname !~ '^pg_(toast|catalog)' AND {scope} AND NOT EXISTS \
         (SELECT 1 FROM pg_catalog.pg_stat_progress_create_index p WHERE p.relid = i.indrelid)"
    );
    let sets = session.simple(&question).await?;
    let names = sets.first().into_iter().flat_map(|set| &set.rows).filter_map(|row| row.first()?.as_deref());
    Ok(names.map(|name| format!("DROP INDEX CONCURRENTLY IF EXISTS {name}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_do_not_make_a_definition_another_one() {
        let definition = |text: &'static str| essence(text);
        assert_eq!(
            definition("CREATE INDEX i ON public.t USING btree (a)"),
            definition("CREATE INDEX i ON pg_temp_3.t USING btree (a)")
        );
        assert_ne!(
            definition("CREATE UNIQUE INDEX i ON public.t USING btree (a)"),
            definition("CREATE INDEX i ON public.t USING btree (a)")
        );
    }
}
