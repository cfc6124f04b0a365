//! Requests: each kind, each step of its answer, each fault there.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use super::super::Connection;
use super::super::message::{Body, Extended, Message, Portal, Script as ScriptMessage};
use super::super::request::Request;
use super::super::scripted::{
    End, Fault, Receiver, Script, Server, Step, complete, cut, description, faults, message, one_row, ready, refusal,
    row, settle, trust,
};
use super::{assert_clean, is_loss, opened};
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::rows::Record;
use crate::wire::frontend::{self, Parameters};

const AN_HOUR: Duration = Duration::from_secs(3600);

/// What JavaScript does while a request is under way.
type Driving = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A kind of request.
#[derive(Clone)]
struct Kind {
    name: &'static str,
    message: fn() -> Message,
    script: Script,
    drive: fn(Connection, Arc<Receiver>, i32) -> Driving,
    rows: usize,
    status: u8,
}

fn query() -> Extended {
    Extended { name: "".into(), text: "select $1".into(), parameters: Parameters::default(), binary: false }
}

fn nothing(_: Connection, _: Arc<Receiver>, _: i32) -> Driving {
    Box::pin(std::future::ready(()))
}

fn send(bytes: impl Into<Vec<u8>>) -> Step {
    Step::Send(bytes.into())
}

fn expect(tags: &[u8]) -> Script {
    tags.iter().map(|tag| Step::Expect(*tag)).collect()
}

fn simple() -> Kind {
    let script =
        vec![Step::Expect(b'Q'), send(description()), send(row("a")), send(complete("SELECT 1")), send(ready(b'I'))];
    let message = || Message::Simple("select 'a'".into());
    Kind { name: "simple", message, script, drive: nothing, rows: 1, status: b'I' }
}

fn several() -> Kind {
    let script = vec![
        Step::Expect(b'Q'),
        send(one_row("a")),
        send(complete("INSERT 0 1")),
        send(message(b'I', b"")),
        send(refusal(b'N', "01000")),
        send(one_row("b")),
        send(ready(b'T')),
    ];
    let message = || Message::Simple("begin; select 'a'; insert; select 'b'".into());
    Kind { name: "several statements", message, script, drive: nothing, rows: 2, status: b'T' }
}

fn extended() -> Kind {
    let mut script = expect(b"PBDES");
    script.extend([send(message(b'1', b"")), send(message(b'2', b"")), send(one_row("a")), send(ready(b'I'))]);
    Kind { name: "extended", message: || Message::Extended(query()), script, drive: nothing, rows: 1, status: b'I' }
}

fn named() -> Kind {
    let message = || Message::Extended(Extended { name: "known".into(), ..query() });
    Kind { name: "named", message, ..extended() }
}

fn script() -> Kind {
    let script = vec![Step::Expect(b'Q'), send(complete("BEGIN")), send(one_row("a")), send(ready(b'T'))];
    let message = || {
        let (body, claim) = (Body::Text("select 'a'".into()), String::new());
        let (lead, copies, cuts) = (Vec::new(), Vec::new(), Vec::new());
        Message::Script(Box::new(ScriptMessage { body, begins: true, claim, lead, copies, cuts }))
    };
    Kind { name: "script", message, script, drive: nothing, rows: 1, status: b'T' }
}

fn pages() -> Kind {
    let mut script = expect(b"PBDH");
    script.extend([send(message(b'1', b"")), send(message(b'2', b"")), send(description())]);
    script.extend(expect(b"EH"));
    script.extend([send(row("a")), send(message(b's', b""))]);
    script.extend(expect(b"CS"));
    script.extend([send(message(b'3', b"")), send(ready(b'I'))]);
    let message = || Message::Portal(Box::new(Portal { portal: String::new(), query: query() }));
    let drive = |connection: Connection, receiver: Arc<Receiver>, request| -> Driving {
        Box::pin(async move {
            connection.read_portal(1);
            receiver.told(request, Record::Suspended).await;
            connection.close_portal();
        })
    };
    Kind { name: "pages", message, script, drive, rows: 1, status: b'I' }
}

fn copy_in() -> Kind {
    let mut script = vec![Step::Expect(b'Q'), send(message(b'G', &[0, 0, 0]))];
    script.extend(expect(b"ddc"));
    script.extend([send(complete("COPY 2")), send(ready(b'I'))]);
    let drive = |connection: Connection, receiver: Arc<Receiver>, request| -> Driving {
        Box::pin(async move {
            receiver.told(request, Record::Started).await;
            // More than the connection's buffers take.
            connection.copy_write(&[&[b'x'; 2000]]).unwrap();
            connection.copy_write(&[b"y"]).unwrap();
            connection.copy_end(None);
        })
    };
    let message = || Message::Copy { text: "copy t from stdin".into(), each: false };
    Kind { name: "COPY to the server", message, script, drive, rows: 0, status: b'I' }
}

