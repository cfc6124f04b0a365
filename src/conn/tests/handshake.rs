//! Making a connection: each way to log in, each step of it, each fault there.

use std::sync::Arc;
use std::time::Duration;

use postgres_protocol::authentication::md5_hash;

use super::super::caller::{Answering, Caller, Question, Unanswered};
use super::super::scripted::{
    Door, Fault, STARTUP, Script, Server, Step, TLS, cut, faults, message, one_row, ready, refusal, scram, settle,
    slow, tasks, trust,
};
use super::super::{Connection, KeyRing, Plain, next_id, open};
use super::{assert_clean, is_loss, opened};
use crate::clock;
use crate::config::{ServerSettings, SessionTarget, TlsSettings};
use crate::error::{Error, ErrorKind, Phase};

const AN_HOUR: Duration = Duration::from_secs(3600);

fn greeting() -> Step {
    trust().pop().unwrap()
}

fn cleartext() -> Script {
    let check = |body: &[u8]| {
        assert_eq!(body, b"secret\0");
        message(b'R', &[0; 4])
    };
    vec![
        Step::Expect(STARTUP),
        Step::Send(message(b'R', &[0, 0, 0, 3])),
        Step::Answer(b'p', Arc::new(check)),
        greeting(),
    ]
}

fn md5() -> Script {
    let check = |body: &[u8]| {
        assert_eq!(body, [md5_hash(b"somebody", b"secret", *b"salt").as_bytes(), b"\0"].concat());
        message(b'R', &[0; 4])
    };
    vec![
        Step::Expect(STARTUP),
        Step::Send(message(b'R', b"\0\0\0\x05salt")),
        Step::Answer(b'p', Arc::new(check)),
        greeting(),
    ]
}

/// One that says all that may be said besides.
fn talkative() -> Script {
    vec![
        Step::Expect(STARTUP),
        Step::Send(message(b'v', &[0; 8])),
        Step::Send(refusal(b'N', "01000")),
        Step::Send(message(b'R', &[0; 4])),
        Step::Send(refusal(b'N', "01000")),
        Step::Send(message(b'S', b"TimeZone\0UTC\0")),
        greeting(),
    ]
}

fn ways() -> Vec<(&'static str, Script)> {
    let scram = scram("secret");
    vec![("trust", trust()), ("password", cleartext()), ("md5", md5()), ("scram", scram), ("notices", talkative())]
}

/// Opens a connection and ends it.
async fn assert_works(server: &Server, settings: &ServerSettings, context: &str) {
    let connection = opened(settings).await.unwrap_or_else(|error| panic!("{context}: {error:?}"));
    assert!(connection.is_open(), "{context}");
    connection.end(None);
    assert_clean(server, context).await;
}

/// The first connection plays one script, and all that follow the other.
fn first_then(first: Script, others: Script) -> Server {
    Server::playing(move |number| if number == 0 { first.clone() } else { others.clone() })
}

