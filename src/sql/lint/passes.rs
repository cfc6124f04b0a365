//! Which of squawk's rules a script can't concern. Each rule goes over all statements by itself, so that it is worth
//! leaving out those that look for what isn't there.

use std::collections::HashSet;

use squawk_linter::Rule;
use squawk_syntax::{SyntaxKind, SyntaxNode};

/// What a script holds: the kinds of its statements and, of those that alter something, of their parts.
#[derive(Debug, Default)]
pub(super) struct Held {
    kinds: HashSet<SyntaxKind>,
    alters: bool,
}

impl Held {
    pub(super) fn note(&mut self, statement: &SyntaxNode) {
        use SyntaxKind::*;
        let kind = statement.kind();
        self.kinds.insert(kind);
        match kind {
            CREATE_TABLE | CREATE_VIEW | CREATE_INDEX | CREATE_FUNCTION | CREATE_POLICY | CREATE_TRIGGER | UPDATE
            | INSERT | SET => {}
            ALTER_TABLE | ALTER_FOREIGN_TABLE => {
                self.alters = true;
                self.kinds.extend(statement.children().map(|action| action.kind()));
            }
            // Whatever else it is: few enough.
            _ => self.alters = true,
        }
    }

    /// Whether the rule may find something.
    pub(super) fn concerns(&self, rule: Rule) -> bool {
        match needed(rule) {
            Needed::Any => true,
            Needed::Altering => self.alters,
            Needed::OneOf(kinds) => kinds.iter().any(|kind| self.kinds.contains(kind)),
        }
    }
}

enum Needed {
    Any,
    /// A statement that alters something.
    Altering,
    OneOf(&'static [SyntaxKind]),
}

/// What a rule looks for, read in its source.
fn needed(rule: Rule) -> Needed {
    use Needed::{Altering, Any, OneOf};
    use SyntaxKind::*;
    match rule {
        Rule::AddingFieldWithDefault | Rule::AddingRequiredField => OneOf(&[ADD_COLUMN]),
        Rule::AddingForeignKeyConstraint | Rule::AddingSerialPrimaryKeyField | Rule::DisallowedUniqueConstraint => {
            OneOf(&[ADD_COLUMN, ADD_CONSTRAINT])
        }
        Rule::ConstraintMissingNotValid => OneOf(&[ADD_CONSTRAINT, VALIDATE_CONSTRAINT]),
        Rule::AddingNotNullableField | Rule::BanAlterIdentity | Rule::BanDropGeneratedExpression => {
            OneOf(&[ALTER_COLUMN])
        }
        Rule::ChangingColumnType => OneOf(&[ALTER_COLUMN, ALTER_TYPE]),
        Rule::BanDropNotNull => OneOf(&[ALTER_COLUMN, ALTER_DOMAIN]),
        Rule::BanDropDefault => OneOf(&[ALTER_COLUMN, ALTER_DOMAIN, ALTER_VIEW]),
        Rule::BanDropColumn => OneOf(&[DROP_COLUMN, ALTER_TYPE]),
        Rule::BanDropConstraint => OneOf(&[DROP_CONSTRAINT, ALTER_CONSTRAINT, ALTER_DOMAIN]),
        Rule::RenamingTable => OneOf(&[TABLE_RENAME_TO]),
        Rule::RenamingColumn => OneOf(&[RENAME_COLUMN, ALTER_TYPE, ALTER_VIEW, ALTER_MATERIALIZED_VIEW]),
        Rule::RequireConcurrentPartitionDetach => OneOf(&[DETACH_PARTITION]),
        Rule::RenamingObject | Rule::BanSetSchema => Altering,
        Rule::PreferBigintOverInt
        | Rule::PreferBigintOverSmallint
        | Rule::PreferIdentity
        | Rule::PreferTextField
        | Rule::PreferTimestampTz
        | Rule::BanCharField => OneOf(&[CREATE_TABLE, ADD_COLUMN, ALTER_COLUMN]),
        Rule::RequireConcurrentIndexCreation | Rule::BanConcurrentIndexCreationInTransaction => OneOf(&[CREATE_INDEX]),
        Rule::RequireConcurrentIndexDeletion => OneOf(&[DROP_INDEX]),
        Rule::RequireConcurrentReindex => OneOf(&[REINDEX]),
        Rule::PreferRepack => OneOf(&[VACUUM, CLUSTER]),
        Rule::RequireEnumValueOrdering => OneOf(&[ALTER_TYPE]),
        Rule::BanAlterDomainWithAddConstraint => OneOf(&[ALTER_DOMAIN]),
        Rule::BanCreateDomainWithConstraint => OneOf(&[CREATE_DOMAIN]),
        Rule::BanTruncateCascade => OneOf(&[TRUNCATE]),
        Rule::BanDropDatabase => OneOf(&[DROP_DATABASE]),
        Rule::BanDropTable => OneOf(&[DROP_TABLE, DROP_FOREIGN_TABLE]),
        Rule::BanDropView => OneOf(&[DROP_VIEW, DROP_MATERIALIZED_VIEW]),
        Rule::BanDropFunction => OneOf(&[DROP_AGGREGATE, DROP_FUNCTION, DROP_PROCEDURE, DROP_ROUTINE]),
        Rule::BanDropType => OneOf(&[DROP_TYPE, DROP_CAST, DROP_OPERATOR, DROP_OPERATOR_CLASS, DROP_OPERATOR_FAMILY]),
        Rule::BanDropSchema => OneOf(&[DROP_SCHEMA]),
        Rule::BanDropSequence => OneOf(&[DROP_SEQUENCE]),
        Rule::BanDropDomain => OneOf(&[DROP_DOMAIN]),
        Rule::BanDropExtension => OneOf(&[DROP_EXTENSION]),
        Rule::BanUncommittedTransaction => OneOf(&[BEGIN]),
        Rule::TransactionNesting => OneOf(&[
            BEGIN,
            COMMIT_TRANSACTION,
            COMMIT_PREPARED,
            ROLLBACK_TRANSACTION,
            ROLLBACK_TO_SAVEPOINT,
            ROLLBACK_PREPARED,
        ]),
        _ => Any,
    }
}
