//! One try at a piece of a script, from its first message to its outcome.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use super::cancelling::Cancelling;
use super::care::Care;
use super::claim::Claim;
use super::identity::{Functions, Savepoint};
use super::order::{Apart, Commit, Order};
use super::outcome::{End, judge, judge_each};
use super::piece::Piece;
use super::session_settings::SessionSettings;
use super::verdict::{Inquiry, Verdict};
use tokio::sync::oneshot::Receiver;

use crate::clock;
use crate::conn::message::{Message, Script};
use crate::conn::pooling::{self, Pooling};
use crate::conn::relay::{Hearing, RelayEnd};
use crate::conn::session::{Answer, Question};
use crate::conn::{Connection, Event, Operation, Plain, Relay, Reply, Request, Session};
use crate::error::{Error, ErrorKind, Outcome, texts};
use crate::sql;

/// An answer to COMMIT that takes longer is late: the server is asked about it by another connection.
const LATE: Duration = Duration::from_secs(1);
/// Far from the server: so many round trips.
const LATE_TRIPS: u32 = 8;
/// How long the server may be asked where no limit was set for connecting.
const INQUIRY: Duration = Duration::from_secs(10);

/// The error of an aborted call.
pub(super) fn aborted() -> Error {
    Error::new(ErrorKind::Aborted, texts::SCRIPT_ABORTED).with_code("ABORT_ERR")
}

/// A piece of a script on its connection.
pub(super) struct Attempt<'a> {
    pub(super) connection: &'a Connection,
    pub(super) apart: &'a Apart,
    pub(super) order: &'a Order,
    pub(super) piece: &'a Piece,
    /// Its statements, where each is a message of its own.
    pub(super) each: Vec<Piece>,
    pub(super) operation: &'a Operation,
    /// What is done besides running it; none where nothing was asked for.
    pub(super) care: Option<&'a Care>,
}

/// What is still to be answered behind the script.
struct Followers {
    identity: Option<Question>,
    commit: Option<Question>,
}

