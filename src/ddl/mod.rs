//! What happens to a DDL script before it is sent.

use crate::conn::request::Message;
use crate::conn::{Reply, Request};
use crate::error::{Error, ErrorKind};
use crate::pool::Work;
use crate::sql;

/// How a script runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Between BEGIN and COMMIT, in one round trip; a failure leaves nothing behind.
    InTransaction,
    /// As it is, in one simple Query.
    AsItIs,
}

/// The work of running `script` on a connection of the pool's choice.
///
/// # Errors
/// As [`request`].
pub fn work(script: String, mode: Mode, reply: Reply) -> Result<Work, (Reply, Error)> {
    request(script, mode, reply).map(|request| Work::Request { request, retire: false })
}

/// The request that runs `script`.
///
/// # Errors
/// `Config` with SQLSTATE 25001 when a statement of the script can't run in a transaction; nothing is sent then.
/// <https://www.postgresql.org/docs/current/errcodes-appendix.html> calls it `active_sql_transaction`.
pub fn request(script: String, mode: Mode, reply: Reply) -> Result<Request, (Reply, Error)> {
    let message = match mode {
        Mode::AsItIs => Message::Simple(script.into()),
        Mode::InTransaction => match sql::outside_transaction(&script) {
            Some(statement) => return Err((reply, refused(statement.name))),
            None => Message::Transaction(script),
        },
    };
    Ok(Request { message, reply, may_prepare: false, known: None })
}

fn refused(name: &str) -> Error {
    let message = format!(
        "{name} cannot run inside a transaction block, so nothing was sent. \
         Run it by itself with executeDDL(sql, false)."
    );
    Error::new(ErrorKind::Refused, message).with_code("25001")
}
