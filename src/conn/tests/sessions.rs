//! This side's own questions, and cancel requests: each fault, each await, each step of a panic.

use std::time::Duration;

use super::super::scripted::{
    Door, Fault, KEYS, STARTUP, Script, Server, Step, complete, cut, faults, message, one_row, ready, refusal, settle,
    slow, trust,
};
use super::super::{Connection, Session};
use super::{assert_clean, is_loss, opened};
use crate::clock;
use crate::error::{Error, ErrorKind, Phase};
use crate::wire::ResultSet;

const AN_HOUR: Duration = Duration::from_secs(3600);

/// Two statements under one Sync.
fn several() -> Script {
    let mut script: Script = b"PBDEPBDES".iter().map(|tag| Step::Expect(*tag)).collect();
    for set in [one_row("a"), [message(b'n', b""), complete("DELETE 1")].concat()] {
        script.push(Step::Send([message(b'1', b""), message(b'2', b"")].concat()));
        script.push(Step::Send(set));
    }
    script.push(Step::Send(refusal(b'N', "01000")));
    script.push(Step::Send(ready(b'I')));
    script
}

async fn ask(session: &Session) -> Result<Vec<ResultSet>, Error> {
    session.several(&[("select $1", &[Some("a")]), ("delete from t", &[])]).await
}

/// The first connection plays one answer, and all that follow the other.
fn first_then(first: Script, others: Script) -> Server {
    Server::playing(move |number| [trust(), if number == 0 { first.clone() } else { others.clone() }].concat())
}

async fn session(server: &Server) -> Session {
    Session::open(&server.settings(), None).await.unwrap()
}

