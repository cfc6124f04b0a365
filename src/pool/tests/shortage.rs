//! A pool at a pooler that has no room.

use std::sync::Arc;
use std::time::Duration;

use super::{assert_ends, counts};
use crate::clock;
use crate::config::PoolSettings;
use crate::conn::scripted::{NO_ROOM, Script, Server, Step, full, one_row, pooled, ready, settle, trust};
use crate::pool::Pool;

const TEN_SECONDS: Duration = Duration::from_secs(10);

fn good() -> Script {
    let answer = |tag, _: &[u8]| match tag {
        b'Q' => Some([one_row("a"), ready(b'I')].concat()),
        b'X' => None,
        _ => Some(Vec::new()),
    };
    [trust(), vec![Step::Serve(Arc::new(answer))]].concat()
}

/// A server with room for connections by their number, and a pool of so many.
fn pool(
    max: usize,
    limit: Option<Duration>,
    has_room: impl Fn(usize) -> bool + Send + Sync + 'static,
) -> (Server, Pool) {
    let server = Server::playing(move |number| if has_room(number) { good() } else { full(NO_ROOM) });
    let limits = PoolSettings { max, wait_timeout: limit, ..PoolSettings::of_one() };
    let pool = Pool::new(pooled(&server, limit), limits);
    (server, pool)
}

#[tokio::test(start_paused = true)]
async fn each_that_waits_has_its_own_time_and_then_the_poolers_answer() {
    let (server, pool) = pool(10, Some(TEN_SECONDS), |_| false);
    let start = clock::now();
    let first = pool.lease();
    clock::sleep(Duration::from_secs(7)).await;
    let second = pool.lease();
    for (lease, seconds) in [(first, 10), (second, 17)] {
        assert_eq!(lease.await.err().unwrap().message, NO_ROOM);
        assert_eq!((clock::now() - start).as_secs(), seconds);
    }
    settle().await;
    assert_eq!(counts(&pool), [0; 3], "nothing is left of the tries");
    assert_ends(pool, &server, "two that waited").await;
}

#[tokio::test(start_paused = true)]
async fn many_that_wait_try_one_at_a_time() {
    let (server, pool) = pool(10, Some(TEN_SECONDS), |_| false);
    let all: Vec<_> = (0..10).map(|_| tokio::spawn(pool.lease())).collect();
    for lease in all {
        assert_eq!(lease.await.unwrap().err().unwrap().message, NO_ROOM);
    }
    assert!(server.accepted() < 20, "{} tries", server.accepted());
    assert_ends(pool, &server, "many").await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_comes_back_serves_the_next_and_its_try_is_given_up() {
    let (server, pool) = pool(10, Some(TEN_SECONDS), |number| number == 0);
    let lease = pool.lease().await.unwrap();
    let id = lease.connection().id();
    let waiting = tokio::spawn(pool.lease());
    clock::sleep(Duration::from_secs(3)).await;
    assert_eq!(pool.total_count(), 2);
    drop(lease);
    let lease = waiting.await.unwrap().unwrap();
    assert_eq!(lease.connection().id(), id);
    settle().await;
    assert_eq!(counts(&pool), [1, 0, 0], "nobody waits for another one");
    let tries = server.accepted();
    clock::sleep(10 * TEN_SECONDS).await;
    assert_eq!(server.accepted(), tries);
    drop(lease);
    assert_ends(pool, &server, "one that came back").await;
}

#[tokio::test(start_paused = true)]
async fn all_get_in_when_there_is_room() {
    let (server, pool) = pool(5, Some(6 * TEN_SECONDS), |number| number > 8);
    let all: Vec<_> = (0..5).map(|_| tokio::spawn(pool.lease())).collect();
    let mut leases = Vec::new();
    for lease in all {
        leases.push(lease.await.unwrap().unwrap());
    }
    assert_eq!(pool.total_count(), 5);
    drop(leases);
    assert_ends(pool, &server, "all").await;
}

#[tokio::test(start_paused = true)]
async fn a_waiter_that_gives_up_takes_its_try_with_it() {
    for limit in [None, Some(TEN_SECONDS)] {
        let (server, pool) = pool(5, limit, |_| false);
        let (gone, stays) = (pool.lease(), tokio::spawn(pool.lease()));
        clock::sleep(Duration::from_secs(3)).await;
        drop(gone);
        settle().await;
        assert_eq!(counts(&pool), [1, 0, 0]);
        stays.abort();
        clock::sleep(Duration::from_secs(1)).await;
        assert_eq!(counts(&pool), [0; 3]);
        assert_ends(pool, &server, "given up").await;
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_it_is_tried_for_a_minute() {
    let (server, pool) = pool(2, None, |_| false);
    let start = clock::now();
    let all = [tokio::spawn(pool.lease()), tokio::spawn(pool.lease())];
    for lease in all {
        assert_eq!(lease.await.unwrap().err().unwrap().message, NO_ROOM);
    }
    assert!((50..=60).contains(&(clock::now() - start).as_secs()), "{:?}", clock::now() - start);
    assert_ends(pool, &server, "a minute").await;
}

#[tokio::test(start_paused = true)]
async fn a_pool_that_is_abandoned_meanwhile_leaves_nothing() {
    let (server, pool) = pool(5, Some(TEN_SECONDS), |_| false);
    let waiting = tokio::spawn(pool.lease());
    clock::sleep(Duration::from_secs(3)).await;
    waiting.abort();
    pool.abandon();
    settle().await;
    assert_eq!((server.open(), counts(&pool)), (0, [0; 3]));
}
