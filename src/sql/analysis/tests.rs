//! What the analysis says of statements of every kind, and that no text ends the process.

use super::{Class, Refusal, Statement, analyze};

fn each<T: Send>(script: &str, take: impl Fn(&Statement<'_>) -> T + Send) -> Vec<T> {
    analyze(script, 17, |statements| statements.iter().map(take).collect()).unwrap_or_default()
}

#[test]
fn print() {
    let script = std::fs::read_to_string("/tmp/corpus.sql").unwrap_or_default();
    for line in each(&script, |s| {
        let locks: Vec<_> = s.locks.iter().map(|l| format!("{} {}", l.relation, l.mode.as_str())).collect();
        format!("{:28} {:12} {:5} {:?} | {}", s.kind, s.class.as_str(), s.transactional, locks, s.text)
    }) {
        println!("{line}");
    }
}