async fn assert_works(server: &Server, context: &str) {
    let session = session(server).await;
    assert_eq!(ask(&session).await.unwrap().len(), 2, "{context}");
    drop(session);
    assert_clean(server, context).await;
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_with_a_question_is_its_own_and_nothing_is_left_of_it() {
    for (at, fault, faulty) in faults(&several()) {
        let context = format!("{fault:?} at step {at}");
        let server = first_then(faulty, several());
        let session = session(&server).await.until((fault == Fault::Never).then(|| clock::now() + AN_HOUR));
        let answer = ask(&session).await;
        match (fault, answer) {
            (Fault::Slow, Ok(sets)) => assert_eq!(sets.len(), 2, "{context}"),
            (Fault::Fatal, Err(error)) => assert_eq!(error.code.as_deref(), Some(Fault::CODE), "{context}"),
            (Fault::Close | Fault::Panic, Err(error)) => assert!(is_loss(&error), "{context}: {error:?}"),
            // The session reads it itself, from what the connection hands over.
            (Fault::Garbage, Err(error)) => assert_eq!(error.kind, ErrorKind::Protocol, "{context}"),
            (Fault::Never, Err(error)) => assert_eq!(error.kind, ErrorKind::Timeout(Phase::Query), "{context}"),
            (_, answer) => panic!("{context}: {answer:?}"),
        }
        drop(session);
        assert_clean(&server, &context).await;
        assert_works(&server, &context).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_given_up_at_any_await_takes_its_own_connection_along_and_the_servers_work() {
    let server = Server::playing(|number| match number {
        0 => [trust(), several()].concat(),
        _ => [trust(), slow(&several())].concat(),
    });
    assert_works(&server, "a first one").await;
    for at in 0.. {
        let context = format!("await {at}");
        let cancels = server.cancels().len();
        let session = session(&server).await;
        let is_answered = cut(ask(&session), at).await.is_some();
        drop(session);
        assert_clean(&server, &context).await;
        assert_eq!(server.cancels().len() - cancels, usize::from(!is_answered), "{context}");
        if is_answered {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_given_up_on_the_connection_of_another_leaves_the_next_one_its_own_answer() {
    let second = [Step::Expect(b'Q'), Step::Send(one_row("second")), Step::Send(ready(b'I'))];
    let server = Server::playing(move |_| [trust(), slow(&several()), second.to_vec()].concat());
    for at in 0.. {
        let context = format!("await {at}");
        let connection = opened(&server.settings()).await.unwrap();
        let is_answered = cut(ask(&Session::on(&connection)), at).await.is_some();
        let sets = Session::on(&connection).simple("select 'second'").await.unwrap();
        assert_eq!(sets.iter().map(|set| set.value(0)).collect::<Vec<_>>(), [Some("second")], "{context}");
        connection.end(None);
        assert_clean(&server, &context).await;
        assert_eq!(server.cancels().len(), 0, "{context}");
        if is_answered {
            break;
        }
    }
}

/// A connection with a query under way that the server never answers.
async fn busy(server: &Server) -> Connection {
    let connection = opened(&server.settings()).await.unwrap();
    drop(Session::on(&connection).ask("select 1"));
    settle().await;
    connection
}

fn silent() -> Server {
    Server::playing(|_| [trust(), vec![Step::Expect(b'Q'), Step::Never]].concat())
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_connection_is_closed_whatever_becomes_of_its_cancel_request() {
    for (door, arrives) in [(Door::Open, true), (Door::Refused, false), (Door::Silent, false), (Door::Mute, false)] {
        let server = silent();
        let connection = busy(&server).await;
        server.set_door(door);
        connection.abandon();
        clock::sleep(AN_HOUR).await;
        assert!(connection.is_closed());
        assert_eq!(server.cancels().len(), usize::from(arrives));
        assert_clean(&server, "an abandoned connection").await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_abandoned_connection_is_closed_though_its_cancel_request_panics_at_any_step() {
    let server = silent();
    for step in 1.. {
        let connection = busy(&server).await;
        server.failpoint().set(step);
        connection.abandon();
        clock::sleep(AN_HOUR).await;
        let has_panicked = server.failpoint().disarm();
        assert!(connection.is_closed(), "a panic at step {step}");
        assert_clean(&server, &format!("a panic at step {step}")).await;
        if !has_panicked {
            assert!(step > 3, "there are steps: {step}");
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cancel_request_fails_by_itself_and_is_given_up_at_any_await() {
    let server = silent();
    let connection = busy(&server).await;
    let outcomes = [
        (Door::Open, None),
        (Door::Refused, Some(ErrorKind::Io)),
        (Door::Silent, Some(ErrorKind::Timeout(Phase::Connect))),
        (Door::Mute, Some(ErrorKind::Timeout(Phase::Connect))),
    ];
    for (door, kind) in outcomes {
        server.set_door(door);
        assert_eq!(connection.cancel().await.err().map(|error| error.kind), kind);
        for at in 0..10 {
            cut(connection.cancel(), at).await;
            settle().await;
            assert_eq!(server.open(), 1, "given up at await {at}");
        }
    }
    server.set_door(Door::Open);
    connection.cancel().await.unwrap();
    assert!(server.cancels().iter().all(|body| body[4..] == KEYS));
    assert!(connection.is_open());
    assert!(!connection.may_be_cancelled());
    connection.destroy(Error::closed("as the test wants it"));
    assert_clean(&server, "cancel requests").await;
}

#[tokio::test(start_paused = true)]
async fn a_cancel_request_to_supavisor_takes_a_while_longer_and_leaves_the_connection_in_doubt() {
    let named = message(b'S', b"application_name\0Supavisor\0");
    let welcome = [message(b'R', &[0; 4]), named, message(b'K', &KEYS), ready(b'I')].concat();
    let server = Server::playing(move |_| {
        vec![Step::Expect(STARTUP), Step::Send(welcome.clone()), Step::Expect(b'Q'), Step::Never]
    });
    let connection = busy(&server).await;
    assert!(!connection.may_be_cancelled());
    let since = clock::now();
    connection.cancel().await.unwrap();
    assert_eq!(clock::now() - since, Duration::from_millis(300));
    assert!(connection.may_be_cancelled());
    connection.destroy(Error::closed("as the test wants it"));
    assert_clean(&server, "a late cancel request").await;
}
