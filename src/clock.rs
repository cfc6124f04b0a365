//! The one clock: what time it is, and waiting.
//!
//! It is tokio's, which a test can stop and set (`tokio::time::pause`), so that everything here that waits can be
//! tested without waiting. Nothing else asks the system for the time; `.clippy.toml` enforces that.

#![allow(clippy::disallowed_methods, reason = "they are called here so that they are called nowhere else")]

use std::time::{Duration, Instant, SystemTime};

/// The time now.
#[inline]
pub fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// The day and hour, by the system's clock, which may be wrong.
pub fn today() -> SystemTime {
    SystemTime::now()
}

/// Waits this long.
pub async fn sleep(pause: Duration) {
    tokio::time::sleep(pause).await;
}

/// Waits until then.
pub async fn sleep_until(then: Instant) {
    tokio::time::sleep_until(then.into()).await;
}

/// What the future gives, or nothing when it takes longer than `limit`; the future is dropped then.
pub async fn within<T>(limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    tokio::time::timeout(limit, future).await.ok()
}
