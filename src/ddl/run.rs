//! One script, from its order to its outcome.

use std::future::Future;
use std::pin::Pin;

use super::attempt::{Attempt, aborted};
use super::managed::Managed;
use super::order::{Apart, Mode, Order, Place};
use super::piece::Piece;
use super::pooled;
use crate::conn::operation::Ended;
use crate::conn::{Connection, Operation};
use crate::error::{Error, Outcome};
use crate::pool::Lease;

/// Runs a script as an operation, which is told rows as they come. The error has its outcome, and the status is 0 when
/// the connection is lost. Should this be dropped, what is under way is cancelled, and its connection closed.
///
/// The script has its place in the pool's queue when this returns.
pub fn run(place: Place, order: Order, operation: Operation) -> impl Future<Output = Ended> + Send {
    let apart = match &place {
        Place::Pool(pool) => Apart::from(pool),
        Place::Client(_, apart) => (**apart).clone(),
    };
    let holding = hold(place);
    async move { execute(holding, apart, &order, &operation).await }
}

/// A connection that is there for the script.
enum Hold {
    Lent(Lease),
    Client(Connection),
}

fn hold(place: Place) -> Pin<Box<dyn Future<Output = Result<Hold, Error>> + Send>> {
    match place {
        Place::Pool(pool) => {
            let leasing = pool.lease();
            Box::pin(async move { leasing.await.map(Hold::Lent) })
        }
        Place::Client(connection, _) => Box::pin(std::future::ready(Ok(Hold::Client(connection)))),
    }
}

async fn execute(
    holding: impl Future<Output = Result<Hold, Error>>,
    apart: Apart,
    order: &Order,
    operation: &Operation,
) -> Ended {
    let held = tokio::select! {
        biased;
        // A client's connection is there already, and goes on being there when the script isn't sent.
        held = holding => held,
        () = operation.given_up() => Err(aborted()),
    };
    let mut held = held.map_err(|error| (error.with_outcome(Outcome::NotApplied, Vec::new()), 0))?;
    let connection = match &held {
        Hold::Lent(lease) => lease.connection(),
        Hold::Client(connection) => connection,
    };
    let connection = connection.clone();
    let status = || if connection.is_open() { connection.status() } else { 0 };
    let fitted = pooled::fit(order, &connection).await.map_err(|error| (error, status()))?;
    let order = &*fitted;
    let (ended, is_spoiled) = if order.is_plain() {
        let piece = Piece::whole(&order.body, order.mode == Mode::Transaction);
        let attempt = Attempt {
            connection: &connection,
            apart: &apart,
            order,
            piece: &piece,
            each: Vec::new(),
            operation,
            care: None,
        };
        (attempt.run().await, false)
    } else {
        let mut managed = Managed::new(&connection, &apart, order, operation);
        (managed.run().await, managed.is_spoiled)
    };
    if let Hold::Lent(lease) = &mut held {
        // What a script without a transaction of ours leaves open is the caller's, as with `pg`.
        if order.mode == Mode::AsItIs {
            lease.keep_transaction();
        }
        if is_spoiled {
            lease.spoil();
        }
    }
    ended.map(|()| status()).map_err(|error| (error, status()))
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::time::Duration;

    use super::super::order::{Commit, Limits};
    use super::*;
    use crate::config::PoolSettings;
    use crate::conn::message::Body;
    use crate::conn::next_id;
    use crate::conn::null_sink::NullSink;
    use crate::conn::scripted::{Gate, Server, Step, complete, one_row, ready, settle, start, trust};
    use crate::conn::{KeyRing, Operations, Reply, open};
    use crate::error::ErrorKind;
    use crate::pool::Pool;
    use crate::rows::TypeMask;

    fn order(script: &str) -> Order {
        Order {
            body: Body::Text(script.into()),
            mode: Mode::Transaction,
            commit: Commit::Confirmed,
            cancel_timeout: Duration::MAX,
            limits: Limits::default(),
            undoes_settings: false,
            notices: false,
            progress: false,
        }
    }

    fn reply() -> Reply {
        let (sink, mask) = (NullSink::numbered(1), TypeMask(0));
        Reply { sink, request: 1, mask, eager: false, unordered: false, race: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_script_whose_caller_ends_before_commit_leaves_no_transaction_to_the_next() {
        let gate = Gate::default();
        let (script, answer) = (gate.clone(), [complete("BEGIN"), one_row("1"), ready(b'T')].concat());
        let server = Server::playing(move |_| {
            let steps = vec![Step::Expect(b'Q'), Step::Pass(script.clone()), Step::Send(answer.clone())];
            [trust(), steps].concat()
        });
        let pool = Pool::new(server.settings(), PoolSettings::of_one());
        let lease = pool.lease().await.unwrap();
        let connection = lease.connection().clone();
        drop(lease);
        let operations = Arc::<Operations>::default();
        let (operation, under_way) = operations.begin(reply());
        let script = run(Place::Pool(pool.clone()), order("select 1"), operation);
        let mut running = pin!(under_way.carry_out(script));
        tokio::select! {
            biased;
            _ = &mut running => panic!("nobody has committed it yet"),
            () = gate.reached() => {}
        }
        // Its answer comes while the caller's environment ends, and both are seen at once.
        gate.open();
        settle().await;
        assert_eq!(connection.load(), 0);
        operations.abandon();
        running.await;
        assert_ne!(pool.lease().await.unwrap().connection().id(), connection.id());
        settle().await;
        assert_eq!(server.heard(0).iter().filter(|tag| **tag == b'Q').count(), 1, "nothing was committed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_script_that_is_given_up_before_it_was_sent_leaves_its_client_as_it_was() {
        let settings = start(|_, _| Some(ready(b'I')));
        let connection = open(next_id(), &settings, &KeyRing::default(), None).await.unwrap();
        let place = Place::Client(connection.clone(), Box::new(Apart { settings, caller: None }));
        let operations = Arc::<Operations>::default();
        let (operation, _under_way) = operations.begin(reply());
        operations.give_up(1);
        let Err((error, status)) = run(place, order("select 1"), operation).await else {
            panic!("it was not given up")
        };
        assert_eq!((error.kind, error.outcome), (ErrorKind::Aborted, Some(Outcome::NotApplied)));
        // Without one the client would wait for a loss of its connection that was never reported.
        assert_eq!(status, b'I');
    }
}
