//! How long to pause before something is tried again that others wait for as well.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::time::Duration;

/// Pauses that grow, and that differ between those who wait for the same thing.
#[derive(Debug)]
pub struct Backoff {
    next: Duration,
    longest: Duration,
}

impl Backoff {
    /// From a first pause to the longest one, before they are shortened at random.
    pub fn new(first: Duration, longest: Duration) -> Backoff {
        Backoff { next: first, longest }
    }

    /// The next pause.
    pub fn pause(&mut self) -> Duration {
        self.pause_by(chance())
    }

    /// The next pause, by a random number from 0 to 1: between half of its length and all of it.
    fn pause_by(&mut self, chance: f64) -> Duration {
        let whole = self.next;
        self.next = (whole * 2).min(self.longest);
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

    const FIRST: Duration = Duration::from_millis(200);

    fn backoff() -> Backoff {
        Backoff::new(FIRST, Duration::from_secs(5))
    }

    #[test]
    fn pauses_double_up_to_the_longest_and_are_cut_by_no_more_than_half() {
        let (mut longest, mut shortest) = (backoff(), backoff());
        let whole: Vec<u128> = (0..7).map(|_| longest.pause_by(1.0).as_millis()).collect();
        assert_eq!(whole, [200, 400, 800, 1600, 3200, 5000, 5000]);
        let half: Vec<u128> = (0..7).map(|_| shortest.pause_by(0.0).as_millis()).collect();
        assert_eq!(half, [100, 200, 400, 800, 1600, 2500, 2500]);
    }

    #[test]
    fn two_pauses_hardly_ever_are_alike() {
        let pauses: std::collections::BTreeSet<Duration> = (0..50).map(|_| backoff().pause()).collect();
        assert!(pauses.len() > 40, "{pauses:?}");
        assert!(pauses.iter().all(|pause| (FIRST / 2..=FIRST).contains(pause)));
    }
}
