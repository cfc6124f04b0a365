//! Checks that refuse a script before anything is sent.

use crate::error::{Error, ErrorKind, Outcome, texts};
use crate::sql;

/// Refuses a script that the server would refuse, before anything is sent.
///
/// # Errors
/// `Refused` with SQLSTATE 25001 when a statement of the script can't run in a transaction.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html> calls it `active_sql_transaction`.
/// With the code `PGFLEET_PSQL` when it has a command of psql's.
pub fn check(script: &str, in_transaction: bool) -> Result<(), Error> {
    let refused = |error: Error| Err(error.with_outcome(Outcome::NotApplied, Vec::new()));
    // No other script can have one.
    if script.contains('\\')
        && let Err(command) = sql::split(script)
    {
        return refused(command.to_error(script));
    }
    if in_transaction && let Some(statement) = sql::outside_transaction(script) {
        let message = texts::outside_transaction(statement.name);
        return refused(Error::new(ErrorKind::Refused, message).with_code("25001"));
    }
    Ok(())
}

/// Whether data for a COPY stands in a script.
pub fn has_copy_data(script: &str) -> bool {
    // No other script can have any.
    script.contains('\\') && sql::statements(script).any(|statement| statement.copy_data.is_some())
}
