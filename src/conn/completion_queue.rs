//! What is ready for an environment of JavaScript: batches from any thread, which its own thread takes when it is
//! woken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

use super::connection_id::ConnectionId;
use super::request::Request;
use super::sink::{Sink, Tables, next_sink_id};
use crate::error::contained;
use crate::rows::Batch;

/// Connections stop reading for an environment that has this many bytes to look at.
const BACKLOG_LIMIT: usize = 2 * 1024 * 1024;
/// Empty batches that are kept, which have up to 300 KB each after a large result.
const SPARES: usize = 8;

/// Wakes the thread of an environment, which takes what is ready then. From any thread.
pub trait Wake: Send + Sync {
    /// Has it come soon.
    fn wake(&self);
}

/// The queue of one environment.
pub struct CompletionQueue {
    id: u64,
    tables: Tables,
    queue: Mutex<Queue>,
    thread: Arc<dyn Wake>,
    /// True when the environment is going away.
    gone: watch::Sender<bool>,
}

#[derive(Default)]
struct Queue {
    batches: VecDeque<Batch>,
    bytes: usize,
    /// A wake is on its way, or a drain is running.
    signalled: bool,
    dead: bool,
    waiting: Vec<Waker>,
    /// How many of the batches were here when the event loop came by.
    turn: usize,
    /// Batches to be filled again.
    spares: Vec<Batch>,
    /// Connections that the runtime has to read again.
    recalled: Vec<ConnectionId>,
    /// Requests that were lost while they were made.
    lost: Vec<i32>,
}

impl Queue {
    fn add(&mut self, mut batch: Batch) {
        self.bytes += batch.size();
        if self.batches.back_mut().is_some_and(|last| last.absorb(&mut batch)) {
            self.keep(batch);
        } else {
            self.batches.push_back(batch);
        }
    }

    /// Keeps an empty batch.
    fn keep(&mut self, batch: Batch) {
        if self.spares.len() < SPARES && !self.dead {
            self.spares.push(batch);
        }
    }
}

impl CompletionQueue {
    /// An empty one, whose batches this thread takes.
    pub fn new(thread: Arc<dyn Wake>) -> Self {
        CompletionQueue {
            id: next_sink_id(),
            tables: Tables::default(),
            queue: Mutex::default(),
            thread,
            gone: watch::Sender::new(false),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes the thread for what was added, unless it looks soon anyway. Not under the lock.
    fn signal(&self, mut queue: MutexGuard<'_, Queue>) {
        let is_signalled = std::mem::replace(&mut queue.signalled, true);
        drop(queue);
        if !is_signalled {
            self.thread.wake();
        }
    }

    /// Whether the environment is ending.
    pub fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// The environment is ending: from now on nothing is added to what ends with it.
    pub fn say_gone(&self) {
        self.gone.send_replace(true);
    }

    /// Drops what is here, and what comes from now on.
    pub fn close(&self) {
        let leftovers = {
            let mut queue = self.lock();
            queue.dead = true;
            queue.waiting.drain(..).for_each(Waker::wake);
            std::mem::take(&mut queue.batches)
        };
        // Without the lock: a client that never arrived goes back to its pool.
        drop(leftovers);
    }

    /// The result of a future, unless the environment ends first; the future is dropped then.
    pub fn while_here<T>(&self, future: impl Future<Output = T>) -> impl Future<Output = Option<T>> {
        let mut gone = self.gone.subscribe();
        async move {
            tokio::select! {
                outcome = future => Some(outcome),
                _ = gone.wait_for(|gone| *gone) => None,
            }
        }
    }

    /// The runtime has to read a connection again, as soon as this environment's thread gets to it.
    #[cfg(unix)]
    pub fn recall(&self, connection: ConnectionId) {
        let mut queue = self.lock();
        queue.recalled.push(connection);
        self.signal(queue);
    }

    #[cfg(unix)]
    pub fn take_recalled(&self) -> Vec<ConnectionId> {
        std::mem::take(&mut self.lock().recalled)
    }

    /// A drain follows, so that what is delivered until then needs no wake.
    #[cfg(unix)]
    pub fn begin_drain(&self) {
        self.lock().signalled = true;
    }

    /// Takes a batch back that JavaScript has read.
    pub fn recycle(&self, mut batch: Batch) {
        batch.clear();
        self.lock().keep(batch);
    }

    /// Takes the next batch for JavaScript; wakes connections that waited for it to catch up.
    pub fn next_batch(&self) -> Option<Batch> {
        let mut queue = self.lock();
        let batch = queue.batches.pop_front()?;
        queue.turn = queue.turn.saturating_sub(1);
        queue.bytes = queue.bytes.saturating_sub(batch.size());
        if queue.bytes < BACKLOG_LIMIT / 2 {
            queue.waiting.drain(..).for_each(Waker::wake);
        }
        Some(batch)
    }

    /// Nothing is left to do: the next completion wakes this thread. False when there is one already.
    pub fn rest(&self) -> bool {
        let mut queue = self.lock();
        let rests = queue.batches.is_empty() && queue.recalled.is_empty() && queue.lost.is_empty();
        if rests {
            queue.signalled = false;
            queue.turn = 0;
        }
        rests
    }

    /// A turn of the event loop begins: what is ready now belongs to this turn. If the turn panics, the rest gets
    /// another one.
    pub fn begin_turn(&self) -> Turn<'_> {
        let mut queue = self.lock();
        if queue.turn == 0 {
            queue.turn = queue.batches.len();
        }
        Turn(self)
    }

    /// Makes requests of the environment. Should that panic, it isn't known which of them will be answered: all of them
    /// fail as lost, and false is returned. Called on the environment's thread.
    pub fn make(&self, requests: Vec<Request>, make: impl FnOnce(Vec<Request>)) -> bool {
        let numbers: Vec<i32> = requests.iter().map(|request| request.reply.request).collect();
        let is_made = contained(|| make(requests)).is_some();
        if !is_made {
            let mut queue = self.lock();
            queue.lost.extend(numbers);
            self.signal(queue);
        }
        is_made
    }

    /// Requests that were lost while they were made: to be told before anything else, because their numbers may be used
    /// again as soon as they are answered.
    pub fn take_lost(&self) -> Vec<i32> {
        std::mem::take(&mut self.lock().lost)
    }

    /// Asks for another callback in this turn of the event loop, if anything is left for it. False when what is left
    /// came later: with sockets, too, later answers wait for what earlier ones have deferred to the turn's end.
    pub fn continue_turn(&self) -> bool {
        if self.rest() {
            return true;
        }
        {
            let queue = self.lock();
            if queue.turn == 0 && !queue.batches.is_empty() {
                return false;
            }
        }
        self.thread.wake();
        true
    }
}

impl Sink for CompletionQueue {
    fn deliver(&self, batch: Batch) {
        let mut queue = self.lock();
        if queue.dead {
            drop(queue);
            // Dropped without the lock: a client that never arrived goes back to its pool.
            drop(batch);
            return;
        }
        queue.add(batch);
        self.signal(queue);
    }

