//! The outcome of a script that failed, from which of its statements were completed and how it ended.

use crate::error::{Outcome, ServerError, Step, StepState};
use crate::sql::{self, TransactionEnd};

/// How a script ended.
#[derive(Debug, Clone, Copy)]
pub enum End<'a> {
    /// The server refused the statement behind the completed ones, or the COMMIT behind all of them.
    Refused(Option<&'a ServerError>),
    /// The server refused one of the statements, of which it isn't known how many were completed.
    RefusedSomewhere,
    /// It was rolled back, or the connection was lost before COMMIT was sent.
    Undone,
    /// The connection was lost in mid-script, and what was under way may have been committed.
    Lost,
    /// Whether what is behind the last known COMMIT was committed can't be known.
    Unknowable,
}

/// What became of `script`, of which the statements that answered with `tags` were completed. `in_transaction` is
/// whether it ran between BEGIN and COMMIT of ours.
pub fn judge(script: &str, in_transaction: bool, tags: &[String], end: End<'_>) -> (Outcome, Vec<Step>) {
    match judge_each(script, in_transaction, tags, end) {
        (Outcome::NotApplied, _) => (Outcome::NotApplied, Vec::new()),
        judged => judged,
    }
}

/// The same, with what became of each statement even where nothing was applied.
pub(super) fn judge_each(script: &str, in_transaction: bool, tags: &[String], end: End<'_>) -> (Outcome, Vec<Step>) {
    let statements: Vec<&str> = sql::statements(script).map(|statement| statement.text).collect();
    let mut states = vec![StepState::NotRun; statements.len()];
    let mut is_applied = false;
    // Where the transaction begins that is open behind the completed statements.
    let mut open = 0;
    // Whether that ends with a COMMIT, and not by itself with the script.
    let mut is_block = in_transaction;
    for (index, (statement, tag)) in statements.iter().zip(tags).enumerate() {
        if !sql::has_transaction_control(statement) {
            continue;
        }
        match TransactionEnd::of(tag) {
            Some(TransactionEnd::Committed) => {
                let done = states.get_mut(open..=index).unwrap_or_default();
                done.fill(StepState::Done);
                is_applied |= statements
                    .get(open..index)
                    .is_some_and(|between| between.iter().any(|it| sql::has_lasting_effect(it)));
                open = index + 1;
                is_block = false;
            }
            Some(TransactionEnd::RolledBack) => {
                open = index + 1;
                is_block = false;
            }
            None => is_block = true,
        }
    }
    let completed = tags.len().min(statements.len());
    let rest = statements.get(completed..).unwrap_or_default();
    let may_commit = match end {
        End::Refused(error) => !in_transaction && commits_by_itself(&statements, error),
        End::Undone => false,
        End::Unknowable => true,
        End::RefusedSomewhere => {
            sql::has_transaction_control(script) || (!in_transaction && commits_by_itself(&statements, None))
        }
        End::Lost => !is_block || rest.iter().any(|statement| sql::has_transaction_control(statement)),
    };
    match end {
        End::Refused(_) => {
            if let Some(state) = states.get_mut(completed) {
                *state = StepState::Failed;
            }
        }
        End::Lost | End::RefusedSomewhere | End::Unknowable if may_commit => {
            states.iter_mut().skip(open).for_each(|state| *state = StepState::Unknown)
        }
        End::Lost | End::RefusedSomewhere | End::Unknowable | End::Undone => {}
    }
    match (is_applied, may_commit) {
        (true, _) => (Outcome::PartlyApplied, steps(&statements, states)),
        (false, true) => (Outcome::Unknown, steps(&statements, states)),
        (false, false) => (Outcome::NotApplied, steps(&statements, states)),
    }
}

fn steps(statements: &[&str], states: Vec<StepState>) -> Vec<Step> {
    statements.iter().zip(states).map(|(text, state)| Step { statement: (*text).to_owned(), state }).collect()
}