impl Attempt<'_> {
    pub(super) async fn run(&self) -> Result<(), Error> {
        if self.operation.is_given_up() {
            Err(aborted().with_outcome(Outcome::NotApplied, Vec::new()))
        } else if self.piece.in_transaction {
            self.in_transaction().await
        } else {
            self.as_it_is().await
        }
    }

    async fn as_it_is(&self) -> Result<(), Error> {
        let session = Session::on(self.connection);
        let before = match self.care.filter(|care| care.looks_before()) {
            Some(care) => Some(self.settings(&session, care).await.map_err(|error| self.not_begun(error))?),
            None => None,
        };
        let (script, end) = self.relay();
        let lead = self.care.map(|care| care.lead(self.piece)).unwrap_or_default();
        let (request, pid) = self.claimed(script, lead, before.as_ref());
        self.connection.submit(request);
        let end = self.watched(&pid, end_of(end)).await;
        if self.care.is_some() && end.error.is_some() {
            // A transaction of its own would refuse whatever comes next, the next try as well.
            self.roll_back(&session).await;
        }
        self.undo(&session, false).await;
        match end.error {
            None => Ok(()),
            Some(error) => Err(self.failed(*error, end.status, &end.tags)),
        }
    }

    async fn in_transaction(&self) -> Result<(), Error> {
        let session = Session::on(self.connection);
        let ended = self.begin_and_run(&session).await;
        if ended.is_err() {
            self.roll_back(&session).await;
        }
        for notice in session.take_notices() {
            if self.order.notices {
                self.operation.tell_now(Plain::from(&notice));
            }
            self.connection.tell(Event::Notice(Box::new(notice)));
        }
        ended
    }

    /// Limits are set and settings are read first; only then the script is sent.
    async fn begin_and_run(&self, session: &Session) -> Result<(), Error> {
        let before = match self.care {
            Some(care) => {
                let begun = self.cancelling().finish(care.begin(session)).await;
                Some(begun.map_err(|error| self.not_begun(error))?)
            }
            None => None,
        };
        if self.operation.is_given_up() {
            return Err(self.not_begun(aborted()));
        }
        self.up_to_commit(session, before).await
    }

    async fn up_to_commit(&self, session: &Session, before: Option<SessionSettings>) -> Result<(), Error> {
        let functions = Functions::of(self.connection);
        let savepoint = Savepoint::new();
        let (scripts, ends) = self.messages(before.is_none());
        let mut followers = self.send(session, scripts, functions, &savepoint);
        let pid = before.as_ref().map_or("NULL", |before| &before.pid);
        let end = self.watched(pid, end_of_all(ends)).await;
        if followers.identity.is_none() && end.error.is_none() && !self.operation.is_given_up() {
            followers.identity = functions.map(|functions| session.ask(&functions.identify(&savepoint)));
        }
        let identity = match followers.identity {
            Some(question) => Some(self.cancelling().finish(question.answer()).await),
            None => None,
        };
        let inquiry = Inquiry::into(self.apart, functions, identity.as_ref().map(|answer| &*answer.sets));
        if let Some(commit) = followers.commit {
            let ended = self.ended_by_both(end, commit, inquiry).await;
            if ended.is_ok() {
                self.undo(session, false).await;
            }
            return ended;
        }
        // A script that has ended its transaction itself has nothing left to commit.
        let is_open = end.status != b'I';
        if let Some(error) = end.error {
            return Err(self.failed(*error, end.status, &end.tags));
        }
        let is_lost = identity.as_ref().is_some_and(|answer| answer.status.is_none());
        if is_open && (is_lost || self.operation.is_given_up()) {
            let lost = identity.and_then(|answer| answer.error).unwrap_or_else(aborted);
            return Err(self.with_outcome(lost, &end.tags, End::Undone));
        }
        let past_question = savepoint.commit();
        let is_identified = identity.as_ref().is_none_or(|answer| answer.error.is_none());
        // Settings go back in the same transaction: behind a pooler the next one may be on another server's connection.
        let is_pooled = self.connection.pooling() == Pooling::Transaction;
        let undoes_first = is_open && is_identified && (is_pooled || identity.is_some());
        let is_undone = !undoes_first || self.undo(session, true).await;
        if is_pooled && is_open && !(undoes_first && is_undone) && self.care.is_some_and(|care| care.undoes) {
            let error = Error::new(ErrorKind::Refused, texts::SETTINGS_NOT_UNDONE).with_code(pooling::CODE);
            return Err(self.with_outcome(error, &end.tags, End::Undone));
        }
        let may_commit = is_identified && is_undone;
        let commit = session.ask(if is_open && !may_commit { &past_question } else { "COMMIT" });
        let committed = self.committed(commit, inquiry.filter(|_| is_open), &end.tags, None).await;
        if !undoes_first {
            self.undo(session, false).await;
        }
        if is_open { committed } else { Ok(()) }
    }

    /// Sends the script, and what may follow it in the same write.
    fn send(
        &self,
        session: &Session,
        mut requests: Vec<Request>,
        functions: Option<Functions>,
        savepoint: &Savepoint,
    ) -> Followers {
        let mut follow = |text: &str| {
            let (request, question) = session.question(text);
            requests.push(request);
            question
        };
        // What follows a COPY that reads data would be taken for data.
        let may_follow = !sql::may_read_data(self.piece.text());
        let identity = functions.filter(|_| may_follow).map(|functions| follow(&functions.identify(savepoint)));
        // It can't wait for the answer to that query.
        let commit = if identity.is_some() { savepoint.commit() } else { "COMMIT".to_owned() };
        let commit = (may_follow && self.order.commit == Commit::Pipelined).then(|| follow(&commit));
        self.connection.set_depth(requests.len());
        self.connection.submit_all(requests.into_iter());
        self.connection.set_depth(1);
        Followers { identity, commit }
    }

    /// COMMIT was sent along with the script: its answer decides, unless the script has failed, or has ended its
    /// transaction itself.
    async fn ended_by_both(&self, end: RelayEnd, commit: Question, inquiry: Option<Inquiry<'_>>) -> Result<(), Error> {
        match end.error {
            Some(error) if end.status != 0 || is_refusal(&error) => {
                let _ = self.cancelling().finish(commit.answer()).await;
                Err(self.failed(*error, end.status, &end.tags))
            }
            None if end.status == b'I' => {
                let _ = self.cancelling().finish(commit.answer()).await;
                Ok(())
            }
            loss => self.committed(commit, inquiry, &end.tags, loss.map(|error| *error)).await,
        }
    }

    /// Whether the transaction was committed, as COMMIT's answer says, or the server when that is late or lost.
    /// `before` is why the connection was lost, where that is known already.
    async fn committed(
        &self,
        commit: Question,
        inquiry: Option<Inquiry<'_>>,
        tags: &[String],
        before: Option<Error>,
    ) -> Result<(), Error> {
        let late = LATE.max(self.connection.round_trip().unwrap_or_default() * LATE_TRIPS);
        let limit = self.apart.settings.connect_timeout.filter(|limit| !limit.is_zero()).unwrap_or(INQUIRY);
        let (cancelling, inquiry) = (self.cancelling(), inquiry.as_ref());
        let asked = async {
            clock::sleep(late).await;
            match inquiry {
                Some(inquiry) => inquiry.conclude(false, limit).await,
                // The answer is all that there is to wait for.
                None => std::future::pending().await,
            }
        };
        let (verdict, loss) = tokio::select! {
            biased;
            answer = cancelling.finish(commit.answer()) => match (answer.status, inquiry) {
                (Some(_), _) => return self.by_answer(answer, tags),
                (None, Some(inquiry)) => (inquiry.conclude(true, limit).await, answer.error),
                (None, None) => (Verdict::Unknowable(texts::UNIDENTIFIED.into()), answer.error),
            },
            verdict = asked => (verdict, None),
        };
        // Its answer may still come, or never.
        self.connection.destroy(Error::closed(texts::TERMINATED));
        // A connection that was lost before fails COMMIT with an error of its own.
        let loss = before.or(loss.filter(|error| error.kind != ErrorKind::Closed)).unwrap_or_else(Error::lost);
        match verdict {
            Verdict::Committed => Ok(()),
            Verdict::Aborted => Err(self.with_outcome(loss, tags, End::Undone)),
            Verdict::Unknowable(reason) => Err(self.unknown(loss, tags, &reason)),
        }
    }

    fn by_answer(&self, answer: Answer, tags: &[String]) -> Result<(), Error> {
        let is_committed = answer.sets.last().is_some_and(|set| set.tag == "COMMIT");
        match answer.error {
            None if is_committed => Ok(()),
            None => {
                let rolled_back = Error::new(ErrorKind::Server, texts::COMMIT_ROLLED_BACK).with_code("25P02");
                Err(self.failed(rolled_back, b'I', tags))
            }
            Some(error) => Err(self.failed(error, b'I', tags)),
        }
    }

    /// The error of a script that failed in this transaction status; 0 when the connection was lost.
    fn failed(&self, error: Error, status: u8, tags: &[String]) -> Error {
        let server = error.server.clone();
        let end = if status == 0 && !is_refusal(&error) { End::Lost } else { End::Refused(server.as_deref()) };
        self.with_outcome(error, tags, end)
    }

    fn with_outcome(&self, error: Error, tags: &[String], end: End<'_>) -> Error {
        let judge = if self.care.is_some() { judge_each } else { judge };
        let (outcome, steps) = judge(self.piece.text(), self.piece.in_transaction, tags, end);
        let error = if self.operation.is_given_up() { aborted() } else { error };
        error.with_outcome(outcome, steps)
    }

    fn unknown(&self, loss: Error, tags: &[String], reason: &str) -> Error {
        let message = texts::commit_unknown(&loss.message, reason);
        self.with_outcome(Error { message, ..loss }, tags, End::Unknowable)
    }

    async fn roll_back(&self, session: &Session) {
        if matches!(self.connection.status(), b'T' | b'E') && self.connection.is_open() {
            let answer = clock::within(self.order.cancel_timeout, session.ask("ROLLBACK").answer()).await;
            // Closing the connection does the same.
            if answer.is_none_or(|answer| answer.error.is_some()) {
                self.connection.destroy(Error::closed(texts::TERMINATED));
            }
        }
    }

    /// What is sent of the script, and where the ends of its answers will be.
    fn messages(&self, begins: bool) -> (Vec<Request>, Vec<Receiver<RelayEnd>>) {
        let message = |piece: &Piece| {
            let (reply, end) = self.relay();
            (script(piece, reply, begins, Vec::new()), end)
        };
        if self.each.is_empty() {
            [message(self.piece)].into_iter().unzip()
        } else {
            self.each.iter().map(message).unzip()
        }
    }

    fn relay(&self) -> (Reply, Receiver<RelayEnd>) {
        let operation = self.order.notices.then(|| self.operation.clone());
        let hearing = self.care.map(|care| -> Arc<dyn Hearing> { care.hearing.clone() });
        Relay::to(self.operation.reply(), operation, hearing)
    }

    /// The request for a piece that runs as it is, and how its server process is found. A pooler doesn't say which
    /// process that will be, so there the text begins with a unique comment.
    fn claimed(&self, reply: Reply, lead: Vec<String>, before: Option<&SessionSettings>) -> (Request, String) {
        let mut request = script(self.piece, reply, false, lead);
        let Some(before) = before else { return (request, "NULL".to_owned()) };
        if before.pid == self.connection.backend_key().0.to_string() {
            return (request, before.pid.clone());
        }
        let Claim { comment, pid } = Claim::new();
        if let Message::Script(script) = &mut request.message {
            script.claim = comment;
        }
        (request, pid)
    }

    /// Waits for the script while its locks are watched.
    async fn watched<T>(&self, pid: &str, work: impl Future<Output = T>) -> T {
        let cancelling = self.cancelling();
        let work = cancelling.finish(work);
        match self.care {
            Some(care) => care.over(self.connection, self.piece, pid, work).await,
            None => work.await,
        }
    }

    async fn settings(&self, session: &Session, care: &Care) -> Result<SessionSettings, Error> {
        let answer = self.cancelling().finish(session.ask(&care.backup.question()).answer()).await;
        care.backup.keep(&answer.all()?)
    }

    /// Undoes what the script has set for its session. False when that has failed.
    async fn undo(&self, session: &Session, in_transaction: bool) -> bool {
        let Some(care) = self.care.filter(|care| care.undoes && self.connection.is_open()) else { return true };
        let is_undone = care.undo(session, self.piece, in_transaction).await;
        if !is_undone {
            care.spoil();
        }
        is_undone
    }

    fn not_begun(&self, error: Error) -> Error {
        self.with_outcome(error, &[], End::Undone)
    }

    fn cancelling(&self) -> Cancelling<'_> {
        Cancelling { connection: self.connection, operation: self.operation, patience: self.order.cancel_timeout }
    }
}

