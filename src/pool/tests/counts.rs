//! Connections come, are lent, rest and go: whatever goes wrong, the pool's counts are right and the next one is
//! served.

use std::sync::Arc;
use std::time::Duration;

use super::{AN_HOUR, assert_ends, counts, query};
use crate::clock;
use crate::config::PoolSettings;
use crate::conn::Sink;
use crate::conn::scripted::{
    Door, Fault, Receiver, Script, Server, Step, cut, faults, one_row, ready, settle, slow, trust,
};
use crate::error::{ErrorKind, Phase};
use crate::pool::{Acquired, Pool};

/// Answers any query.
fn answers() -> Step {
    Step::Serve(Arc::new(|tag, _| match tag {
        b'Q' => Some([one_row("a"), ready(b'I')].concat()),
        b'X' => None,
        _ => Some(Vec::new()),
    }))
}

fn good() -> Script {
    [trust(), vec![answers()]].concat()
}

/// The first connection plays one script, and all that follow the good one.
fn first_then(first: Script) -> Server {
    Server::playing(move |number| if number == 0 { first.clone() } else { good() })
}

/// Has a connection lent, asks something on it, and gives it back.
async fn assert_lends(pool: &Pool, context: &str) {
    let lease = clock::within(AN_HOUR, pool.lease()).await.unwrap_or_else(|| panic!("{context}: it waits"));
    let lease = lease.unwrap_or_else(|error| panic!("{context}: {error:?}"));
    assert_eq!(lease.session().simple("select 'a'").await.unwrap().len(), 1, "{context}");
}

/// As [`assert_lends`], after which the connection is idle and the only one.
async fn assert_serves(pool: &Pool, context: &str) {
    assert_lends(pool, context).await;
    settle().await;
    assert_eq!(counts(pool), [1, 1, 0], "{context}");
}

