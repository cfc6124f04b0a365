//! A pool's connection for questions of this side's own.

use std::sync::Arc;

use super::handle::Pool;
use super::shared::{Borrower, Held, Lent, Shared, State};
use super::waiting::Work;
use crate::conn::inbox::Inbox;
use crate::conn::{Connection, Session, Sink};
use crate::error::{Error, texts};

/// A hold on a connection, which goes back to its pool with this. One that is in the middle of something is closed
/// instead, and what the server does for it is cancelled: a transaction that was left open would be committed by whoever
/// has the connection next.
pub struct Loan {
    connection: Connection,
    pool: Arc<Shared>,
    is_spoiled: bool,
    keeps_transaction: bool,
}

impl Loan {
    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Questions on it.
    pub fn session(&self) -> Session {
        Session::on(&self.connection)
    }

    /// A transaction that is open on it goes back with it: whoever began it has taken it on himself to end it.
    pub fn keep_transaction(&mut self) {
        self.keeps_transaction = true;
    }

    /// It shall be closed and not be used again.
    pub fn spoil(&mut self) {
        self.is_spoiled = true;
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        // In this order: what has just been answered has left its status.
        let is_busy = self.connection.load() > 0 || (self.connection.status() != b'I' && !self.keeps_transaction);
        if is_busy {
            self.connection.abandon();
        }
        let lent = {
            let mut state = self.pool.lock();
            match state.lent.get(&self.connection.id()) {
                Some(Lent { to: Borrower::Loan, .. }) => state.lent.remove(&self.connection.id()),
                _ => None,
            }
        };
        if let Some(lent) = lent {
            self.pool.take_back(lent.held, is_busy || self.is_spoiled);
        }
    }
}

impl Pool {
    /// Lends a connection to this side, in the same queue and under the same limits as everybody's. Its place in the
    /// queue is taken at once, and given up when the future is dropped.
    ///
    /// # Errors
    /// The pool is ending or full beyond `maxWaiting`, the wait was too long, or no connection could be made.
    pub fn lend(&self) -> impl Future<Output = Result<Loan, Error>> + Send + use<> {
        let inbox = Inbox::new();
        let reply = inbox.expect();
        let waiting = Waiting { pool: self.clone(), sink: inbox.id(), request: reply.request };
        // What comes for somebody who doesn't wait any more goes back with the batch that brings it.
        self.run(Work::Loan(reply), |_| {});
        async move {
            // All of it lives here, and not only the number.
            let waiting = waiting;
            let ended = inbox.ended(waiting.request).await;
            drop(waiting);
            match (ended.value.and_then(|value| value.downcast().ok()), ended.error) {
                (Some(loan), _) => Ok(*loan),
                (None, Some(error)) => Err(*error),
                (None, None) => Err(Error::closed(texts::NOTHING_LENT)),
            }
        }
    }
}

/// Leaves the queue when the one who waits in it goes away.
struct Waiting {
    pool: Pool,
    sink: u64,
    request: i32,
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.pool.forget(self.sink, self.request);
    }
}

impl Shared {
    pub(super) fn lend_to_loan(self: &Arc<Self>, state: &mut State, mut held: Held) -> Loan {
        held.uses += 1;
        // Nobody wanted to see a new client when it could have been shown.
        held.fresh = false;
        let connection = held.connection().clone();
        connection.set_depth(1);
        state.lent.insert(connection.id(), Lent { held, to: Borrower::Loan, gone: false });
        Loan { connection, pool: self.clone(), is_spoiled: false, keeps_transaction: false }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use super::*;
    use crate::clock;
    use crate::config::PoolSettings;
    use crate::conn::fake_server::{one_row, ready, start};

    /// A pool of one connection.
    fn pool() -> Pool {
        pool_in(b'I')
    }

    /// A pool of one connection, which is in this transaction status behind every answer.
    fn pool_in(status: u8) -> Pool {
        let server = start(move |_, _| Some([one_row("a"), ready(status)].concat()));
        Pool::new(server, PoolSettings::of_one())
    }

    /// Whether it is still waiting once everything else has had its turn.
    async fn waits(future: impl Future) -> bool {
        clock::within(Duration::from_millis(20), future).await.is_none()
    }

    #[tokio::test]
    async fn a_connection_goes_back_and_is_lent_again() {
        let pool = pool();
        let loan = pool.lend().await.unwrap();
        let id = loan.connection().id();
        assert_eq!(loan.session().simple("SELECT 'a'").await.unwrap().len(), 1);
        drop(loan);
        assert_eq!(pool.lend().await.unwrap().connection().id(), id);
    }

    #[tokio::test]
    async fn a_spoilt_one_is_not_lent_again() {
        let pool = pool();
        let mut loan = pool.lend().await.unwrap();
        let id = loan.connection().id();
        loan.spoil();
        drop(loan);
        assert_ne!(pool.lend().await.unwrap().connection().id(), id);
    }

    #[tokio::test]
    async fn one_that_is_left_in_a_transaction_is_not_lent_again_unless_that_is_wanted() {
        let pool = pool_in(b'T');
        let loan = pool.lend().await.unwrap();
        let id = loan.connection().id();
        loan.session().simple("BEGIN").await.unwrap();
        drop(loan);
        let mut loan = pool.lend().await.unwrap();
        let other = loan.connection().id();
        assert_ne!(other, id);
        loan.session().simple("BEGIN").await.unwrap();
        loan.keep_transaction();
        drop(loan);
        assert_eq!(pool.lend().await.unwrap().connection().id(), other);
    }

    #[tokio::test]
    async fn those_who_wait_are_served_in_their_order_but_for_those_who_went_away() {
        let pool = pool();
        let loan = pool.lend().await.unwrap();
        let (gone, mut first, mut second) = (pool.lend(), pin!(pool.lend()), pin!(pool.lend()));
        assert!(waits(first.as_mut()).await);
        drop(gone);
        drop(loan);
        let loan = first.await.unwrap();
        assert!(waits(second.as_mut()).await);
        drop(loan);
        second.await.unwrap();
    }

    #[tokio::test]
    async fn one_that_came_for_somebody_who_went_away_is_lent_to_the_next() {
        let pool = pool();
        let lending = pool.lend();
        clock::sleep(Duration::from_millis(20)).await;
        drop(lending);
        pool.lend().await.unwrap();
    }

    #[tokio::test]
    async fn a_pool_that_ends_serves_those_who_waited_before_and_nobody_else() {
        let pool = pool();
        let loan = pool.lend().await.unwrap();
        let waiting = pool.lend();
        let inbox = Inbox::new();
        let reply = inbox.expect();
        let end = reply.request;
        pool.end(Some(reply));
        assert!(pool.lend().await.is_err());
        drop(loan);
        drop(waiting.await.unwrap());
        inbox.ended(end).await;
    }
}
