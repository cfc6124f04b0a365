//! Any text can be analysed: without a panic, without a stack overflow, and each statement as the splitter has it.

#![no_main]

#[path = "../../src/error/mod.rs"]
mod error;
#[path = "../../src/sql/mod.rs"]
mod sql;

use libfuzzer_sys::fuzz_target;
use sql::analysis::{self, Class, Options};

// The parser may panic, which is caught and counts as a text that can't be parsed; the fuzzer's hook would end the
// process.
fuzz_target!(init: std::panic::set_hook(Box::new(|_| {})), |script: &str| {
    let options = Options { server_version: 17, in_transaction: false, rules: sql::lint::Chosen::ALL };
    let parts = sql::split(script);
    let mut ranges = Vec::new();
    let mut positions = sql::Positions::new(script);
    let answer = analysis::analyze(script, options, |statement| {
        assert_eq!(script.get(statement.range.clone()), Some(statement.text));
        assert_eq!(statement.syntax.is_none(), statement.class == Class::Unknown, "{}", statement.text);
        if let Some(syntax) = &statement.syntax {
            assert_eq!(syntax.node().text().len(), (statement.text.len() as u32).into());
        }
        assert!(statement.locks.iter().all(|lock| !lock.relation.is_empty()));
        for finding in &statement.findings {
            assert!(script.get(finding.range.clone()).is_some_and(|text| !text.is_empty()), "{}", finding.rule);
            assert!(finding.range.end <= statement.range.end);
        }
        let (start, end) = (positions.at(statement.range.start), positions.at(statement.range.end));
        assert!(start.offset < end.offset && start.line <= end.line);
        ranges.push(statement.range.clone());
    });
    match (answer, parts) {
        (Ok(()), Ok(parts)) => assert!(parts.iter().map(|part| &part.range).eq(&ranges)),
        (Err(refusal), parts) => {
            assert!(ranges.is_empty());
            assert_eq!(matches!(refusal, analysis::Refusal::MetaCommand(_)), parts.is_err());
        }
        (Ok(()), Err(_)) => panic!("a command of psql's was passed over"),
    }
});
