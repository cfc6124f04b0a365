//! What only the syntax tree of a statement tells: options in parentheses, and what stands behind a name.
//!
//! Each question is answered with "no" unless the tree proves the contrary: a statement that squawk can't parse
//! without an error is left to the server.

use squawk_syntax::ast::{
    AlterDatabaseAction, AlterSubscriptionAction, AlterTableAction, AlterTypeAction, AstNode, AttributeOption,
    DetachPartitionOption, Reindex, ReindexOption, ReindexTarget, SourceFile, Stmt,
};
use squawk_syntax::{SyntaxElement, SyntaxNode};

use super::script::Statement;

/// The parser recurses once or more for each token that opens something, and a stack overflow would end the
/// process. No statement of the few kinds that are parsed here has nearly as many tokens.
const MOST_TOKENS: usize = 400;

/// `CLUSTER` without a table, which is every clustered table.
pub(super) fn clusters_all(statement: &Statement<'_>) -> bool {
    match parse(statement) {
        Some(Stmt::Cluster(cluster)) => cluster.table_name_ref().is_none() && cluster.cluster_legacy().is_none(),
        _ => false,
    }
}

/// `REINDEX (…)`: what it is called if a transaction block can't have it.
///
/// An index or a table is only out of place there if it is partitioned, which the text doesn't tell.
pub(super) fn reindex_outside(statement: &Statement<'_>) -> Option<&'static str> {
    let Some(Stmt::Reindex(reindex)) = parse(statement) else {
        return None;
    };
    if reindexes_concurrently(&reindex) {
        return Some("REINDEX CONCURRENTLY");
    }
    match reindex.reindex_target()? {
        ReindexTarget::ReindexTargetSchema(_) => Some("REINDEX SCHEMA"),
        ReindexTarget::ReindexTargetDatabase(_) => Some("REINDEX DATABASE"),
        ReindexTarget::ReindexTargetSystem(_) => Some("REINDEX SYSTEM"),
        ReindexTarget::ReindexTargetTable(_) | ReindexTarget::ReindexTargetIndex(_) => None,
    }
}

/// The last one counts, and the keyword behind the kind comes after all options.
fn reindexes_concurrently(reindex: &Reindex) -> bool {
    let keyword = match reindex.reindex_target() {
        Some(ReindexTarget::ReindexTargetTable(target)) => target.concurrently_token(),
        Some(ReindexTarget::ReindexTargetIndex(target)) => target.concurrently_token(),
        Some(ReindexTarget::ReindexTargetSchema(target)) => target.concurrently_token(),
        Some(ReindexTarget::ReindexTargetDatabase(target)) => target.concurrently_token(),
        Some(ReindexTarget::ReindexTargetSystem(target)) => target.concurrently_token(),
        None => None,
    };
    let options = reindex.reindex_option_list().into_iter();
    let last = options
        .flat_map(|list| list.reindex_options())
        .filter_map(|option| match option {
            ReindexOption::ReindexOptionConcurrently(option) => Some(option),
            _ => None,
        })
        .last();
    keyword.is_some() || last.is_some_and(|option| is_on(words(option.syntax()).get(1)))
}

/// `CREATE SUBSCRIPTION` that makes its replication slot on the publisher, which it does unless told otherwise.
pub(super) fn creates_slot(statement: &Statement<'_>) -> bool {
    let Some(Stmt::CreateSubscription(subscription)) = parse(statement) else {
        return false;
    };
    let options = subscription.with_params().and_then(|with| with.attribute_list());
    options.into_iter().flat_map(|list| list.attribute_options()).all(|option| leaves_slot(&option))
}

/// Whether this option of a subscription certainly doesn't prevent making a slot.
fn leaves_slot(option: &AttributeOption) -> bool {
    match option_name(option).as_deref() {
        Some("create_slot" | "connect") => {
            is_on(option.attribute_value().map(|value| words(value.syntax()).concat()).as_ref())
        }
        Some(name) => !name.contains('"'),
        None => false,
    }
}

/// `ALTER SUBSCRIPTION` that makes, drops or changes something on the publisher, which changes of its publications do
/// unless told otherwise.
pub(super) fn reaches_publisher(statement: &Statement<'_>) -> bool {
    let Some(Stmt::AlterSubscription(alter)) = parse(statement) else {
        return false;
    };
    let with = match alter.action() {
        Some(AlterSubscriptionAction::RefreshPublication(_)) => return true,
        Some(AlterSubscriptionAction::SetOptions(set)) => {
            let options = set.attribute_list().into_iter().flat_map(|list| list.attribute_options());
            return options
                .filter_map(|option| option_name(&option))
                .any(|name| name == "failover" || name == "two_phase");
        }
        Some(AlterSubscriptionAction::SetPublication(set)) => set.with_params(),
        Some(AlterSubscriptionAction::AddPublication(add)) => add.with_params(),
        Some(AlterSubscriptionAction::DropSubscriptionPublication(drop)) => drop.with_params(),
        _ => return false,
    };
    let options = with.and_then(|with| with.attribute_list()).into_iter().flat_map(|list| list.attribute_options());
    options.into_iter().all(|option| match option_name(&option).as_deref() {
        Some("refresh") => is_on(option.attribute_value().map(|value| words(value.syntax()).concat()).as_ref()),
        Some(name) => !name.contains('"'),
        None => false,
    })
}

/// In lower case as it is written; none if a namespace stands before it.
fn option_name(option: &AttributeOption) -> Option<String> {
    option.name().filter(|_| option.namespace().is_none()).map(|name| words(name.syntax()).concat())
}

/// `ALTER TYPE … ADD VALUE`.
pub(super) fn adds_enum_value(statement: &Statement<'_>) -> bool {
    match parse(statement) {
        Some(Stmt::AlterType(alter)) => matches!(alter.action(), Some(AlterTypeAction::AddValue(_))),
        _ => false,
    }
}

/// `ALTER DATABASE … SET TABLESPACE`, which moves its files; not a setting of that name.
pub(super) fn moves_database(statement: &Statement<'_>) -> bool {
    match parse(statement) {
        Some(Stmt::AlterDatabase(alter)) => {
            matches!(alter.action(), Some(AlterDatabaseAction::SetTablespace(_)))
        }
        _ => false,
    }
}

/// `ALTER TABLE … DETACH PARTITION … CONCURRENTLY`.
pub(super) fn detaches_concurrently(statement: &Statement<'_>) -> bool {
    let Some(Stmt::AlterTable(alter)) = parse(statement) else {
        return false;
    };
    alter.actions().any(|action| match action {
        AlterTableAction::DetachPartition(detach) => {
            matches!(detach.detach_partition_option(), Some(DetachPartitionOption::DetachConcurrently(_)))
        }
        _ => false,
    })
}

fn parse(statement: &Statement<'_>) -> Option<Stmt> {
    if statement.tokens().nth(MOST_TOKENS).is_some() {
        return None;
    }
    let file = SourceFile::parse(statement.text).ok().ok()?;
    let mut statements = file.stmts();
    statements.next().filter(|_| statements.next().is_none())
}

/// The values that `defGetBoolean` of the server takes for true.
fn is_on(value: Option<&String>) -> bool {
    match value.map(String::as_str) {
        None => true,
        Some(value) => matches!(value, "true" | "on" | "1" | "'true'" | "'on'"),
    }
}

/// The tokens of a node in lower case.
fn words(node: &SyntaxNode) -> Vec<String> {
    node.descendants_with_tokens()
        .filter_map(SyntaxElement::into_token)
        .filter(|token| !token.kind().is_trivia())
        .map(|token| token.text().to_ascii_lowercase())
        .collect()
}
