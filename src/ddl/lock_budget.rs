//! How long a call may wait for locks, all its tries together.

use std::time::Duration;

use super::order::Limits;
use crate::conn::Backoff;
use crate::error::Blocker;

/// The first pause before a lock is asked for again.
const FIRST: Duration = Duration::from_millis(200);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(5);

/// How long a call has waited and may still wait.
pub(super) struct LockBudget {
    limits: Limits,
    left: Option<Duration>,
    waited: Duration,
    attempts: u32,
    backoff: Backoff,
    /// How long an autovacuum worker has to be waited for before it yields; set once one was a blocker.
    rung: Option<Duration>,
}

/// The next step after a try that didn't get its lock.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Another one, after this pause.
    Pause(Duration),
    /// Nothing: there are no tries or no time left.
    GiveUp,
}

impl LockBudget {
    pub(super) fn new(limits: Limits) -> LockBudget {
        let (left, waited) = (limits.lock_budget, Duration::ZERO);
        LockBudget { limits, left, waited, attempts: 0, backoff: Backoff::new(FIRST, LONGEST), rung: None }
    }

    /// The next piece has tries of its own; the time is shared by all.
    pub(super) fn begin_piece(&mut self) {
        self.attempts = 0;
        self.backoff = Backoff::new(FIRST, LONGEST);
        self.rung = None;
    }

    /// Begins a try: how long it may wait.
    pub(super) fn begin(&mut self) -> Option<Duration> {
        self.attempts += 1;
        let wanted = match (self.rung.take(), self.limits.lock_timeout) {
            (Some(rung), Some(usual)) => Some(rung.max(usual)),
            (_, usual) => usual,
        };
        match (wanted, self.left) {
            (Some(wanted), Some(left)) => Some(wanted.min(left)),
            (wanted, left) => wanted.or(left),
        }
    }

    /// The time that all later tries may wait.
    pub(super) fn left(&self) -> Option<Duration> {
        self.left
    }

    /// Counts what was waited.
    pub(super) fn spend(&mut self, waited: Duration) {
        self.waited += waited;
        self.left = self.left.map(|left| left.saturating_sub(waited));
    }

    /// The next step after a try that has waited in vain for `blockers`. If autovacuum was the only blocker, the next
    /// try lasts until that has yielded, some time after `deadlock_timeout`.
    pub(super) fn after(&mut self, blockers: &[Blocker], deadlock_timeout: Duration) -> Next {
        // A shorter try would only make other sessions wait behind it.
        let least = self.limits.lock_timeout.map_or(Duration::ZERO, |timeout| (timeout / 2).min(SHORTEST_TRY));
        let is_spent = self.left.is_some_and(|left| left <= least);
        let retries = self.limits.retries.or(self.limits.lock_timeout.is_none().then_some(0));
        if is_spent || retries.is_some_and(|retries| self.attempts > retries) {
            return Next::GiveUp;
        }
        let yields = |blocker: &Blocker| blocker.is_autovacuum && !blocker.prevents_wraparound();
        if !blockers.is_empty() && blockers.iter().all(yields) {
            self.rung = Some(deadlock_timeout + deadlock_timeout / 2 + RUNG_MARGIN);
        }
        let pause = self.backoff.pause();
        // The last try has some time to wait, too.
        Next::Pause(self.left.map_or(pause, |left| pause.min((left - least) / 2)))
    }

    /// How long all tries have waited, and how many they were.
    pub(super) fn spent(&self) -> (Duration, u32) {
        (self.waited, self.attempts)
    }
}

/// The last try is no shorter than this, or than half of a usual one.
const SHORTEST_TRY: Duration = Duration::from_millis(100);
/// The server looks for a deadlock when its timeout is over, and the worker ends a moment later.
const RUNG_MARGIN: Duration = Duration::from_millis(300);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);
    const SECOND: Duration = Duration::from_secs(1);

    fn limits(lock_timeout: u32, lock_budget: u32, retries: Option<u32>) -> Limits {
        let (lock_timeout, lock_budget) = (Some(lock_timeout * MS), Some(lock_budget * MS));
        Limits { lock_timeout, lock_budget, retries, statement_timeout: None }
    }

    fn autovacuum(query: &str) -> Blocker {
        Blocker { is_autovacuum: true, query: query.into(), ..Blocker::default() }
    }

    #[test]
    fn it_is_tried_as_long_as_there_is_time_and_never_longer_than_that() {
        let mut budget = LockBudget::new(limits(500, 2000, None));
        let mut clock = Duration::ZERO;
        loop {
            let limit = budget.begin().unwrap();
            assert!(limit <= 500 * MS && clock + limit <= 2000 * MS);
            budget.spend(limit);
            clock += limit;
            let Next::Pause(pause) = budget.after(&[], SECOND) else { break };
            budget.spend(pause);
            clock += pause;
        }
        assert!((1900 * MS..=2000 * MS).contains(&clock), "{clock:?}");
        assert_eq!(budget.spent().0, clock);
        assert!(budget.spent().1 >= 3);
    }

    #[test]
    fn retries_are_counted_besides_the_first_try() {
        let mut budget = LockBudget::new(limits(10, 60_000, Some(2)));
        for _ in 0..2 {
            budget.begin();
            assert!(matches!(budget.after(&[], SECOND), Next::Pause(_)));
        }
        budget.begin();
        assert_eq!((budget.after(&[], SECOND), budget.spent().1), (Next::GiveUp, 3));
    }

    #[test]
    fn each_piece_has_tries_of_its_own_and_all_have_one_time() {
        let mut budget = LockBudget::new(limits(10, 1000, Some(0)));
        budget.begin_piece();
        budget.begin();
        budget.spend(300 * MS);
        budget.begin_piece();
        budget.begin();
        assert_eq!((budget.spent(), budget.left()), ((300 * MS, 1), Some(700 * MS)));
    }

    #[test]
    fn without_a_lock_timeout_nothing_is_tried_again_unless_it_is_asked_for() {
        let mut budget = LockBudget::new(Limits { lock_budget: Some(SECOND), ..Limits::default() });
        assert_eq!((budget.begin(), budget.after(&[], SECOND)), (Some(SECOND), Next::GiveUp));
        let mut budget = LockBudget::new(Limits { retries: Some(1), ..Limits::default() });
        assert_eq!(budget.begin(), None);
        assert!(matches!(budget.after(&[], SECOND), Next::Pause(_)));
    }

    #[test]
    fn an_autovacuum_is_waited_out_once_and_one_against_wraparound_is_not() {
        let mut budget = LockBudget::new(limits(100, 60_000, None));
        budget.begin();
        budget.after(&[autovacuum("autovacuum: VACUUM public.t")], SECOND);
        assert_eq!(budget.begin(), Some(1800 * MS));
        budget.after(&[autovacuum("autovacuum: VACUUM public.t (to prevent wraparound)")], SECOND);
        assert_eq!(budget.begin(), Some(100 * MS));
        budget.after(&[autovacuum("autovacuum: ANALYZE public.t"), Blocker::default()], SECOND);
        assert_eq!(budget.begin(), Some(100 * MS));
    }
}
