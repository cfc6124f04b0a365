//! Squawk's rules about what stops reads or writes for as long as a table is large.

use crate::sql::analysis::finding::Severity::{Error, Warning};
use crate::sql::lint::rule::Concern::Relation;
use crate::sql::lint::rule::Rule;

pub(super) const RULES: &[Rule] = &[
    Rule::new(
        "require-concurrent-index-creation",
        Error,
        Relation,
        [
            "CREATE INDEX on {on} stops all writes to the table until the index is built.",
            "It holds a SHARE lock from the first row to the last: on a large table INSERT, UPDATE and DELETE wait for \
         minutes. CONCURRENTLY builds the same index beside them, only slower.",
            "CREATE INDEX CONCURRENTLY",
        ],
    ),
    Rule::new(
        "require-concurrent-index-deletion",
        Error,
        Relation,
        [
            "DROP INDEX {on} stops all reads and writes of the index's table while it waits and works.",
            "It asks for an ACCESS EXCLUSIVE lock on the table. While it queues behind one long query, every later query \
         queues behind it.",
            "DROP INDEX CONCURRENTLY, one statement an index",
        ],
    ),
    Rule::new(
        "constraint-missing-not-valid",
        Error,
        Relation,
        [
            "{part} checks every row of {on} while the table is locked.",
            "A new constraint is proven by reading the whole table under the lock that adds it. Added NOT VALID it holds \
         for new rows at once, and VALIDATE CONSTRAINT reads the old ones later under a lock that lets writes pass.",
            "NOT VALID, then VALIDATE CONSTRAINT; for UNIQUE and PRIMARY KEY an index built CONCURRENTLY",
        ],
    ),
    Rule::new(
        "adding-field-with-default",
        Error,
        Relation,
        [
            "Adding {part} to {on} with a value that is worked out row by row rewrites the table.",
            "PostgreSQL stores a constant default once, but a volatile one, and a stored generated column, has to be \
         computed for every row there is, with reads and writes shut out until the last.",
            "the column without it, then SET DEFAULT, then a backfill; for a generated column a trigger",
        ],
    ),
    Rule::new(
        "adding-foreign-key-constraint",
        Error,
        Relation,
        [
            "The foreign key in {part} reads all of {on} while writes to both of its tables wait.",
            "It takes SHARE ROW EXCLUSIVE on the referencing and on the referenced table, and keeps both until every row \
         is checked. NOT VALID needs the locks for a moment only.",
            "the foreign key NOT VALID, then VALIDATE CONSTRAINT",
        ],
    ),
    Rule::new(
        "changing-column-type",
        Error,
        Relation,
        [
            "Changing the type of {part} rewrites {on} unless the old values happen to be stored alike.",
            "The rewrite of the table and of each of its indexes shuts out reads and writes from beginning to end, and \
         clients meet another type from one query to the next.",
            "a new column that a trigger keeps in step, a backfill, and a swap of the names",
        ],
    ),
    Rule::new(
        "adding-not-nullable-field",
        Error,
        Relation,
        [
            "SET NOT NULL on {part} reads all of {on} under an exclusive lock.",
            "Nothing else can read or write the table until the last row is found to have a value. With a valid CHECK \
         constraint that says the same, PostgreSQL 12 and later skips the reading.",
            "CHECK (… IS NOT NULL) NOT VALID, VALIDATE CONSTRAINT, SET NOT NULL, DROP CONSTRAINT",
        ],
    ),
    Rule::new(
        "adding-serial-primary-key-field",
        Error,
        Relation,
        [
            "{part} builds the index of a primary key on {on} under an exclusive lock.",
            "Reads and writes wait until the index is built and every row is checked for NULL. Both can be done before, \
         so that the key itself is a matter of milliseconds.",
            "a unique index built CONCURRENTLY, NOT NULL by a CHECK constraint, then PRIMARY KEY USING INDEX",
        ],
    ),
    Rule::new(
        "adding-required-field",
        Error,
        Relation,
        [
            "{part} is added to {on} as NOT NULL without a default.",
            "The statement fails as soon as the table has a row, and until every client is changed their INSERTs fail, \
         because they don't name the column.",
            "the column nullable, a backfill, then NOT NULL by a CHECK constraint",
        ],
    ),
    Rule::new(
        "disallowed-unique-constraint",
        Error,
        Relation,
        [
            "The UNIQUE constraint in {part} builds its index on {on} under an exclusive lock.",
            "Reads and writes wait until the index is complete. An index that was built CONCURRENTLY can become the \
         constraint in a moment.",
            "CREATE UNIQUE INDEX CONCURRENTLY, then ADD CONSTRAINT … USING INDEX",
        ],
    ),
    Rule::new(
        "require-concurrent-partition-detach",
        Error,
        Relation,
        [
            "Detaching {part} from {on} shuts out all reads and writes of the partitioned table.",
            "DETACH PARTITION asks for ACCESS EXCLUSIVE on the parent, and waits for every query that reads any of the \
         partitions. CONCURRENTLY lets them go on.",
            "DETACH PARTITION … CONCURRENTLY",
        ],
    ),
    Rule::new(
        "require-concurrent-reindex",
        Error,
        Relation,
        [
            "REINDEX of {on} stops writes, and reads that use the index, until it is built anew.",
            "It locks the table against writes and each index against everything. CONCURRENTLY builds the new index \
         beside the old one and swaps them.",
            "REINDEX … CONCURRENTLY",
        ],
    ),
    Rule::new(
        "prefer-repack",
        Warning,
        Relation,
        [
            "Rewriting {on} in this way shuts out all reads and writes until it is done.",
            "VACUUM FULL and CLUSTER hold ACCESS EXCLUSIVE while they copy the table. REPACK (CONCURRENTLY), from \
         PostgreSQL 19 on, copies it while it is used.",
            "REPACK (CONCURRENTLY)",
        ],
    ),
    Rule::new(
        "require-lock-timeout",
        Warning,
        Relation,
        [
            "Nothing bounds how long this statement waits for its lock on {on}.",
            "Behind one long query it waits, and every query that comes later waits behind it: the table is as good as \
         gone. With a lock_timeout it gives up, lets them pass, and can be tried again.",
            "the statement in a transaction with SET LOCAL lock_timeout",
        ],
    ),
    Rule::new(
        "require-statement-timeout",
        Warning,
        Relation,
        [
            "Nothing bounds how long this statement works on {on}.",
            "It keeps its lock while it works. If it takes longer than anybody thought, only somebody who watches can \
         end it.",
            "the statement in a transaction with SET LOCAL statement_timeout",
        ],
    ),
    Rule::new(
        "ban-alter-domain-with-add-constraint",
        Warning,
        Relation,
        [
            "{part} makes PostgreSQL read every table with a column of the domain {on}.",
            "All those tables are locked against writes while they are read. NOT VALID leaves the reading to VALIDATE \
         CONSTRAINT. Where you can choose, a constraint of the table is easier to change.",
            "ALTER DOMAIN … ADD CONSTRAINT … NOT VALID, then VALIDATE CONSTRAINT",
        ],
    ),
    Rule::new(
        "ban-create-domain-with-constraint",
        Warning,
        Relation,
        [
            "The domain {on} is created with the constraint {part}.",
            "To change it later means to read every table that uses the domain, at once and under locks. A CHECK on the \
         table can be added NOT VALID and changed table by table.",
            "the domain without the constraint, which goes to the tables",
        ],
    ),
];
