//! How grave a statement is.

use squawk_syntax::ast::{
    AlterDatabase, AlterDatabaseAction, AstNode, Copy, CopyDirection, Delete, Explain, ExplainMode, MergeAction,
    MergeWhenMatched, MergeWhenNotMatchedSource, Update,
};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::condition;
use super::syntax::has_token;

/// What a statement may do. In order: a graver class is greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// Reads, apart from effects of functions, views and operators.
    Read,
    /// Begins, ends or divides a transaction.
    Transaction,
    /// Changes the session alone.
    Session,
    /// Changes rows, or holds others up.
    Write,
    /// Makes something new.
    Create,
    /// Changes the schema.
    Alter,
    /// Loses data.
    Destructive,
    /// Changes privileges.
    Privilege,
    /// Reaches beyond the database.
    Server,
    /// Runs or defines code that can't be analysed.
    Opaque,
    /// Isn't understood.
    Unknown,
}

impl Class {
    /// The name that JavaScript sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Class::Read => "read",
            Class::Transaction => "transaction",
            Class::Session => "session",
            Class::Write => "write",
            Class::Create => "create",
            Class::Alter => "alter",
            Class::Destructive => "destructive",
            Class::Privilege => "privilege",
            Class::Server => "server",
            Class::Opaque => "opaque",
            Class::Unknown => "unknown",
        }
    }
}

/// The gravest class of the statement and of everything inside it.
pub(super) fn of(statement: &SyntaxNode) -> Class {
    if Explain::cast(statement.clone()).is_some_and(|explain| !runs(&explain)) {
        return Class::Read;
    }
    statement.descendants().filter_map(|node| of_part(&node)).max().unwrap_or(Class::Unknown)
}

/// The class of a node by itself; none for what has none.
fn of_part(node: &SyntaxNode) -> Option<Class> {
    use SyntaxKind::*;
    let class = match node.kind() {
        SELECT | COMPOUND_SELECT | PAREN_SELECT | TABLE | VALUES | SHOW | EXPLAIN | FETCH | MOVE | DECLARE
        | PREPARE => Class::Read,
        CLOSE if has_token(node, ALL_KW) => Class::Session,
        CLOSE => Class::Read,
        COPY => copy(&Copy::cast(node.clone())?),
        INSERT | MERGE | LOCK | LOCKING_CLAUSE | NOTIFY | REFRESH | ANALYZE | VACUUM | REINDEX | CLUSTER | REPACK => {
            Class::Write
        }
        UPDATE => changing_rows(condition::chooses(Update::cast(node.clone())?.where_clause_or_current_of())),
        DELETE => changing_rows(condition::chooses(Delete::cast(node.clone())?.where_clause_or_current_of())),
        MERGE_WHEN_MATCHED => {
            let when = MergeWhenMatched::cast(node.clone())?;
            merging(when.merge_action(), when.merge_condition().is_some_and(|it| condition::chooses_in(it.syntax())))
        }
        MERGE_WHEN_NOT_MATCHED_SOURCE => {
            let when = MergeWhenNotMatchedSource::cast(node.clone())?;
            merging(when.merge_action(), when.merge_condition().is_some_and(|it| condition::chooses_in(it.syntax())))
        }
        SELECT_INTO => Class::Create,
        SET | SET_CONSTRAINTS | SET_ROLE | SET_SESSION_AUTH | SET_TRANSACTION | RESET | RESET_ROLE
        | RESET_SESSION_AUTH | DISCARD | LISTEN | UNLISTEN | DEALLOCATE => Class::Session,
        BEGIN
        | COMMIT_TRANSACTION
        | COMMIT_PREPARED
        | ROLLBACK_TRANSACTION
        | ROLLBACK_TO_SAVEPOINT
        | ROLLBACK_PREPARED
        | SAVEPOINT_CREATE
        | RELEASE_SAVEPOINT
        | PREPARE_TRANSACTION => Class::Transaction,
        ALTER_SYSTEM | CHECKPOINT | LOAD | IMPORT_FOREIGN_SCHEMA => Class::Server,
        DO | CALL | EXECUTE => Class::Opaque,
        // Its owner is all that can be changed.
        ALTER_LARGE_OBJECT => Class::Privilege,
        GRANT
        | REVOKE
        | REASSIGN
        | SECURITY_LABEL
        | OWNER_TO
        | DISABLE_RLS
        | NO_FORCE_RLS
        | CREATE_POLICY
        | ALTER_POLICY
        | ALTER_DEFAULT_PRIVILEGES => Class::Privilege,
        CREATE_ROLE | CREATE_USER | CREATE_GROUP | ALTER_ROLE | ALTER_USER | ALTER_GROUP | DROP_ROLE | DROP_USER
        | DROP_GROUP | DROP_OWNED => Class::Privilege,
        ALTER_DATABASE => match AlterDatabase::cast(node.clone())?.action() {
            Some(AlterDatabaseAction::SetConfigParam(_) | AlterDatabaseAction::ResetConfigParam(_)) => Class::Privilege,
            _ => Class::Alter,
        },
        COMMENT_ON => Class::Alter,
        TRUNCATE | DROP_COLUMN | DROP_CONSTRAINT | DROP_ATTRIBUTE => Class::Destructive,
        CREATE_DATABASE | CREATE_TABLESPACE | CREATE_SERVER | CREATE_USER_MAPPING | CREATE_SUBSCRIPTION
        | CREATE_PUBLICATION => Class::Server,
        CREATE_FUNCTION | CREATE_PROCEDURE | CREATE_AGGREGATE | CREATE_TRIGGER | CREATE_EVENT_TRIGGER | CREATE_RULE
        | CREATE_OPERATOR | CREATE_CAST | CREATE_LANGUAGE | CREATE_EXTENSION => Class::Opaque,
        kind => return by_verb(kind),
    };
    Some(class)
}

