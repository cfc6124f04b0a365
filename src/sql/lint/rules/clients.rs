//! Squawk's rules about what programs in use miss, which are on by default.

use crate::sql::analysis::finding::Severity::{Error, Info, Warning};
use crate::sql::lint::rule::Concern::Relation;
use crate::sql::lint::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "ban-drop-column",
        Error,
        Relation,
        [
            "Dropping {part} from {on} takes data away for good.",
            "Programs that still name the column fail at once, prepared statements and SELECT * included, and no \
         rollback brings its values back.",
            "the column nullable, so that new programs can leave it out; the DROP comes when none names it",
        ],
    ),
    Rule::new(
        "ban-drop-table",
        Error,
        Relation,
        [
            "Dropping {on} takes a table away for good.",
            "Programs that still use it fail at once, and no rollback brings its rows back. Under another name the same \
         programs are found out, and the way back is one statement.",
            "the table under another name; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-drop-database",
        Error,
        Relation,
        [
            "Dropping {on} takes a whole database away for good.",
            "Nothing but a backup brings it back. Closed to connections it shows whether anybody misses it.",
            "ALTER DATABASE … ALLOW_CONNECTIONS false; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-drop-schema",
        Error,
        Relation,
        [
            "Dropping the schema {on} takes everything in it away.",
            "Programs that name anything in it fail at once. Under another name it shows who still does.",
            "the schema under another name; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-drop-view",
        Warning,
        Relation,
        [
            "Dropping the view {on} breaks the programs that read it.",
            "They fail from that moment on. Under another name the view is quickly back.",
            "the view under another name; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-drop-function",
        Warning,
        Relation,
        [
            "Dropping {on} breaks the programs that call it.",
            "They fail from that moment on, as do defaults, triggers and jobs that call it by its text. Under another \
         name it is quickly back.",
            "the function under another name; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-drop-type",
        Warning,
        Relation,
        [
            "Dropping {on} breaks the programs that name it.",
            "Casts and parameters of that type fail from that moment on. Under another name it is quickly back.",
            "the type under another name; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-drop-domain",
        Warning,
        Relation,
        [
            "Dropping the domain {on} breaks the programs that name it.",
            "Casts to it fail from that moment on. Under another name it is quickly back.",
            "the domain under another name; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-drop-sequence",
        Warning,
        Relation,
        [
            "Dropping the sequence {on} breaks the programs that draw numbers from it.",
            "nextval fails from that moment on, and where the count stood is lost. Under another name it is quickly back.",
            "the sequence under another name; the DROP comes later",
        ],
    ),
    Rule::new(
        "ban-drop-extension",
        Warning,
        Relation,
        [
            "Dropping the extension {on} takes its types, functions and operators away.",
            "Whatever uses them fails, or goes too with CASCADE. RESTRICT refuses as long as something depends on them.",
            "DROP EXTENSION … RESTRICT, with a lock_timeout",
        ],
    ),
    Rule::new(
        "ban-drop-constraint",
        Warning,
        Relation,
        [
            "{part} on {on} gives up what programs may rely on.",
            "Rows that break the rule come in from now on, and before it can be put back they have to be found and \
         mended.",
            "the statement with a lock_timeout, when no program relies on it",
        ],
    ),
    Rule::new(
        "ban-drop-not-null",
        Warning,
        Relation,
        [
            "{part} of {on} may be NULL from now on.",
            "Programs that never met a NULL there get one. Release those that can read it first.",
            "the statement with a lock_timeout, when every program reads NULL",
        ],
    ),
    Rule::new(
        "ban-drop-default",
        Warning,
        Relation,
        [
            "{part} of {on} has no default any more.",
            "INSERTs that leave it out write NULL, or fail where it is NOT NULL.",
            "the statement with a lock_timeout, when every program writes the value itself",
        ],
    ),
    Rule::new(
        "ban-drop-generated-expression",
        Warning,
        Relation,
        [
            "{part} of {on} isn't computed any more.",
            "Its values stay as they are, and rows written from now on have none unless programs write it.",
            "the statement with a lock_timeout, when every program writes the value itself",
        ],
    ),
    Rule::new(
        "ban-alter-identity",
        Warning,
        Relation,
        [
            "Changing how {part} of {on} gets its numbers can make INSERTs fail.",
            "With ALWAYS an INSERT that brings its own number is refused, and without an identity one that brings none.",
            "the statement with a lock_timeout, when every program writes as the new form wants",
        ],
    ),
    Rule::new(
        "ban-set-schema",
        Warning,
        Relation,
        [
            "Moving {on} to another schema breaks the programs that name it where it was.",
            "Programs with the old name fail at once, and those with the new one until then. A view under the old name \
         serves both.",
            "the move, and for a table or view a view in its old place",
        ],
    ),
    Rule::new(
        "renaming-table",
        Warning,
        Relation,
        [
            "Renaming {on} breaks the programs that use its name.",
            "Old and new programs run side by side during a release, and one of them names a table that isn't there. A \
         view under the old name serves both.",
            "the rename, and a view under the old name in the same transaction",
        ],
    ),
    Rule::new(
        "renaming-column",
        Warning,
        Relation,
        [
            "Renaming {part} of {on} breaks the programs that use its name.",
            "Old and new programs run side by side during a release, and one of them names a column that isn't there. A \
         view with both names serves both.",
            "the rename, and a view with both names in the table's place, in the same transaction",
        ],
    ),
    Rule::new(
        "renaming-object",
        Warning,
        Relation,
        [
            "Renaming {on} breaks the programs that use its name.",
            "Old and new programs run side by side during a release, and one of them uses a name that isn't there.",
            "the rename with a lock_timeout, and for a view one under the old name",
        ],
    ),
    Rule::new(
        "ban-truncate-cascade",
        Error,
        Relation,
        [
            "TRUNCATE … CASCADE empties every table that refers to {on}, and those that refer to them.",
            "Which tables that are nobody sees from the statement, and the next foreign key makes them more.",
            "TRUNCATE without CASCADE, which names a table that is missing from the list",
        ],
    ),
    Rule::new(
        "require-enum-value-ordering",
        Info,
        Relation,
        [
            "{part} comes last in the order of {on}, because no place is named for it.",
            "ORDER BY and comparisons follow that order, and it can't be changed afterwards.",
            "ADD VALUE … AFTER the one that is last now",
        ],
    ),
];
