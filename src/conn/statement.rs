//! The prepared statements of one connection.

use std::collections::HashMap;
use std::sync::Arc;

use super::request::Reply;
use super::styles::Styles;
use crate::sql;
use crate::wire::shape::{Shape, TypeMask};

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
    /// The server refuses to execute it when its columns have changed.
    keeps_columns: bool,
    description: Option<Description>,
}

/// What the server said of a statement's result, in one format. It is only kept of those whose columns can't change
/// as long as the statement exists.
struct Description {
    binary: bool,
    mask: TypeMask,
    /// The receiver whose table the shape is of.
    sink: u64,
    shape: Option<Arc<Shape>>,
}

impl Statement {
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
}

impl Statements {
    /// A statement by its name.
    pub fn get(&self, name: &str) -> Option<&Statement> {
        self.by_name.get(name)
    }

    /// The server has not said yet whether it accepts this one.
    pub fn is_pending(&self, name: &str) -> bool {
        self.by_name.get(name).is_some_and(|statement| !statement.confirmed)
    }

    /// Parse is on its way.
    pub fn sent(&mut self, name: &str, text: String) {
        let keeps_columns = sql::is_plannable(&text);
        self.by_name.insert(name.to_owned(), Statement { text, confirmed: false, keeps_columns, description: None });
    }

    /// ParseComplete.
    pub fn confirm(&mut self, name: &str) {
        if let Some(statement) = self.by_name.get_mut(name) {
            statement.confirmed = true;
        }
    }

    /// The statement does not exist.
    pub fn forget(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    /// The session was reset: none exists.
    pub fn clear(&mut self) {
        self.by_name.clear();
    }

    /// SQL has prepared or deallocated something: a name may mean another statement.
    pub fn doubt(&mut self) {
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
