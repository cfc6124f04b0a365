//! Looking after queries that share a connection: none waits behind another's for long while other connections are free
//! (docs/decisions/0029).

use std::sync::{Arc, Weak};
use std::time::Duration;

use deadpool::managed::Object;

use super::lane::PATIENCE;
use super::shared::{Borrower, Lent, Shared, State};
use crate::clock;
use crate::conn::{Connection, Request, runtime};

/// How often what shares connections is looked at.
const ROUND: Duration = Duration::from_millis(5);

/// Starts looking after the lanes of a pool. It ends when none of them has more than one request, or with the pool.
pub(super) fn start(pool: &Arc<Shared>) {
    runtime::spawn(run(Arc::downgrade(pool)));
}

async fn run(pool: Weak<Shared>) {
    loop {
        clock::sleep(ROUND).await;
        if !pool.upgrade().is_some_and(|pool| pool.care()) {
            return;
        }
    }
}

impl State {
    /// Requests that have waited too long behind others, the oldest first, of which so many can be sent at once.
    ///
    /// Where no connection is free what has waited costs the others: they board no more until it has left. So the one in
    /// front must have held it up for all that time by itself, which on a busy machine many short ones don't.
    fn overtaken(&mut self, free: usize) -> Vec<Request> {
        let now = clock::now();
        let State { lent, depth, .. } = self;
        let mut overtaken = Vec::new();
        for Lent { held, to, .. } in lent.values_mut() {
            let Borrower::Lane(lane) = to else { continue };
            let connection = held.connection();
            overtaken.extend(lane.overtaken(connection, depth, PATIENCE, usize::MAX, now));
            let most = free.saturating_sub(overtaken.len());
            overtaken.extend(lane.overtaken(connection, depth, depth.suspicion(), most, now));
        }
        overtaken.sort_by_key(|(left, _)| *left);
        overtaken.into_iter().map(|(_, request)| request).collect()
    }

    /// Takes connections that have nothing to do but what nobody waits for.
    fn take_moot(&mut self) -> Vec<Connection> {
        let now = clock::now();
        let is_moot = |lent: &Lent| match &lent.to {
            Borrower::Lane(lane) => lane.is_moot(&self.depth, now) && lent.held.connection().give_up(),
            Borrower::Client | Borrower::Loan => false,
        };
        let moot: Vec<_> = self.lent.iter().filter(|(_, lent)| is_moot(lent)).map(|(id, _)| *id).collect();
        moot.into_iter()
            .filter_map(|id| self.lent.remove(&id))
            .map(|lent| {
                let connection = Object::take(lent.held).connection().clone();
                self.closing.insert(connection.id());
                connection
            })
            .collect()
    }
}

impl Shared {
    /// Connections that are idle, or can be made.
    fn free(&self, state: &State) -> usize {
        let room = self.limits.max.saturating_sub(self.objects.status().size + state.creating);
        if state.waiting.is_empty() { self.idle(state) + room } else { 0 }
    }

    /// Looks after the lanes once. False when there is nothing more to look after.
    fn care(self: &Arc<Self>) -> bool {
        let (goes_on, is_changed, moot) = {
            let mut state = self.lock();
            state.waiting.drop_answered();
            let free = self.free(&state);
            let overtaken = state.overtaken(free);
            let moot = state.take_moot();
            let is_changed = !overtaken.is_empty() || !moot.is_empty();
            let deadline = self.limits.wait_timeout.map(|limit| clock::now() + limit);
            overtaken.into_iter().for_each(|request| state.waiting.push_overtaken(request, deadline));
            let needs_care = |lent: &Lent| matches!(&lent.to, Borrower::Lane(lane) if lane.needs_care());
            state.caring = state.lent.values().any(needs_care);
            (state.caring, is_changed, moot)
        };
        // Another try serves those who wait: what is left here would hold a connection for nothing.
        moot.iter().for_each(Connection::abandon);
        if is_changed {
            self.go_on();
        }
        goes_on
    }
}
