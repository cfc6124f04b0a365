//! Statements one after the other, with what a person has to know in between.

use crate::sql::lint::state::Transaction;

#[derive(Debug, Default)]
pub(super) struct Steps {
    text: String,
}

impl Steps {
    pub(super) fn sql(&mut self, statement: String) {
        self.text.push_str(statement.trim().trim_end_matches(';'));
        self.text.push_str(";\n");
    }

    pub(super) fn note(&mut self, note: &str) {
        self.text.push_str("-- ");
        self.text.push_str(note);
        self.text.push('\n');
    }

    /// Ends the transaction that is open.
    pub(super) fn leave(&mut self, transaction: Transaction) {
        match transaction {
            Transaction::None => {}
            Transaction::Script => self.sql("COMMIT".to_owned()),
            Transaction::Others => self.note("By itself, outside of the transaction around the script:"),
        }
    }

    /// A transaction that gives up when a lock isn't to be had.
    pub(super) fn bounded(&mut self, statements: &[String]) {
        self.sql("BEGIN".to_owned());
        self.sql("SET LOCAL lock_timeout = '1s'".to_owned());
        statements.iter().for_each(|statement| self.sql(statement.clone()));
        self.sql("COMMIT".to_owned());
    }

    pub(super) fn finish(self) -> String {
        self.text.trim_end().to_owned()
    }
}