fn copy_out() -> Kind {
    let script = vec![
        Step::Expect(b'Q'),
        send(message(b'H', &[0, 0, 0])),
        send(message(b'd', b"x")),
        send(message(b'd', b"y")),
        send(message(b'c', b"")),
        send(complete("COPY 2")),
        send(ready(b'I')),
    ];
    let message = || Message::Copy { text: "copy t to stdout".into(), each: true };
    Kind { name: "COPY from the server", message, script, drive: nothing, rows: 0, status: b'I' }
}

fn raw() -> Kind {
    let drive = |connection: Connection, receiver: Arc<Receiver>, request| -> Driving {
        Box::pin(async move {
            receiver.told(request, Record::Started).await;
            let mut bytes = bytes::BytesMut::new();
            frontend::query("select 'a'", &mut bytes).unwrap();
            connection.raw_write(&bytes, receiver.reply(WRITTEN));
            receiver.ended(WRITTEN).await.unwrap();
        })
    };
    Kind { name: "raw", message: || Message::Raw, drive, rows: 0, ..simple() }
}

/// The request that a raw exchange writes by.
const WRITTEN: i32 = 1000;

fn kinds() -> [Kind; 9] {
    [simple(), several(), extended(), named(), script(), pages(), copy_in(), copy_out(), raw()]
}

/// A request of this kind, by this number.
fn request(kind: &Kind, receiver: &Arc<Receiver>, number: i32) -> Request {
    Request { message: (kind.message)(), reply: receiver.reply(number), may_prepare: true, known: None }
}

/// Runs a request to its end. What JavaScript does for it ends with it.
async fn run(kind: &Kind, connection: &Connection, receiver: &Arc<Receiver>, number: i32) -> End {
    connection.submit(request(kind, receiver, number));
    let mut driving = (kind.drive)(connection.clone(), receiver.clone(), number);
    let ended = receiver.ended(number);
    tokio::pin!(ended);
    tokio::select! {
        biased;
        end = &mut ended => end,
        () = &mut driving => ended.await,
    }
}

/// A connection with a receiver that watches it.
async fn watched(server: &Server) -> (Connection, Arc<Receiver>) {
    let connection = opened(&server.settings()).await.unwrap();
    let receiver = Receiver::new();
    receiver.watch(&connection);
    (connection, receiver)
}

/// Makes a request of this kind on a connection of its own.
async fn assert_works(server: &Server, kind: &Kind, context: &str) {
    let (connection, receiver) = watched(server).await;
    assert_eq!(run(kind, &connection, &receiver, 1).await, Ok(kind.status), "{context}");
    assert_eq!(receiver.rows(1).len(), kind.rows, "{context}");
    assert_eq!(connection.load(), 0, "{context}");
    connection.end(Some(receiver.reply(2)));
    assert_eq!(receiver.ended(2).await, Ok(0), "{context}");
    assert_clean(server, context).await;
}

