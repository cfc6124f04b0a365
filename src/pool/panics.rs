//! A panic in any task of a pool, or in any of its receivers, only loses that task's work: the pool keeps its places,
//! tells its waiters, and goes on.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll};
use std::time::Duration;

use super::event::{PoolEvent, PoolNews};
use super::shared::Shared;
use super::state::State;
use super::task::Task;
use super::{Pool, Work};
use crate::clock;
use crate::config::{PoolSettings, Sharing};
use crate::conn::inbox::Inbox;
use crate::conn::message::Message;
use crate::conn::scripted::{one_row, ready, start};
use crate::conn::sink::{Tables, next_sink_id};
use crate::conn::{Reply, Request, Sink};
use crate::error::{Error, texts};
use crate::rows::{Batch, Extra, News, TypeMask};

/// Hears what it is told, panics as often as it shall, and looks whether the pool's lock is free then.
struct Receiver {
    id: u64,
    tables: Tables,
    pool: Mutex<Weak<Shared>>,
    panics: AtomicUsize,
    was_locked: AtomicBool,
    heard: Mutex<Vec<String>>,
}

impl Receiver {
    fn new() -> Arc<Receiver> {
        Arc::new(Receiver {
            id: next_sink_id(),
            tables: Tables::default(),
            pool: Mutex::default(),
            panics: AtomicUsize::new(0),
            was_locked: AtomicBool::new(false),
            heard: Mutex::default(),
        })
    }

    /// One that uses this pool.
    fn of(pool: &Pool) -> Arc<Receiver> {
        let receiver = Receiver::new();
        *receiver.pool.lock().unwrap() = Arc::downgrade(&pool.shared);
        pool.join(receiver.clone(), None);
        receiver
    }

    fn reply(self: &Arc<Self>, request: i32) -> Reply {
        let sink: Arc<dyn Sink> = self.clone();
        Reply { sink, request, mask: TypeMask(0), eager: false, unordered: true, race: None }
    }

    fn query(self: &Arc<Self>, request: i32) -> Work {
        let message = Message::Simple("SELECT 'a'".into());
        let request = Request { message, reply: self.reply(request), may_prepare: false, known: None };
        Work::Request(request)
    }

    fn panics(&self, times: usize) {
        self.panics.store(times, Ordering::Relaxed);
    }

    /// The only thread that uses the pool is the test's.
    fn look(&self) {
        let pool = self.pool.lock().unwrap().upgrade();
        if pool.is_some_and(|pool| pool.state.try_lock().is_err()) {
            self.was_locked.store(true, Ordering::Relaxed);
        }
    }

    fn take_heard(&self) -> Vec<String> {
        std::mem::take(&mut *self.heard.lock().unwrap())
    }

    /// Waits until it has heard of this.
    async fn hears(&self, what: &str) {
        while !self.heard.lock().unwrap().iter().any(|heard| heard.contains(what)) {
            clock::sleep(Duration::from_millis(1)).await;
        }
    }
}

fn describe(extra: &Extra) -> String {
    match extra {
        Extra::News(news) => describe_news(&**news),
        Extra::Error(error) => error.message.clone(),
        Extra::Value(_) => "lent".into(),
        _ => "something".into(),
    }
}

fn describe_news(news: &dyn News) -> String {
    let news: &dyn std::any::Any = news;
    match news.downcast_ref().map(|PoolNews(_, _, event)| event) {
        Some(PoolEvent::Opening) => "opening".into(),
        Some(PoolEvent::Found(_)) => "found".into(),
        Some(PoolEvent::Opened(_)) => "opened".into(),
        Some(PoolEvent::NotOpened(error)) => format!("not opened: {}", error.message),
        Some(PoolEvent::IdleLost(_)) => "idle lost".into(),
        Some(PoolEvent::Removed) => "removed".into(),
        None => "something".into(),
    }
}

