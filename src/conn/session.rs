//! A connection as Rust uses it: queries and answers as values, without JavaScript.
//!
//! Queries are sent as all requests are, in their order and under the same limits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::BytesMut;

use super::connection::Connection;
use super::inbox::{Ended, Inbox};
use super::message::Message;
use super::request::Request;
use crate::clock;
use crate::error::{Error, ErrorKind, Phase, ServerError, texts};
use crate::wire::{ResultSet, Results, frontend, frontend::Parameters};

/// A connection, for queries of Rust's own.
pub struct Session {
    connection: Connection,
    inbox: Arc<Inbox>,
    deadline: Option<Instant>,
    /// The connection was opened for the session and ends with it.
    is_own: bool,
}

/// A query in flight.
#[must_use = "a question whose answer is not awaited is asked all the same"]
pub struct Question {
    connection: Connection,
    inbox: Arc<Inbox>,
    request: i32,
    deadline: Option<Instant>,
}

/// The answer to a query.
#[derive(Debug)]
pub struct Answer {
    /// One for each statement that was completed.
    pub sets: Vec<ResultSet>,
    /// Why the others were not.
    pub error: Option<Error>,
    /// Transaction status behind it; `None` when the connection was lost before the answer was complete.
    pub status: Option<u8>,
}

impl Answer {
    /// The results, or the first error.
    ///
    /// # Errors
    /// The server refused a statement, or the connection was lost.
    pub fn all(self) -> Result<Vec<ResultSet>, Error> {
        match self.error {
            Some(error) => Err(error),
            None => Ok(self.sets),
        }
    }
}

impl Session {
    /// Queries on a connection that is held elsewhere.
    pub fn on(connection: &Connection) -> Session {
        Session { connection: connection.clone(), inbox: Inbox::new(), deadline: None, is_own: false }
    }

    /// Queries on a connection that ends with the session.
    pub(super) fn owning(connection: Connection) -> Session {
        Session { connection, inbox: Inbox::new(), deadline: None, is_own: true }
    }

    /// The connection, which outlives the session then.
    pub(super) fn keep(mut self) -> Connection {
        self.is_own = false;
        self.connection.clone()
    }

    /// The same session, whose queries have to be answered by then. One that isn't closes the connection, and fails
    /// with `Timeout(Query)`.
    pub fn until(mut self, deadline: Option<Instant>) -> Session {
        self.deadline = deadline;
        self
    }

    /// The connection.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// `I`, `T` or `E`, as of the last answer.
    pub fn status(&self) -> u8 {
        self.connection.status()
    }

    /// Notices that came with answers to this session's queries, since the last call.
    pub fn take_notices(&self) -> Vec<ServerError> {
        self.inbox.take_notices()
    }

    /// One simple Query, several statements allowed; its answer is awaited later. A text with a null byte in it has no
    /// results.
    pub fn ask(&self, text: &str) -> Question {
        let (request, question) = self.question(text);
        self.connection.submit(request);
        question
    }

    /// As [`Session::ask`], to be submitted by the caller, together with other requests.
    pub fn question(&self, text: &str) -> (Request, Question) {
        let mut messages = BytesMut::new();
        if frontend::query(text, &mut messages).is_err() {
            // The protocol can't carry a null byte. The request needs an answer all the same.
            frontend::sync(&mut messages);
        }
        self.exchange(messages)
    }

    /// The results of one simple Query, several statements allowed.
    ///
    /// # Errors
    /// The server refused a statement; those before it in the text are undone with it unless the text says otherwise.
    /// Or the connection was lost, or the deadline passed.
    pub async fn simple(&self, text: &str) -> Result<Vec<ResultSet>, Error> {
        self.ask(text).answer().await.all()
    }

    /// The result of one statement with values in text format, where there is one.
    ///
    /// # Errors
    /// As [`Session::simple`].
    pub async fn query(&self, text: &str, values: &[Option<&str>]) -> Result<ResultSet, Error> {
        self.several(&[(text, values)]).await.map(|mut sets| sets.pop().unwrap_or_default())
    }

