//! Finding out about a pooler: what is asked, when, and what waits for it.

use std::sync::{Arc, Mutex};

use super::super::message::{Extended, Message};
use super::super::pooling::{CODE, Pooling};
use super::super::request::Request;
use super::super::scripted::{Receiver, Server, Step, complete, message, one_row, ready, refusal, trust};
use super::super::{Connection, next_id, open};
use super::{assert_clean, opened};
use crate::config::{PoolMode, ServerSettings};
use crate::conn::KeyRing;
use crate::wire::frontend::Parameters;

/// What a server has heard: `?` for the question for its process, a simple query's text, and of other messages the type
/// with the name that a statement has.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<Vec<String>>>);

impl Heard {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }

    fn note(&self, tag: u8, body: &[u8]) {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes.split(|byte| *byte == 0).next().unwrap()).into_owned();
        let what = match tag {
            b'Q' if is_question(body) => "?".to_owned(),
            b'Q' => text(body),
            b'P' => format!("P{}", text(body)),
            _ => return,
        };
        self.0.lock().unwrap().push(what);
    }
}

fn is_question(body: &[u8]) -> bool {
    body.windows(14).any(|bytes| bytes == b"pg_backend_pid")
}

/// A server whose connections, by their numbers, answer the question for their process with what `process` says, and
/// whatever else with success.
fn server(process: impl Fn(usize) -> Option<i32> + Send + Sync + 'static) -> (Server, Heard, ServerSettings) {
    let heard = Heard::default();
    let process = Arc::new(process);
    let hearing = heard.clone();
    let server = Server::playing(move |number| {
        let (process, hearing) = (process.clone(), hearing.clone());
        let answer = move |tag: u8, body: &[u8]| {
            hearing.note(tag, body);
            Some(match tag {
                b'Q' if is_question(body) => match process(number) {
                    Some(process) => [one_row(&process.to_string()), ready(b'I')].concat(),
                    None => [refusal(b'E', "42883"), ready(b'I')].concat(),
                },
                b'Q' if body.starts_with(b"BEGIN") => [complete("BEGIN"), ready(b'T')].concat(),
                b'Q' if body.starts_with(b"FAIL") => [refusal(b'E', "26000"), ready(b'I')].concat(),
                b'Q' => [complete("DONE"), ready(b'I')].concat(),
                b'P' => message(b'1', b""),
                b'B' => message(b'2', b""),
                b'D' => message(b'n', b""),
                b'E' => complete("SELECT 0"),
                b'S' => ready(b'I'),
                _ => Vec::new(),
            })
        };
        [trust(), vec![Step::Serve(Arc::new(answer))]].concat()
    });
    let settings = ServerSettings { pool_mode: None, ..server.settings() };
    (server, heard, settings)
}

/// The process that the login of every connection names.
const OWN: i32 = 1;

fn named(name: &str) -> Message {
    let (text, parameters) = ("select 1".into(), Parameters::default());
    Message::Extended(Extended { name: name.into(), text, parameters, binary: false })
}

fn simple(text: &str) -> Message {
    Message::Simple(text.into())
}

/// Runs one request, and gives the code of its failure.
async fn run(connection: &Connection, message: Message) -> Result<u8, String> {
    let receiver = Receiver::new();
    connection.submit(Request { message, reply: receiver.reply(1), may_prepare: true, known: None });
    receiver.ended(1).await.map_err(|error| error.code.unwrap_or_default().into())
}

