//! What is ready for JavaScript: batches from any thread, which its own thread takes when it is woken.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

use super::event_loop::EventLoop;
use super::lock::lock;
use crate::conn::sink::{Tables, next_sink_id};
use crate::conn::{ConnectionId, Sink};
use crate::rows::Batch;

/// Connections stop reading for an environment that has this many bytes to look at.
const BACKLOG_LIMIT: usize = 2 * 1024 * 1024;
/// Empty batches that are kept, which have up to 300 KB each after a large result.
const SPARES: usize = 8;

/// The queue of one environment.
pub struct CompletionQueue {
    id: u64,
    tables: Tables,
    queue: Mutex<Queue>,
    event_loop: Arc<EventLoop>,
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
    /// An empty one, whose batches are drained by this event loop.
    pub fn new(event_loop: Arc<EventLoop>) -> Self {
        CompletionQueue {
            id: next_sink_id(),
            tables: Tables::default(),
            queue: Mutex::default(),
            event_loop,
            gone: watch::Sender::new(false),
        }
    }

    /// Whether the environment is going away.
    pub fn is_gone(&self) -> bool {
        *self.gone.borrow()
    }

    /// The environment is going away: from now on nothing is added to what ends with it.
    pub fn say_gone(&self) {
        self.gone.send_replace(true);
    }

    /// Drops what is here, and what comes from now on.
    pub fn close(&self) {
        let leftovers = {
            let mut queue = lock(&self.queue);
            queue.dead = true;
            queue.waiting.drain(..).for_each(Waker::wake);
            std::mem::take(&mut queue.batches)
        };
        // Without the lock: a client that never arrived goes back to its pool.
        drop(leftovers);
    }

    /// What a future gives, unless the environment goes away first; the future is dropped then.
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
        let wake = {
            let mut queue = lock(&self.queue);
            queue.recalled.push(connection);
            !std::mem::replace(&mut queue.signalled, true)
        };
        if wake {
            self.event_loop.wake();
        }
    }

    #[cfg(unix)]
    pub fn take_recalled(&self) -> Vec<ConnectionId> {
        std::mem::take(&mut lock(&self.queue).recalled)
    }

    /// A drain follows, so that what is delivered until then needs no wake.
    #[cfg(unix)]
    pub fn begin_drain(&self) {
        lock(&self.queue).signalled = true;
    }

    /// Takes a batch back that JavaScript has read.
    pub fn recycle(&self, mut batch: Batch) {
        batch.clear();
        lock(&self.queue).keep(batch);
    }

    /// Takes the next batch for JavaScript; wakes connections that waited for it to catch up.
    pub fn next_batch(&self) -> Option<Batch> {
        let mut queue = lock(&self.queue);
        let batch = queue.batches.pop_front()?;
        queue.turn = queue.turn.saturating_sub(1);
        queue.bytes = queue.bytes.saturating_sub(batch.size());
        if queue.bytes < BACKLOG_LIMIT / 2 {
            queue.waiting.drain(..).for_each(Waker::wake);
        }
        Some(batch)
    }

    /// Nothing is left to do: the next one who has something wakes this thread. False when there is something yet.
    pub fn rest(&self) -> bool {
        let mut queue = lock(&self.queue);
        let rests = queue.batches.is_empty() && queue.recalled.is_empty();
        if rests {
            queue.signalled = false;
            queue.turn = 0;
        }
        rests
    }

    /// The event loop has come by: what is here now belongs to this turn.
    pub fn begin_turn(&self) {
        let mut queue = lock(&self.queue);
        if queue.turn == 0 {
            queue.turn = queue.batches.len();
        }
    }

    /// Asks for another callback in this turn of the event loop, if anything is left for it. False when what is left came
    /// later: on sockets, too, answers that come later wait for what the earlier ones have put off to the turn's end.
    pub fn continue_turn(&self) -> bool {
        if self.rest() {
            return true;
        }
        {
            let queue = lock(&self.queue);
            if queue.turn == 0 && !queue.batches.is_empty() {
                return false;
            }
        }
        self.event_loop.wake();
        true
    }
}

impl Sink for CompletionQueue {
    fn deliver(&self, batch: Batch) {
        let wake = {
            let mut queue = lock(&self.queue);
            if queue.dead {
                drop(queue);
                // Dropped without the lock: a client that never arrived goes back to its pool.
                drop(batch);
                return;
            }
            queue.add(batch);
            !std::mem::replace(&mut queue.signalled, true)
        };
        if wake {
            self.event_loop.wake();
        }
    }

    fn spare(&self) -> Batch {
        lock(&self.queue).spares.pop().unwrap_or_default()
    }

    fn tables(&self) -> &Tables {
        &self.tables
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut queue = lock(&self.queue);
        if queue.dead || queue.bytes < BACKLOG_LIMIT {
            return Poll::Ready(());
        }
        if !queue.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            queue.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }
}