    /// The results of several statements under one Sync: the first one that fails ends them, and what was done before
    /// is undone with it unless a transaction is open.
    ///
    /// # Errors
    /// As [`Session::simple`].
    pub async fn several(&self, statements: &[(&str, &[Option<&str>])]) -> Result<Vec<ResultSet>, Error> {
        let (request, question) = self.joint_question(statements)?;
        self.connection.submit(request);
        question.answer().await.all()
    }

    /// As [`Session::several`], to be submitted by the caller, together with other requests.
    ///
    /// # Errors
    /// A text or value is none that the protocol can carry.
    pub fn joint_question(&self, statements: &[(&str, &[Option<&str>])]) -> Result<(Request, Question), Error> {
        let mut messages = BytesMut::new();
        let out = &mut messages;
        for (text, values) in statements {
            let mut parameters = Parameters::with_capacity(values.len());
            for value in *values {
                match value {
                    Some(value) => parameters.put(value.as_bytes()),
                    None => parameters.null(),
                }
            }
            frontend::parse("", text, out)?;
            frontend::bind("", "", &parameters, std::iter::empty(), out)?;
            frontend::describe_portal("", out)?;
            frontend::execute("", 0, out)?;
        }
        frontend::sync(out);
        Ok(self.exchange(messages))
    }

    fn exchange(&self, messages: BytesMut) -> (Request, Question) {
        let reply = self.inbox.expect();
        let (connection, inbox) = (self.connection.clone(), self.inbox.clone());
        let question = Question { connection, inbox, request: reply.request, deadline: self.deadline };
        let message = Message::Exchange(messages.to_vec());
        (Request { message, reply, may_prepare: false, known: None }, question)
    }

    /// Asks the server, over a second socket, to cancel what it is doing on this connection.
    ///
    /// # Errors
    /// The second socket could not be opened.
    pub async fn cancel(&self) -> Result<(), Error> {
        self.connection.cancel().await
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.is_own {
        } else if self.connection.load() == 0 {
            self.connection.end(None);
        } else {
            self.connection.abandon();
        }
    }
}

impl Question {
    /// Waits for the answer.
    pub async fn answer(self) -> Answer {
        let ended = self.inbox.ended(self.request);
        let Some(deadline) = self.deadline else { return answer(ended.await, &self.connection) };
        let left = deadline.saturating_duration_since(clock::now());
        match clock::within(left, ended).await {
            Some(ended) => answer(ended, &self.connection),
            None => {
                self.connection.abandon();
                Answer { sets: Vec::new(), error: Some(too_late(left)), status: None }
            }
        }
    }
}

impl Drop for Question {
    fn drop(&mut self) {
        self.inbox.forget(self.request);
    }
}

fn answer(ended: Ended, connection: &Connection) -> Answer {
    let Ended { status, error, messages, .. } = ended;
    let status = (status != 0).then_some(status);
    let read = Results::read(&messages);
    match read {
        Ok(Results { sets, error: refusal }) => {
            let error =
                refusal.map(|refusal| connection.explained(Error::from_server(refusal))).or(error.map(|error| *error));
            Answer { sets, error, status }
        }
        Err(error) => Answer { sets: Vec::new(), error: Some(error), status },
    }
}

