//! Which locks a statement asks for that hold others up: those of `SHARE UPDATE EXCLUSIVE` and stronger, and what LOCK
//! names.
//!
//! From <https://www.postgresql.org/docs/current/explicit-locking.html> and `AlterTableGetLockLevel` in PostgreSQL's
//! `tablecmds.c`. What only the catalog tells (the table of an index that is dropped, the partitions of a table, the
//! other table of a foreign key that goes) isn't here. Neither is a relation that the statement itself creates: nobody
//! else sees it.

use std::collections::{HashMap, HashSet};

use squawk_syntax::ast::{
    AlterIndexAction, AlterTableAction, AstNode, DetachPartitionOption, LockMode, Reindex, ReindexTarget, Vacuum,
};
use squawk_syntax::{SyntaxKind, SyntaxNode, ast};

use super::relation::{name, owner_name};
use super::syntax::{child, has_token};

/// A lock's mode. In order: each conflicts with more than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    AccessShare,
    RowShare,
    RowExclusive,
    ShareUpdateExclusive,
    Share,
    ShareRowExclusive,
    Exclusive,
    AccessExclusive,
}

impl Mode {
    /// As LOCK TABLE names it.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::AccessShare => "ACCESS SHARE",
            Mode::RowShare => "ROW SHARE",
            Mode::RowExclusive => "ROW EXCLUSIVE",
            Mode::ShareUpdateExclusive => "SHARE UPDATE EXCLUSIVE",
            Mode::Share => "SHARE",
            Mode::ShareRowExclusive => "SHARE ROW EXCLUSIVE",
            Mode::Exclusive => "EXCLUSIVE",
            Mode::AccessExclusive => "ACCESS EXCLUSIVE",
        }
    }
}

/// A lock on a relation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lock {
    /// Folded and unquoted, with its schema where one is written.
    pub relation: String,
    pub mode: Mode,
}

/// The locks of a statement, in the order in which it names the relations.
pub(in crate::sql) fn of(statement: &SyntaxNode, server_version: u32) -> Vec<Lock> {
    let mut locks = Locks { found: Vec::new(), places: HashMap::new(), created: HashSet::new(), server_version };
    locks.add_statement(statement);
    let Locks { mut found, created, .. } = locks;
    found.retain(|lock| !created.contains(&lock.relation));
    found
}

struct Locks {
    found: Vec<Lock>,
    /// Where each relation is in `found`: one statement may name ten thousands.
    places: HashMap<String, usize>,
    /// What the statement creates itself.
    created: HashSet<String>,
    server_version: u32,
}

impl Locks {
    fn add(&mut self, node: Option<SyntaxNode>, mode: Mode) {
        if let Some(node) = node {
            self.add_name(name(&node), mode);
        }
    }

    fn add_name(&mut self, relation: String, mode: Mode) {
        if relation.is_empty() {
            return;
        }
        let place = self.places.get(&relation).copied();
        match place.and_then(|place| self.found.get_mut(place)) {
            Some(lock) => lock.mode = lock.mode.max(mode),
            None => {
                self.places.insert(relation.clone(), self.found.len());
                self.found.push(Lock { relation, mode });
            }
        }
    }

    /// All relations that are named by children of this kind.
    fn add_each(&mut self, node: &SyntaxNode, kind: SyntaxKind, mode: Mode) {
        for child in node.children().filter(|child| child.kind() == kind) {
            self.add(Some(child), mode);
        }
    }

