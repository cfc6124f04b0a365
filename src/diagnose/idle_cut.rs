//! Idle connections that were lost.

use std::time::Duration;

use super::cause::Cause;
use super::finding::Finding;

/// What is to be said of a pool that lost connections which had been idle for so long.
pub(super) fn finding(lost: &[Duration]) -> Option<Finding> {
    let shortest = lost.iter().min()?;
    let ages: Vec<String> = lost.iter().map(|age| shown(*age)).collect();
    let seen = match ages.as_slice() {
        [age] => format!("An idle connection of the pool was lost after {age}, without a word from the server."),
        ages => {
            let count = ages.len();
            format!(
                "{count} idle connections of the pool were lost without a word from the server, after {}.",
                ages.join(", ")
            )
        }
    };
    Some(Finding::new(Cause::IdleCut).with("after", shown(*shortest)).seen(seen))
}

/// `800 ms`, `42 s`, `6 min`.
fn shown(age: Duration) -> String {
    match age.as_secs() {
        0 => format!("{} ms", age.as_millis()),
        seconds @ 1..300 => format!("{seconds} s"),
        seconds => format!("{} min", seconds / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ages_are_evidence_and_the_shortest_is_what_counts() {
        let lost = [Duration::from_secs(360), Duration::from_millis(42_900), Duration::from_millis(80)];
        let found = finding(&lost).unwrap();
        assert_eq!(found.fact("after"), Some("80 ms"));
        let said = found.evidence.concat();
        assert!(said.starts_with("3 idle connections") && said.contains("after 6 min, 42 s, 80 ms"), "{said}");
    }

    #[test]
    fn where_none_was_lost_nothing_is_said() {
        assert_eq!(finding(&[]), None);
    }
}
