//! The rules that squawk doesn't have.

use crate::sql::analysis::finding::Severity::{Error, Warning};
use crate::sql::lint::rule::Concern::{Relation, Text};
use crate::sql::lint::rule::Rule;

pub(in crate::sql::lint) const LOCK_ON_SECOND_TABLE: &str = "lock-on-second-table";
pub(in crate::sql::lint) const ENUM_VALUE_BEFORE_COMMIT: &str = "enum-value-before-commit";
pub(in crate::sql::lint) const SESSION_SETTING_LEAKS: &str = "session-setting-leaks";
pub(in crate::sql::lint) const REWRITING_DEFAULT: &str = "rewriting-default";
pub(in crate::sql::lint) const REPLACING_HOT_VIEW: &str = "replacing-hot-view";
pub(in crate::sql::lint) const POLICY_ON_HOT_TABLE: &str = "policy-on-hot-table";
pub(in crate::sql::lint) const TRIGGER_ON_HOT_TABLE: &str = "trigger-on-hot-table";

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        LOCK_ON_SECOND_TABLE,
        Warning,
        Relation,
        [
            "This locks {on} while the transaction still holds its lock on {part}.",
            "While it waits for the second table the first one stands still too, and a program that locks them in the \
         other order is a deadlock.",
            "COMMIT before it, and a transaction of its own",
        ],
    ),
    Rule::new(
        ENUM_VALUE_BEFORE_COMMIT,
        Error,
        Text,
        [
            "The enum value {part} is used in the transaction that adds it.",
            "PostgreSQL refuses a new value until its transaction is committed (55P04), unless the type is new as well.",
            "COMMIT before it",
        ],
    ),
    Rule::new(
        SESSION_SETTING_LEAKS,
        Warning,
        Text,
        [
            "{part} stays set on the connection after the script.",
            "In a pool the next user of the connection finds it, and through a pooler in transaction mode that may be \
         anybody.",
            "SET LOCAL in the transaction, or RESET at the end",
        ],
    ),
    Rule::new(
        REWRITING_DEFAULT,
        Error,
        Relation,
        [
            "Adding {part} to {on} numbers or fills every row, and rewrites the table for it.",
            "A sequence or any other volatile function gives each row a value of its own, so reads and writes are shut \
         out until the last row is written anew.",
            "the column without it, then SET DEFAULT, then a backfill",
        ],
    ),
    Rule::new(
        REPLACING_HOT_VIEW,
        Warning,
        Relation,
        [
            "Replacing the view {on} needs it for itself.",
            "CREATE OR REPLACE VIEW takes ACCESS EXCLUSIVE on the view: it waits for every query that reads it, and all \
         later ones wait behind it.",
            "the statement in a transaction with SET LOCAL lock_timeout",
        ],
    ),
    Rule::new(
        POLICY_ON_HOT_TABLE,
        Warning,
        Relation,
        [
            "Changing the row level security of {on} needs the table for itself.",
            "It takes ACCESS EXCLUSIVE: it waits for every query on the table, and all later ones wait behind it.",
            "the statement in a transaction with SET LOCAL lock_timeout",
        ],
    ),
    Rule::new(
        TRIGGER_ON_HOT_TABLE,
        Warning,
        Relation,
        [
            "Changing the triggers of {on} stops the writes to it.",
            "It takes SHARE ROW EXCLUSIVE, and to drop or rename a trigger ACCESS EXCLUSIVE: it waits for every \
         transaction that wrote to the table, and all later writes wait behind it.",
            "the statement in a transaction with SET LOCAL lock_timeout",
        ],
    ),
];
