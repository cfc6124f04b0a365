//! How requests of the pool's own queue are distributed over its connections (docs/decisions/0013, 0024).

use std::sync::Arc;
use std::time::Instant;

use super::shared::Shared;
use super::state::{Borrower, Lent, State};
use super::task::Task;
use crate::clock;
use crate::config::Sharing;
use crate::conn::{Connection, ConnectionId, Request};

impl State {
    /// How many requests each connection that serves the pool's own queue would get if all that wait were distributed;
    /// 0 when none wait.
    pub(super) fn part(&self) -> usize {
        if self.waiting.is_empty() {
            return 0;
        }
        let pipelines = self.lent.values().filter_map(|lent| match &lent.to {
            Borrower::Pipeline(pipeline) => Some(pipeline),
            Borrower::Client | Borrower::Lease => None,
        });
        let (count, under_way) =
            pipelines.fold((0_usize, 0), |(count, under_way), pipeline| (count + 1, under_way + pipeline.len()));
        (self.waiting.len() + under_way).div_ceil(count.max(1))
    }
}

impl Shared {
    /// Requests that join those which a connection runs for the pool's own queue, up to its `part` of all.
    fn join(self: &Arc<Self>, state: &mut State, id: ConnectionId, part: usize, now: Instant) -> Vec<Request> {
        let State { lent, waiting, depth, .. } = &mut *state;
        // A request that is to be sent again gets the connection as soon as it is free.
        if part == 0 || depth.most() == 1 || waiting.has_second_tries() {
            return Vec::new();
        }
        let Some(Lent { to: Borrower::Pipeline(pipeline), held, .. }) = lent.get_mut(&id) else { return Vec::new() };
        let is_fit = held.connection().status() == b'I' && !held.is_worn_out(&self.limits, now);
        if pipeline.failed || !is_fit {
            return Vec::new();
        }
        let most = self.limits.max_uses.map_or(usize::MAX, |most| most.saturating_sub(held.uses) as usize);
        let next =
            pipeline.fill(depth, part, most, self.limits.sharing, now, |is_wanted| waiting.pop_request(is_wanted));
        held.uses += next.len() as u64;
        if self.limits.sharing == Sharing::Reads && !next.is_empty() {
            self.start(state, Task::Hedge);
        }
        next
    }

    pub(super) fn send_along(self: &Arc<Self>, connection: &Connection, requests: Vec<Request>) {
        if !requests.is_empty() {
            self.submit(connection, self.limits.pipeline_depth, requests.into_iter());
        }
    }

    /// Requests of the pool's own queue have been submitted. Some may have been answered before it is known here.
    pub(super) fn submitted(self: &Arc<Self>, connection: &Connection, count: usize) {
        let is_answered = {
            let mut state = self.lock();
            let Some(Lent { to: Borrower::Pipeline(pipeline), .. }) = state.lent.get_mut(&connection.id()) else {
                return;
            };
            pipeline.submitted(count);
            pipeline.answered(connection.load()) > 0
        };
        if is_answered {
            self.pipeline_answered(connection, false);
        }
    }

    /// Lets busy connections take on waiting requests, up to the `part` of each, before they have answered any.
    pub(super) fn share_out(
        self: &Arc<Self>,
        state: &mut State,
        part: usize,
        now: Instant,
    ) -> Vec<(Connection, Vec<Request>)> {
        if state.opening > 0 || !state.depth.shares_out(part) {
            return Vec::new();
        }
        let is_free =
            |lent: &Lent| matches!(&lent.to, Borrower::Pipeline(pipeline) if pipeline.is_open(&state.depth, now));
        let free: Vec<_> =
            state.lent.values().filter(|lent| is_free(lent)).map(|lent| lent.held.connection().clone()).collect();
        free.into_iter()
            .map(|connection| {
                let next = self.join(state, connection.id(), part, now);
                (connection, next)
            })
            .collect()
    }

    /// A connection has answered requests. One that serves the pool's own queue takes the next ones at once, without a
    /// detour through JavaScript.
    pub(super) fn pipeline_answered(self: &Arc<Self>, connection: &Connection, by_server: bool) {
        let now = clock::now();
        let mut state = self.lock();
        let State { lent, depth, waiting, .. } = &mut *state;
        let Some(Lent { to: Borrower::Pipeline(pipeline), .. }) = lent.get_mut(&connection.id()) else { return };
        let load = connection.load();
        if by_server {
            depth.meet(pipeline.lone_round_trip(load, now));
        }
        pipeline.complete(load, now, depth);
        if !connection.is_open() {
            // It is about to be closed, which takes it out of the pool and lets others go on.
            return;
        }
        pipeline.failed |= connection.take_failure();
        if let Some(first) = pipeline.first_tried() {
            waiting.drop_second_try(first);
        }
        let (failed, goes_on) = (pipeline.failed, pipeline.len() > 0);
        let part = state.part();
        let next = self.join(&mut state, connection.id(), part, now);
        if goes_on || !next.is_empty() {
            let shared = if state.depth.is_far() { Vec::new() } else { self.share_out(&mut state, part, now) };
            drop(state);
            self.send_along(connection, next);
            shared.into_iter().for_each(|(connection, requests)| self.send_along(&connection, requests));
            return;
        }
        if let Some(lent) = state.lent.remove(&connection.id()) {
            self.take_back(state, lent.held, failed);
        }
    }
}
