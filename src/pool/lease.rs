//! A pool's connection for queries of Rust's own.

use std::sync::Arc;

use super::handle::Pool;
use super::idle_connections::Held;
use super::shared::Shared;
use super::state::{Borrower, Lent, State};
use super::wait_queue::Work;
use crate::conn::inbox::Inbox;
use crate::conn::{Connection, Session, Sink};
use crate::error::{Error, texts};

/// A leased connection, which goes back to its pool when this is dropped. One that is busy is closed instead, and what
/// the server does for it is cancelled: an open transaction would be committed by the connection's next user.
pub struct Lease {
    connection: Connection,
    pool: Arc<Shared>,
    is_spoiled: bool,
    keeps_transaction: bool,
}

impl Lease {
    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Queries on it.
    pub fn session(&self) -> Session {
        Session::on(&self.connection)
    }

    /// The connection may go back with an open transaction: the caller that began it has to end it.
    pub fn keep_transaction(&mut self) {
        self.keeps_transaction = true;
    }

    /// It will be closed and not be used again.
    pub fn spoil(&mut self) {
        self.is_spoiled = true;
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        // In this order: a request that was just answered has set the status.
        let is_busy = self.connection.load() > 0 || (self.connection.status() != b'I' && !self.keeps_transaction);
        if is_busy {
            self.connection.abandon();
        }
        let mut state = self.pool.lock();
        if let Some(Lent { to: Borrower::Lease, .. }) = state.lent.get(&self.connection.id())
            && let Some(lent) = state.lent.remove(&self.connection.id())
        {
            self.pool.take_back(state, lent.held, is_busy || self.is_spoiled);
        }
    }
}

impl Pool {
    /// Leases a connection to Rust, in the same queue and under the same limits as any request. Its place in the queue
    /// is taken at once, and given up when the future is dropped.
    ///
    /// # Errors
    /// The pool is ending or full beyond `maxWaiting`, the wait was too long, or no connection could be made.
    pub fn lease(&self) -> impl Future<Output = Result<Lease, Error>> + Send + use<> {
        let inbox = Inbox::new();
        let reply = inbox.expect();
        let waiting = Waiting { pool: self.clone(), sink: inbox.id(), request: reply.request };
        // A lease that comes when the future was dropped goes back with the batch that brings it.
        self.run(Work::Lease(reply), |_| {});
        async move {
            // Captures all of it, and not only the number.
            let waiting = waiting;
            let ended = inbox.ended(waiting.request).await;
            drop(waiting);
            match (ended.value.and_then(|value| value.downcast().ok()), ended.error) {
                (Some(lease), _) => Ok(*lease),
                (None, Some(error)) => Err(*error),
                (None, None) => Err(Error::closed(texts::NOTHING_LENT)),
            }
        }
    }
}

/// A place in the queue, which is given up with this.
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
    pub(super) fn lend_to_lease(self: &Arc<Self>, state: &mut State, mut held: Held) -> Lease {
        held.uses += 1;
        // Without a client there is no 'connect' event, now or later.
        held.is_new = false;
        let connection = state.lend(held, Borrower::Lease);
        Lease { connection, pool: self.clone(), is_spoiled: false, keeps_transaction: false }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::time::Duration;

    use super::*;
    use crate::clock;
    use crate::config::PoolSettings;
    use crate::conn::scripted::{one_row, ready, start};

    /// A pool of one connection.
    fn pool() -> Pool {
        pool_in(b'I')
    }

    /// A pool of one connection, which is in this transaction status behind every answer.
    fn pool_in(status: u8) -> Pool {
        let server = start(move |_, _| Some([one_row("a"), ready(status)].concat()));
        Pool::new(server, PoolSettings::of_one())
    }

    /// Whether it is still waiting once all other tasks have run.
    async fn waits(future: impl Future) -> bool {
        clock::within(Duration::from_millis(20), future).await.is_none()
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_goes_back_and_is_lent_again() {
        let pool = pool();
        let lease = pool.lease().await.unwrap();
        let id = lease.connection().id();
        assert_eq!(lease.session().simple("SELECT 'a'").await.unwrap().len(), 1);
        drop(lease);
        assert_eq!(pool.lease().await.unwrap().connection().id(), id);
    }

    #[tokio::test(start_paused = true)]
    async fn a_spoilt_one_is_not_lent_again() {
        let pool = pool();
        let mut lease = pool.lease().await.unwrap();
        let id = lease.connection().id();
        lease.spoil();
        drop(lease);
        assert_ne!(pool.lease().await.unwrap().connection().id(), id);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_is_left_in_a_transaction_is_not_lent_again_unless_that_is_wanted() {
        let pool = pool_in(b'T');
        let lease = pool.lease().await.unwrap();
        let id = lease.connection().id();
        lease.session().simple("BEGIN").await.unwrap();
        drop(lease);
        let mut lease = pool.lease().await.unwrap();
        let other = lease.connection().id();
        assert_ne!(other, id);
        lease.session().simple("BEGIN").await.unwrap();
        lease.keep_transaction();
        drop(lease);
        assert_eq!(pool.lease().await.unwrap().connection().id(), other);
    }

    #[tokio::test(start_paused = true)]
    async fn waiters_are_served_in_their_order_except_for_dropped_ones() {
        let pool = pool();
        let lease = pool.lease().await.unwrap();
        let (gone, mut first, mut second) = (pool.lease(), pin!(pool.lease()), pin!(pool.lease()));
        assert!(waits(first.as_mut()).await);
        drop(gone);
        drop(lease);
        let lease = first.await.unwrap();
        assert!(waits(second.as_mut()).await);
        drop(lease);
        second.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_came_for_a_dropped_waiter_is_lent_to_the_next() {
        let pool = pool();
        let leasing = pool.lease();
        clock::sleep(Duration::from_millis(20)).await;
        drop(leasing);
        pool.lease().await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_pool_that_ends_serves_only_requests_that_waited_before() {
        let pool = pool();
        let lease = pool.lease().await.unwrap();
        let waiting = pool.lease();
        let inbox = Inbox::new();
        let reply = inbox.expect();
        let end = reply.request;
        pool.end(Some(reply));
        assert!(pool.lease().await.is_err());
        drop(lease);
        drop(waiting.await.unwrap());
        inbox.ended(end).await;
    }
}
