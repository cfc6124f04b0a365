//! One script, from its order to its outcome.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use tokio::sync::oneshot;

use super::cancelling::Cancelling;
use super::identity::{Functions, Savepoint};
use super::order::{Apart, Commit, Order, Place};
use super::outcome::{End, judge};
use super::verdict::{Inquiry, Verdict};
use crate::clock;
use crate::conn::message::{Message, Script};
use crate::conn::operation::Ended;
use crate::conn::relay::RelayEnd;
use crate::conn::session::{Answer, Question};
use crate::conn::{Connection, Event, Operation, Plain, Relay, Reply, Request, Session};
use crate::error::{Error, ErrorKind, Outcome, texts};
use crate::pool::Lease;
use crate::sql;

/// An answer to COMMIT that takes longer is late: the server is asked about it by another connection.
const LATE: Duration = Duration::from_secs(1);
/// On a long way: so many times there and back.
const LATE_TRIPS: u32 = 8;
/// How long the server may be asked where no limit was set for connecting.
const INQUIRY: Duration = Duration::from_secs(10);

/// Runs a script as an operation, which is told rows as they come. The error has its outcome, and the status is 0 when the
/// connection is lost. Should this be dropped, what is under way is cancelled, and its connection closed.
///
/// The script has its place in the pool's queue when this returns.
pub fn run(place: Place, order: Order, operation: Operation) -> impl Future<Output = Ended> + Send {
    let apart = match &place {
        Place::Pool(pool) => Apart::from(pool),
        Place::Client(_, apart) => (**apart).clone(),
    };
    let holding = hold(place);
    async move { execute(holding, apart, &order, &operation).await }
}

/// A connection that is there for the script.
enum Hold {
    Lent(Lease),
    Client(Connection),
}

fn hold(place: Place) -> Pin<Box<dyn Future<Output = Result<Hold, Error>> + Send>> {
    match place {
        Place::Pool(pool) => {
            let leasing = pool.lease();
            Box::pin(async move { leasing.await.map(Hold::Lent) })
        }
        Place::Client(connection, _) => Box::pin(std::future::ready(Ok(Hold::Client(connection)))),
    }
}

async fn execute(
    holding: impl Future<Output = Result<Hold, Error>>,
    apart: Apart,
    order: &Order,
    operation: &Operation,
) -> Ended {
    let held = tokio::select! {
        biased;
        // A client's connection is there already, and goes on being there when the script isn't sent.
        held = holding => held,
        () = operation.given_up() => Err(aborted()),
    };
    let mut held = held.map_err(|error| (error.with_outcome(Outcome::NotApplied, Vec::new()), 0))?;
    let connection = match &held {
        Hold::Lent(lease) => lease.connection(),
        Hold::Client(connection) => connection,
    };
    let ended = Flight { connection: &connection.clone(), apart, order, operation }.fly().await;
    // What a script without a transaction of ours leaves open is the caller's, as with `pg`.
    if let Hold::Lent(lease) = &mut held
        && !order.in_transaction
    {
        lease.keep_transaction();
    }
    ended
}

/// What the caller is told who has given up.
fn aborted() -> Error {
    Error::new(ErrorKind::Aborted, texts::SCRIPT_ABORTED).with_code("ABORT_ERR")
}

/// A script on its connection.
struct Flight<'a> {
    connection: &'a Connection,
    apart: Apart,
    order: &'a Order,
    operation: &'a Operation,
}

/// What is still to be answered behind the script.
struct Followers {
    identity: Option<Question>,
    commit: Option<Question>,
}

impl Flight<'_> {
    async fn fly(self) -> Ended {
        let ended = if self.operation.is_given_up() {
            Err(aborted().with_outcome(Outcome::NotApplied, Vec::new()))
        } else if self.order.in_transaction {
            self.in_transaction().await
        } else {
            self.as_it_is().await
        };
        let status = if self.connection.is_open() { self.connection.status() } else { 0 };
        ended.map(|()| status).map_err(|error| (error, status))
    }

    async fn as_it_is(&self) -> Result<(), Error> {
        let (script, end) = self.relay();
        self.connection.submit(self.script(script));
        let end = self.cancelling().finish(end_of(end)).await;
        match end.error {
            None => Ok(()),
            Some(error) => Err(self.failed(*error, end.status, &end.tags)),
        }
    }

    async fn in_transaction(&self) -> Result<(), Error> {
        let session = Session::on(self.connection);
        let ended = self.up_to_commit(&session).await;
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

    async fn up_to_commit(&self, session: &Session) -> Result<(), Error> {
        let functions = Functions::of(self.connection);
        let savepoint = Savepoint::new();
        let (script, end) = self.relay();
        let mut followers = self.send(session, script, functions, &savepoint);
        let end = self.cancelling().finish(end_of(end)).await;
        if followers.identity.is_none() && end.error.is_none() && !self.operation.is_given_up() {
            followers.identity = functions.map(|functions| session.ask(&functions.identify(&savepoint)));
        }
        let identity = match followers.identity {
            Some(question) => Some(self.cancelling().finish(question.answer()).await),
            None => None,
        };
        let inquiry = Inquiry::into(&self.apart, functions, identity.as_ref().map(|answer| &*answer.sets));
        if let Some(commit) = followers.commit {
            return self.ended_by_both(end, commit, inquiry).await;
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
        let is_identified = identity.is_none_or(|answer| answer.error.is_none());
        let commit = session.ask(if is_open && !is_identified { &past_question } else { "COMMIT" });
        let committed = self.committed(commit, inquiry.filter(|_| is_open), &end.tags, None).await;
        if is_open { committed } else { Ok(()) }
    }

    /// Sends the script, and what may follow it in the same write.
    fn send(&self, session: &Session, script: Reply, functions: Option<Functions>, savepoint: &Savepoint) -> Followers {
        let mut requests = vec![self.script(script)];
        let mut follow = |text: &str| {
            let (request, question) = session.question(text);
            requests.push(request);
            question
        };
        // What follows a COPY that reads data would be taken for it.
        let may_follow = !sql::may_read_data(self.order.text());
        let identity = functions.filter(|_| may_follow).map(|functions| follow(&functions.identify(savepoint)));
        // It can't wait for whether the question has failed.
        let commit = if identity.is_some() { savepoint.commit() } else { "COMMIT".to_owned() };
        let commit = (may_follow && self.order.commit == Commit::Pipelined).then(|| follow(&commit));
        self.connection.set_depth(requests.len());
        self.connection.submit_all(requests.into_iter());
        self.connection.set_depth(1);
        Followers { identity, commit }
    }

    /// COMMIT has travelled with the script: its answer is the last word, unless the script has failed, or has ended its
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
        // One that was lost before refuses COMMIT in words of its own.
        let loss = before.or(loss.filter(|error| error.kind != ErrorKind::Closed)).unwrap_or_else(lost);
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
            None => Err(self.failed(
                Error::new(ErrorKind::Server, texts::COMMIT_ROLLED_BACK).with_code("25P02"),
                b'I',
                tags,
            )),
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
        let (outcome, steps) = judge(self.order.text(), self.order.in_transaction, tags, end);
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

    fn script(&self, reply: Reply) -> Request {
        let Order { body, in_transaction, .. } = self.order;
        let message = Message::Script(Script { body: body.clone(), begins: *in_transaction });
        Request { message, reply, may_prepare: false, known: None }
    }

    fn relay(&self) -> (Reply, oneshot::Receiver<RelayEnd>) {
        Relay::to(self.operation.reply(), self.order.notices.then(|| self.operation.clone()))
    }

    fn cancelling(&self) -> Cancelling<'_> {
        Cancelling { connection: self.connection, operation: self.operation, patience: self.order.cancel_timeout }
    }
}

