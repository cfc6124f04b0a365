//! Closing connections that were idle too long or have become too old.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::member::Member;
use super::shared::Shared;
use crate::clock;
use crate::config::PoolSettings;
use crate::conn::runtime;

/// Starts the pool's reaper. It ends when it has nothing left to wait for, or with the pool.
fn start(pool: &Arc<Shared>) {
    runtime::spawn(run(Arc::downgrade(pool)));
}

async fn run(pool: Weak<Shared>) {
    loop {
        let Some(pause) = pool.upgrade().and_then(|pool| pool.reap()) else { return };
        clock::sleep(pause).await;
    }
}

/// How much longer an idle member may live; zero when its time is up, `None` when nothing limits it.
fn time_left(member: &Member, limits: &PoolSettings, above_min: bool, now: Instant) -> Option<Duration> {
    let idle = limits.idle_timeout.filter(|_| above_min).map(|limit| (member.idle_since, limit));
    let life = limits.max_lifetime.map(|limit| (member.created, limit));
    let left = |(since, limit): (Instant, Duration)| limit.saturating_sub(now.saturating_duration_since(since));
    idle.into_iter().chain(life).map(left).min()
}

/// Older than it may become.
pub(super) fn is_expired(member: &Member, limits: &PoolSettings, now: Instant) -> bool {
    limits.max_lifetime.is_some_and(|limit| now.saturating_duration_since(member.created) >= limit)
}

impl Shared {
    /// Starts the reaper when something may have to be closed for its idle time or age.
    pub(super) fn watch_idle(self: &Arc<Self>) {
        if self.limits.idle_timeout.is_none() && self.limits.max_lifetime.is_none() {
            return;
        }
        let mut state = self.lock();
        if !state.reaper && self.idle(&state) > 0 {
            state.reaper = true;
            start(self);
        }
    }

    /// Closes idle connections whose time is up; returns when to come back, or `None` when nothing is idle.
    pub(super) fn reap(self: &Arc<Self>) -> Option<Duration> {
        let now = clock::now();
        let mut state = self.lock();
        let mut above_min = self.objects.status().size.saturating_sub(self.limits.min);
        let mut next: Option<Duration> = None;
        let removed = self.objects.retain(|member, _| match time_left(member, &self.limits, above_min > 0, now) {
            Some(Duration::ZERO) => {
                above_min = above_min.saturating_sub(1);
                false
            }
            Some(left) => {
                next = Some(next.map_or(left, |next| next.min(left)));
                true
            }
            None => true,
        });
        for member in removed.removed {
            let connection = member.connection();
            state.closing.insert(connection.id());
            connection.end(None);
        }
        if next.is_none() {
            state.reaper = false;
        }
        // One more millisecond, so that the time is really up on waking.
        next.map(|pause| pause + Duration::from_millis(1))
    }
}
