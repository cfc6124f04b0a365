//! What a script has done before a statement: the relations it created, its transaction, the locks held in it, the
//! timeouts that hold, and the enum values it added.

use std::collections::HashSet;

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::names::{Qualified, child, first, plain, text};
use super::setting::{Change, Scope, Setting};
use super::target;
use crate::sql::analysis::locks::{Lock, Mode};

/// Where names without a schema stand, unless the script says otherwise.
const DEFAULT_SCHEMA: &str = "public";

/// Whose transaction a statement is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transaction {
    None,
    /// The script began it.
    Script,
    /// Others begin and end it.
    Others,
}

/// A timeout that may hold.
#[derive(Debug, Default, Clone, Copy)]
struct Timeout {
    session: bool,
    local: bool,
}

/// See the module.
pub(super) struct State {
    around: Transaction,
    pub(super) transaction: Transaction,
    schema: String,
    created: HashSet<String>,
    created_in_transaction: Vec<String>,
    lock_timeout: Timeout,
    statement_timeout: Timeout,
    /// The table that the transaction locked against writes first.
    pub(super) first_held: Option<String>,
    /// All that it has so locked.
    pub(super) held: HashSet<String>,
    /// The values that the transaction added to enums, as they are written, with their quotes.
    pub(super) added_values: HashSet<String>,
}

impl State {
    pub(super) fn new(in_transaction: bool) -> State {
        let around = if in_transaction { Transaction::Others } else { Transaction::None };
        State {
            around,
            transaction: around,
            schema: DEFAULT_SCHEMA.to_owned(),
            created: HashSet::new(),
            created_in_transaction: Vec::new(),
            lock_timeout: Timeout::default(),
            statement_timeout: Timeout::default(),
            first_held: None,
            held: HashSet::new(),
            added_values: HashSet::new(),
        }
    }

    pub(super) fn in_transaction(&self) -> bool {
        self.transaction != Transaction::None
    }

    pub(super) fn has_lock_timeout(&self) -> bool {
        self.lock_timeout.session || self.lock_timeout.local
    }

    pub(super) fn has_statement_timeout(&self) -> bool {
        self.statement_timeout.session || self.statement_timeout.local
    }

    /// Whether all that the statement is about was created by the script.
    pub(super) fn is_about_new(&self, statement: &SyntaxNode) -> bool {
        let targets = target::names(statement);
        !targets.is_empty() && targets.iter().all(|name| self.is_new(&name.written()))
    }

    /// Whether the script created the relation of this name, as it is written.
    pub(super) fn is_new(&self, written: &str) -> bool {
        self.created.contains(&self.full(written))
    }

    /// Whether the script created the relation of this name, as PostgreSQL keeps it.
    pub(super) fn is_new_kept(&self, relation: &str) -> bool {
        if relation.contains('.') {
            return self.created.contains(relation);
        }
        self.created.contains(&format!("{}.{relation}", self.schema))
    }

    fn full(&self, written: &str) -> String {
        let parts: Vec<_> = written.split('.').map(|part| plain(part.trim())).collect();
        match parts.as_slice() {
            [name] => format!("{}.{name}", self.schema),
            parts => parts.join("."),
        }
    }

    fn create(&mut self, name: &str) {
        let full = self.full(name);
        if self.in_transaction() {
            self.created_in_transaction.push(full.clone());
        }
        self.created.insert(full);
    }

    /// Goes on behind a statement that takes these locks.
    pub(super) fn pass(&mut self, statement: &SyntaxNode, locks: &[Lock]) {
        use SyntaxKind::*;
        match statement.kind() {
            BEGIN => {
                if self.transaction == Transaction::None {
                    self.transaction = Transaction::Script;
                }
            }
            COMMIT_TRANSACTION | PREPARE_TRANSACTION => self.end(),
            ROLLBACK_TRANSACTION => {
                for created in std::mem::take(&mut self.created_in_transaction) {
                    self.created.remove(&created);
                }
                self.end();
            }
            SET | RESET | DISCARD => self.set(statement),
            ALTER_TYPE => self.add_value(statement),
            _ => self.pass_definition(statement),
        }
        if self.in_transaction() {
            for lock in target::strong(statement, locks, Mode::Share) {
                if !self.is_new_kept(&lock.relation) {
                    self.first_held.get_or_insert_with(|| lock.relation.clone());
                    self.held.insert(lock.relation.clone());
                }
            }
        }
    }

