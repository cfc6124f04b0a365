//! Asking the server what became of a transaction whose COMMIT was not answered.

use std::time::{Duration, Instant};

use super::identity::{Functions, Identity};
use super::order::Apart;
use crate::clock;
use crate::conn::Session;
use crate::conn::session::Answer;
use crate::error::{Error, ErrorKind, texts};
use crate::wire::ResultSet;

/// The first pause before the question is asked again; each is twice as long as the one before.
const PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Its outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Committed,
    Aborted,
    /// It can't be known, for this reason.
    Unknowable(String),
}

/// One answer.
#[derive(Debug, PartialEq, Eq)]
enum Status {
    Known(Verdict),
    /// The transaction is still open on its own server.
    InProgress,
    /// The server that answered doesn't know yet.
    AskAgain(String),
}

/// The inquiry into one transaction.
pub(super) struct Inquiry<'a> {
    apart: &'a Apart,
    functions: Functions,
    identity: Identity,
}

impl<'a> Inquiry<'a> {
    /// Into the transaction that an answer identifies.
    pub(super) fn into(apart: &'a Apart, functions: Option<Functions>, sets: Option<&[ResultSet]>) -> Option<Self> {
        Some(Inquiry { apart, functions: functions?, identity: Identity::read(sets?)? })
    }

