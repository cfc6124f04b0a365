//! What is refused before anything is sent.

use crate::error::{Error, ErrorKind, Outcome, texts};
use crate::sql;

/// Refuses a script that the server would refuse, before anything is sent.
///
/// # Errors
/// `Refused` with SQLSTATE 25001 when a statement of the script can't run in a transaction.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html> calls it `active_sql_transaction`.
pub fn check(script: &str, in_transaction: bool) -> Result<(), Error> {
    match sql::outside_transaction(script).filter(|_| in_transaction) {
        None => Ok(()),
        Some(statement) => {
            let error = Error::new(ErrorKind::Refused, texts::outside_transaction(statement.name)).with_code("25001");
            Err(error.with_outcome(Outcome::NotApplied, Vec::new()))
        }
    }
}
