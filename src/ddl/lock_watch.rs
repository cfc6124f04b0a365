//! Watching, by another connection, what a statement waits for.
//!
//! The server's `lock_timeout` counts for each lock alone. Only another session can see how long a transaction waits
//! for all of them together, and for which sessions.

use std::pin::Pin;
use std::time::Duration;

use super::blockers;
use super::order::Apart;
use crate::clock;
use crate::conn::Session;
use crate::error::{Blocker, Error};

/// How often it checks for a wait.
const POLL: Duration = Duration::from_millis(40);
/// It checks no more often than this, however short the limit: the server itself ends the wait for one lock.
const SHORTEST_POLL: Duration = Duration::from_millis(10);
/// How often it looks up the blockers.
const SAMPLE: Duration = Duration::from_millis(250);
/// How long making the connection may take.
const OPENING: Duration = Duration::from_secs(5);
/// The server's default, where it can't be asked.
const DEADLOCK_TIMEOUT: Duration = Duration::from_secs(1);

/// A connection beside the one that works.
pub(super) struct LockWatch {
    session: Option<Session>,
    /// How long a wait lasts before an autovacuum yields.
    pub(super) deadlock_timeout: Duration,
}

/// What was seen while a statement was under way.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// How long it has waited for locks.
    pub(super) waited: Duration,
    /// The blockers when they were last looked up.
    pub(super) blockers: Vec<Blocker>,
    /// It was cancelled because it had waited for too long.
    pub(super) is_cut: bool,
}

impl LockWatch {
    /// One that sees nothing.
    pub(super) fn blind() -> LockWatch {
        LockWatch { session: None, deadlock_timeout: DEADLOCK_TIMEOUT }
    }

    /// Opens the connection. If the server has none left, the wait for each single lock is still limited.
    pub(super) async fn open(apart: &Apart) -> LockWatch {
        let opening = Session::open_at_once(&apart.settings, apart.caller.as_ref());
        let Some(Ok(session)) = clock::within(OPENING, opening).await else { return LockWatch::blind() };
        let question = "SELECT setting FROM pg_settings WHERE name = 'deadlock_timeout'";
        let answer = clock::within(OPENING, session.simple(question)).await;
        let sets = answer.and_then(Result::ok).unwrap_or_default();
        let millis = sets.first().and_then(|set| set.value(0)).and_then(|text| text.parse().ok());
        let deadlock_timeout = millis.map_or(DEADLOCK_TIMEOUT, Duration::from_millis);
        LockWatch { session: Some(session), deadlock_timeout }
    }

    /// Waits for `work`, which the server process `pid` does (a number, or an expression for one). Cancels it when its
    /// waits for locks have lasted longer than `limit` together. `tell` is called with the blockers whenever they
    /// change.
    /// `None` when nothing can be seen (any more): the caller has to wait for the work.
    pub(super) async fn over<T>(
        &self,
        pid: &str,
        limit: Option<Duration>,
        tell: impl Fn(&[Blocker]),
        mut work: Pin<&mut impl Future<Output = T>>,
    ) -> (Option<T>, Seen) {
        let mut seen = Seen::default();
        let Some(session) = &self.session else { return (None, seen) };
        let poll = limit.map_or(POLL, |limit| (limit / 5).clamp(SHORTEST_POLL, POLL));
        let mut looks = Looks { session, pid, limit, seen: &mut seen, last: clock::now(), sampled: None };
        loop {
            let look = async {
                clock::sleep(poll).await;
                looks.look(&tell).await
            };
            let is_blind = tokio::select! {
                biased;
                done = &mut work => return (Some(done), seen),
                looked = look => looked.is_err(),
            };
            if is_blind {
                return (None, seen);
            }
        }
    }
}

struct Looks<'a> {
    session: &'a Session,
    pid: &'a str,
    limit: Option<Duration>,
    seen: &'a mut Seen,
    last: std::time::Instant,
    sampled: Option<std::time::Instant>,
}

impl Looks<'_> {
    async fn look(&mut self, tell: &impl Fn(&[Blocker])) -> Result<(), Error> {
        let condition = format!("FROM pg_stat_activity WHERE pid = {} AND wait_event_type = 'Lock'", self.pid);
        let sets = self.session.simple(&format!("SELECT 1 {condition}")).await?;
        let now = clock::now();
        let since = now.saturating_duration_since(std::mem::replace(&mut self.last, now));
        if sets.first().is_none_or(|set| set.rows.is_empty()) {
            return Ok(());
        }
        self.seen.waited += since;
        if self.sampled.is_none_or(|then| now.saturating_duration_since(then) >= SAMPLE) {
            self.sampled = Some(now);
            self.sample(tell).await?;
        }
        // The server itself ends the wait for a single lock, to the millisecond.
        if self.limit.is_some_and(|limit| self.seen.waited > limit + POLL) {
            self.seen.is_cut = true;
            self.session.simple(&format!("SELECT pg_cancel_backend(pid) {condition}")).await?;
        }
        Ok(())
    }

    async fn sample(&mut self, tell: &impl Fn(&[Blocker])) -> Result<(), Error> {
        let sets = self.session.simple(&blockers::question(self.pid)).await?;
        let found = sets.first().map(blockers::read).unwrap_or_default();
        // Between the two queries the wait may have ended.
        if !found.is_empty() {
            let pids = |blockers: &[Blocker]| blockers.iter().map(|blocker| blocker.pid).collect::<Vec<_>>();
            let is_news = pids(&found) != pids(&self.seen.blockers);
            self.seen.blockers = found;
            if is_news {
                tell(&self.seen.blockers);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use super::*;
    use crate::conn::scripted::{complete, one_row, ready, start};

    /// A server on which everything waits for a lock, and what it was asked to cancel is heard of.
    async fn watch(cancelled: tokio::sync::mpsc::UnboundedSender<()>) -> LockWatch {
        let settings = start(move |_, body| {
            let text = String::from_utf8_lossy(body);
            if text.contains("pg_cancel_backend") {
                cancelled.send(()).unwrap();
            }
            let answer = if text.contains("deadlock_timeout") { one_row("2000") } else { one_row("1") };
            let empty = text.contains("pg_blocking_pids");
            Some([if empty { complete("SELECT 0") } else { answer }, ready(b'I')].concat())
        });
        LockWatch::open(&Apart { settings, caller: None }).await
    }

    #[tokio::test]
    async fn what_waits_for_longer_than_it_may_is_cancelled() {
        let (sender, mut cancelled) = tokio::sync::mpsc::unbounded_channel();
        let watch = watch(sender).await;
        assert_eq!(watch.deadlock_timeout, Duration::from_secs(2));
        let work = pin!(async { cancelled.recv().await.unwrap() });
        let (done, seen) = watch.over("7", Some(Duration::ZERO), |_| {}, work).await;
        assert!(done.is_some() && seen.is_cut && seen.waited > POLL);
    }

    #[tokio::test]
    async fn one_that_sees_nothing_leaves_the_wait_to_others() {
        let (done, seen) = LockWatch::blind().over("7", Some(Duration::ZERO), |_| {}, pin!(async {})).await;
        assert!(done.is_none() && !seen.is_cut);
    }
}
