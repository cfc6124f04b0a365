//! A query that waits behind another one is sent again elsewhere (docs/decisions/0029).

use std::sync::Arc;
use std::time::Duration;

use super::{AN_HOUR, assert_ends, counts, query, sharing};
use crate::clock;
use crate::config::{PoolSettings, Sharing};
use crate::conn::scripted::{
    End, Manual, Receiver, STARTUP, Server, Step, fatal, message, one_row, ready, refusal, settle, trust,
};
use crate::error::ErrorKind;
use crate::pool::{Acquired, Pool};

/// The round trip: so long that a pool shares connections without waiting for answers.
const WAY: Duration = Duration::from_millis(20);
/// Many times what a query waits behind another one.
const LONG: Duration = Duration::from_secs(1);

/// A pool of two connections, one of which a client has, and the other so many queries under way.
struct Far {
    server: Server,
    backends: Vec<Arc<Manual>>,
    pool: Pool,
    receiver: Arc<Receiver>,
    client: u32,
    is_given_back: bool,
}

impl Far {
    async fn with(count: i32, limits: PoolSettings) -> Far {
        let backends: Vec<_> = (0..4).map(|_| Manual::new(WAY)).collect();
        let own = backends.clone();
        let server = Server::playing(move |number| {
            let greeting = trust().split_off(1);
            [vec![Step::Expect(STARTUP), Step::Pause(WAY)], greeting, vec![Step::Manual(own[number].clone())]].concat()
        });
        let (pool, receiver) = (Pool::new(server.settings(), limits), Receiver::new());
        assert!(pool.acquire(receiver.reply(1)).is_none());
        let (client, _) = receiver.value::<Acquired>(1).await.accept();
        let mut number = 100;
        for _ in 0..5 {
            let texts = (0..8).map(|_| {
                number += 1;
                query(&receiver, number, "SELECT 1", None)
            });
            pool.run_all(texts.collect());
            clock::sleep(LONG).await;
            assert_eq!(receiver.end(number), Some(Ok(b'I')));
        }
        backends.iter().for_each(|backend| backend.hold(true));
        let queries = (0..count).map(|n| query(&receiver, 10 + n, &format!("SELECT {n} AS q"), None));
        pool.run_all(queries.collect());
        settle().await;
        Far { server, backends, pool, receiver, client: client.id(), is_given_back: false }
    }

    async fn of(count: i32) -> Far {
        let far = Far::with(count, sharing(2)).await;
        assert_eq!(far.backends[1].asked().len(), usize::try_from(count).unwrap(), "they share a connection");
        far
    }

    /// As [`Far::of`], until the second query has been sent again on connection 0, which is free.
    async fn sent_again(count: i32) -> Far {
        let mut far = Far::of(count).await;
        far.give_back(false).await;
        far.arrived(0, &[1]).await;
        far
    }

    async fn give_back(&mut self, destroy: bool) {
        self.is_given_back = true;
        self.pool.release(self.client, destroy);
        settle().await;
    }

    /// Makes sure that these queries have come to a connection, and no others.
    async fn arrived(&self, connection: usize, queries: &[i32]) {
        clock::sleep(LONG).await;
        let wanted: Vec<_> = queries.iter().map(|n| format!("SELECT {n} AS q")).collect();
        assert_eq!(self.backends[connection].asked(), wanted);
    }

    async fn end_of(&self, query: i32) -> End {
        clock::within(AN_HOUR, self.receiver.ended(10 + query)).await.expect("it ends")
    }

    async fn value(&self, query: i32) -> String {
        self.end_of(query).await.unwrap();
        self.receiver.rows(10 + query).concat()
    }

    async fn finish(mut self) {
        if !self.is_given_back {
            self.give_back(true).await;
        }
        for backend in &self.backends {
            backend.hold(false);
            while !backend.asked().is_empty() {
                backend.answer("rest");
            }
        }
        assert_ends(self.pool, &self.server, "second tries").await;
    }
}