impl Sink for Receiver {
    fn deliver(&self, batch: Batch) {
        self.look();
        let is_wanted = |panics: usize| panics.checked_sub(1);
        if self.panics.fetch_update(Ordering::Relaxed, Ordering::Relaxed, is_wanted).is_ok() {
            panic!("as the test wants it");
        }
        let mut heard = self.heard.lock().unwrap();
        heard.extend(batch.extras.iter().map(describe));
        if batch.extras.is_empty() {
            heard.push("done".into());
        }
    }

    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
        self.look();
        Poll::Ready(())
    }
}

fn pool(limits: PoolSettings) -> Pool {
    Pool::new(start(|_, _| Some([one_row("a"), ready(b'I')].concat())), limits)
}

fn of_one() -> Pool {
    pool(PoolSettings::of_one())
}

/// A failure of a lease.
async fn failure(pool: &Pool) -> String {
    pool.lease().await.map(|_| ()).unwrap_err().message
}

/// The pool has its one place, and gives it to the next request.
async fn works(pool: &Pool) {
    let lease = pool.lease().await.unwrap();
    assert_eq!(lease.session().simple("SELECT 'a'").await.unwrap().len(), 1);
    assert_eq!((pool.total_count(), pool.idle_count()), (1, 0));
    drop(lease);
    assert_eq!((pool.total_count(), pool.idle_count(), pool.waiting_count()), (1, 1, 0));
}

async fn ends(pool: &Pool) {
    let inbox = Inbox::new();
    let reply = inbox.expect();
    let request = reply.request;
    pool.end(Some(reply));
    assert!(inbox.ended(request).await.error.is_none());
    assert_eq!(pool.total_count(), 0);
}

#[tokio::test]
async fn one_while_a_connection_is_opened_fails_the_request_that_waits_for_it() {
    let pool = of_one();
    pool.shared.fault.want("open");
    assert_eq!(failure(&pool).await, texts::OPENING_FAILED);
    assert_eq!(pool.total_count(), 0);
    works(&pool).await;
    ends(&pool).await;
}

#[tokio::test]
async fn a_connection_whose_opener_is_lost_is_taken_by_the_next_one_and_closed_with_the_pool() {
    let pool = of_one();
    let receiver = Receiver::of(&pool);
    pool.shared.fault.want("watch");
    assert_eq!(failure(&pool).await, texts::OPENING_FAILED);
    works(&pool).await;
    assert_eq!(receiver.take_heard(), ["opening", "opened"]);
    ends(&pool).await;

    let pool = of_one();
    pool.shared.fault.want("watch");
    assert_eq!(failure(&pool).await, texts::OPENING_FAILED);
    ends(&pool).await;
    assert_eq!(pool.shared.connections.status().size, 0);
}

#[tokio::test]
async fn one_of_a_user_that_is_told_of_connections_keeps_nothing_from_the_others() {
    let pool = of_one();
    let (panicking, other) = (Receiver::of(&pool), Receiver::of(&pool));
    panicking.panics(usize::MAX);
    works(&pool).await;
    ends(&pool).await;
    assert_eq!(other.take_heard(), ["opening", "opened", "removed"]);
}

#[tokio::test]
async fn one_of_a_receiver_that_is_given_a_connection_gives_it_back() {
    let pool = of_one();
    let receiver = Receiver::new();
    receiver.panics(1);
    pool.run(Work::Client(receiver.reply(1)), |_| {});
    receiver.hears(texts::LENDING_FAILED).await;
    assert_eq!(receiver.take_heard(), [texts::LENDING_FAILED]);
    works(&pool).await;
}

#[tokio::test]
async fn one_of_a_receiver_that_is_refused_holds_up_no_request_behind_it() {
    let pool = pool(PoolSettings { wait_timeout: Some(Duration::from_millis(1)), ..PoolSettings::of_one() });
    let lease = pool.lease().await.unwrap();
    let (panicking, other) = (Receiver::new(), Receiver::new());
    panicking.panics(1);
    pool.run(Work::Client(panicking.reply(1)), |_| {});
    pool.run(Work::Client(other.reply(1)), |_| {});
    other.hears(texts::WAITED_TOO_LONG).await;
    drop(lease);
    works(&pool).await;
}

