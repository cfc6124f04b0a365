//! Closing connections that were idle too long or have become too old.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::member::Member;
use super::shared::Shared;
use crate::clock;
use crate::config::PoolSettings;
use crate::conn::runtime;

/// Starts the pool's reaper. It ends when it has nothing left to wait for, or with the pool.
pub(super) fn start(pool: &Arc<Shared>) {
    runtime::spawn(run(Arc::downgrade(pool)));
}

async fn run(pool: Weak<Shared>) {
    loop {
        let Some(pause) = pool.upgrade().and_then(|pool| pool.reap()) else { return };
        clock::sleep(pause).await;
    }
}

/// How much longer an idle member may live; zero when its time is up, `None` when nothing limits it.
pub(super) fn time_left(member: &Member, limits: &PoolSettings, above_min: bool, now: Instant) -> Option<Duration> {
    let idle = limits.idle_timeout.filter(|_| above_min).map(|limit| (member.idle_since, limit));
    let life = limits.max_lifetime.map(|limit| (member.created, limit));
    let left = |(since, limit): (Instant, Duration)| limit.saturating_sub(now.saturating_duration_since(since));
    idle.into_iter().chain(life).map(left).min()
}

/// Older than it may become.
pub(super) fn is_expired(member: &Member, limits: &PoolSettings, now: Instant) -> bool {
    limits.max_lifetime.is_some_and(|limit| now.saturating_duration_since(member.created) >= limit)
}