#[tokio::test(start_paused = true)]
async fn a_server_is_asked_once_and_not_before_that_matters() {
    let (server, heard, settings) = server(|_| Some(OWN));
    let connection = opened(&settings).await.unwrap();
    for text in ["select 1", "BEGIN", "insert into t values (1)", "COMMIT"] {
        run(&connection, simple(text)).await.unwrap();
    }
    assert!(!heard.take().contains(&"?".to_owned()));
    run(&connection, named("a")).await.unwrap();
    run(&connection, simple("SET x = 1")).await.unwrap();
    assert_eq!(heard.take(), ["?", "Pa", "SET x = 1"]);
    let other = opened(&settings).await.unwrap();
    run(&other, named("a")).await.unwrap();
    assert_eq!((heard.take(), other.pooling()), (vec!["Pa".to_owned()], Pooling::Session));
    assert_eq!(server.accepted(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_comes_together_waits_together_and_keeps_its_order() {
    let (_server, heard, settings) = server(|_| Some(OWN));
    let connection = opened(&settings).await.unwrap();
    let receiver = Receiver::new();
    let texts = ["select 1", "LISTEN c", "select 2", "SET x = 1"];
    let requests = texts.iter().zip(1..).map(|(text, number)| Request {
        message: simple(text),
        reply: receiver.reply(number),
        may_prepare: true,
        known: None,
    });
    connection.set_depth(texts.len());
    connection.submit_all(requests);
    for number in 1..=4 {
        receiver.ended(number).await.unwrap();
    }
    assert_eq!(heard.take(), ["select 1", "?", "LISTEN c", "select 2", "SET x = 1"]);
}

#[tokio::test(start_paused = true)]
async fn two_connections_that_meet_one_process_prove_transaction_mode() {
    let (server, heard, settings) = server(|_| Some(77));
    let connection = opened(&settings).await.unwrap();
    assert_eq!(run(&connection, simple("SET x = 1")).await, Err(CODE.to_owned()));
    assert_eq!(run(&connection, named("a")).await, Ok(b'I'));
    run(&connection, named("a")).await.unwrap();
    assert_eq!(heard.take(), ["?", "?", "?", "P", "P"]);
    assert_eq!((server.accepted(), connection.pooling()), (2, Pooling::Transaction));
    let other = opened(&settings).await.unwrap();
    assert_eq!(run(&other, simple("LISTEN c")).await, Err(CODE.to_owned()));
    assert_eq!(heard.take(), [""; 0]);
}

#[tokio::test(start_paused = true)]
async fn one_connection_that_meets_two_processes_proves_it_alone() {
    let processes = Mutex::new(70..);
    let (server, heard, settings) = server(move |_| processes.lock().unwrap().next());
    let connection = opened(&settings).await.unwrap();
    assert_eq!(run(&connection, simple("SET x = 1")).await, Err(CODE.to_owned()));
    assert_eq!((heard.take(), server.accepted()), (vec!["?".to_owned(); 2], 1));
}

#[tokio::test(start_paused = true)]
async fn a_pooler_that_shows_nothing_gets_all_but_the_names_of_statements_until_it_is_in_doubt() {
    let is_shared = Arc::new(Mutex::new(false));
    let shared = is_shared.clone();
    let process = move |number| Some(if *shared.lock().unwrap() { 70 } else { 70 + i32::try_from(number).unwrap() });
    let (server, heard, settings) = server(process);
    let connection = opened(&settings).await.unwrap();
    run(&connection, simple("SET x = 1")).await.unwrap();
    run(&connection, named("a")).await.unwrap();
    let asked = heard.take();
    assert_eq!(asked.iter().filter(|what| **what != "?").collect::<Vec<_>>(), ["SET x = 1", "P"]);
    assert_eq!((server.accepted(), connection.pooling()), (2, Pooling::Unproven));
    *is_shared.lock().unwrap() = true;
    assert_eq!(run(&connection, simple("FAIL")).await, Err("26000".to_owned()));
    assert_eq!(run(&connection, simple("SET x = 1")).await, Err(CODE.to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_transaction_is_not_interrupted_by_the_question() {
    let (_server, heard, settings) = server(|_| Some(OWN));
    let connection = opened(&settings).await.unwrap();
    run(&connection, simple("BEGIN")).await.unwrap();
    run(&connection, named("a")).await.unwrap();
    run(&connection, simple("COMMIT")).await.unwrap();
    assert_eq!(heard.take(), ["BEGIN", "P", "?", "COMMIT"]);
    run(&connection, named("a")).await.unwrap();
    run(&connection, named("a")).await.unwrap();
    assert_eq!(heard.take(), ["Pa"]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_does_not_know_the_question_has_no_pooler() {
    let (_server, heard, settings) = server(|_| None);
    let connection = opened(&settings).await.unwrap();
    run(&connection, named("a")).await.unwrap();
    run(&connection, simple("LISTEN c")).await.unwrap();
    assert_eq!(
        (heard.take(), connection.pooling()),
        (vec!["?".into(), "Pa".into(), "LISTEN c".into()], Pooling::Session)
    );
}

#[tokio::test(start_paused = true)]
async fn what_the_caller_says_is_not_asked() {
    for (mode, refuses) in [(PoolMode::Session, false), (PoolMode::Transaction, true)] {
        let (_server, heard, settings) = server(|_| Some(77));
        let settings = ServerSettings { pool_mode: Some(mode), ..settings };
        let connection = opened(&settings).await.unwrap();
        assert_eq!(run(&connection, simple("LISTEN c")).await.is_err(), refuses, "{mode:?}");
        run(&connection, named("a")).await.unwrap();
        assert!(!heard.take().contains(&"?".to_owned()), "{mode:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_lost_over_the_question_fails_what_waits_for_it() {
    let server = Server::playing(|_| [trust(), vec![Step::Expect(b'Q'), Step::Close]].concat());
    let settings = ServerSettings { pool_mode: None, ..server.settings() };
    let connection = open(next_id(), &settings, &KeyRing::default(), None).await.unwrap();
    assert!(run(&connection, simple("LISTEN c")).await.is_err());
    drop(connection);
    assert_clean(&server, "a loss").await;
}