/// All that is open is idle, the next one is served, and the pool can end.
async fn assert_rests_serves_and_ends(pool: Pool, server: &Server, context: &str) {
    let [total, idle, waiting] = counts(&pool);
    assert_eq!((total, waiting, server.open()), (idle, 0, idle), "{context}: all that is open is idle");
    assert_lends(&pool, context).await;
    assert_ends(pool, server, context).await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_made_fails_one_that_waits_and_the_next_is_served() {
    for (at, fault, faulty) in faults(&trust()) {
        let context = format!("{fault:?} at step {at}");
        let server = first_then([faulty, vec![answers()]].concat());
        let mut settings = server.settings();
        settings.connect_timeout = (fault == Fault::Never).then_some(AN_HOUR);
        let pool = Pool::new(settings, PoolSettings::of_one());
        let (first, second) = (pool.lease(), pool.lease());
        let (first, second) = tokio::join!(async { first.await.map(drop) }, async { second.await.map(drop) });
        let kind = match fault {
            Fault::Slow => None,
            Fault::Never => Some(ErrorKind::Timeout(Phase::Authenticate)),
            Fault::Garbage => Some(ErrorKind::Protocol),
            Fault::Fatal => Some(ErrorKind::Server),
            Fault::Close | Fault::Panic => Some(ErrorKind::Lost),
        };
        assert_eq!(first.err().map(|error| error.kind), kind, "{context}");
        assert_eq!(second.err().map(|error| error.kind), None, "{context}");
        assert_serves(&pool, &context).await;
        assert_ends(pool, &server, &context).await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_that_is_given_up_at_any_await_leaves_its_place_and_its_connection_to_the_next() {
    for at in 0.. {
        let context = format!("await {at}");
        let server = Server::playing(|_| [slow(&trust()), vec![answers()]].concat());
        let pool = Pool::new(server.settings(), PoolSettings::of_one());
        let is_lent = cut(pool.lease(), at).await.is_some();
        assert_eq!(counts(&pool)[2], 0, "{context}");
        clock::sleep(100 * AN_HOUR).await;
        assert_eq!(counts(&pool), [1, 1, 0], "{context}");
        assert_serves(&pool, &context).await;
        assert_ends(pool, &server, &context).await;
        if is_lent {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_given_up_in_the_middle_of_something_is_not_lent_again() {
    let server = Server::playing(|number| match number {
        0 => [trust(), vec![Step::Expect(b'Q')], slow(&[Step::Send(one_row("a")), Step::Send(ready(b'I'))])].concat(),
        _ => good(),
    });
    for at in 0..3 {
        let pool = Pool::new(server.settings(), PoolSettings::of_one());
        let lease = pool.lease().await.unwrap();
        let id = lease.connection().id();
        let session = lease.session();
        let is_answered = cut(session.simple("select 1"), at).await.is_some();
        drop((session, lease));
        let lease = pool.lease().await.unwrap();
        assert_eq!(lease.connection().id() == id, is_answered, "await {at}");
        drop(lease);
        assert_ends(pool, &server, "a connection in the middle of something").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_while_it_is_idle_is_gone_when_the_next_one_asks() {
    for last in [Step::Close, Step::Panic, Step::Send(b"?\0\0\0\x04".to_vec())] {
        let script = [trust(), vec![Step::Pause(AN_HOUR), last]].concat();
        let server = first_then(script);
        let pool = Pool::new(server.settings(), PoolSettings::of_one());
        drop(pool.lease().await.unwrap());
        assert_eq!(counts(&pool), [1, 1, 0]);
        clock::sleep(2 * AN_HOUR).await;
        assert_eq!((counts(&pool), server.open()), ([0, 0, 0], 0));
        assert_serves(&pool, "a connection that was lost").await;
        assert_ends(pool, &server, "a connection that was lost").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_idle_connection_is_closed_when_its_time_is_up_and_one_in_use_when_it_comes_back() {
    let server = Server::playing(|_| good());
    let idle = PoolSettings { idle_timeout: Some(AN_HOUR), ..PoolSettings::of_one() };
    let old = PoolSettings { max_lifetime: Some(AN_HOUR), ..PoolSettings::of_one() };
    let almost = AN_HOUR - Duration::from_secs(1);
    for (limits, comes_back) in [(idle.clone(), 1), (old, 0)] {
        let pool = Pool::new(server.settings(), limits);
        drop(pool.lease().await.unwrap());
        clock::sleep(almost).await;
        let lease = pool.lease().await.unwrap();
        clock::sleep(almost).await;
        assert_eq!(counts(&pool), [1, 0, 0], "one in use stays open");
        drop(lease);
        settle().await;
        assert_eq!(counts(&pool), [comes_back, comes_back, 0]);
        clock::sleep(almost).await;
        assert_eq!(pool.total_count(), comes_back, "its time is not up");
        clock::sleep(Duration::from_secs(2)).await;
        assert_eq!((counts(&pool), server.open()), ([0, 0, 0], 0));
        assert_serves(&pool, "a connection whose time was up").await;
        assert_ends(pool, &server, "a connection whose time was up").await;
    }
    let pool = Pool::new(server.settings(), PoolSettings { max: 2, min: 1, ..idle });
    let both = tokio::join!(pool.lease(), pool.lease());
    drop(both);
    clock::sleep(10 * AN_HOUR).await;
    assert_eq!(counts(&pool), [1, 1, 0], "so many stay");
    assert_ends(pool, &server, "one that stays").await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_waits_too_long_is_told_and_leaves_its_place_and_one_that_has_a_connection_keeps_it() {
    let answer = [Step::Expect(b'Q'), Step::Pause(10 * AN_HOUR), Step::Send([one_row("a"), ready(b'I')].concat())];
    let server = Server::playing(move |_| [trust(), answer.to_vec(), vec![answers()]].concat());
    let pool = Pool::new(server.settings(), PoolSettings { wait_timeout: Some(AN_HOUR), ..PoolSettings::of_one() });
    let lease = pool.lease().await.unwrap();
    let (first, second) = (pool.lease(), pool.lease());
    assert_eq!(counts(&pool), [1, 0, 2]);
    for waiting in [first.await.map(drop), second.await.map(drop)] {
        assert_eq!(waiting.unwrap_err().kind, ErrorKind::Timeout(Phase::Wait));
    }
    assert_eq!(counts(&pool), [1, 0, 0]);
    // Nor is a query hurried that has its connection.
    let receiver = Receiver::new();
    drop(lease);
    pool.run_all(vec![query(&receiver, 1, "SELECT slowly", None)]);
    assert_eq!(receiver.ended(1).await, Ok(b'I'));
    assert_serves(&pool, "one that waited too long").await;
    assert_ends(pool, &server, "one that waited too long").await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_ends_while_a_connection_is_being_made_ends_when_that_is_over() {
    for (door, arrives) in [(Door::Open, true), (Door::Refused, false), (Door::Silent, false), (Door::Mute, false)] {
        let server = Server::playing(|_| [slow(&trust()), vec![answers()]].concat());
        server.set_door(door);
        let mut settings = server.settings();
        settings.connect_timeout = Some(100 * AN_HOUR);
        let pool = Pool::new(settings, PoolSettings::of_one());
        let (lending, receiver) = (pool.lease(), Receiver::new());
        pool.end(Some(receiver.reply(1)));
        assert_eq!(pool.lease().await.map(drop).unwrap_err().kind, ErrorKind::Closed);
        assert_eq!(lending.await.is_ok(), arrives, "what waited before the end is served if it can be");
        assert_eq!(receiver.ended(1).await, Ok(0));
        assert_eq!(counts(&pool), [0; 3]);
        assert_ends(pool, &server, "a pool that ends").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_pool_drops_all_work_under_way() {
    for at in 0..12 {
        let server = Server::playing(|_| [slow(&trust()), vec![answers()]].concat());
        let pool = Pool::new(server.settings(), PoolSettings { max: 2, ..PoolSettings::of_one() });
        let lending = async {
            let lease = pool.lease().await.unwrap();
            let (_, other) = tokio::join!(async { lease.session().simple("select 1").await }, pool.lease());
            drop(other);
        };
        let is_over = cut(lending, 20 * at).await.is_some();
        pool.abandon();
        clock::sleep(Duration::from_secs(10)).await;
        assert_eq!((server.open(), counts(&pool)), (0, [0; 3]), "abandoned at await {}", 20 * at);
        assert_ends(pool, &server, "an abandoned pool").await;
        if is_over {
            break;
        }
    }
}

/// Has a client, a lease and queries served by one pool; returns the requests that were told nothing, nor missed it.
async fn use_in_all_ways(pool: &Pool, receiver: &Arc<Receiver>) -> Vec<i32> {
    let pool = pool.clone();
    let user = receiver.clone();
    let mut work = tokio::spawn(async move {
        let client = pool.acquire(user.reply(1));
        pool.run_all((2..=5).map(|number| query(&user, number, "SELECT 1", None)).collect());
        let client = match client {
            Some(client) => Some(client),
            None => user.ended(1).await.is_ok().then_some(*user.value::<Acquired>(1).await),
        };
        if let Some(client) = client {
            let (connection, _) = client.accept();
            clock::sleep(Duration::from_secs(1)).await;
            pool.release(connection.id(), false);
        }
        if let Ok(lease) = pool.lease().await {
            let _ = lease.session().simple("select 1").await;
        }
    });
    if clock::within(AN_HOUR, &mut work).await.is_none() {
        work.abort();
    }
    settle().await;
    (2..=5).filter(|number| receiver.end(*number).is_none() && !receiver.has_missed(*number)).collect()
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_any_step_of_reading_and_writing_costs_the_pool_one_connection() {
    for max in [1, 2] {
        let server = Server::playing(|_| good());
        for step in 1.. {
            let context = format!("{max} connections, a panic at step {step}");
            let pool = Pool::new(server.settings(), PoolSettings { max, ..PoolSettings::of_one() });
            let receiver = Receiver::new();
            server.failpoint().set(step);
            let untold = use_in_all_ways(&pool, &receiver).await;
            let has_panicked = server.failpoint().disarm();
            assert_eq!(untold, [0; 0], "{context}");
            assert_rests_serves_and_ends(pool, &server, &context).await;
            if !has_panicked {
                assert!(step > 20, "there are steps: {step}");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_panics_loses_what_it_was_told_and_no_other_one_its_place() {
    for max in [1, 2] {
        let server = Server::playing(|_| good());
        for step in 1.. {
            let context = format!("{max} connections, a panic at step {step}");
            let pool = Pool::new(server.settings(), PoolSettings { max, ..PoolSettings::of_one() });
            let (receiver, other) = (Receiver::new(), Receiver::new());
            let sink: Arc<dyn Sink> = receiver.clone();
            pool.join(sink, None);
            receiver.failpoint().set(step);
            let (untold, others) = tokio::join!(use_in_all_ways(&pool, &receiver), use_in_all_ways(&pool, &other));
            let has_panicked = receiver.failpoint().disarm();
            assert_eq!((untold, others), (vec![], vec![]), "{context}");
            assert_rests_serves_and_ends(pool, &server, &context).await;
            if !has_panicked {
                assert!(step > 10, "there are steps: {step}");
                break;
            }
        }
    }
}
