//! How requests of the pool's own queue are shared out among its connections (docs/decisions/0013, 0024, 0028).

use std::sync::Arc;
use std::time::Instant;

use super::care;
use super::shared::{Borrower, Lent, Shared, State};
use crate::clock;
use crate::config::Sharing;
use crate::conn::{Connection, ConnectionId, Request};

impl State {
    /// What each connection that serves the pool's own queue would have to do, if all that waits were shared out; 0 when
    /// nothing waits.
    pub(super) fn part(&self) -> usize {
        if self.waiting.is_empty() {
            return 0;
        }
        let (lanes, riding) = self.lent.values().fold((0_usize, 0), |(lanes, riding), lent| match &lent.to {
            Borrower::Lane(lane) => (lanes + 1, riding + lane.riding()),
            Borrower::Client | Borrower::Loan => (lanes, riding),
        });
        (self.waiting.len() + riding).div_ceil(lanes.max(1))
    }

    /// Whether no connection that serves the pool's own queue has more than the one request with which it starts.
    pub(super) fn begins(&self) -> bool {
        self.lent.values().all(|lent| match &lent.to {
            Borrower::Lane(lane) => lane.riding() <= 1,
            Borrower::Client | Borrower::Loan => true,
        })
    }
}

impl Shared {
    /// Requests that join those which a connection runs for the pool's own queue, up to its `part` of all.
    fn board(self: &Arc<Self>, state: &mut State, id: ConnectionId, part: usize, now: Instant) -> Vec<Request> {
        let State { lent, waiting, depth, caring, .. } = state;
        // What is to be sent again gets the connection as soon as it has nothing else to do.
        if part == 0 || depth.most() == 1 || waiting.has_overtaken() {
            return Vec::new();
        }
        let Some(Lent { to: Borrower::Lane(lane), held, .. }) = lent.get_mut(&id) else { return Vec::new() };
        if lane.failed || !lane.retire || held.connection().status() != b'I' || self.is_worn_out(held, now) {
            return Vec::new();
        }
        let most = self.limits.max_uses.map_or(usize::MAX, |most| most.saturating_sub(held.uses) as usize);
        let next = lane.fill(depth, part, most, self.limits.sharing, now, |is_wanted| waiting.pop_request(is_wanted));
        held.uses += next.len() as u64;
        if self.limits.sharing == Sharing::Reads && !next.is_empty() && !*caring {
            *caring = true;
            care::start(self);
        }
        next
    }

    pub(super) fn send_along(self: &Arc<Self>, connection: &Connection, requests: Vec<Request>) {
        let count = requests.len();
        if count > 0 {
            connection.set_depth(self.limits.pipeline_depth);
            connection.submit_all(requests.into_iter());
            self.submitted(connection, count);
        }
    }

    /// Requests of the pool's own queue have been submitted. Some may have been answered before it is known here.
    pub(super) fn submitted(self: &Arc<Self>, connection: &Connection, count: usize) {
        let is_answered = {
            let mut state = self.lock();
            let Some(Lent { to: Borrower::Lane(lane), .. }) = state.lent.get_mut(&connection.id()) else { return };
            lane.submitted(count);
            lane.landed(connection.load()) > 0
        };
        if is_answered {
            self.lane_answered(connection, false);
        }
    }

    /// Has busy connections take on what waits, up to the `part` of each, before they have answered anything.
    pub(super) fn share_out(
        self: &Arc<Self>,
        state: &mut State,
        part: usize,
        now: Instant,
    ) -> Vec<(Connection, Vec<Request>)> {
        if state.creating > 0 || !state.depth.shares_out(part) {
            return Vec::new();
        }
        let is_free = |lent: &Lent| matches!(&lent.to, Borrower::Lane(lane) if lane.is_open(&state.depth, now));
        let free: Vec<_> =
            state.lent.values().filter(|lent| is_free(lent)).map(|lent| lent.held.connection().clone()).collect();
        free.into_iter()
            .map(|connection| {
                let next = self.board(state, connection.id(), part, now);
                (connection, next)
            })
            .collect()
    }

    /// A connection has answered requests. One that serves the pool's own queue takes the next ones at once, without a
    /// trip through JavaScript.
    pub(super) fn lane_answered(self: &Arc<Self>, connection: &Connection, by_server: bool) {
        let now = clock::now();
        let mut state = self.lock();
        let State { lent, depth, waiting, .. } = &mut *state;
        let Some(Lent { to: Borrower::Lane(lane), .. }) = lent.get_mut(&connection.id()) else { return };
        let load = connection.load();
        if by_server {
            depth.meet(lane.lone_trip(load, now));
        }
        lane.land(load, now, depth);
        if !connection.is_open() {
            // It is about to be closed, which takes it out of the pool and lets others go on.
            return;
        }
        lane.failed |= connection.take_failure();
        if let Some(first) = lane.first_tried() {
            waiting.drop_overtaken(first);
        }
        let (failed, goes_on) = (lane.failed && lane.retire, lane.riding() > 0);
        let part = state.part();
        let next = self.board(&mut state, connection.id(), part, now);
        if goes_on || !next.is_empty() {
            let shared = if state.depth.is_far() { Vec::new() } else { self.share_out(&mut state, part, now) };
            drop(state);
            self.send_along(connection, next);
            shared.into_iter().for_each(|(connection, requests)| self.send_along(&connection, requests));
            return;
        }
        let lent = state.lent.remove(&connection.id());
        drop(state);
        if let Some(lent) = lent {
            self.take_back(lent.held, failed);
        }
    }
}
