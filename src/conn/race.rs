//! Several tries at one request, on as many connections, of which one answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts the tries at a request.
#[derive(Debug)]
pub struct Race {
    /// Tries that may still answer; 0 when one of them does or the last one was lost.
    tries: AtomicUsize,
}

impl Race {
    /// A race of one try that is under way and another one that is to follow.
    pub fn of_two() -> Arc<Race> {
        Arc::new(Race { tries: AtomicUsize::new(2) })
    }

    /// An answer begins. Whether it is the one that counts.
    pub fn win(&self) -> bool {
        self.tries.swap(0, Ordering::AcqRel) > 0
    }

    /// A try will not be answered. Whether it was the last one, so that this has to be told.
    pub fn lose(&self) -> bool {
        self.reduce(|tries| tries.checked_sub(1)) == Some(1)
    }

    /// A try may go unanswered, because it is not the only one or because it is over. False when it is the last one.
    pub fn give_up(&self) -> bool {
        self.reduce(|tries| if tries == 1 { None } else { Some(tries.saturating_sub(1)) }).is_some()
    }

    /// How many tries may still answer.
    pub fn tries(&self) -> usize {
        self.tries.load(Ordering::Acquire)
    }

    fn reduce(&self, next: impl FnMut(usize) -> Option<usize>) -> Option<usize> {
        self.tries.fetch_update(Ordering::AcqRel, Ordering::Acquire, next).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_answer_counts_and_no_other() {
        let race = Race::of_two();
        assert!(race.win() && !race.win() && !race.lose());
        assert_eq!(race.tries(), 0);
    }

    #[test]
    fn only_the_loss_of_the_last_try_is_told() {
        let race = Race::of_two();
        assert!(!race.lose() && race.lose() && !race.lose() && !race.win());
    }

    #[test]
    fn a_try_is_given_up_while_there_is_another_one_or_none_is_needed() {
        let race = Race::of_two();
        assert!(race.give_up() && !race.give_up());
        assert!(race.win() && race.give_up());
        assert_eq!(race.tries(), 0);
    }
}
