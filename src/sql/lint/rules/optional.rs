//! Squawk's rules that are on only by option: what can change the behaviour of programs in use.

use crate::sql::analysis::finding::Severity::{Info, Warning};
use crate::sql::lint::rule::Concern::{Relation, Text};
use crate::sql::lint::rule::Rule;

const BOUNDED: &str = "the statement with a lock_timeout, when every program can live with it";

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "require-table-schema",
        Info,
        Text,
        [
            "{on} is named without its schema.",
            "Which table that is depends on the search_path of whoever runs the script.",
            "the name with the schema public",
        ],
    ),
    Rule::new(
        "require-timeout-settings",
        Warning,
        Relation,
        [
            "Nothing bounds how long this statement waits and works.",
            "The name stands for require-lock-timeout and require-statement-timeout together.",
            "as of these two",
        ],
    ),
    Rule::new(
        "ban-drop-trigger",
        Warning,
        Relation,
        [
            "Without the trigger {part} writes to {on} do less than programs count on.",
            "Nothing fails: what the trigger wrote or refused is missing, and is noticed late.",
            "ALTER TABLE … DISABLE TRIGGER; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-alter-generated-expression",
        Warning,
        Relation,
        [
            "{part} of {on} is computed in another way from now on.",
            "Programs read other values than before, and the table is rewritten.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-drop-index",
        Warning,
        Relation,
        [
            "Without the index {on} queries may become slow, and duplicates possible.",
            "Which queries used it the statement doesn't show: pg_stat_user_indexes does.",
            "DROP INDEX CONCURRENTLY",
        ],
    ),
    Rule::new(
        "ban-set-default",
        Info,
        Relation,
        [
            "{part} of {on} gets another default.",
            "Programs that leave it out write another value from now on, and don't notice.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-disable-trigger",
        Warning,
        Relation,
        [
            "{part} changes which triggers or rules of {on} fire, or whom row level security holds for.",
            "Nothing fails: writes do more or less than programs count on.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-replica-identity",
        Warning,
        Relation,
        [
            "{part} changes what subscribers of {on} receive.",
            "Replication stops, or UPDATE and DELETE arrive without what the subscriber needs.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-drop-policy",
        Warning,
        Relation,
        [
            "Without {part} other rows of {on} are seen and written.",
            "Row level security refuses by leaving rows out, so that no program notices.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-revoke",
        Warning,
        Relation,
        [
            "{part} takes rights away that programs may use.",
            "They fail from that moment on, with 42501.",
            "the statement, when no program needs the right",
        ],
    ),
    Rule::new(
        "ban-replace-view-function",
        Info,
        Relation,
        [
            "{on} is replaced while programs use it.",
            "They get the new behaviour from one call to the next, without a sign.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-alter-policy-condition",
        Warning,
        Relation,
        [
            "Other rows of {on} pass the policy from now on.",
            "Row level security refuses by leaving rows out, so that no program notices.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-alter-policy-roles",
        Warning,
        Relation,
        [
            "The policy on {on} holds for other roles from now on.",
            "Row level security refuses by leaving rows out, so that no program notices.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-create-policy",
        Warning,
        Relation,
        [
            "Other rows of {on} are seen and written with the new policy.",
            "Row level security refuses by leaving rows out, so that no program notices.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-alter-function-options",
        Info,
        Relation,
        [
            "{on} works with other options from now on.",
            "Rights, settings and volatility of a function decide what it sees and how queries around it are planned.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-alter-view-options",
        Info,
        Relation,
        [
            "The view {on} works with other options from now on.",
            "Whose rights count and which rows may be written through it are options of a view.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-alter-role-options",
        Warning,
        Relation,
        [
            "The role {on} can do or sets other things from now on.",
            "New sessions of the role behave in another way; those that are open keep what they have.",
            "the statement, when every program can live with it",
        ],
    ),
    Rule::new(
        "ban-alter-database-options",
        Warning,
        Relation,
        [
            "The database {on} has other settings from now on.",
            "New sessions behave in another way; those that are open keep what they have.",
            "the statement, when every program can live with it",
        ],
    ),
    Rule::new(
        "ban-alter-row-level-security",
        Warning,
        Relation,
        [
            "{part} changes who sees which rows of {on}.",
            "Enabled without a policy, nobody but the owner sees a row; disabled, everybody sees all.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-new-write-restriction",
        Info,
        Relation,
        [
            "{part} makes {on} refuse writes that it takes today.",
            "Programs in use may write just those, NOT VALID or not.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-add-enum-value",
        Info,
        Relation,
        [
            "Programs can meet {part} in {on} from now on.",
            "A program that knows all values of a type fails on a new one.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-add-composite-attribute",
        Info,
        Relation,
        [
            "Values of {on} have one more field from now on.",
            "Programs that take rows apart by position fail on it.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-add-column",
        Info,
        Relation,
        [
            "Rows of {on} have one more column, {part}, from now on.",
            "SELECT * brings it to programs that don't know it, and an INSERT without a list of columns may fail.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-detach-inheritance",
        Warning,
        Relation,
        [
            "Queries on {on} don't find the rows of {part} any more.",
            "Nothing fails: the rows are just missing.",
            BOUNDED,
        ],
    ),
    Rule::new(
        "ban-alter-sequence-values",
        Warning,
        Relation,
        ["{on} gives other numbers from now on.", "Numbers may come twice or run out.", BOUNDED],
    ),
    Rule::new(
        "ban-alter-system-options",
        Warning,
        Relation,
        [
            "{part} changes the whole server.",
            "Every database and every program on it lives with the new setting, some of it only after a restart.",
            "the statement, when every program can live with it",
        ],
    ),
    Rule::new(
        "ban-alter-extension",
        Warning,
        Relation,
        ["{part} changes the extension {on}.", "An update may change or drop what programs use.", BOUNDED],
    ),
];
