//! How connections leave a pool: closed by it, lost, or with the end of all.

use std::sync::Arc;

use deadpool::managed::Object;

use super::home::tell;
use super::shared::{Borrower, Held, Lent, Shared, State};
use crate::conn::{Connection, ConnectionId};
use crate::error::{Error, texts};
use crate::rows::{Batch, PoolEvent, Record};

impl Shared {
    /// Closes a connection: politely when it is at rest, at once when it is in the middle of something.
    pub(super) fn discard(&self, state: &mut State, held: Held) {
        let member = Object::take(held);
        let connection = member.connection();
        // One that is closed already is about to be struck off.
        state.closing.insert(connection.id());
        if connection.load() == 0 {
            connection.end(None);
        } else {
            connection.destroy(Error::closed(texts::TERMINATED));
        }
    }

    /// Closes an idle connection; false when it is not idle.
    pub(super) fn remove(self: &Arc<Self>, connection: ConnectionId) -> bool {
        let removed = {
            let mut state = self.lock();
            let removed = self.objects.retain(|member, _| member.connection().id() != connection).removed;
            state.closing.extend(removed.iter().map(|member| member.connection().id()));
            removed
        };
        for member in &removed {
            member.connection().end(None);
        }
        if !removed.is_empty() {
            self.go_on();
        }
        !removed.is_empty()
    }

    /// A connection broke. True when whoever has it as a client is the one to hear of it. What broke while nobody used it
    /// is told to the pool's users, and closed.
    pub(super) fn connection_lost(&self, id: ConnectionId, error: &Error) -> bool {
        let gone = {
            let mut state = self.lock();
            let member = match state.lent.get(&id) {
                Some(Lent { to: Borrower::Client, .. }) => return true,
                // What it ran fails, and its caller knows.
                Some(Lent { to: Borrower::Loan, .. }) => return false,
                Some(Lent { to: Borrower::Lane(lane), held, .. }) if !lane.is_answered(held.connection()) => {
                    return false;
                }
                Some(_) => state.lent.remove(&id).map(|lent| Object::take(lent.held)),
                // The pool closes it anyway; nobody needs to hear how.
                None if state.closing.contains(&id) => return false,
                None => self.objects.retain(|member, _| member.connection().id() != id).removed.pop(),
            };
            // One report is enough, and nobody has seen a connection that was only just made.
            let Some(member) = member else { return false };
            state.closing.insert(id);
            // It does not count any more when its users hear of it.
            tell(&mut state.homes, id, &PoolEvent::IdleLost(Box::new(error.clone())));
            member
        };
        gone.connection().end(None);
        false
    }

    /// Strikes a closed connection off, and tells the pool's users.
    pub(super) fn forget(&self, connection: &Connection) {
        let id = connection.id();
        let mut gone = Vec::new();
        {
            let mut state = self.lock();
            state.closing.remove(&id);
            match state.lent.get_mut(&id) {
                // A client still has it, and gives it back or not; the pool must not wait for that with an end.
                Some(Lent { to: Borrower::Client, gone, .. }) => *gone = true,
                Some(_) => gone.extend(state.lent.remove(&id).map(|lent| Object::take(lent.held))),
                None => gone.extend(self.objects.retain(|member, _| member.connection().id() != id).removed),
            }
            tell(&mut state.homes, id, &PoolEvent::Removed);
        }
        drop(gone);
    }

    /// Closes what is idle and answers who waits for the end, once the pool is ending.
    pub(super) fn wind_up(self: &Arc<Self>) {
        let finished = {
            let mut state = self.lock();
            if !state.ending || !state.waiting.is_empty() {
                return;
            }
            while let Some(held) = self.take_idle(&state) {
                self.discard(&mut state, held);
            }
            if state.open() > 0 {
                return;
            }
            std::mem::take(&mut state.ended)
        };
        // The pool may stay in JavaScript's hands; its keys don't.
        self.objects.manager().ring.clear();
        for reply in finished {
            let mut batch = Batch::default();
            batch.record(Record::Done, &[reply.request, 0]);
            reply.sink.deliver(batch);
        }
    }

    /// Nobody uses the pool any more: what waits is dropped with its environment, connections are closed.
    pub(super) fn abandon(self: &Arc<Self>) {
        {
            let mut state = self.lock();
            state.ending = true;
            state.ended.clear();
            self.abandoned.send_replace(true);
            drop(state.waiting.drain());
            let lent: Vec<Lent> = state.lent.drain().map(|(_, lent)| lent).collect();
            for lent in lent.into_iter().filter(|lent| !lent.gone) {
                let member = Object::take(lent.held);
                state.closing.insert(member.connection().id());
                member.connection().abandon();
            }
        }
        self.wind_up();
    }
}
