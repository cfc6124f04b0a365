//! What each connection gets of a burst of queries before it has answered anything (docs/decisions/0028).

use std::sync::Arc;
use std::time::Duration;

use super::{assert_ends, query, sharing};
use crate::conn::KnownText;
use crate::conn::scripted::{Manual, Receiver, Server, Step, settle, trust};
use crate::pool::Pool;

const CONNECTIONS: usize = 2;
const BURST: usize = 40;

struct Busy {
    server: Server,
    backends: Vec<Arc<Manual>>,
    pool: Pool,
    receiver: Arc<Receiver>,
    last: i32,
}

impl Busy {
    fn new() -> Busy {
        let backends: Vec<_> = (0..CONNECTIONS).map(|_| Manual::new(Duration::ZERO)).collect();
        let own = backends.clone();
        let server = Server::playing(move |number| [trust(), vec![Step::Manual(own[number].clone())]].concat());
        let pool = Pool::new(server.settings(), sharing(CONNECTIONS));
        Busy { server, backends, pool, receiver: Receiver::new(), last: 0 }
    }

    /// Makes a burst, and waits for what happens at once.
    async fn burst(&mut self, count: usize, mut known: impl FnMut(usize) -> Option<Arc<KnownText>>) {
        let requests = (0..count).map(|index| {
            self.last += 1;
            let known = known(index);
            query(&self.receiver, self.last, &format!("SELECT 1 AS n{index}"), known.as_ref())
        });
        self.pool.run_all(requests.collect(), true);
        settle().await;
    }

    fn hold(&self, holds: bool) {
        self.backends.iter().for_each(|backend| backend.hold(holds));
    }

    /// Answers all that is asked and all that follows, and ends the pool.
    async fn finish(self) {
        self.hold(false);
        for backend in &self.backends {
            while !backend.asked().is_empty() {
                backend.answer("late");
            }
        }
        for number in 1..=self.last {
            assert_eq!(self.receiver.ended(number).await, Ok(b'I'));
        }
        assert_ends(self.pool, &self.server, "a burst").await;
    }

    fn parts(&self) -> Vec<usize> {
        self.backends.iter().map(|backend| backend.asked().len()).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_burst_starts_with_an_equal_part_on_each_connection_before_anything_is_answered() {
    let mut busy = Busy::new();
    let known = Arc::new(KnownText::new("SELECT 1"));
    for _ in 0..40 {
        busy.burst(BURST, |_| Some(known.clone())).await;
    }
    assert!(known.is_quick());
    busy.hold(true);
    busy.burst(BURST, |_| Some(known.clone())).await;
    assert_eq!(busy.parts(), [BURST / CONNECTIONS; CONNECTIONS]);
    busy.finish().await;
}

#[tokio::test(start_paused = true)]
async fn a_burst_starts_with_one_on_each_connection_where_nothing_is_known_of_its_texts() {
    let mut busy = Busy::new();
    for _ in 0..40 {
        busy.burst(BURST, |_| None).await;
    }
    busy.hold(true);
    busy.burst(BURST, |index| Some(Arc::new(KnownText::new(format!("SELECT 1 AS n{index}"))))).await;
    assert_eq!(busy.parts(), [1; CONNECTIONS]);
    busy.finish().await;
}