    fn add_statement(&mut self, node: &SyntaxNode) {
        use SyntaxKind::*;
        match node.kind() {
            ALTER_TABLE | ALTER_FOREIGN_TABLE => self.add_altered(node, TABLE_RELATION_NAME),
            ALTER_VIEW => self.add_each(node, VIEW_REF, Mode::AccessExclusive),
            ALTER_MATERIALIZED_VIEW => self.add_altered(node, VIEW_REF),
            ALTER_INDEX => self.add_altered_index(node),
            ALTER_SEQUENCE => self.add_altered_sequence(node),
            DROP_TABLE | DROP_FOREIGN_TABLE => self.add_each(node, TABLE_NAME_REF, Mode::AccessExclusive),
            DROP_VIEW | DROP_MATERIALIZED_VIEW => self.add_each(node, VIEW_REF, Mode::AccessExclusive),
            DROP_SEQUENCE => self.add_each(node, SEQUENCE_REF, Mode::AccessExclusive),
            DROP_INDEX => {
                let mode = concurrently_or(node, Mode::AccessExclusive);
                self.add_each(node, INDEX_REF, mode);
            }
            CREATE_INDEX => {
                let mode = concurrently_or(node, Mode::Share);
                self.add_each(node, TABLE_RELATION_NAME, mode);
            }
            CREATE_TRIGGER => self.add_each(node, ON_RELATION, Mode::ShareRowExclusive),
            ALTER_TRIGGER | DROP_TRIGGER | ALTER_RULE | DROP_RULE => {
                self.add_each(node, ON_RELATION, Mode::AccessExclusive);
            }
            CREATE_RULE => {
                let event = child(node, RULE_ON);
                let table = event.and_then(|event| child(&event, RELATION_NAME_REF));
                self.add(table, Mode::AccessExclusive);
            }
            CREATE_POLICY | ALTER_POLICY | DROP_POLICY => self.add_each(node, ON_TABLE, Mode::AccessExclusive),
            CREATE_STATISTICS => self.add_each(node, FROM_TABLE, Mode::ShareUpdateExclusive),
            CREATE_TABLE | CREATE_FOREIGN_TABLE => self.add_created_table(node),
            CREATE_VIEW if child(node, OR_REPLACE).is_some() => {
                self.add_each(node, VIEW, Mode::AccessExclusive);
            }
            CREATE_SCHEMA => {
                node.children().for_each(|element| self.add_statement(&element));
                self.created.extend(node.children().filter_map(|element| created_table(&element)));
            }
            TRUNCATE => self.add_listed(node, Mode::AccessExclusive),
            REFRESH => {
                let concurrently = has_token(node, CONCURRENTLY_KW);
                let mode = if concurrently { Mode::Exclusive } else { Mode::AccessExclusive };
                self.add_each(node, VIEW_REF, mode);
            }
            CLUSTER => {
                self.add_each(node, TABLE_NAME_REF, Mode::AccessExclusive);
                // CLUSTER index ON table, as it was written before 8.3.
                let legacy = child(node, CLUSTER_LEGACY);
                let table = legacy.and_then(|legacy| child(&legacy, ON_PATH));
                self.add(table, Mode::AccessExclusive);
            }
            REINDEX => self.add_reindexed(node),
            VACUUM => {
                let is_full = Vacuum::cast(node.clone()).is_some_and(|vacuum| vacuum.is_full());
                let mode = if is_full { Mode::AccessExclusive } else { Mode::ShareUpdateExclusive };
                self.add_listed(node, mode);
            }
            ANALYZE => self.add_listed(node, Mode::ShareUpdateExclusive),
            LOCK => self.add_locked(node),
            COMMENT_ON => self.add_commented(node),
            _ => {}
        }
    }

    /// A table or materialized view with the strongest lock that any of its actions asks for, and the other tables that
    /// the actions name.
    fn add_altered(&mut self, node: &SyntaxNode, target: SyntaxKind) {
        let Some(relation) = child(node, target) else { return };
        let actions: Vec<_> = node.children().filter(|child| *child != relation).collect();
        let altered = actions.iter().filter_map(|action| AlterTableAction::cast(action.clone()));
        let version = self.server_version;
        let known = altered.map(|action| action_mode(&action, version)).max();
        let is_unknown = actions
            .iter()
            .any(|action| !AlterTableAction::can_cast(action.kind()) && action.kind() != SyntaxKind::IF_EXISTS);
        let mode = if is_unknown { None } else { known };
        self.add(Some(relation), mode.unwrap_or(Mode::AccessExclusive));
        for action in &actions {
            self.add_others(action);
        }
    }

    /// The tables besides the altered one.
    fn add_others(&mut self, action: &SyntaxNode) {
        use SyntaxKind::*;
        match action.kind() {
            ATTACH_PARTITION | DETACH_PARTITION => self.add_each(action, TABLE_NAME_REF, Mode::AccessExclusive),
            SPLIT_PARTITION => self.add_each(action, TABLE_NAME_REF, Mode::AccessExclusive),
            INHERIT_TABLE => self.add_each(action, TABLE_NAME_REF, Mode::ShareUpdateExclusive),
            NO_INHERIT_TABLE => {}
            _ => self.add_referenced(action),
        }
    }