#[tokio::test(start_paused = true)]
async fn it_is_sent_again_on_a_free_connection_and_its_late_first_answer_is_dropped() {
    let far = Far::sent_again(3).await;
    far.backends[0].answer("second");
    assert_eq!(far.value(1).await, "second");
    far.arrived(0, &[2]).await;
    far.backends[1].answer("first");
    far.backends[1].give([one_row("dropped"), one_row("dropped"), ready(b'I')].concat());
    far.backends[1].answer("first");
    assert_eq!([far.value(0).await, far.value(2).await], ["first", "first"]);
    far.backends[0].answer("dropped");
    settle().await;
    assert_eq!(far.receiver.rows(12), ["first"]);
    assert_eq!((counts(&far.pool), far.server.accepted()), ([2, 2, 0], 2));
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_sent_again_on_a_new_connection_where_the_pool_has_room_for_one() {
    let mut far = Far::of(2).await;
    far.give_back(true).await;
    far.arrived(2, &[1]).await;
    far.backends[2].answer("second");
    assert_eq!(far.value(1).await, "second");
    far.backends[1].answer("first");
    assert_eq!(far.value(0).await, "first");
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_takes_the_first_answer_as_long_as_no_connection_is_free() {
    let mut far = Far::of(3).await;
    clock::sleep(LONG).await;
    assert_eq!(counts(&far.pool), [2, 0, 0]);
    for value in ["a", "b", "c"] {
        far.backends[1].answer(value);
    }
    assert_eq!([far.value(0).await, far.value(1).await, far.value(2).await], ["a", "b", "c"]);
    far.give_back(false).await;
    far.arrived(0, &[]).await;
    assert_eq!(counts(&far.pool), [2, 2, 0]);
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_comes_before_what_was_asked_for_later() {
    let mut far = Far::of(2).await;
    clock::sleep(LONG).await;
    far.pool.run_all(vec![query(&far.receiver, 19, "SELECT 9 AS q", None)]);
    far.give_back(false).await;
    far.arrived(0, &[1]).await;
    far.backends[0].answer("second");
    far.arrived(0, &[9]).await;
    far.backends[0].answer("later");
    assert_eq!([far.value(1).await, far.value(9).await], ["second", "later"]);
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_answered_by_its_second_try_when_its_first_connection_is_lost() {
    let far = Far::sent_again(3).await;
    far.backends[1].close();
    far.end_of(0).await.unwrap_err();
    far.backends[0].answer("second");
    assert_eq!(far.value(1).await, "second");
    clock::sleep(LONG).await;
    let place = [0, 2].into_iter().find(|place| far.backends[*place].asked() == ["SELECT 2 AS q"]).unwrap();
    far.backends[place].answer("third");
    assert_eq!(far.value(2).await, "third");
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_answered_by_its_first_try_when_its_second_connection_is_lost() {
    let far = Far::sent_again(2).await;
    far.backends[0].give(fatal("57P01"));
    far.backends[0].close();
    settle().await;
    far.backends[1].answer("a");
    far.backends[1].answer("b");
    assert_eq!([far.value(0).await, far.value(1).await], ["a", "b"]);
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_rejected_once_when_both_are_lost() {
    let far = Far::sent_again(2).await;
    far.backends[1].close();
    far.end_of(0).await.unwrap_err();
    far.backends[0].give(fatal("57P01"));
    far.backends[0].close();
    assert_eq!(far.end_of(1).await.unwrap_err().code.as_deref(), Some("57P01"));
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_rejected_when_the_answer_to_its_last_try_is_malformed() {
    let far = Far::sent_again(2).await;
    far.backends[1].close();
    far.end_of(0).await.unwrap_err();
    far.backends[0].give(message(b'E', b"what"));
    assert_eq!(far.end_of(1).await.unwrap_err().kind, ErrorKind::Protocol);
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_rejected_with_the_error_of_whichever_try_answers_and_that_of_the_other_is_dropped() {
    let far = Far::sent_again(3).await;
    far.backends[0].answer("second");
    assert_eq!(far.value(1).await, "second");
    far.arrived(0, &[2]).await;
    far.backends[0].give([refusal(b'E', "22012"), ready(b'I')].concat());
    assert_eq!(far.end_of(2).await.unwrap_err().code.as_deref(), Some("22012"));
    settle().await;
    assert_eq!(far.server.open(), 1, "the connection is closed whose query failed");
    far.backends[1].answer("first");
    far.backends[1].give([refusal(b'E', "22012"), ready(b'I')].concat());
    far.backends[1].give([refusal(b'E', "22012"), ready(b'I')].concat());
    assert_eq!(far.value(0).await, "first");
    settle().await;
    assert_eq!(counts(&far.pool), [1, 1, 0], "the connection is kept whose errors were dropped");
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_answered_before_the_pool_ends() {
    let mut far = Far::of(2).await;
    far.pool.end(Some(far.receiver.reply(1000)));
    far.give_back(false).await;
    far.arrived(2, &[1]).await;
    far.backends[2].answer("second");
    assert_eq!(far.value(1).await, "second");
    far.backends[1].answer("first");
    assert_eq!(far.value(0).await, "first");
    assert_eq!(clock::within(AN_HOUR, far.receiver.ended(1000)).await, Some(Ok(0)));
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_takes_no_second_connection_for_long_since_the_superseded_one_is_closed() {
    let far = Far::sent_again(2).await;
    far.backends[1].answer("first");
    assert_eq!(far.value(0).await, "first");
    clock::sleep(LONG).await;
    assert_eq!((far.server.open(), far.server.cancels().len()), (1, 1));
    far.backends[0].answer("second");
    assert_eq!(far.value(1).await, "second");
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_lets_the_pool_end_when_an_answer_that_is_not_awaited_does_not_come() {
    let far = Far::sent_again(2).await;
    far.backends[0].answer("second");
    assert_eq!(far.value(1).await, "second");
    far.backends[1].answer("first");
    assert_eq!(far.value(0).await, "first");
    assert_ends(far.pool, &far.server, "an answer that is not awaited").await;
}

#[tokio::test(start_paused = true)]
async fn it_goes_on_waiting_where_everything_shares() {
    let mut far = Far::with(2, PoolSettings { sharing: Sharing::All, ..sharing(2) }).await;
    assert_eq!(far.backends[1].asked().len(), 2);
    far.give_back(false).await;
    far.arrived(0, &[]).await;
    far.backends[1].answer("a");
    far.backends[1].answer("b");
    assert_eq!([far.value(0).await, far.value(1).await], ["a", "b"]);
    far.finish().await;
}

#[tokio::test(start_paused = true)]
async fn it_does_not_exist_where_nothing_shares() {
    for limits in
        [PoolSettings { sharing: Sharing::None, ..sharing(2) }, PoolSettings { pipeline_depth: 1, ..sharing(2) }]
    {
        let far = Far::with(2, limits).await;
        far.arrived(1, &[0]).await;
        far.finish().await;
    }
}