/// Whether a script of one statement may have committed part of its work although it failed: several transactions of
/// the server's own, or of a procedure's.
fn commits_by_itself(statements: &[&str], error: Option<&ServerError>) -> bool {
    let [statement] = statements else { return false };
    let code = error.map_or("", ServerError::code);
    // Syntax, names and rights are looked at before anything is done, and so is where the statement stands.
    let is_refused_at_once = error.is_some_and(|error| error.field(b'W').is_none())
        && ["42", "25", "0A", "3D", "3F", "26"].iter().any(|class| code.starts_with(class));
    if is_refused_at_once {
        return false;
    }
    sql::may_commit_by_itself(statement)
}

#[cfg(test)]
mod tests {
    use super::*;
    use StepState::{Done, Failed, NotRun, Unknown};

    fn refusal(code: &str, context: Option<&str>) -> ServerError {
        let mut fields = vec![(b'C', code.to_owned())];
        fields.extend(context.map(|text| (b'W', text.to_owned())));
        ServerError { length: 0, fields }
    }

    fn judged(script: &str, in_transaction: bool, tags: &[&str], end: End<'_>) -> (Outcome, Vec<StepState>) {
        let tags: Vec<String> = tags.iter().map(|tag| (*tag).to_owned()).collect();
        let (outcome, steps) = judge(script, in_transaction, &tags, end);
        (outcome, steps.into_iter().map(|step| step.state).collect())
    }

    #[test]
    fn a_script_that_fails_in_its_transaction_leaves_nothing() {
        let error = refusal("42P01", None);
        let nothing = (Outcome::NotApplied, vec![]);
        assert_eq!(
            judged("CREATE TABLE a (); SELECT * FROM b", true, &["CREATE TABLE"], End::Refused(Some(&error))),
            nothing
        );
        assert_eq!(
            judged("CREATE TABLE a (); SELECT * FROM b", false, &["CREATE TABLE"], End::Refused(Some(&error))),
            nothing
        );
    }

    #[test]
    fn what_a_commit_in_the_script_has_committed_is_done() {
        let script = "CREATE TABLE a (); COMMIT; CREATE TABLE b (); nonsense; CREATE TABLE c ()";
        let error = refusal("42601", None);
        for in_transaction in [true, false] {
            assert_eq!(
                judged(script, in_transaction, &["CREATE TABLE", "COMMIT", "CREATE TABLE"], End::Refused(Some(&error))),
                (Outcome::PartlyApplied, vec![Done, Done, NotRun, Failed, NotRun])
            );
        }
    }

    #[test]
    fn a_commit_of_nothing_applies_nothing() {
        let error = refusal("42601", None);
        let nothing = (Outcome::NotApplied, vec![]);
        assert_eq!(judged("COMMIT; nonsense", true, &["COMMIT"], End::Refused(Some(&error))), nothing);
        assert_eq!(
            judged("SET x.y = 1; COMMIT; nonsense", true, &["SET", "COMMIT"], End::Refused(Some(&error))),
            nothing
        );
        // COMMIT of a failed transaction answers ROLLBACK.
        let script = "CREATE TABLE a (); COMMIT; nonsense";
        assert_eq!(judged(script, true, &["CREATE TABLE", "ROLLBACK"], End::Refused(Some(&error))), nothing);
    }

    #[test]
    fn a_rollback_to_a_savepoint_undoes_no_commit() {
        let script = "CREATE TABLE a (); SAVEPOINT s; ROLLBACK TO s; COMMIT; nonsense";
        let tags = ["CREATE TABLE", "SAVEPOINT", "ROLLBACK", "COMMIT"];
        let (outcome, states) = judged(script, true, &tags, End::Undone);
        assert_eq!((outcome, states), (Outcome::PartlyApplied, vec![Done, Done, Done, Done, NotRun]));
    }

    #[test]
    fn what_is_lost_in_a_transaction_of_ours_is_undone() {
        let nothing = (Outcome::NotApplied, vec![]);
        assert_eq!(judged("CREATE TABLE a (); CREATE TABLE b ()", true, &["CREATE TABLE"], End::Lost), nothing);
        assert_eq!(judged("CREATE TABLE a (); CREATE TABLE b ()", true, &[], End::Undone), nothing);
    }