fn script(piece: &Piece, reply: Reply, begins: bool, lead: Vec<String>) -> Request {
    let Piece { body, copies, cuts, .. } = piece.clone();
    let message = Message::Script(Box::new(Script { body, begins, claim: String::new(), lead, copies, cuts }));
    Request { message, reply, may_prepare: false, known: None }
}

/// Whether the server refused a statement, and not the whole connection: then it runs nothing of the script behind it.
fn is_refusal(error: &Error) -> bool {
    error.server.as_ref().and_then(|server| server.field(b'V')) == Some("ERROR")
}

/// The ends of several as one: the first error counts, and those behind it were only skipped.
async fn end_of_all(ends: Vec<Receiver<RelayEnd>>) -> RelayEnd {
    let mut whole = RelayEnd { status: 0, error: None, tags: Vec::new() };
    for end in ends {
        let end = end_of(end).await;
        whole.status = end.status;
        if whole.error.is_none() {
            whole.tags.extend(end.tags);
            whole.error = end.error;
        }
    }
    whole
}

/// The end of a relayed request; a relay that was dropped without one means that the connection is lost.
async fn end_of(end: Receiver<RelayEnd>) -> RelayEnd {
    end.await.unwrap_or_else(|_| RelayEnd { status: 0, error: Some(Box::new(Error::lost())), tags: Vec::new() })
}
