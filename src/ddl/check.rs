//! What is refused before anything is sent.

use crate::error::{Error, ErrorKind, Outcome, texts};
use crate::sql;

/// The code of a script that is meant for psql.
pub const PSQL: &str = "PGFLEET_PSQL";

/// Refuses a script that the server would refuse, before anything is sent.
///
/// # Errors
/// `Refused` with SQLSTATE 25001 when a statement of the script can't run in a transaction.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html> calls it `active_sql_transaction`.
/// With the code [`PSQL`] when it has a command of psql's.
pub fn check(script: &str, in_transaction: bool) -> Result<(), Error> {
    let refused = |message: String, code: &str| {
        let error = Error::new(ErrorKind::Refused, message).with_code(code);
        Err(error.with_outcome(Outcome::NotApplied, Vec::new()))
    };
    // No other script can have one.
    if script.contains('\\')
        && let Err(command) = sql::split(script)
    {
        let line = 1 + script.get(..command.start).unwrap_or_default().matches('\n').count();
        return refused(texts::psql_command(&command.name, line), PSQL);
    }
    match sql::outside_transaction(script).filter(|_| in_transaction) {
        None => Ok(()),
        Some(statement) => refused(texts::outside_transaction(statement.name), "25001"),
    }
}

/// Whether data for a COPY stands in a script.
pub fn has_copy_data(script: &str) -> bool {
    sql::statements(script).any(|statement| statement.copy_data.is_some())
}