#[tokio::test]
async fn one_before_a_request_is_sent_keeps_it_from_nothing() {
    let pool = of_one();
    works(&pool).await;
    let receiver = Receiver::new();
    pool.run(receiver.query(1), |_| panic!("as the test wants it"));
    receiver.hears("done").await;
    works(&pool).await;
}

#[tokio::test]
async fn one_while_a_request_is_sent_costs_its_connection() {
    let pool = of_one();
    works(&pool).await;
    let receiver = Receiver::new();
    receiver.panics(1);
    pool.run(receiver.query(1), |connection| connection.unwrap().destroy(Error::closed("as the test wants it")));
    works(&pool).await;
    ends(&pool).await;
}

#[tokio::test(start_paused = true)]
async fn one_of_the_reaper_leaves_idle_connections_to_be_closed() {
    let pool = pool(PoolSettings { idle_timeout: Some(Duration::from_millis(50)), ..PoolSettings::of_one() });
    let receiver = Receiver::of(&pool);
    pool.shared.fault.want("reap");
    drop(pool.lease().await.unwrap());
    receiver.hears("removed").await;
    assert_eq!(pool.total_count(), 0);
}

#[tokio::test(start_paused = true)]
async fn one_of_the_task_that_refuses_waiters_leaves_them_to_be_refused() {
    let pool = pool(PoolSettings { wait_timeout: Some(Duration::from_millis(50)), ..PoolSettings::of_one() });
    let _lease = pool.lease().await.unwrap();
    pool.shared.fault.want("expire");
    assert_eq!(failure(&pool).await, texts::WAITED_TOO_LONG);
}

#[tokio::test(start_paused = true)]
async fn one_while_requests_are_looked_after_leaves_them_to_be_looked_after() {
    let pool = of_one();
    pool.shared.fault.want("hedge");
    let mut state = pool.shared.lock();
    pool.shared.start(&mut state, Task::Hedge);
    drop(state);
    // Nothing is to be looked after, which the task finds after its panic.
    while *pool.shared.lock().running.mark(Task::Hedge) {
        clock::sleep(Duration::from_millis(100)).await;
    }
}

#[test]
fn a_task_that_is_lost_makes_room_for_another_one() {
    let pool = of_one();
    let is_running = |state: &mut State, task| *state.running.mark(task);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut state = pool.shared.lock();
        pool.shared.start(&mut state, Task::Reap);
        pool.shared.open(&mut state);
    });
    assert!(is_running(&mut pool.shared.lock(), Task::Reap));
    assert_eq!(pool.total_count(), 1);
    drop(runtime);
    assert!(!is_running(&mut pool.shared.lock(), Task::Reap));
    assert_eq!(pool.total_count(), 0);
}

#[tokio::test]
async fn nothing_is_told_while_the_pool_is_locked() {
    let limits = PoolSettings { max: 2, max_waiting: Some(1), sharing: Sharing::Reads, ..PoolSettings::of_one() };
    let pool = pool(limits);
    let receiver = Receiver::of(&pool);
    let (first, second) = (pool.lease().await.unwrap(), pool.lease().await.unwrap());
    pool.run(Work::Client(receiver.reply(1)), |connection| {
        assert!(connection.is_none());
        receiver.look();
    });
    pool.run(receiver.query(2), |_| receiver.look());
    assert_eq!(receiver.take_heard().last(), Some(&texts::pool_is_busy(1)));
    drop(first);
    receiver.hears("lent").await;
    drop(second);
    pool.run(receiver.query(3), |connection| {
        assert!(connection.is_some());
        receiver.look();
    });
    receiver.hears("done").await;
    // What is idle breaks, or is removed.
    while pool.idle_count() < 2 {
        clock::sleep(Duration::from_millis(1)).await;
    }
    let sink: Arc<dyn Sink> = receiver.clone();
    let connections = pool.connections(&sink);
    connections[0].0.destroy(Error::closed("as the test wants it"));
    receiver.hears("removed").await;
    receiver.take_heard();
    assert!(pool.remove(connections[1].0.id()));
    receiver.hears("removed").await;
    pool.end(Some(receiver.reply(4)));
    receiver.hears("done").await;
    assert!(!receiver.was_locked.load(Ordering::Relaxed));
}