fn assert_failed(fault: Fault, outcome: Result<Connection, Error>, context: &str) {
    let Err(error) = outcome else { panic!("{context}: it was opened") };
    match fault {
        Fault::Fatal => assert_eq!(error.code.as_deref(), Some(Fault::CODE), "{context}"),
        Fault::Close | Fault::Panic => assert!(is_loss(&error), "{context}: {error:?}"),
        Fault::Garbage => assert_eq!(error.kind, ErrorKind::Protocol, "{context}: {error:?}"),
        Fault::Never => assert_eq!(error.kind, ErrorKind::Timeout(Phase::Authenticate), "{context}"),
        Fault::Slow => panic!("{context}: slow is no failure: {error:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn whatever_goes_wrong_at_whichever_step_is_the_attempts_own_and_the_next_one_works() {
    for (way, script) in ways() {
        for (at, fault, faulty) in faults(&script) {
            let context = format!("{way}, {fault:?} at step {at}");
            let server = first_then(faulty, script.clone());
            let mut settings = server.settings();
            settings.connect_timeout = (fault == Fault::Never).then_some(AN_HOUR);
            let outcome = opened(&settings).await;
            match outcome {
                Ok(connection) if fault == Fault::Slow => connection.end(None),
                outcome => assert_failed(fault, outcome, &context),
            }
            assert_clean(&server, &context).await;
            assert_works(&server, &settings, &context).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn the_time_limit_of_an_attempt_ends_with_it() {
    let server = Server::playing(|_| trust());
    let connection = opened(&ServerSettings { connect_timeout: Some(AN_HOUR), ..server.settings() }).await.unwrap();
    clock::sleep(10 * AN_HOUR).await;
    assert!(connection.is_open());
    connection.end(None);
    assert_clean(&server, "an attempt").await;
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_is_given_up_at_any_await_leaves_nothing_and_the_next_one_works() {
    for (way, script) in ways() {
        let server = Server::playing(move |_| slow(&script));
        let settings = server.settings();
        let mut waits = 0;
        loop {
            let context = format!("{way}, given up at await {waits}");
            if let Some(made) = cut(opened(&settings), waits).await {
                made.unwrap().end(None);
                assert_clean(&server, &context).await;
                break;
            }
            assert_clean(&server, &context).await;
            waits += 1;
        }
        assert!(waits > 20, "{way} waits for each byte: {waits}");
        assert_works(&server, &settings, way).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_panic_at_any_step_of_an_attempt_is_its_own_and_the_next_one_works() {
    for (way, script) in ways() {
        let server = Server::playing(move |_| script.clone());
        let settings = server.settings();
        for step in 1.. {
            let context = format!("{way}, a panic at step {step}");
            server.failpoint().set(step);
            let task = settings.clone();
            let outcome = tokio::spawn(async move { opened(&task).await }).await;
            settle().await;
            let has_panicked = server.failpoint().disarm();
            match outcome {
                // In the connection's own task, or not at all.
                Ok(Ok(connection)) => {
                    assert_eq!(connection.is_closed(), has_panicked, "{context}");
                    connection.end(None);
                }
                Ok(Err(error)) => assert!(is_loss(&error), "{context}: {error:?}"),
                Err(lost) => assert!(lost.is_panic(), "{context}"),
            }
            assert_clean(&server, &context).await;
            if !has_panicked {
                assert!(step > 5, "{way} has steps: {step}");
                break;
            }
        }
        assert_works(&server, &settings, way).await;
    }
}

#[tokio::test(start_paused = true)]
async fn the_next_host_is_tried_whatever_goes_wrong_with_one() {
    let second = Server::playing(|_| trust());
    for (at, fault, faulty) in faults(&trust()) {
        let first = Server::playing(move |_| faulty.clone());
        let mut settings = first.settings();
        settings.server.host("192.0.2.1").port(second.settings().server.get_ports()[0]);
        settings.connect_timeout = (fault == Fault::Never).then_some(AN_HOUR);
        let connection = opened(&settings).await.unwrap();
        let is_first = fault == Fault::Slow;
        assert_eq!((first.open(), second.open()), (usize::from(is_first), usize::from(!is_first)), "{fault:?} at {at}");
        connection.end(None);
        assert_clean(&first, "two hosts").await;
        assert_clean(&second, "two hosts").await;
    }
    for door in [Door::Refused, Door::Silent] {
        let first = Server::playing(|_| trust());
        first.set_door(door);
        let mut settings = first.settings();
        settings.server.host("192.0.2.1").port(second.settings().server.get_ports()[0]);
        settings.connect_timeout = Some(AN_HOUR);
        opened(&settings).await.unwrap().end(None);
        assert_clean(&second, "a door").await;
    }
}

/// `SHOW transaction_read_only` and its answer.
fn asked(answer: &str) -> Script {
    [trust(), vec![Step::Expect(b'Q'), Step::Send(one_row(answer)), Step::Send(ready(b'I'))]].concat()
}

#[tokio::test(start_paused = true)]
async fn the_question_for_the_kind_of_server_fails_or_is_given_up_without_leaving_its_connection() {
    let greeted = trust().len();
    for (at, fault, faulty) in faults(&asked("off")).into_iter().filter(|(at, ..)| *at >= greeted) {
        let context = format!("{fault:?} at step {at}");
        let server = first_then(faulty, asked("off"));
        let mut settings = server.settings();
        settings.session = SessionTarget::ReadWrite;
        settings.connect_timeout = (fault == Fault::Never).then_some(AN_HOUR);
        let outcome = opened(&settings).await;
        match outcome {
            Ok(connection) if fault == Fault::Slow => connection.end(None),
            outcome => assert_failed(fault, outcome, &context),
        }
        // The server is asked to stop what it does for one that was given up.
        tokio::time::advance(AN_HOUR).await;
        assert_clean(&server, &context).await;
        assert_works(&server, &settings, &context).await;
    }
    let server = Server::playing(|_| asked("on"));
    let settings = ServerSettings { session: SessionTarget::ReadWrite, ..server.settings() };
    assert_eq!(opened(&settings).await.err().unwrap().code.as_deref(), Some("ECONNREFUSED"));
    assert_clean(&server, "a server of another kind").await;
    for waits in 0.. {
        let server = Server::playing(|_| slow(&asked("off")));
        let settings = ServerSettings { session: SessionTarget::ReadWrite, ..server.settings() };
        let made = cut(opened(&settings), waits).await;
        let is_made = made.is_some();
        if let Some(made) = made {
            made.unwrap().end(None);
        }
        assert_clean(&server, &format!("await {waits}")).await;
        if is_made {
            break;
        }
    }
}

/// What a program does when it is asked for the password.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Program {
    Answers,
    IsSlow,
    Refuses,
    IsGone,
    Panics,
    NeverAnswers,
}

impl Caller for Program {
    fn ask(&self, _: Question) -> Answering {
        let program = *self;
        Box::pin(async move {
            match program {
                Program::Answers => Ok(Plain::text("secret")),
                Program::IsSlow => {
                    clock::sleep(AN_HOUR).await;
                    Ok(Plain::text("secret"))
                }
                Program::Refuses => Err(Unanswered::Refused(Error::config("no"))),
                Program::IsGone => Err(Unanswered::Gone),
                Program::Panics => panic!("a program, as the test wants it"),
                Program::NeverAnswers => std::future::pending().await,
            }
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_program_that_is_asked_for_the_password_keeps_nothing_but_its_own_attempt() {
    use Program::{Answers, IsGone, IsSlow, NeverAnswers, Panics, Refuses};
    for program in [Answers, IsSlow, Refuses, IsGone, Panics, NeverAnswers] {
        let context = format!("{program:?}");
        let server = Server::playing(|_| scram("secret"));
        let mut settings = server.settings();
        settings.asks_for_password = true;
        settings.connect_timeout = (program == NeverAnswers).then_some(AN_HOUR);
        let task = settings.clone();
        let outcome = tokio::spawn(async move {
            let caller: Arc<dyn Caller> = Arc::new(program);
            open(next_id(), &task, &KeyRing::default(), Some(&caller)).await
        });
        match (program, outcome.await) {
            (Answers | IsSlow, Ok(Ok(connection))) => connection.end(None),
            (Refuses, Ok(Err(error))) => assert_eq!(error.kind, ErrorKind::Auth),
            (IsGone, Ok(Err(error))) => assert_eq!(error.kind, ErrorKind::Closed),
            (NeverAnswers, Ok(Err(error))) => assert_eq!(error.kind, ErrorKind::Timeout(Phase::Authenticate)),
            (Panics, Err(lost)) => assert!(lost.is_panic()),
            (_, Ok(Ok(_))) => panic!("{context}: it was opened"),
            (_, other) => panic!("{context}: {:?}", other.map(|made| made.err())),
        }
        assert_clean(&server, &context).await;
        assert_works(&server, &ServerSettings { asks_for_password: false, ..settings }, &context).await;
    }
}

#[tokio::test(start_paused = true)]
async fn tls_that_is_refused_or_never_comes_leaves_nothing() {
    let steps = |answer: &[u8]| vec![Step::Expect(TLS), Step::Send(answer.to_vec()), Step::Never];
    let scripts = [
        (steps(b"N"), ErrorKind::Tls),
        (steps(b"E"), ErrorKind::Tls),
        (steps(b""), ErrorKind::Timeout(Phase::Tls)),
        (steps(b"S"), ErrorKind::Timeout(Phase::Tls)),
        (vec![Step::Expect(TLS), Step::Close], ErrorKind::Lost),
        (vec![Step::Expect(TLS), Step::Send(b"Sno".to_vec()), Step::Close], ErrorKind::Tls),
    ];
    for (number, (script, kind)) in scripts.into_iter().enumerate() {
        let server = Server::playing(move |_| script.clone());
        let mut settings = server.settings();
        settings.tls = Some(TlsSettings::default());
        settings.connect_timeout = Some(AN_HOUR);
        let context = format!("script {number}");
        assert_eq!(opened(&settings).await.err().map(|error| error.kind), Some(kind), "{context}");
        assert_clean(&server, &context).await;
        for waits in 0..3 {
            assert!(cut(opened(&settings), waits).await.is_none_or(|made| made.is_err()));
            assert_clean(&server, &context).await;
        }
    }
    assert_eq!(tasks(), 0);
}
