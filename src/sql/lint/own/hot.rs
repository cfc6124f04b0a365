//! Views, policies and triggers that are changed where there is no other way than a lock: it has to be bounded.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::found::Found;
use crate::sql::lint::names::child;
use crate::sql::lint::rules::own::{POLICY_ON_HOT_TABLE, REPLACING_HOT_VIEW, TRIGGER_ON_HOT_TABLE};
use crate::sql::lint::state::State;
use crate::sql::script::Statement;

pub(super) fn changed(part: &Statement<'_>, statement: &SyntaxNode, state: &State) -> Option<Found> {
    let rule = rule(statement)?;
    let is_safe = state.has_lock_timeout() || state.is_about_new(statement);
    (!is_safe).then(|| Found::about(rule, part))
}

fn rule(statement: &SyntaxNode) -> Option<&'static str> {
    use SyntaxKind::*;
    match statement.kind() {
        CREATE_VIEW => child(statement, OR_REPLACE).map(|_| REPLACING_HOT_VIEW),
        CREATE_POLICY | ALTER_POLICY | DROP_POLICY => Some(POLICY_ON_HOT_TABLE),
        CREATE_TRIGGER | ALTER_TRIGGER | DROP_TRIGGER => Some(TRIGGER_ON_HOT_TABLE),
        ALTER_TABLE => statement.children().find_map(|action| match action.kind() {
            ENABLE_RLS | DISABLE_RLS | FORCE_RLS | NO_FORCE_RLS => Some(POLICY_ON_HOT_TABLE),
            ENABLE_TRIGGER | ENABLE_ALWAYS_TRIGGER | ENABLE_REPLICA_TRIGGER | DISABLE_TRIGGER => {
                Some(TRIGGER_ON_HOT_TABLE)
            }
            _ => None,
        }),
        _ => None,
    }
}
