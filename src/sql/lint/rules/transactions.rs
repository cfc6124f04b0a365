//! Squawk's rules about transactions and its own comments.

use crate::sql::analysis::finding::Severity::{Error, Warning};
use crate::sql::lint::rule::Concern::Text;
use crate::sql::lint::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "transaction-nesting",
        Warning,
        Text,
        [
            "{part} doesn't do what it says here.",
            "A BEGIN within a transaction begins nothing, and a COMMIT or ROLLBACK ends the transaction that is open, or \
         nothing at all: what belongs together then isn't together.",
            "the script without it, or a savepoint",
        ],
    ),
    Rule::new(
        "ban-concurrent-index-creation-in-transaction",
        Error,
        Text,
        [
            "The index on {on} can't be built CONCURRENTLY within a transaction.",
            "PostgreSQL refuses it there (25001), and the whole transaction is lost.",
            "COMMIT before it",
        ],
    ),
    Rule::new(
        "ban-uncommitted-transaction",
        Error,
        Text,
        [
            "The transaction that begins here is never ended.",
            "Its locks stay for as long as the connection lives, and then everything it did is rolled back.",
            "COMMIT at the end of the script",
        ],
    ),
    Rule::new(
        "unused-ignore",
        Warning,
        Text,
        [
            "No rule is called {part}.",
            "The comment was meant to silence a rule, and silences none.",
            "the comment with the names that there are",
        ],
    ),
];