/// CREATE, ALTER and DROP of anything else.
fn by_verb(kind: SyntaxKind) -> Option<Class> {
    if !squawk_syntax::ast::Stmt::can_cast(kind) {
        return None;
    }
    let name = format!("{kind:?}");
    match name.split('_').next() {
        Some("CREATE") => Some(Class::Create),
        Some("ALTER") => Some(Class::Alter),
        Some("DROP") => Some(Class::Destructive),
        _ => Some(Class::Unknown),
    }
}

fn changing_rows(chooses: bool) -> Class {
    if chooses { Class::Write } else { Class::Destructive }
}

fn merging(action: Option<MergeAction>, chooses: bool) -> Class {
    changing_rows(chooses || !matches!(action, Some(MergeAction::MergeDelete(_))))
}

/// What isn't the client's own input or output reaches the server's files and programs.
fn copy(copy: &Copy) -> Class {
    let is_own = |direction: &SyntaxNode| {
        direction.children().any(|end| matches!(end.kind(), SyntaxKind::COPY_STDIN | SyntaxKind::COPY_STDOUT))
    };
    match copy.copy_direction() {
        Some(CopyDirection::CopyFrom(from)) if is_own(from.syntax()) => Class::Write,
        Some(CopyDirection::CopyTo(to)) if is_own(to.syntax()) => Class::Read,
        _ => Class::Server,
    }
}

/// Whether EXPLAIN runs the statement. The last ANALYZE of its options counts; whatever isn't plainly false is taken
/// for true.
fn runs(explain: &Explain) -> bool {
    match explain.explain_mode() {
        None | Some(ExplainMode::ExplainVerbose(_)) => false,
        Some(ExplainMode::ExplainAnalyze(_)) => true,
        Some(ExplainMode::ExplainOptionList(options)) => {
            let analyze = options.explain_options().filter(|option| {
                let name = option.explain_option_name().map(|name| name.syntax().text().to_string());
                name.is_some_and(|name| is_analyze(&name))
            });
            let value = |option: squawk_syntax::ast::ExplainOption| {
                option.explain_option_value().map(|value| value.syntax().text().to_string())
            };
            analyze.last().is_some_and(|option| !value(option).is_some_and(|value| is_false(&value)))
        }
    }
}

fn is_analyze(name: &str) -> bool {
    let plain = name.trim().trim_matches('"');
    plain.eq_ignore_ascii_case("analyze") || plain.eq_ignore_ascii_case("analyse") || name.contains('&')
}

/// `defGetBoolean` of the server.
fn is_false(value: &str) -> bool {
    let value = value.trim().trim_matches(['\'', '"']).to_ascii_lowercase();
    matches!(value.as_str(), "false" | "off" | "0")
}