fn too_late(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout(Phase::Query), texts::answer_too_late(limit)).with_code("ETIMEDOUT")
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::super::scripted::{KEYS, Server, complete, message, one_row, ready, refusal, settle, start, trust};
    use super::*;

    async fn session(answer: impl Fn(u8, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> Session {
        Session::open(&start(answer), None).await.unwrap()
    }

    fn values(sets: &[ResultSet]) -> Vec<Option<&str>> {
        sets.iter().map(|set| set.value(0)).collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_simple_query_has_a_result_for_each_statement() {
        let session = session(|_, _| Some([one_row("a"), one_row("b"), ready(b'T')].concat())).await;
        let sets = session.simple("SELECT 'a'; SELECT 'b'").await.unwrap();
        assert_eq!(values(&sets), [Some("a"), Some("b")]);
        assert_eq!(session.status(), b'T');
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_completed_before_an_error_comes_with_it() {
        let session = session(|_, _| Some([one_row("a"), refusal(b'E', "22012"), ready(b'I')].concat())).await;
        let answer = session.ask("SELECT 'a'; SELECT 1/0").answer().await;
        assert_eq!(values(&answer.sets), [Some("a")]);
        assert_eq!((answer.error.unwrap().code.as_deref(), answer.status), (Some("22012"), Some(b'I')));
        assert_eq!(session.simple("").await.unwrap_err().code.as_deref(), Some("22012"));
    }

    #[tokio::test(start_paused = true)]
    async fn statements_under_one_sync_are_answered_together() {
        let (sender, seen) = mpsc::channel();
        let session = session(move |tag, body| {
            sender.send((tag, body.to_vec())).unwrap();
            let nothing = [message(b'1', &[]), message(b'2', &[]), message(b'n', &[])].concat();
            let statement = [nothing, complete("INSERT 0 1")].concat();
            Some(if tag == b'S' { [statement.clone(), statement, ready(b'I')].concat() } else { Vec::new() })
        })
        .await;
        let statements: [(&str, &[Option<&str>]); 2] =
            [("INSERT INTO t VALUES ($1, $2)", &[Some("seven"), None]), ("DELETE FROM t", &[])];
        let sets = session.several(&statements).await.unwrap();
        assert_eq!(sets.iter().map(|set| set.tag.as_str()).collect::<Vec<_>>(), ["INSERT 0 1", "INSERT 0 1"]);
        let sent: Vec<(u8, Vec<u8>)> = seen.try_iter().collect();
        assert_eq!(sent.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), b"PBDEPBDES");
        assert!(sent[1].1.windows(5).any(|bytes| bytes == b"seven"));
    }

    #[tokio::test(start_paused = true)]
    async fn one_query_with_values_has_one_result() {
        let session = session(|tag, _| {
            let answer = [message(b'1', &[]), message(b'2', &[]), one_row("x"), ready(b'I')].concat();
            Some(if tag == b'S' { answer } else { Vec::new() })
        })
        .await;
        assert_eq!(session.query("SELECT $1", &[Some("x")]).await.unwrap().value(0), Some("x"));
    }

    #[tokio::test(start_paused = true)]
    async fn notices_are_kept_until_they_are_taken() {
        let session = session(|_, _| Some([complete("DO"), refusal(b'N', "01000"), ready(b'I')].concat())).await;
        session.simple("DO").await.unwrap();
        let codes: Vec<_> = session.take_notices().iter().map(|notice| notice.code().to_owned()).collect();
        assert_eq!(codes, ["01000"]);
        assert!(session.take_notices().is_empty());
    }

    const AN_HOUR: Duration = Duration::from_secs(3600);

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_too_late_closes_the_connection() {
        let session = session(|_, _| Some(Vec::new())).await.until(Some(clock::now() + AN_HOUR));
        let answer = session.ask("SELECT 1").answer().await;
        let error = answer.error.unwrap();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Timeout(Phase::Query), Some("ETIMEDOUT")));
        assert_eq!(answer.status, None);
        assert!(session.simple("SELECT 1").await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancel_request_has_the_keys_of_the_sessions_connection() {
        let server = Server::playing(|_| trust());
        let session = Session::open(&server.settings(), None).await.unwrap();
        session.cancel().await.unwrap();
        assert_eq!(server.cancels().iter().map(|body| &body[4..]).collect::<Vec<_>>(), [&KEYS[..]]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_that_is_lost_fails_what_is_under_way() {
        let session = session(|_, _| None).await;
        let answer = session.ask("SELECT 1").answer().await;
        assert!(answer.error.is_some());
        assert_eq!(answer.status, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_of_its_own_connection_ends_it_politely() {
        let server = Server::playing(|_| trust());
        drop(Session::open(&server.settings(), None).await.unwrap());
        settle().await;
        assert_eq!(server.heard(0).last(), Some(&b'X'));
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_on_the_connection_of_another_leaves_it_open() {
        let owner = session(|_, _| Some([one_row("a"), ready(b'I')].concat())).await;
        drop(Session::on(owner.connection()));
        assert_eq!(values(&owner.simple("SELECT 'a'").await.unwrap()), [Some("a")]);
    }
}
