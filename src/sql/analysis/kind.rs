//! Command tags: `CreateCommandTag` of PostgreSQL's `utility.c`, and what `CREATE TABLE AS` answers when it is done.

use std::borrow::Cow;

use squawk_syntax::ast::{AstNode, CreateLanguage, CreateMaterializedView, CreateTableAs, DataOption, Grant, Revoke};
use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::syntax::has_token;

/// The tag that the server answers for this statement.
pub(super) fn of(node: &SyntaxNode) -> Cow<'static, str> {
    use SyntaxKind::*;
    let tag = match node.kind() {
        SELECT | COMPOUND_SELECT | PAREN_SELECT | SELECT_INTO | TABLE | VALUES => "SELECT",
        BEGIN if has_token(node, START_KW) => "START TRANSACTION",
        COMMIT_TRANSACTION => "COMMIT",
        ROLLBACK_TRANSACTION | ROLLBACK_TO_SAVEPOINT => "ROLLBACK",
        RELEASE_SAVEPOINT => "RELEASE",
        SAVEPOINT_CREATE => "SAVEPOINT",
        SET | SET_ROLE | SET_SESSION_AUTH | SET_TRANSACTION => "SET",
        RESET | RESET_ROLE | RESET_SESSION_AUTH => "RESET",
        CLOSE if has_token(node, ALL_KW) => "CLOSE CURSOR ALL",
        CLOSE => "CLOSE CURSOR",
        DECLARE => "DECLARE CURSOR",
        DEALLOCATE if has_token(node, ALL_KW) => "DEALLOCATE ALL",
        DISCARD => discarded(node),
        CREATE_USER | CREATE_GROUP => "CREATE ROLE",
        ALTER_USER | ALTER_GROUP => "ALTER ROLE",
        DROP_USER | DROP_GROUP => "DROP ROLE",
        GRANT if grants_role(node) => "GRANT ROLE",
        REVOKE if revokes_role(node) => "REVOKE ROLE",
        REASSIGN => "REASSIGN OWNED",
        COMMENT_ON => "COMMENT",
        LOCK => "LOCK TABLE",
        REFRESH => "REFRESH MATERIALIZED VIEW",
        TRUNCATE => "TRUNCATE TABLE",
        CREATE_TABLE_AS if has_data(CreateTableAs::cast(node.clone()).and_then(|it| it.data_option())) => "SELECT",
        CREATE_MATERIALIZED_VIEW
            if has_data(CreateMaterializedView::cast(node.clone()).and_then(|it| it.data_option())) =>
        {
            "SELECT"
        }
        // Without a handler it names an extension.
        CREATE_LANGUAGE if CreateLanguage::cast(node.clone()).is_some_and(|it| it.handler_clause().is_none()) => {
            "CREATE EXTENSION"
        }
        DROP_TEXT_SEARCH_CONFIG => "DROP TEXT SEARCH CONFIGURATION",
        DROP_TEXT_SEARCH_DICT => "DROP TEXT SEARCH DICTIONARY",
        // The others are called as their nodes are.
        kind => return Cow::Owned(format!("{kind:?}").replace('_', " ")),
    };
    Cow::Borrowed(tag)
}

fn has_data(option: Option<DataOption>) -> bool {
    !matches!(option, Some(DataOption::WithNoData(_)))
}

/// Roles are granted without ON.
fn grants_role(node: &SyntaxNode) -> bool {
    Grant::cast(node.clone()).is_some_and(|grant| grant.on_privilege_objects_clause().is_none())
}

fn revokes_role(node: &SyntaxNode) -> bool {
    Revoke::cast(node.clone()).is_some_and(|revoke| revoke.on_privilege_objects_clause().is_none())
}

fn discarded(node: &SyntaxNode) -> &'static str {
    let text = node.text().to_string().to_ascii_uppercase();
    ["DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD ALL"]
        .into_iter()
        .find(|tag| tag.rsplit(' ').next().is_some_and(|what| text.contains(what)))
        .unwrap_or("DISCARD TEMP")
}