    /// Asks until there is an answer or time is up. `is_lost` says that the connection which sent COMMIT is gone; then
    /// the server process that still has the transaction is ended, and otherwise only when it has never got COMMIT, and
    /// one that works is waited for.
    pub(super) async fn conclude(&self, is_lost: bool, limit: Duration) -> Verdict {
        // On a standby nothing is written that could be committed.
        let Some(xact) = &self.identity.xact else { return Verdict::Aborted };
        let mut until = clock::now() + limit;
        let mut pause = PAUSE;
        loop {
            match self.ask(xact, is_lost, until).await {
                Ok(Status::Known(verdict)) => return verdict,
                // The server reports that it works on it: there is no hurry.
                Ok(Status::InProgress) if !is_lost => until = clock::now() + limit,
                Ok(Status::InProgress) if clock::now() >= until => {
                    return Verdict::Unknowable(texts::STILL_OPEN.into());
                }
                Ok(Status::AskAgain(reason)) if clock::now() >= until => return Verdict::Unknowable(reason),
                Err(error) if is_final(&error) || clock::now() >= until => {
                    if !is_lost {
                        // There is still the first answer to wait for.
                        clock::sleep(until.saturating_duration_since(clock::now())).await;
                    }
                    return Verdict::Unknowable(texts::inquiry_failed(&error.message));
                }
                Ok(_) | Err(_) => {}
            }
            clock::sleep(pause.min(until.saturating_duration_since(clock::now()))).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    async fn ask(&self, xact: &str, is_lost: bool, until: Instant) -> Result<Status, Error> {
        let left = until.saturating_duration_since(clock::now()).max(PAUSE);
        let opening = Session::open(&self.apart.settings, self.apart.caller.as_ref());
        let late = || Error::closed(texts::NO_CONNECTION_IN_TIME);
        let session = clock::within(left, opening).await.unwrap_or_else(|| Err(late()))?;
        let session = session.until(Some(until.max(clock::now() + PAUSE)));
        let answer = session.ask(&self.functions.inquire(xact)).answer().await;
        let status = read(&answer, &self.identity.started)?;
        if status == Status::InProgress {
            session.simple(&self.identity.terminate(xact, !is_lost)).await?;
        }
        Ok(status)
    }
}

/// What an answer to the inquiry says.
///
/// # Errors
/// That of the answer, where it is none about the transaction.
fn read(answer: &Answer, started: &str) -> Result<Status, Error> {
    let value = |set: usize, column| answer.sets.get(set).and_then(|set| set.value(column));
    let is_future = answer.error.as_ref().is_some_and(|error| error.code.as_deref() == Some(NOT_GIVEN_OUT));
    match &answer.error {
        Some(error) if !is_future || value(0, 0).is_none() => return Err(error.clone()),
        _ => {}
    }
    let status = if is_future { Some("future") } else { value(1, 0) };
    Ok(interpret(status, value(0, 0) == Some(started), value(0, 1) == Some("t")))
}

/// What the server says of an id that lies before it: `invalid_parameter_value`.
const NOT_GIVEN_OUT: &str = "22023";

/// An id that is known to a server that was started since belongs to another transaction, or to ours: were ours
/// committed, it would have stayed so. One that the server has not given out was lost with everything under it when the
/// server crashed. So only "committed" proves nothing there.
fn interpret(status: Option<&str>, is_same_start: bool, is_standby: bool) -> Status {
    if is_standby {
        return Status::AskAgain(texts::STANDBY_ANSWERS.into());
    }
    let unknowable = |reason: &str| Status::Known(Verdict::Unknowable(reason.to_owned()));
    match (status, is_same_start) {
        (Some("committed"), true) => Status::Known(Verdict::Committed),
        (Some("committed"), false) => unknowable(texts::STARTED_ANEW),
        (Some("aborted"), _) => Status::Known(Verdict::Aborted),
        (Some("in progress"), true) => Status::InProgress,
        (Some("in progress" | "future"), false) => Status::Known(Verdict::Aborted),
        _ => unknowable(texts::NOT_REMEMBERED),
    }
}

/// Asking again would get the same answer, or a ban.
fn is_final(error: &Error) -> bool {
    let code = error.code.as_deref().unwrap_or("");
    matches!(error.kind, ErrorKind::Config | ErrorKind::Auth) || code.starts_with("28") || code.starts_with("42")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn committed_proves_nothing_on_a_server_that_was_started_since() {
        let read = |status, is_same_start| interpret(status, is_same_start, false);
        assert_eq!(read(Some("committed"), true), Status::Known(Verdict::Committed));
        assert!(matches!(read(Some("committed"), false), Status::Known(Verdict::Unknowable(_))));
        assert_eq!(read(Some("aborted"), false), Status::Known(Verdict::Aborted));
        assert_eq!(read(Some("in progress"), false), Status::Known(Verdict::Aborted));
        assert_eq!(read(Some("in progress"), true), Status::InProgress);
        assert_eq!(read(Some("future"), false), Status::Known(Verdict::Aborted));
        assert!(matches!(read(Some("future"), true), Status::Known(Verdict::Unknowable(_))));
        assert!(matches!(read(None, true), Status::Known(Verdict::Unknowable(_))));
    }

    #[test]
    fn a_standby_may_not_know_yet() {
        for status in [Some("committed"), Some("aborted"), Some("in progress"), Some("future"), None] {
            assert!(matches!(interpret(status, true, true), Status::AskAgain(_)));
        }
    }

    fn answer(started: Option<&str>, standby: &str, status: Option<&str>, code: Option<&str>) -> Answer {
        let set = |values: &[&str]| ResultSet {
            rows: vec![values.iter().map(|value| Some((*value).to_owned())).collect()],
            ..ResultSet::default()
        };
        let sets =
            started.map(|started| set(&[started, standby])).into_iter().chain(status.map(|status| set(&[status])));
        let error = code.map(|code| Error::new(ErrorKind::Server, "no").with_code(code));
        Answer { sets: sets.collect(), error, status: Some(b'I') }
    }

    #[test]
    fn an_id_that_was_not_given_out_is_told_from_other_refusals() {
        let verdict = |answer: &Answer| read(answer, "17");
        assert_eq!(verdict(&answer(Some("17"), "f", Some("aborted"), None)), Ok(Status::Known(Verdict::Aborted)));
        assert_eq!(verdict(&answer(Some("18"), "f", None, Some("22023"))), Ok(Status::Known(Verdict::Aborted)));
        assert!(matches!(verdict(&answer(Some("18"), "t", None, Some("22023"))), Ok(Status::AskAgain(_))));
        assert!(verdict(&answer(Some("17"), "f", None, Some("57P01"))).is_err());
        assert!(verdict(&answer(None, "f", None, Some("57P03"))).is_err());
    }

    #[test]
    fn a_server_that_starts_is_asked_again_and_a_wrong_password_is_not() {
        let refusal = |code: &str| Error::new(ErrorKind::Server, "no").with_code(code);
        assert!(!is_final(&refusal("57P03")) && is_final(&refusal("28P01")));
    }
}
