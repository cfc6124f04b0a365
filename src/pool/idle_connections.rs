//! The idle connections.

use std::time::{Duration, Instant};

use deadpool::managed::Object;

use super::connection_manager::ConnectionManager;
use crate::clock;
use crate::config::PoolSettings;
use crate::conn::ConnectionId;

/// A connection of the pool's. `deadpool` counts it until it is taken out ([`Object::take`]); one that is dropped
/// instead goes back to `deadpool`, which looks at it before it makes another one.
pub(super) type Held = Object<ConnectionManager>;

/// They are in the order in which they came back, and are lent from the end, so that unneeded ones reach their idle
/// timeout.
#[derive(Default)]
pub(super) struct IdleConnections(Vec<Held>);

impl IdleConnections {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Held> {
        self.0.iter()
    }

    /// It is idle from now on.
    pub(super) fn push(&mut self, mut held: Held) {
        held.idle_since = clock::now();
        self.0.push(held);
    }

    /// Puts back what was just taken.
    pub(super) fn put_back(&mut self, held: Held) {
        self.0.push(held);
    }

    /// Takes the one that was used last. A broken one stays here until its end is reported.
    pub(super) fn pop(&mut self) -> Option<Held> {
        let place = self.0.iter().rposition(|held| held.connection().is_open())?;
        let mut held = self.0.remove(place);
        held.rested = Some(clock::now().saturating_duration_since(held.idle_since));
        Some(held)
    }

    pub(super) fn remove(&mut self, connection: ConnectionId) -> Option<Held> {
        let place = self.0.iter().position(|held| held.connection().id() == connection)?;
        Some(self.0.remove(place))
    }

    pub(super) fn take_all(&mut self) -> Vec<Held> {
        std::mem::take(&mut self.0)
    }

    /// Takes those whose time is up, with how long the next one has; `above_min` of them may go for their idle time.
    pub(super) fn take_expired(
        &mut self,
        limits: &PoolSettings,
        mut above_min: usize,
        now: Instant,
    ) -> (Vec<Held>, Option<Duration>) {
        let mut next: Option<Duration> = None;
        let is_expired = |held: &mut Held| match held.time_left(limits, above_min > 0, now) {
            Some(Duration::ZERO) => {
                above_min = above_min.saturating_sub(1);
                true
            }
            left => {
                next = next.into_iter().chain(left).min();
                false
            }
        };
        (self.0.extract_if(.., is_expired).collect(), next)
    }
}