    fn spare(&self) -> Batch {
        self.lock().spares.pop().unwrap_or_default()
    }

    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = self.lock();
        if queue.dead || queue.bytes < BACKLOG_LIMIT {
            return Poll::Ready(());
        }
        if !queue.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            queue.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}

/// A turn of the event loop.
pub struct Turn<'a>(&'a CompletionQueue);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.lock().signalled = true;
            self.0.thread.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::super::message::Message;
    use super::super::reply::Reply;
    use super::*;
    use crate::rows::{Record, TypeMask};

    #[derive(Default)]
    struct Thread(AtomicUsize);

    impl Wake for Thread {
        fn wake(&self) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn queue() -> (Arc<Thread>, Arc<CompletionQueue>) {
        let thread = Arc::new(Thread::default());
        (thread.clone(), Arc::new(CompletionQueue::new(thread)))
    }

    fn end_of(request: i32) -> Batch {
        let mut batch = Batch::default();
        batch.record(Record::Done, &[request, 0]);
        batch
    }

    fn request(queue: &Arc<CompletionQueue>, number: i32) -> Request {
        let sink: Arc<dyn Sink> = queue.clone();
        let mask = TypeMask(0);
        let reply = Reply { sink, request: number, mask, eager: false, unordered: true, race: None };
        Request { message: Message::Simple("select 1".into()), reply, may_prepare: false, known: None }
    }

    #[test]
    fn a_turn_that_panics_is_followed_by_another_one() {
        let (thread, queue) = queue();
        queue.deliver(end_of(1));
        queue.deliver(end_of(2));
        let outcome = contained(|| {
            let _turn = queue.begin_turn();
            queue.next_batch();
            panic!("on demand");
        });
        assert!(outcome.is_none());
        assert_eq!(thread.0.load(Ordering::Relaxed), 2);
        drop(queue.begin_turn());
        assert!(queue.next_batch().is_some() && queue.rest());
        assert_eq!(thread.0.load(Ordering::Relaxed), 2);
        queue.deliver(end_of(3));
        assert_eq!(thread.0.load(Ordering::Relaxed), 3);
    }

    #[test]
    fn requests_that_are_lost_while_they_are_made_are_told_before_their_numbers_are_given_again() {
        let (thread, queue) = queue();
        let requests = vec![request(&queue, 5), request(&queue, 6)];
        let is_made = queue.make(requests, |requests| {
            // The first one was quick, the second one is never answered.
            queue.deliver(end_of(requests[0].reply.request));
            panic!("on demand");
        });
        assert!(!is_made);
        assert_eq!(thread.0.load(Ordering::Relaxed), 1);
        assert_eq!(queue.take_lost(), [5, 6]);
        assert!(queue.next_batch().is_some());
        assert!(queue.rest());
        assert!(queue.make(vec![request(&queue, 7)], drop) && queue.take_lost().is_empty());
    }

    #[test]
    fn an_environment_with_nothing_but_lost_requests_does_not_rest() {
        let (_, queue) = queue();
        queue.make(vec![request(&queue, 5)], |_| panic!("on demand"));
        assert!(!queue.rest());
        assert_eq!(queue.take_lost(), [5]);
        assert!(queue.rest());
    }
}
