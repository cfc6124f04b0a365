//! How connections leave a pool: closed by it, lost, or at the pool's end.

use std::sync::Arc;

use deadpool::managed::Object;

use super::effects::Effect;
use super::event::PoolEvent;
use super::pooled_connection::Listener;
use super::shared::Shared;
use super::state::{Borrower, Lent, State};
use crate::clock;
use crate::conn::{ConnectionEvent, ConnectionId, Event};
use crate::error::Error;
use crate::rows::Batch;

impl State {
    /// Remembers a connection that was lost while it was idle, or that is found to be at its next use.
    fn note_lost(&mut self, id: ConnectionId, error: &Error) {
        if let Some(Lent { held, .. }) = self.lent.get(&id) {
            if let Some(rested) = held.rested.filter(|_| !held.connection().has_answered()) {
                self.lost_idle.note_at_use(rested, error);
            }
        } else if let Some(held) = self.idle.iter().find(|held| held.connection().id() == id) {
            let idle = clock::now().saturating_duration_since(held.idle_since);
            self.lost_idle.note(idle, error);
        }
    }
}

impl Shared {
    /// Tells the pool's users what has happened to a connection.
    fn tell(&self, state: &mut State, connection: ConnectionId, event: &PoolEvent) {
        for (sink, batch) in self.users.batches(connection, event) {
            state.effects.push(Effect::Tell(sink, Box::new(batch)));
        }
    }

    /// Closes an idle connection; false when it is not idle.
    pub(super) fn remove(self: &Arc<Self>, connection: ConnectionId) -> bool {
        let mut state = self.lock();
        let Some(held) = state.idle.remove(connection) else { return false };
        state.close(held);
        drop(state);
        self.go_on();
        true
    }

    /// A connection broke. True when it was lent to a client, which is told of it. One that was idle is reported to the
    /// pool's users, and closed.
    pub(super) fn connection_lost(&self, id: ConnectionId, error: &Error) -> bool {
        let mut state = self.lock();
        state.note_lost(id, error);
        let held = match state.lent.get(&id) {
            Some(Lent { to: Borrower::Client, .. }) => return true,
            // The requests on it fail, which tells their caller.
            Some(Lent { to: Borrower::Lease, .. }) => return false,
            Some(Lent { to: Borrower::Pipeline(pipeline), held, .. }) if !pipeline.is_answered(held.connection()) => {
                return false;
            }
            Some(_) => state.lent.remove(&id).map(|lent| lent.held),
            // The pool closes it anyway; how isn't reported.
            None if state.closing.contains(&id) => return false,
            None => state.idle.remove(id),
        };
        // One report is enough, and a connection that was only just opened is not known to any user.
        let Some(held) = held else { return false };
        // It does not count any more when the users are told.
        self.tell(&mut state, id, &PoolEvent::IdleLost(Box::new(error.clone())));
        state.close(held);
        false
    }

    /// Removes a closed connection, and tells the pool's users and then its listener.
    pub(super) fn strike_off(&self, id: ConnectionId, listener: &Listener) {
        let mut state = self.lock();
        state.closing.remove(&id);
        match state.lent.get_mut(&id) {
            // A client still has it, and may never release it; the pool's end must not wait for that.
            Some(Lent { to: Borrower::Client, gone, .. }) => *gone = true,
            Some(_) => drop(state.lent.remove(&id).map(|lent| Object::take(lent.held))),
            None => drop(state.idle.remove(id).map(Object::take)),
        }
        self.tell(&mut state, id, &PoolEvent::Removed);
        if let Some(listener) = listener.get() {
            state.effects.push(Effect::Tell(listener, Box::new(Batch::of(ConnectionEvent(id, Event::Closed)))));
        }
    }

    /// Closes idle connections and answers requests for the end, once the pool is ending.
    pub(super) fn wind_up(self: &Arc<Self>) {
        let mut state = self.lock();
        if !state.ending || !state.waiting.is_empty() {
            return;
        }
        state.idle.take_all().into_iter().for_each(|held| state.close(held));
        for lost in self.connections.retain(|_, _| false).removed {
            state.effects.push(Effect::Close(lost.connection().clone()));
        }
        if state.busy() > 0 {
            return;
        }
        // JavaScript may keep the pool; its keys are dropped.
        self.connections.manager().ring.clear();
        for reply in std::mem::take(&mut state.ended) {
            state.effects.push(Effect::Done(reply));
        }
    }

    /// The pool has no user any more: waiting requests are dropped with their environment, connections are closed.
    pub(super) fn abandon(self: &Arc<Self>) {
        let mut state = self.lock();
        state.ending = true;
        let dropped = (std::mem::take(&mut state.ended), state.waiting.drain());
        let lent: Vec<Lent> = state.lent.drain().map(|(_, lent)| lent).collect();
        for lent in lent {
            if lent.gone { drop(Object::take(lent.held)) } else { state.abandon(lent.held) }
        }
        drop(state);
        drop(dropped);
        self.abandoned.send_replace(true);
        self.wind_up();
    }
}