/// The first connection plays one answer, and all that follow the other.
fn first_then(first: Script, others: Script) -> Server {
    Server::playing(move |number| [trust(), if number == 0 { first.clone() } else { others.clone() }].concat())
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_at_whichever_step_of_an_answer_is_told_once_and_the_next_request_works() {
    for kind in kinds() {
        for (at, fault, faulty) in faults(&kind.script) {
            let context = format!("{}, {fault:?} at step {at}", kind.name);
            let server = first_then(faulty, kind.script.clone());
            let (connection, receiver) = watched(&server).await;
            let first = run(&kind, &connection, &receiver, 1);
            tokio::pin!(first);
            assert!(cut(first.as_mut(), 0).await.is_none(), "{context}");
            // One more waits behind it, which the server has no answer for.
            connection.submit(request(&simple(), &receiver, 2));
            let first = clock::within(10 * AN_HOUR, first).await;
            match (fault, first, receiver.end(2)) {
                (Fault::Slow, Some(end), None) => {
                    assert_eq!((end, receiver.rows(1).len()), (Ok(kind.status), kind.rows), "{context}");
                }
                (Fault::Never, None, None) => {}
                (Fault::Fatal | Fault::Close | Fault::Garbage | Fault::Panic, Some(Err(first)), Some(Err(second))) => {
                    // What the server says in a raw exchange is the program's to read.
                    let fault = if kind.name == "raw" && fault == Fault::Fatal { Fault::Close } else { fault };
                    assert_lost(fault, &first, &second, &context);
                }
                (_, first, second) => panic!("{context}: {first:?}, {second:?}"),
            }
            connection.abandon();
            receiver.closed(1).await;
            assert!([1, 2].iter().all(|number| receiver.end(*number).is_some()), "{context}: both were told");
            assert_eq!((connection.is_closed(), connection.load()), (true, 0), "{context}");
            assert_clean(&server, &context).await;
            assert_works(&server, &kind, &context).await;
        }
    }
}

/// What is told of a request and of the one behind it.
fn assert_lost(fault: Fault, first: &Error, second: &Error, context: &str) {
    let is_expected = |error: &Error| match fault {
        Fault::Garbage => error.kind == ErrorKind::Protocol,
        _ => is_loss(error),
    };
    assert!(is_expected(second), "{context}: {second:?}");
    if fault == Fault::Fatal {
        assert_eq!(first.code.as_deref(), Some(Fault::CODE), "{context}: {first:?}");
    } else {
        assert!(is_expected(first), "{context}: {first:?}");
    }
}

/// Runs a request and one behind it, of which something panics that is set to. Returns whether the caller did.
async fn run_both(kind: &Kind, connection: &Connection, receiver: &Arc<Receiver>) -> bool {
    let (kind, connection, receiver) = (kind.clone(), connection.clone(), receiver.clone());
    let mut caller = tokio::spawn(async move {
        let behind = receiver.clone();
        let second = async {
            tokio::task::yield_now().await;
            connection.submit(request(&simple(), &behind, 2));
        };
        tokio::join!(run(&kind, &connection, &receiver, 1), second).0.ok();
    });
    match clock::within(AN_HOUR, &mut caller).await {
        Some(outcome) => outcome.is_err(),
        // It waits for what a receiver has missed.
        None => {
            caller.abort();
            false
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_or_an_observer_that_panics_loses_what_it_was_told_and_no_other_connection() {
    for kind in kinds() {
        let both = [kind.script.clone(), simple().script].concat();
        let server = Server::playing(move |_| [trust(), both.clone()].concat());
        for step in 1.. {
            let context = format!("{}, a panic at step {step}", kind.name);
            let (connection, receiver) = watched(&server).await;
            let (other, listener) = watched(&server).await;
            receiver.failpoint().set(step);
            let has_panicked = run_both(&kind, &connection, &receiver).await;
            settle().await;
            let is_last = !receiver.failpoint().disarm();
            for number in [1, 2] {
                let is_told = receiver.end(number).is_some() || receiver.has_missed(number);
                assert!(is_told || (has_panicked && number == 2), "{context}: request {number} is told");
            }
            assert_eq!(connection.load(), 0, "{context}");
            connection.end(None);
            receiver.closed(1).await;
            assert!(connection.is_closed(), "{context}");
            assert_eq!(run(&kind, &other, &listener, 1).await, Ok(kind.status), "{context}");
            other.end(None);
            assert_clean(&server, &context).await;
            if is_last {
                assert!(step > 5, "{context}: there are steps");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_any_step_of_reading_and_writing_loses_its_connection_and_nothing_else() {
    for kind in kinds() {
        let both = [kind.script.clone(), simple().script].concat();
        let server = first_then(both.clone(), both);
        for step in 1.. {
            let context = format!("{}, a panic at step {step}", kind.name);
            let (connection, receiver) = watched(&server).await;
            server.failpoint().set(step);
            let has_panicked = run_both(&kind, &connection, &receiver).await;
            settle().await;
            if server.failpoint().disarm() {
                assert!(connection.is_closed(), "{context}");
                assert_eq!(connection.load(), 0, "{context}");
                for number in [1, 2] {
                    let end = receiver.end(number);
                    assert!(end.is_some() || (has_panicked && number == 2), "{context}: request {number} is told");
                }
                assert_clean(&server, &context).await;
            } else {
                assert_eq!(receiver.end(1), Some(Ok(kind.status)), "{context}");
                assert_eq!(receiver.end(2), Some(Ok(b'I')), "{context}");
                connection.end(None);
                assert_clean(&server, &context).await;
                assert!(step > 5, "{context}: there are steps");
                break;
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_observer_that_panics_over_what_happened_before_it_came_hears_of_the_end() {
    let [startup, accepted, greeting] = trust().try_into().ok().unwrap();
    let script = vec![startup, accepted, send(refusal(b'N', "01000")), greeting];
    let server = Server::playing(move |_| script.clone());
    let connection = opened(&server.settings()).await.unwrap();
    let receiver = Receiver::new();
    receiver.failpoint().set(1);
    receiver.watch(&connection);
    assert!(receiver.failpoint().disarm(), "there was something to tell");
    connection.end(None);
    receiver.closed(1).await;
    assert_clean(&server, "an observer that panics").await;
}
