//! How long to pause before a lock is asked for again.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// The first pause, before it is shortened at random.
const FIRST: Duration = Duration::from_millis(200);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(5);

/// Pauses that grow, and that differ between scripts that wait for the same lock.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Backoff {
        Backoff { next: FIRST }
    }

    /// The next pause.
    pub(super) fn pause(&mut self) -> Duration {
        self.pause_by(chance())
    }

    /// The next pause, by a random number from 0 to 1: between half of its length and all of it.
    fn pause_by(&mut self, chance: f64) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(LONGEST);
        whole.mul_f64(0.5 + chance / 2.0)
    }
}

/// From 0 to 1.
fn chance() -> f64 {
    let random = RandomState::new().build_hasher().finish();
    f64::from(u32::try_from(random >> 32).unwrap_or_default()) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_are_cut_by_no_more_than_half() {
        let (mut longest, mut shortest) = (Backoff::new(), Backoff::new());
        let whole: Vec<u128> = (0..7).map(|_| longest.pause_by(1.0).as_millis()).collect();
        assert_eq!(whole, [200, 400, 800, 1600, 3200, 5000, 5000]);
        let half: Vec<u128> = (0..7).map(|_| shortest.pause_by(0.0).as_millis()).collect();
        assert_eq!(half, [100, 200, 400, 800, 1600, 2500, 2500]);
    }

    #[test]
    fn two_pauses_hardly_ever_are_alike() {
        let pauses: std::collections::BTreeSet<Duration> = (0..50).map(|_| Backoff::new().pause()).collect();
        assert!(pauses.len() > 40, "{pauses:?}");
        assert!(pauses.iter().all(|pause| (FIRST / 2..=FIRST).contains(pause)));
    }
}
