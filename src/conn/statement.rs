//! The prepared statements of one connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::auto_prepare::{AutoPrepare, Version};
use super::reply::Reply;
use super::styles::Styles;
use crate::error::Error;
use crate::rows::{Shape, TypeMask};
use crate::sql::{self, SessionEffect};

/// What executing a statement answers.
pub enum Described {
    /// Rows of this shape.
    Rows(Arc<Shape>),
    /// No rows.
    NoData,
}

/// A statement that was sent under a name.
pub struct Statement {
    /// Its text.
    pub text: String,
    /// ParseComplete has come.
    confirmed: bool,
    /// The server has it under this name, and not just its text without one.
    is_named: bool,
    /// The server refuses to execute it when its columns have changed.
    keeps_columns: bool,
    description: Option<Description>,
}

/// The description of a statement's result, in one format. It is only kept for statements whose columns can't change as
/// long as they exist.
struct Description {
    binary: bool,
    mask: TypeMask,
    /// The receiver whose table the shape is of.
    sink: u64,
    shape: Option<Arc<Shape>>,
}

impl Statement {
    /// Whether the server has it under its name.
    pub fn is_named(&self) -> bool {
        self.is_named
    }

    /// What its result is, when that is known for this receiver.
    pub fn described(&self, binary: bool, reply: &Reply) -> Option<Described> {
        let description = self.description.as_ref()?;
        if description.binary != binary {
            return None;
        }
        match &description.shape {
            None => Some(Described::NoData),
            Some(shape) if description.mask == reply.mask && description.sink == reply.sink.id() => {
                Some(Described::Rows(shape.clone()))
            }
            Some(_) => None,
        }
    }
}

/// All that are known.
#[derive(Default)]
pub struct Statements {
    by_name: HashMap<String, Statement>,
    /// How the session writes values.
    pub styles: Styles,
    /// Statements are sent without their names, because the server may not have them the next time.
    pub leaves_out_names: bool,
    /// Repeated texts, when they are to be prepared.
    auto: Option<AutoPrepare>,
    /// How often the session's settings have changed.
    session: u64,
    /// The transaction under way has changed settings or schema, which its end may undo or make known.
    session_is_open: bool,
    schema_is_open: bool,
}

/// How often this process has seen a schema change, on whatever connection.
static SCHEMA: AtomicU64 = AtomicU64::new(0);

impl Statements {
    /// None yet; with repeated texts prepared if there is something that knows them.
    pub fn preparing(auto: Option<AutoPrepare>) -> Statements {
        Statements { auto, ..Statements::default() }
    }

    /// A statement by its name.
    pub fn get(&self, name: &str) -> Option<&Statement> {
        self.by_name.get(name)
    }

    /// The name under which to run a text that has none, and a name that the server has to forget before.
    pub fn prepare_repeated(&mut self, text: &str, parameters: usize) -> Option<(String, Vec<String>)> {
        let version = Version { schema: SCHEMA.load(Ordering::Relaxed), session: self.session };
        let choice = self.auto.as_mut()?.choose(text, parameters, version)?;
        let mut closing: Vec<String> = choice.evicted.into_iter().collect();
        for evicted in &closing {
            self.by_name.remove(evicted);
        }
        match self.by_name.get(&choice.name) {
            // The first one is still in flight; if the server refused it, this one would fail in another way.
            Some(statement) if !statement.confirmed => return None,
            Some(_) if !choice.is_stale => {}
            _ => {
                self.by_name.remove(&choice.name);
                closing.push(choice.name.clone());
            }
        }
        Some((choice.name, closing))
    }

    /// Whether texts may be prepared now, in this transaction status.
    pub fn may_prepare(&self, status: u8) -> bool {
        self.auto.as_ref().is_some_and(|auto| auto.is_on(status))
    }

    /// The effect of a command on statements.
    pub fn note(&mut self, effect: SessionEffect) {
        match effect {
            SessionEffect::ForgetsStatements => self.by_name.clear(),
            SessionEffect::ChangesStatements => self.doubt(),
            SessionEffect::ChangesSettings => {
                self.session += 1;
                self.session_is_open = true;
            }
            SessionEffect::EndsTransaction => {
                self.session += u64::from(std::mem::take(&mut self.session_is_open));
                if std::mem::take(&mut self.schema_is_open) {
                    SCHEMA.fetch_add(1, Ordering::Relaxed);
                }
            }
            SessionEffect::ChangesSchema => {
                SCHEMA.fetch_add(1, Ordering::Relaxed);
                self.schema_is_open = true;
            }
        }
    }

    /// The server has not said yet whether it accepts this one.
    pub fn is_pending(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|statement| !statement.confirmed)
    }

    /// Parse is on its way, with the name or without it.
    pub fn sent(&mut self, name: &str, text: String, is_named: bool) {
        let keeps_columns = sql::is_plannable(&text);
        let statement = Statement { text, confirmed: false, is_named, keeps_columns, description: None };
        self.by_name.insert(name.to_owned(), statement);
    }

    /// ParseComplete.
    pub fn confirm(&mut self, name: &str) {
        if let Some(statement) = self.by_name.get_mut(name) {
            statement.confirmed = true;
        }
    }

    /// The server has refused an automatically prepared statement before it ran. Whether that is because it was
    /// prepared, so that the same query without a statement may do; the statement is forgotten then.
    pub fn lost(&mut self, name: &str, parse: bool, error: &Error) -> bool {
        let vanished = matches!(error.code.as_deref(), Some("26000" | "42P05"));
        let routine = error.server.as_ref().and_then(|server| server.field(b'R'));
        let changed = error.code.as_deref() == Some("0A000") && routine == Some("RevalidateCachedQuery");
        if parse && !vanished {
            return false;
        }
        if let Some(auto) = &mut self.auto
            && vanished
        {
            auto.note_vanished();
        }
        // One in flight is another statement of the same name.
        if (vanished || changed) && (parse || !self.is_pending(name)) {
            self.by_name.remove(name);
        }
        vanished || changed
    }

    /// The statement does not exist.
    pub fn forget(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// SQL has prepared or deallocated something: a name may mean another statement.
    fn doubt(&mut self) {
        for statement in self.by_name.values_mut() {
            statement.description = None;
        }
    }

    /// Remembers what the server said of its result.
    pub fn describe(&mut self, name: &str, binary: bool, reply: &Reply, shape: Option<Arc<Shape>>) {
        if let Some(statement) = self.by_name.get_mut(name)
            && statement.keeps_columns
            && statement.confirmed
        {
            statement.description = Some(Description { binary, mask: reply.mask, sink: reply.sink.id(), shape });
        }
    }
}