/// Whether the server refused a statement, and not the whole connection: then it runs nothing of the script behind it.
fn is_refusal(error: &Error) -> bool {
    error.server.as_ref().and_then(|server| server.field(b'V')) == Some("ERROR")
}

fn lost() -> Error {
    Error::lost()
}

/// The end of a relayed request; a relay that is gone without one is a connection that is.
async fn end_of(end: impl Future<Output = Result<RelayEnd, oneshot::error::RecvError>>) -> RelayEnd {
    end.await.unwrap_or_else(|_| RelayEnd { status: 0, error: Some(Box::new(lost())), tags: Vec::new() })
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use super::*;
    use crate::config::PoolSettings;
    use crate::conn::message::Body;
    use crate::conn::next_id;
    use crate::conn::null_sink::NullSink;
    use crate::conn::scripted::{Gate, Server, Step, complete, one_row, ready, settle, start, trust};
    use crate::conn::{KeyRing, Operations, open};
    use crate::pool::Pool;
    use crate::rows::TypeMask;

    fn order(script: &str) -> Order {
        let body = Body::Text(script.into());
        Order { body, in_transaction: true, commit: Commit::Confirmed, cancel_timeout: Duration::MAX, notices: false }
    }

    fn reply() -> Reply {
        let (sink, mask) = (NullSink::numbered(1), TypeMask(0));
        Reply { sink, request: 1, mask, eager: false, unordered: false, race: None }
    }

    #[tokio::test(start_paused = true)]
    async fn a_script_whose_caller_dies_between_its_end_and_commit_leaves_no_transaction_to_the_next() {
        let gate = Gate::default();
        let (script, answer) = (gate.clone(), [complete("BEGIN"), one_row("1"), ready(b'T')].concat());
        let server = Server::playing(move |_| {
            let steps = vec![Step::Expect(b'Q'), Step::Pass(script.clone()), Step::Send(answer.clone())];
            [trust(), steps].concat()
        });
        let pool = Pool::new(server.settings(), PoolSettings::of_one());
        let lease = pool.lease().await.unwrap();
        let connection = lease.connection().clone();
        drop(lease);
        let operations = Arc::<Operations>::default();
        let (operation, under_way) = operations.begin(reply());
        let script = run(Place::Pool(pool.clone()), order("select 1"), operation);
        let mut running = pin!(under_way.carry_out(script));
        tokio::select! {
            biased;
            _ = &mut running => panic!("nobody has committed it yet"),
            () = gate.reached() => {}
        }
        // Its answer comes while the caller dies, and both are there when it goes on.
        gate.open();
        settle().await;
        assert_eq!(connection.load(), 0);
        operations.abandon();
        running.await;
        assert_ne!(pool.lease().await.unwrap().connection().id(), connection.id());
        settle().await;
        assert_eq!(server.heard(0).iter().filter(|tag| **tag == b'Q').count(), 1, "nothing was committed");
    }

    #[tokio::test(start_paused = true)]
    async fn a_script_that_is_given_up_before_it_was_sent_leaves_its_client_as_it_was() {
        let settings = start(|_, _| Some(ready(b'I')));
        let connection = open(next_id(), &settings, &KeyRing::default(), None).await.unwrap();
        let place = Place::Client(connection.clone(), Box::new(Apart { settings, caller: None }));
        let operations = Arc::<Operations>::default();
        let (operation, _under_way) = operations.begin(reply());
        operations.give_up(1);
        let Err((error, status)) = run(place, order("select 1"), operation).await else {
            panic!("it was not given up")
        };
        assert_eq!((error.kind, error.outcome), (ErrorKind::Aborted, Some(Outcome::NotApplied)));
        // Without one the client would wait for a loss of its connection that nobody has seen.
        assert_eq!(status, b'I');
    }
}