    /// The other tables of foreign keys.
    fn add_referenced(&mut self, node: &SyntaxNode) {
        use SyntaxKind::*;
        let keys =
            node.descendants().filter(|node| matches!(node.kind(), REFERENCES_CONSTRAINT | FOREIGN_KEY_CONSTRAINT));
        for key in keys {
            let table = child(&key, TABLE_NAME_REF);
            self.add(table, Mode::ShareRowExclusive);
        }
    }

    fn add_created_table(&mut self, node: &SyntaxNode) {
        use SyntaxKind::*;
        for child in node.children() {
            match child.kind() {
                PARTITION_OF => self.add_each(&child, TABLE_NAME_REF, Mode::AccessExclusive),
                INHERITS => self.add_each(&child, TABLE_NAME_REF, Mode::ShareUpdateExclusive),
                _ => {}
            }
        }
        self.add_referenced(node);
        // A table that refers to itself.
        self.created.extend(created_table(node));
    }

    fn add_altered_index(&mut self, node: &SyntaxNode) {
        let is_light = |action: &AlterIndexAction| match action {
            AlterIndexAction::IndexRenameTo(_) => self.server_version >= 12,
            AlterIndexAction::AttachIndexPartition(_) => true,
            AlterIndexAction::SetOptions(_) | AlterIndexAction::ResetOptions(_) => are_light(action.syntax()),
            AlterIndexAction::AlterSetStatistics(_) => true,
            _ => false,
        };
        let action = node.children().find_map(AlterIndexAction::cast);
        let light = action.as_ref().is_some_and(is_light);
        let mode = if light { Mode::ShareUpdateExclusive } else { Mode::AccessExclusive };
        self.add_each(node, SyntaxKind::INDEX_REF, mode);
        if let Some(AlterIndexAction::AttachIndexPartition(attach)) = action {
            self.add_each(attach.syntax(), SyntaxKind::INDEX_REF, Mode::AccessExclusive);
        }
    }

    fn add_altered_sequence(&mut self, node: &SyntaxNode) {
        use SyntaxKind::*;
        let moves = node.children().any(|child| {
            matches!(child.kind(), SEQUENCE_RENAME_TO | SET_SCHEMA | OWNER_TO | SET_LOGGED | SET_UNLOGGED)
        });
        let mode = if moves { Mode::AccessExclusive } else { Mode::ShareRowExclusive };
        self.add_each(node, SEQUENCE_REF, mode);
    }

    fn add_reindexed(&mut self, node: &SyntaxNode) {
        let Some(reindex) = Reindex::cast(node.clone()) else { return };
        let concurrently = reindex.is_concurrently();
        let mode = |mode: Mode| if concurrently { Mode::ShareUpdateExclusive } else { mode };
        match reindex.reindex_target() {
            Some(ReindexTarget::ReindexTargetTable(target)) => {
                self.add_each(target.syntax(), SyntaxKind::TABLE_NAME_REF, mode(Mode::Share));
            }
            Some(ReindexTarget::ReindexTargetIndex(target)) => {
                self.add_each(target.syntax(), SyntaxKind::INDEX_REF, mode(Mode::AccessExclusive));
            }
            _ => {}
        }
    }

    /// The tables of a list, each maybe with columns.
    fn add_listed(&mut self, node: &SyntaxNode, mode: Mode) {
        let tables: Vec<_> = node.descendants().filter(|node| node.kind() == SyntaxKind::TABLE_RELATION_NAME).collect();
        tables.into_iter().for_each(|table| self.add(Some(table), mode));
    }

