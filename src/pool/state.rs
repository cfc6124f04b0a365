//! A pool's connections and waiters: all that its lock protects.

use std::any::Any;
use std::collections::{HashMap, HashSet};

use deadpool::managed::Object;

use super::depth::Depth;
use super::effects::{Effect, Effects};
use super::idle_connections::{Held, IdleConnections};
use super::lost_idle::LostIdle;
use super::pipeline::Pipeline;
use super::task::Running;
use super::wait_queue::{WaitQueue, Work};
use crate::config::{PoolSettings, Sharing};
use crate::conn::{Connection, ConnectionId, Reply};
use crate::error::Error;

pub(super) struct State {
    pub(super) waiting: WaitQueue,
    /// How many connections are being opened.
    pub(super) opening: usize,
    /// How many of them will be given up in a moment, since nobody waits for them.
    pub(super) leaving: usize,
    /// Why connections that are being opened take so long.
    pub(super) shortage: Option<Shortage>,
    pub(super) idle: IdleConnections,
    pub(super) lost_idle: LostIdle,
    pub(super) lent: HashMap<ConnectionId, Lent>,
    /// Told to close and not closed yet.
    pub(super) closing: HashSet<ConnectionId>,
    pub(super) ending: bool,
    pub(super) ended: Vec<Reply>,
    pub(super) running: Running,
    pub(super) depth: Depth,
    pub(super) effects: Effects,
}

/// A pooler has no room at present, and those who open connections go on trying.
pub(super) struct Shortage {
    /// The pooler's last answer.
    pub(super) answer: Error,
    /// How many waited for a connection when that was last looked at.
    pub(super) wanting: usize,
}

pub(super) struct Lent {
    pub(super) held: Held,
    pub(super) to: Borrower,
    /// The connection is closed, and the client that has it was not released yet.
    pub(super) gone: bool,
}

/// The user of a lent connection.
pub(super) enum Borrower {
    Client,
    /// Rust's own queries, see [`super::Lease`].
    Lease,
    /// Requests of the pool's own queue.
    Pipeline(Pipeline),
}

impl State {
    pub(super) fn new(limits: &PoolSettings) -> Self {
        State {
            waiting: WaitQueue::default(),
            opening: 0,
            leaving: 0,
            shortage: None,
            idle: IdleConnections::default(),
            lost_idle: LostIdle::default(),
            lent: HashMap::new(),
            closing: HashSet::new(),
            ending: false,
            ended: Vec::new(),
            running: Running::default(),
            depth: Depth::new(if limits.sharing == Sharing::None { 1 } else { limits.pipeline_depth }),
            effects: Effects::default(),
        }
    }

    /// How many connections that are not idle are open, being opened or being closed.
    pub(super) fn busy(&self) -> usize {
        self.opening + self.closing.len() + self.lent.values().filter(|lent| !lent.gone).count()
    }

    /// How many waiters have a connection being made for them, whose own time limit is theirs. While there is no room
    /// for connections each waiter has its own.
    pub(super) fn sheltered(&self) -> usize {
        if self.shortage.is_some() { 0 } else { self.waiting.sheltered(self.opening) }
    }

    /// Whether fewer wait for a connection than did before, while there is no room for any.
    pub(super) fn is_less_wanted(&mut self) -> bool {
        let Some(shortage) = &mut self.shortage else { return false };
        let wanting = self.waiting.wanting();
        wanting < std::mem::replace(&mut shortage.wanting, wanting)
    }

    pub(super) fn lend(&mut self, held: Held, to: Borrower) -> Connection {
        let connection = held.connection().clone();
        connection.begin_use();
        self.lent.insert(connection.id(), Lent { held, to, gone: false });
        connection
    }

    /// Takes a connection out of the pool, and tells it to close. It still counts until it is removed, even if it is
    /// closed.
    pub(super) fn close(&mut self, held: Held) {
        let connection = Object::take(held).connection().clone();
        self.closing.insert(connection.id());
        self.effects.push(Effect::Close(connection));
    }

    /// As [`State::close`], even if the connection is busy; the server's work for it is cancelled.
    pub(super) fn abandon(&mut self, held: Held) {
        let connection = Object::take(held).connection().clone();
        self.closing.insert(connection.id());
        self.effects.push(Effect::Abandon(connection));
    }

    /// A request for a connection gets none.
    pub(super) fn refuse(&mut self, work: Work, error: Error) {
        self.effects.push(Effect::Fail(work.into_reply(), error));
    }

    /// A request for a connection gets this one, as `value`.
    pub(super) fn hand_over(&mut self, connection: Connection, reply: Reply, value: impl Any + Send) {
        self.effects.push(Effect::Lend(connection, reply, Box::new(value)));
    }
}
