//! A pooler before the server, and whether it keeps a session for its client.

use std::time::Duration;

use super::cause::Cause;
use super::finding::Finding;
use super::seat::Seat;
use crate::clock;
use crate::config::PoolMode;
use crate::conn::pooling::Pooling;
use crate::conn::{share_processes, steps};
use crate::supabase::Endpoint;

/// How long a second login, and then the questions of both connections, may take. A pooler in session mode may keep the
/// second one waiting.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was found out.
#[derive(Default)]
pub(super) struct Pooler {
    pub(super) finding: Option<Finding>,
    pub(super) note: Option<String>,
    /// Passwords and proofs that the second login has cost.
    pub(super) proofs: u32,
}

impl Pooler {
    fn of_transactions(seat: &Seat<'_>, seen: String) -> Pooler {
        let finding = Finding::new(Cause::TransactionMode).with("place", seat.place.shown()).seen(seen);
        Pooler { finding: Some(finding), ..Pooler::default() }
    }
}

/// Looks for a pooler in transaction mode, unless the caller knows of it. `process` has answered on the session, and
/// `then` a few transactions later.
pub(super) async fn look(seat: &Seat<'_>, process: Option<i32>, then: Option<i32>) -> Pooler {
    let place = seat.place;
    if place.settings.pool_mode == Some(PoolMode::Transaction) {
        return Pooler::default();
    }
    let by_address = PoolMode::at(&place.host, place.port).filter(|_| place.way().is_supabase());
    match by_address {
        Some(PoolMode::Transaction) => {
            let port = place.port;
            return Pooler::of_transactions(seat, format!("Port {port} of Supabase's hosts is in transaction mode."));
        }
        Some(PoolMode::Session) => return Pooler::default(),
        None => {}
    }
    let connection = seat.session.connection();
    let Some(process) = process.filter(|process| *process != connection.backend_key().0) else {
        return Pooler::default();
    };
    if then.is_some_and(|then| then != process) {
        let seen = "One connection has met two server processes, one transaction after the other.";
        return Pooler::of_transactions(seat, seen.into());
    }
    if Endpoint::of(&place.host).is_some() {
        // Another login takes one of the few places of session mode.
        let note = "The port isn't one of Supabase's own, so that the pooler's mode isn't known.";
        return Pooler { note: Some(note.into()), ..Pooler::default() };
    }
    let is_guessed = PoolMode::at(&place.host, place.port).is_some();
    if connection.pooling() == Pooling::Transaction && !is_guessed {
        return Pooler::of_transactions(
            seat,
            format!("{} has shown before that it is in transaction mode.", place.shown()),
        );
    }
    if !seat.may_log_in {
        let note = "A pooler answers. Whether it is in transaction mode can't be told without another login, for which \
            no password may be sent.";
        return Pooler { note: Some(note.into()), ..Pooler::default() };
    }
    compare(seat, process).await
}

/// Logs in once more, and lets both connections meet their server processes.
async fn compare(seat: &Seat<'_>, process: i32) -> Pooler {
    let place = seat.place;
    let patience = PATIENCE.min(seat.left() / 3);
    let until = clock::now() + patience;
    let login = steps::log_in(seat.address, &place.host, &place.settings, seat.parameters, seat.ring, until);
    let login = login.await;
    let proofs = login.proofs;
    let Ok(other) = login.outcome else { return Pooler { proofs, note: Some(untold()), finding: None } };
    let both = share_processes(seat.session.connection(), process, other.connection());
    match clock::within(patience, both).await {
        Some(true) => {
            let seen = "Two connections have met each other's server processes, one transaction after the other.";
            Pooler { proofs, ..Pooler::of_transactions(seat, seen.into()) }
        }
        Some(false) => Pooler { proofs, ..Pooler::default() },
        None => Pooler { proofs, note: Some(untold()), finding: None },
    }
}

fn untold() -> String {
    "A pooler answers. It gave a second connection no session to compare, so that its mode can't be told; in session mode \
     it may have no server connection to spare."
        .into()
}
