//! A script on a connection that a pooler in transaction mode has lent: it may leave nothing in its session.

use std::borrow::Cow;

use super::order::{Commit, Mode, Order};
use super::piece::Plan;
use crate::conn::Connection;
use crate::conn::pooling::{Pooling, refused};
use crate::error::{Error, Outcome};
use crate::sql::{self, SessionNeed, SessionUse};

/// The order as it can be carried out on this connection. What a script sets for its session is undone in the
/// transaction that sets it, so its COMMIT has to wait for that.
///
/// # Errors
/// The script would leave something to other clients of the pooler. Nothing was sent of it.
pub(super) async fn fit<'a>(order: &'a Order, connection: &Connection) -> Result<Cow<'a, Order>, Error> {
    if connection.pooling() == Pooling::Session {
        return Ok(Cow::Borrowed(order));
    }
    let uses = sql::session_uses(order.text());
    if uses.is_empty() || connection.ask_pooling().await != Pooling::Transaction {
        return Ok(Cow::Borrowed(order));
    }
    match uses.into_iter().find(|found| !can_be_undone(*found, order)) {
        Some(found) => Err(refused(found).with_outcome(Outcome::NotApplied, Vec::new())),
        None => Ok(Cow::Owned(Order { undoes_settings: true, commit: Commit::Confirmed, ..order.clone() })),
    }
}

/// Settings can be undone where one transaction is all that they were made for.
fn can_be_undone(found: SessionUse, order: &Order) -> bool {
    found.need == SessionNeed::Setting
        && order.mode != Mode::AsItIs
        && !sql::has_transaction_control(order.text())
        && is_one_transaction(order)
}

/// Whether parts of the script would miss what others have set for the session.
pub(super) fn must_be_one(order: &Order, connection: &Connection) -> bool {
    connection.pooling() == Pooling::Transaction && !sql::session_uses(order.text()).is_empty()
}

fn is_one_transaction(order: &Order) -> bool {
    let plan = Plan::of(&order.body, order.mode);
    plan.pieces.len() == 1 && plan.pieces.iter().all(|piece| piece.in_transaction)
}