    fn add_locked(&mut self, node: &SyntaxNode) {
        let clause = node.children().find_map(ast::LockModeClause::cast);
        let mode = match clause.and_then(|clause| clause.lock_mode()) {
            Some(LockMode::AccessShare(_)) => Mode::AccessShare,
            Some(LockMode::RowShare(_)) => Mode::RowShare,
            Some(LockMode::RowExclusive(_)) => Mode::RowExclusive,
            Some(LockMode::ShareUpdateExclusive(_)) => Mode::ShareUpdateExclusive,
            Some(LockMode::Share(_)) => Mode::Share,
            Some(LockMode::ShareRowExclusive(_)) => Mode::ShareRowExclusive,
            Some(LockMode::Exclusive(_)) => Mode::Exclusive,
            Some(LockMode::AccessExclusive(_)) | None => Mode::AccessExclusive,
        };
        let list = child(node, SyntaxKind::RELATION_LIST);
        for relation in list.into_iter().flat_map(|list| list.children()) {
            self.add(Some(relation), mode);
        }
    }

    fn add_commented(&mut self, node: &SyntaxNode) {
        use SyntaxKind::*;
        let Some(object) = node.children().next() else { return };
        let relation = match object.kind() {
            OBJECT_TABLE
            | OBJECT_VIEW
            | OBJECT_MATERIALIZED_VIEW
            | OBJECT_INDEX
            | OBJECT_SEQUENCE
            | OBJECT_FOREIGN_TABLE => name(&object),
            OBJECT_COLUMN => owner_name(&object),
            _ => return,
        };
        self.add_name(relation, Mode::ShareUpdateExclusive);
    }
}

fn created_table(statement: &SyntaxNode) -> Option<String> {
    child(statement, SyntaxKind::TABLE_NAME).map(|table| name(&table))
}

fn concurrently_or(node: &SyntaxNode, mode: Mode) -> Mode {
    if has_token(node, SyntaxKind::CONCURRENTLY_KW) { Mode::ShareUpdateExclusive } else { mode }
}

/// `AlterTableGetLockLevel`.
fn action_mode(action: &AlterTableAction, server_version: u32) -> Mode {
    match action {
        AlterTableAction::AddConstraint(add) => match add.constraint() {
            Some(ast::Constraint::ForeignKeyConstraint(_)) => Mode::ShareRowExclusive,
            _ => Mode::AccessExclusive,
        },
        AlterTableAction::EnableTrigger(_)
        | AlterTableAction::EnableAlwaysTrigger(_)
        | AlterTableAction::EnableReplicaTrigger(_)
        | AlterTableAction::DisableTrigger(_) => Mode::ShareRowExclusive,
        AlterTableAction::ValidateConstraint(_)
        | AlterTableAction::ClusterOn(_)
        | AlterTableAction::SetWithoutCluster(_) => Mode::ShareUpdateExclusive,
        AlterTableAction::AttachPartition(_) if server_version >= 12 => Mode::ShareUpdateExclusive,
        AlterTableAction::DetachPartition(detach) => match detach.detach_partition_option() {
            Some(DetachPartitionOption::DetachConcurrently(_) | DetachPartitionOption::DetachFinalize(_)) => {
                Mode::ShareUpdateExclusive
            }
            None => Mode::AccessExclusive,
        },
        AlterTableAction::SetOptions(_) | AlterTableAction::ResetOptions(_) => {
            if are_light(action.syntax()) {
                Mode::ShareUpdateExclusive
            } else {
                Mode::AccessExclusive
            }
        }
        AlterTableAction::AlterColumn(alter) => match alter.option() {
            Some(
                ast::AlterColumnOption::SetStatistics(_)
                | ast::AlterColumnOption::SetOptions(_)
                | ast::AlterColumnOption::SetOptionsList(_)
                | ast::AlterColumnOption::ResetOptions(_),
            ) => Mode::ShareUpdateExclusive,
            _ => Mode::AccessExclusive,
        },
        _ => Mode::AccessExclusive,
    }
}

/// Storage parameters that stop reads and writes while they are changed (`reloptions.c`); the others don't.
const HEAVY: [&str; 9] = [
    "user_catalog_table",
    "security_barrier",
    "security_invoker",
    "check_option",
    "buffering",
    "fastupdate",
    "gin_pending_list_limit",
    "pages_per_range",
    "autosummarize",
];

fn are_light(options: &SyntaxNode) -> bool {
    let names = options.descendants().filter_map(ast::AttributeName::cast);
    let mut names = names.map(|name| name.syntax().text().to_string().to_ascii_lowercase());
    !names.any(|name| HEAVY.contains(&name.trim()))
}