    fn end(&mut self) {
        self.transaction = self.around;
        self.created_in_transaction.clear();
        self.lock_timeout.local = false;
        self.statement_timeout.local = false;
        self.first_held = None;
        self.held.clear();
        self.added_values.clear();
    }

    fn set(&mut self, statement: &SyntaxNode) {
        let Some(setting) = Setting::of(statement) else { return };
        let is_set = matches!(setting.change, Change::Set);
        let is_all = setting.name == "all";
        for (name, timeout) in
            [("lock_timeout", &mut self.lock_timeout), ("statement_timeout", &mut self.statement_timeout)]
        {
            if setting.name != name && !is_all {
                continue;
            }
            match setting.scope {
                Scope::Local if self.transaction != Transaction::None => timeout.local = is_set,
                Scope::Local => {}
                Scope::Session => *timeout = Timeout { session: is_set, local: false },
            }
        }
        if setting.name == "search_path" {
            let first = setting.value.split(',').next().unwrap_or_default();
            let schema = plain(first.trim().trim_matches('\''));
            let is_plain = is_set && !schema.is_empty() && !schema.contains('$');
            self.schema = if is_plain { schema } else { DEFAULT_SCHEMA.to_owned() };
        }
    }

    fn add_value(&mut self, statement: &SyntaxNode) {
        let Some(value) = child(statement, SyntaxKind::ADD_VALUE) else { return };
        let literal = child(&value, SyntaxKind::LITERAL).map(|literal| text(&literal));
        if self.in_transaction() && !self.is_about_new(statement) {
            self.added_values.extend(literal);
        }
    }

    fn pass_definition(&mut self, statement: &SyntaxNode) {
        use SyntaxKind::*;
        match statement.kind() {
            CREATE_TABLE
            | CREATE_TABLE_AS
            | CREATE_FOREIGN_TABLE
            | CREATE_MATERIALIZED_VIEW
            | CREATE_SEQUENCE
            | CREATE_TYPE
            | CREATE_DOMAIN => {
                target::names(statement).first().into_iter().for_each(|name| self.create(&name.written()));
            }
            CREATE_VIEW if child(statement, OR_REPLACE).is_none() => {
                target::names(statement).first().into_iter().for_each(|name| self.create(&name.written()));
            }
            SELECT_INTO => {
                let into = first(statement, INTO_CLAUSE).and_then(|into| Qualified::of(&into));
                into.into_iter().for_each(|name| self.create(&name.written()));
            }
            CREATE_INDEX if self.is_about_new(statement) => {
                let table = target::names(statement).into_iter().next();
                let index = child(statement, INDEX).and_then(|index| Qualified::of(&index));
                if let (Some(table), Some(index)) = (table, index) {
                    self.create(&table.sibling(&index.name()));
                }
            }
            ALTER_TABLE | ALTER_VIEW | ALTER_MATERIALIZED_VIEW if self.is_about_new(statement) => {
                self.rename(statement);
            }
            DROP_TABLE | DROP_VIEW | DROP_MATERIALIZED_VIEW => {
                for name in target::names(statement) {
                    let full = self.full(&name.written());
                    self.created.remove(&full);
                }
            }
            _ => {}
        }
    }

    fn rename(&mut self, statement: &SyntaxNode) {
        let Some(old) = target::names(statement).into_iter().next() else { return };
        let new = statement.children().find_map(|action| match action.kind() {
            SyntaxKind::TABLE_RENAME_TO | SyntaxKind::VIEW_RENAME_TO => {
                Qualified::of(&action).map(|new| old.sibling(&new.name()))
            }
            SyntaxKind::SET_SCHEMA => {
                let schema = action.children().last().map(|schema| text(&schema));
                schema.map(|schema| format!("{schema}.{}", super::names::quoted(&old.name())))
            }
            _ => None,
        });
        if let Some(new) = new {
            self.create(&new);
            let full = self.full(&old.written());
            self.created.remove(&full);
        }
    }
}