    #[test]
    fn what_is_lost_outside_of_one_may_have_been_applied() {
        let script = "CREATE TABLE a (); CREATE TABLE b ()";
        assert_eq!(judged(script, false, &["CREATE TABLE"], End::Lost), (Outcome::Unknown, vec![Unknown, Unknown]));
        let script = "CREATE TABLE a (); COMMIT; CREATE TABLE b ()";
        assert_eq!(judged(script, true, &[], End::Lost), (Outcome::Unknown, vec![Unknown, Unknown, Unknown]));
        assert_eq!(
            judged(
                "CREATE TABLE a (); COMMIT; CREATE TABLE b (); COMMIT",
                true,
                &["CREATE TABLE", "COMMIT"],
                End::Lost
            ),
            (Outcome::PartlyApplied, vec![Done, Done, Unknown, Unknown])
        );
    }

    #[test]
    fn what_stands_behind_a_commit_is_committed_by_the_end_of_the_script() {
        let script = "CREATE TABLE a (); COMMIT; CREATE TABLE b (); SELECT 1";
        let tags = ["CREATE TABLE", "COMMIT", "CREATE TABLE", "SELECT 1"];
        let (outcome, states) = judged(script, true, &tags, End::Lost);
        assert_eq!((outcome, states), (Outcome::PartlyApplied, vec![Done, Done, Unknown, Unknown]));
        let script = "ROLLBACK; CREATE TABLE b ()";
        let (outcome, states) = judged(script, true, &["ROLLBACK", "CREATE TABLE"], End::Lost);
        assert_eq!((outcome, states), (Outcome::Unknown, vec![NotRun, Unknown]));
        let script = "COMMIT; BEGIN; CREATE TABLE b ()";
        let (outcome, _) = judged(script, true, &["COMMIT", "BEGIN", "CREATE TABLE"], End::Lost);
        assert_eq!(outcome, Outcome::NotApplied);
    }

    #[test]
    fn what_was_committed_before_an_unknowable_end_is_done() {
        let script = "CREATE TABLE a ()";
        assert_eq!(judged(script, true, &["CREATE TABLE"], End::Unknowable), (Outcome::Unknown, vec![Unknown]));
        let script = "CREATE TABLE a (); COMMIT; BEGIN; CREATE TABLE b ()";
        let tags = ["CREATE TABLE", "COMMIT", "BEGIN", "CREATE TABLE"];
        assert_eq!(
            judged(script, true, &tags, End::Unknowable),
            (Outcome::PartlyApplied, vec![Done, Done, Unknown, Unknown])
        );
    }

    #[test]
    fn nothing_commits_by_itself_in_a_transaction_of_ours() {
        let unique = refusal("23505", Some("PL/pgSQL function"));
        for script in ["CALL p()", "do $$ begin commit; end $$"] {
            assert_eq!(
                judged(script, true, &[], End::Refused(Some(&unique))),
                (Outcome::NotApplied, vec![]),
                "{script}"
            );
        }
    }

    #[test]
    fn without_the_tags_a_commit_in_the_script_leaves_its_outcome_unknown() {
        assert_eq!(judged("SELECT 1; nonsense", true, &[], End::RefusedSomewhere), (Outcome::NotApplied, vec![]));
        let script = "CREATE TABLE a (); COMMIT; nonsense";
        assert_eq!(judged(script, true, &[], End::RefusedSomewhere), (Outcome::Unknown, vec![Unknown; 3]));
    }

    #[test]
    fn statements_of_several_transactions_may_leave_something_behind() {
        let unique = refusal("23505", None);
        let missing = refusal("42P01", None);
        let inside = refusal("42P01", Some("PL/pgSQL function"));
        let failed = |script: &str, error| judged(script, false, &[], End::Refused(Some(error))).0;
        for script in
            ["CREATE UNIQUE INDEX CONCURRENTLY i ON t (a)", "VACUUM t", "CALL p()", "do $$ begin commit; end $$"]
        {
            assert_eq!(failed(script, &unique), Outcome::Unknown, "{script}");
            assert_eq!(failed(script, &missing), Outcome::NotApplied, "{script}");
        }
        assert_eq!(failed("CALL p()", &inside), Outcome::Unknown);
        for script in ["CREATE DATABASE d", "DO $$ begin perform 1/0; end $$", "SELECT 1; CALL p()"] {
            assert_eq!(failed(script, &unique), Outcome::NotApplied, "{script}");
        }
    }
}
