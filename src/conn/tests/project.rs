//! Finding a project's pooler: whom it asks, what it sends, what it remembers, and what is left of it.

use std::sync::Arc;
use std::time::Duration;

use super::super::address::look_up_error;
use super::super::caller::{Answering, Caller, Question};
use super::super::scripted::{
    Door, STARTUP, Script, Server, Step, cut, looked_up, message, name, scram, settle, silence, tasks,
};
use super::super::{KeyRing, next_id, open};
use super::opened;
use crate::clock;
use crate::config::{ProjectSettings, ServerSettings};
use crate::error::{Error, ErrorKind, Phase, Reaction};
use crate::supabase::REGIONS;

const REGION: &str = "eu-central-1";
const SECOND: Duration = Duration::from_secs(1);

fn host(cluster: u8, region: &str) -> String {
    format!("aws-{cluster}-{region}.pooler.supabase.com")
}

fn refusal(text: &str) -> Vec<u8> {
    message(b'E', format!("SFATAL\0VFATAL\0CXX000\0M{text}\0\0").as_bytes())
}

/// A pooler that refuses all logins like this, half a second late.
fn refusing(text: &str) -> Script {
    vec![Step::Expect(STARTUP), Step::Pause(SECOND / 2), Step::Send(refusal(text)), Step::Close]
}

fn without_the_project() -> Script {
    refusing("(ENOTFOUND) tenant/user postgres.abc not found")
}

fn name_server(host: &str, server: &Server) {
    name(host, Ok(vec![server.address()]));
}

/// A pooler with this script at the place of this cluster.
fn pooler(cluster: u8, region: &str, script: impl Fn() -> Script + Send + Sync + 'static) -> Server {
    let server = Server::playing(move |_| script());
    name_server(&host(cluster, region), &server);
    server
}

fn knowing(cluster: u8, region: &str) -> Server {
    pooler(cluster, region, || scram("secret"))
}

fn unknowing(cluster: u8, region: &str) -> Server {
    pooler(cluster, region, without_the_project)
}

/// The settings of a project, whose ref is this test's alone.
fn settings(reference: &str, region: Option<&str>) -> ServerSettings {
    let mut settings = Server::playing(|_| Script::new()).settings();
    settings.server = tokio_postgres::Config::new();
    let machine = format!("db.{reference}.supabase.co");
    settings.server.host(machine).port(5432).user("postgres").dbname("postgres").password("secret");
    let (reference, region) = (reference.into(), region.map(Into::into));
    settings.project = Some(ProjectSettings { reference, region, cluster: None, prefers_direct: false });
    settings
}

async fn refused(settings: &ServerSettings) -> Error {
    opened(settings).await.err().expect("it was opened")
}

/// Opens a connection and ends it; where it went.
async fn found(settings: &ServerSettings) -> String {
    let connection = opened(settings).await.unwrap();
    let host = connection.host().to_owned();
    connection.end(None);
    host
}

fn accepted(servers: &[Server]) -> Vec<usize> {
    servers.iter().map(Server::accepted).collect()
}

async fn assert_clean(servers: &[Server]) {
    settle().await;
    assert_eq!(servers.iter().map(Server::open).sum::<usize>(), 0, "sockets");
    assert_eq!(tasks(), servers.iter().map(Server::serving).sum::<usize>(), "tasks");
    assert!(servers.iter().all(|server| server.complaints().is_empty()));
}

#[tokio::test(start_paused = true)]
async fn the_pooler_that_knows_the_project_is_found_without_a_password_and_remembered() {
    let servers = [unknowing(0, REGION), knowing(1, REGION)];
    let settings = settings("found", Some(REGION));
    assert_eq!(found(&settings).await, host(1, REGION));
    assert_clean(&servers).await;
    assert_eq!(accepted(&servers), [1, 2]);
    assert_eq!(servers[0].heard(0), [STARTUP]);
    assert_eq!(servers[1].heard(0), [STARTUP], "the probe");
    assert_eq!(servers[1].heard(1), [STARTUP, b'p', b'p', b'X'], "the login");
    for connection in [0, 1] {
        let startup = servers[1].startup(connection);
        assert!(startup.contains("user\0postgres.found\0database\0postgres\0"), "{startup:?}");
    }
    assert_eq!(found(&settings).await, host(1, REGION));
    assert_eq!(accepted(&servers), [1, 3]);
    assert_clean(&servers).await;
}

#[tokio::test(start_paused = true)]
async fn what_only_the_pooler_of_the_project_can_answer_says_that_it_knows_it() {
    let asks = |kind: i32| {
        let request = message(b'R', &kind.to_be_bytes());
        vec![Step::Expect(STARTUP), Step::Send(request), Step::Never]
    };
    let answers = [
        refusing("(EMAXCONNSESSION) max clients reached in session mode"),
        refusing("(ESSLREQUIRED) SSL connection is required for user: postgres"),
        refusing("(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}"),
        refusing("(EBANNED) tenant is banned: no"),
        refusing("(ECIRCUITBREAKER) too many authentication failures"),
        refusing("(EMAXCONN) max client connections reached, limit: 200"),
        asks(3),
        asks(5),
        asks(10),
    ];
    for (number, answer) in answers.into_iter().enumerate() {
        let servers = [unknowing(0, REGION), pooler(1, REGION, move || answer.clone())];
        let settings = settings(&format!("answer{number}"), Some(REGION));
        // It is found, and the login there says the rest.
        let _ = clock::within(60 * SECOND, opened(&settings)).await;
        let tries = servers[1].accepted();
        // Room is waited for, and a password in the clear is asked for again under a certificate that was verified.
        let goes_on = [0, 5, 6].contains(&number);
        assert!(servers[0].accepted() == 1 && (tries == 2 || (goes_on && tries > 2)), "answer {number}: {tries} tries");
        assert_eq!(servers[1].heard(0), [STARTUP], "answer {number}");
    }
}

/// What a pooler may answer before it has looked for the project.
const TROUBLES: [(&str, &str); 4] = [
    ("XX000", "(EMAXPROXYCONN) max proxy connections reached"),
    ("XX000", "(ENEWSINCE) whatever comes"),
    ("XX000", "Internal error"),
    ("57P01", "terminating connection due to administrator command"),
];

fn troubled(state: &str, text: &str) -> Script {
    let answer = message(b'E', format!("SFATAL\0VFATAL\0C{state}\0M{text}\0\0").as_bytes());
    vec![Step::Expect(STARTUP), Step::Send(answer), Step::Close]
}

#[tokio::test(start_paused = true)]
async fn a_pooler_in_trouble_is_not_taken_for_the_one_that_knows_the_project() {
    for (number, (state, text)) in TROUBLES.into_iter().enumerate() {
        let servers = [pooler(0, REGION, || troubled(state, text)), knowing(1, REGION), unknowing(2, REGION)];
        let settings = settings(&format!("trouble{number}"), Some(REGION));
        assert_eq!(found(&settings).await, host(1, REGION), "{text}");
        assert_eq!(servers[0].accepted(), 1, "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_no_other_knows_the_project_the_pooler_in_trouble_is_tried_and_not_remembered() {
    for (number, (state, text)) in TROUBLES.into_iter().enumerate() {
        let server = Server::playing(move |at| if at == 0 { troubled(state, text) } else { scram("secret") });
        name_server(&host(0, REGION), &server);
        let other = unknowing(1, REGION);
        let settings = settings(&format!("last{number}"), Some(REGION));
        for accepted in [2, 4, 5] {
            assert_eq!(found(&settings).await, host(0, REGION), "{text}");
            assert_eq!((server.accepted(), other.accepted()), (accepted, 1), "{text}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn older_poolers_have_other_words_for_a_project_that_they_do_not_know() {
    let servers = [pooler(0, REGION, || refusing("Tenant or user not found")), knowing(1, REGION)];
    assert_eq!(found(&settings("older", Some(REGION))).await, host(1, REGION));
    assert_eq!(accepted(&servers), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn names_are_looked_up_once_and_only_hosts_that_exist_are_asked() {
    let server = knowing(1, "ap-east-1");
    assert_eq!(found(&settings("names", None)).await, host(1, "ap-east-1"));
    let mut names = looked_up();
    assert_eq!(names.pop(), Some(host(1, "ap-east-1")), "the login's own");
    assert!(names.len() <= 4 * REGIONS.len(), "{names:?}");
    let all = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), all);
    assert_eq!(server.accepted(), 2);
}

#[tokio::test(start_paused = true)]
async fn higher_clusters_are_looked_for_as_long_as_their_names_exist() {
    let servers: Vec<_> = (0..5).map(|cluster| unknowing(cluster, REGION)).chain([knowing(5, REGION)]).collect();
    assert_eq!(found(&settings("higher", Some(REGION))).await, host(5, REGION));
    assert_eq!(accepted(&servers), [1, 1, 1, 1, 1, 2]);
    let names = looked_up();
    assert!(!names.contains(&host(7, REGION)), "{names:?}");
}

#[tokio::test(start_paused = true)]
async fn a_few_poolers_are_asked_at_a_time_each_once_and_none_once_it_is_found() {
    let all = || REGIONS.into_iter().flat_map(|region| [0, 1].map(|cluster| (cluster, region)));
    let servers: Vec<_> = all().map(|(cluster, region)| unknowing(cluster, region)).collect();
    let right = knowing(2, REGION);
    let settings = settings("few", None);
    let task = tokio::spawn(async move { found(&settings).await });
    let mut most = 0;
    while !task.is_finished() {
        most = most.max(servers.iter().map(Server::open).sum::<usize>() + right.open());
        clock::sleep(SECOND / 10).await;
    }
    assert_eq!(task.await.unwrap(), host(2, REGION));
    assert_eq!(most, 6);
    assert_eq!(accepted(&servers), vec![1; servers.len()]);
    assert_clean(&servers).await;

    let mut others: Vec<_> = [(0, "us-east-1"), (0, "eu-central-1"), (1, "eu-central-1")]
        .map(|(cluster, region)| pooler(cluster, region, || vec![Step::Never]))
        .into();
    others.push(knowing(1, "us-east-1"));
    others.push(unknowing(0, "ap-east-1"));
    assert_eq!(found(&super::project::settings("early", None)).await, host(1, "us-east-1"));
    settle().await;
    assert_eq!(others.iter().chain(&servers).map(Server::open).sum::<usize>(), 0);
    clock::sleep(SECOND).await;
    assert_clean(&others).await;
    assert_eq!(others[4].accepted(), 0, "none is begun once it is found");
}

#[tokio::test(start_paused = true)]
async fn where_no_pooler_knows_the_project_the_error_says_so_and_none_is_asked_again_for_a_while() {
    let servers = [unknowing(0, REGION), unknowing(1, "us-east-1")];
    let settings = settings("nowhere", None);
    let error = refused(&settings).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Refused, Some("XX000")));
    assert!(error.message.contains("postgres.nowhere"), "{error}");
    assert!(error.message.contains("2 poolers of 2 regions"), "{error}");
    let advice = error.supabase.as_ref().unwrap();
    assert_eq!((advice.code, advice.reaction), ("ENOTFOUND", Reaction::Fix));
    assert!(advice.hint.contains("paused"), "{}", advice.hint);
    let names = looked_up().len();
    for _ in 0..50 {
        assert_eq!(refused(&settings).await, error);
        clock::sleep(SECOND).await;
    }
    assert_eq!((accepted(&servers), looked_up().len()), (vec![1, 1], names));
    clock::sleep(10 * SECOND).await;
    refused(&settings).await;
    assert_eq!(accepted(&servers), [2, 2]);
    // In vain again: twice as long.
    clock::sleep(100 * SECOND).await;
    refused(&settings).await;
    assert_eq!(accepted(&servers), [2, 2]);
    clock::sleep(20 * SECOND).await;
    refused(&settings).await;
    assert_eq!(accepted(&servers), [3, 3]);
    assert_clean(&servers).await;
}

#[tokio::test(start_paused = true)]
async fn a_pooler_that_cannot_be_asked_keeps_no_other_from_it() {
    let closing = pooler(0, "us-east-1", || vec![Step::Expect(STARTUP), Step::Close]);
    let senseless = pooler(1, "us-east-1", || vec![Step::Expect(STARTUP), Step::Send(message(b'?', b"")), Step::Never]);
    let silent = pooler(0, "eu-central-1", || vec![Step::Never]);
    let panicking = unknowing(1, "eu-central-1");
    panicking.failpoint().set(1);
    let closed = unknowing(0, "eu-west-1");
    closed.set_door(Door::Refused);
    name(&host(1, "eu-west-1"), Err(look_up_error("EAI_AGAIN", &host(1, "eu-west-1"), "")));
    silence(&host(0, "us-west-1"));
    let servers = [closing, senseless, silent, panicking, closed, knowing(2, "us-east-1")];
    let settings = settings("troubled", None);
    assert_eq!(found(&settings).await, host(2, "us-east-1"));
    assert_clean(&servers).await;
}

#[tokio::test(start_paused = true)]
async fn what_kept_poolers_from_being_asked_is_told_where_none_was_found() {
    let closed = unknowing(0, REGION);
    closed.set_door(Door::Refused);
    name(&host(1, REGION), Err(look_up_error("EAI_AGAIN", &host(1, REGION), "")));
    let error = refused(&settings("unreached", Some(REGION))).await;
    assert_eq!((error.kind, error.supabase), (ErrorKind::Io, None));
    assert!(matches!(error.code.as_deref(), Some("ECONNREFUSED" | "EAI_AGAIN")), "{:?}", error.code);
    assert_eq!(error.attempts.len(), 2);

    // They are asked again at once, and one that has answered isn't.
    let asked = unknowing(2, REGION);
    let settings = settings("unreached", Some(REGION));
    let error = refused(&settings).await;
    assert_eq!((error.code.as_deref(), error.attempts.len()), (Some("XX000"), 2));
    closed.set_door(Door::Open);
    refused(&settings).await;
    assert_eq!((asked.accepted(), closed.accepted()), (1, 1));

    let error = refused(&super::project::settings("nonames", Some("zz-north-9"))).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Io, Some("ENOTFOUND")));
    assert!(error.supabase.unwrap().hint.contains("zz-north-9"));
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_the_settings_is_told_as_the_pooler_says_it() {
    pooler(0, REGION, || refusing("(EINVALIDUSERINFO) Authentication error, reason: \"Invalid format\""));
    let error = refused(&settings("senseless", Some(REGION))).await;
    assert_eq!(error.kind, ErrorKind::Server);
    assert!(error.message.starts_with("(EINVALIDUSERINFO)"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn callers_at_the_same_time_share_one_search() {
    let servers = [unknowing(0, REGION), knowing(1, REGION)];
    let settings = settings("shared", Some(REGION));
    let callers = (0..5).map(|_| {
        let settings = settings.clone();
        tokio::spawn(async move { found(&settings).await })
    });
    for caller in callers.collect::<Vec<_>>() {
        assert_eq!(caller.await.unwrap(), host(1, REGION));
    }
    assert_eq!(accepted(&servers), [1, 6]);
    assert_clean(&servers).await;
}

#[tokio::test(start_paused = true)]
async fn other_settings_ask_for_themselves_and_first_where_the_project_was_found() {
    let servers = [unknowing(0, REGION), knowing(1, REGION)];
    let first = settings("roles", Some(REGION));
    assert_eq!(found(&first).await, host(1, REGION));
    let mut second = first.clone();
    second.server.user("app");
    assert_eq!(found(&second).await, host(1, REGION));
    let startup = servers[1].startup(2);
    assert!(startup.contains("user\0app.roles\0"), "{startup:?}");
    // Both were under way when the first of them answered.
    assert_eq!(accepted(&servers), [2, 4]);
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_leaves_the_search_to_the_others() {
    let slow = || [vec![Step::Pause(SECOND)], scram("secret")].concat();
    let servers = [unknowing(0, REGION), pooler(1, REGION, slow)];
    let settings = settings("left", Some(REGION));
    let other = settings.clone();
    let staying = tokio::spawn(async move { found(&other).await });
    assert!(clock::within(SECOND / 10, opened(&settings)).await.is_none());
    assert_eq!(staying.await.unwrap(), host(1, REGION));
    assert_eq!(accepted(&servers), [1, 2]);
    assert_clean(&servers).await;
}

#[tokio::test(start_paused = true)]
async fn a_search_that_nobody_waits_for_begins_nothing_more_and_what_it_has_learnt_is_kept() {
    let all = || REGIONS.into_iter().flat_map(|region| [0, 1].map(|cluster| (cluster, region)));
    let servers: Vec<_> = all().map(|(cluster, region)| unknowing(cluster, region)).collect();
    let settings = settings("alone", None);
    assert!(clock::within(SECOND / 10, opened(&settings)).await.is_none());
    clock::sleep(60 * SECOND - SECOND).await;
    assert_eq!(accepted(&servers).iter().sum::<usize>(), 6);
    assert_clean(&servers).await;
    refused(&settings).await;
    assert_eq!(accepted(&servers), vec![1; servers.len()]);
}

#[tokio::test(start_paused = true)]
async fn a_search_takes_its_callers_time_and_goes_on_for_the_next_one() {
    let all = || REGIONS.into_iter().flat_map(|region| [0, 1].map(|cluster| (cluster, region)));
    let servers: Vec<_> = all().map(|(cluster, region)| unknowing(cluster, region)).collect();
    let right = knowing(2, "ap-east-1");
    let mut settings = settings("late", None);
    settings.connect_timeout = Some(SECOND);
    let error = refused(&settings).await;
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Timeout(Phase::Connect), Some("ETIMEDOUT")));
    clock::sleep(10 * SECOND).await;
    assert_eq!(right.accepted(), 1);
    settings.connect_timeout = None;
    assert_eq!(found(&settings).await, host(2, "ap-east-1"));
    assert_eq!(accepted(&servers), vec![1; servers.len()]);
    assert_clean(&servers).await;
}

#[tokio::test(start_paused = true)]
async fn a_remembered_pooler_that_does_not_know_the_project_any_more_is_forgotten_and_searched_for_once() {
    let moved = Server::playing(|number| if number < 2 { scram("secret") } else { without_the_project() });
    name_server(&host(0, REGION), &moved);
    let settings = settings("moved", Some(REGION));
    assert_eq!(found(&settings).await, host(0, REGION));
    let new = knowing(1, REGION);
    assert_eq!(found(&settings).await, host(1, REGION));
    assert_eq!((moved.accepted(), new.accepted()), (3, 2));

    // It is nowhere, whatever the probes are told.
    let fickle = Server::playing(|number| if number % 2 == 0 { scram("secret") } else { without_the_project() });
    name_server(&host(1, REGION), &fickle);
    name(&host(0, REGION), Err(look_up_error("ENOTFOUND", &host(0, REGION), "")));
    let settings = super::project::settings("fickle", Some(REGION));
    let mut codes = Vec::new();
    for _ in 0..20 {
        codes.push(refused(&settings).await.code);
    }
    assert!(codes.iter().all(|code| code.as_deref() == Some("XX000")), "{codes:?}");
    assert_eq!(fickle.accepted(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_remembered_pooler_that_is_gone_is_forgotten_and_searched_for_once() {
    let old = knowing(0, REGION);
    let settings = ServerSettings { connect_timeout: Some(10 * SECOND), ..settings("gone", Some(REGION)) };
    assert_eq!(found(&settings).await, host(0, REGION));
    let new = knowing(1, REGION);
    old.set_door(Door::Refused);
    assert_eq!(found(&settings).await, host(1, REGION));
    assert_eq!((old.accepted(), new.accepted()), (2, 2));

    // One that doesn't answer takes all the time, and the next attempt finds the other one.
    new.set_door(Door::Silent);
    old.set_door(Door::Open);
    let error = refused(&settings).await;
    assert_eq!(error.kind, ErrorKind::Timeout(Phase::Connect));
    assert_eq!(found(&settings).await, host(0, REGION));

    // Where none is found either, the error is that of the one that was known.
    old.set_door(Door::Refused);
    new.set_door(Door::Refused);
    let error = refused(&settings).await;
    assert_eq!((error.code.as_deref(), error.attempts.len()), (Some("ECONNREFUSED"), 0), "{error:?}");
    assert!(!error.message.contains("No pooler"), "{error:?}");
    old.set_door(Door::Open);
    assert_eq!(found(&settings).await, host(0, REGION));
    assert_clean(&[old, new]).await;
}

#[tokio::test(start_paused = true)]
async fn searches_for_several_projects_ask_no_more_poolers_at_a_time_than_one() {
    let all = || REGIONS.into_iter().flat_map(|region| [0, 1].map(|cluster| (cluster, region)));
    let servers: Vec<_> = all().map(|(cluster, region)| unknowing(cluster, region)).collect();
    let one = |number| async move { refused(&settings(&format!("several{number}"), None)).await };
    let tasks: Vec<_> = (0..20).map(|number| tokio::spawn(one(number))).collect();
    let mut most = 0;
    while tasks.iter().any(|task| !task.is_finished()) {
        most = most.max(servers.iter().map(Server::open).sum::<usize>());
        clock::sleep(SECOND / 10).await;
    }
    for task in tasks {
        assert_eq!(task.await.unwrap().code.as_deref(), Some("XX000"));
    }
    assert_eq!(most, 6);
    assert_eq!(accepted(&servers), vec![20; servers.len()]);
    assert_clean(&servers).await;
}

#[tokio::test(start_paused = true)]
async fn given_up_at_any_await_it_leaves_nothing_and_the_next_one_works() {
    for waits in 0.. {
        let servers = [unknowing(0, REGION), knowing(1, REGION)];
        let settings = settings(&format!("cut{waits}"), Some(REGION));
        let made = cut(opened(&settings), waits).await;
        let is_made = made.is_some();
        if let Some(made) = made {
            made.unwrap().end(None);
        }
        clock::sleep(10 * SECOND).await;
        assert_clean(&servers).await;
        assert_eq!(found(&settings).await, host(1, REGION), "given up at await {waits}");
        assert_eq!(servers[0].accepted(), 1);
        if is_made {
            assert!(waits > 3, "{waits}");
            break;
        }
    }
}

#[test]
fn a_search_whose_task_is_lost_is_begun_anew() {
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
    let settings = settings("lost", Some(REGION));
    let server = knowing(0, REGION);
    let first = runtime();
    first.block_on(async {
        assert!(clock::within(Duration::ZERO, opened(&settings)).await.is_none());
    });
    drop(first);
    runtime().block_on(async {
        assert_eq!(found(&settings).await, host(0, REGION));
    });
    assert_eq!(server.heard(server.accepted() - 1).first(), Some(&STARTUP));
}

/// A program that must not be asked.
struct Asked;

impl Caller for Asked {
    fn ask(&self, _: Question) -> Answering {
        Box::pin(async { panic!("it was asked") })
    }
}

#[tokio::test(start_paused = true)]
async fn the_program_is_not_asked_for_the_password_while_the_pooler_is_searched_for() {
    let servers = [unknowing(0, REGION), unknowing(1, REGION)];
    let settings = ServerSettings { asks_for_password: true, ..settings("unasked", Some(REGION)) };
    let caller: Arc<dyn Caller> = Arc::new(Asked);
    let outcome = open(next_id(), &settings, &KeyRing::default(), Some(&caller)).await;
    assert_eq!(outcome.err().unwrap().code.as_deref(), Some("XX000"));
    assert_eq!(accepted(&servers), [1, 1]);
}

/// Settings that name a project's machine.
fn direct(reference: &str) -> ServerSettings {
    let mut settings = settings(reference, Some(REGION));
    settings.project.as_mut().unwrap().prefers_direct = true;
    settings
}

#[tokio::test(start_paused = true)]
async fn a_projects_machine_is_tried_first_and_where_it_is_out_of_reach_its_pooler() {
    let servers = [unknowing(0, REGION), knowing(1, REGION)];
    let settings = direct("machine");
    let machine = "db.machine.supabase.co";
    assert_eq!(found(&settings).await, host(1, REGION));
    assert!(servers[1].startup(1).contains("user\0postgres.machine\0"));
    assert_eq!(found(&settings).await, host(1, REGION));
    let tries = || looked_up().iter().filter(|name| *name == machine).count();
    assert_eq!(tries(), 1, "it isn't tried each time");

    let server = Server::playing(|_| scram("secret"));
    name_server(machine, &server);
    clock::sleep(5 * 60 * SECOND).await;
    assert_eq!(found(&settings).await, machine, "the network may have changed");
    assert!(server.startup(0).contains("user\0postgres\0"));
    assert_clean(&servers).await;
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_is_there_is_never_replaced_by_the_pooler() {
    let pooler = knowing(0, REGION);
    for door in [Door::Refused, Door::Silent] {
        let machine = Server::playing(|_| scram("secret"));
        machine.set_door(door);
        let reference = format!("there{}", machine.address().port());
        name_server(&format!("db.{reference}.supabase.co"), &machine);
        let settings = ServerSettings { connect_timeout: Some(SECOND), ..direct(&reference) };
        let wanted = if door == Door::Refused { "ECONNREFUSED" } else { "ETIMEDOUT" };
        assert_eq!(refused(&settings).await.code.as_deref(), Some(wanted));
    }
    assert_eq!(pooler.accepted(), 0);
}

#[tokio::test(start_paused = true)]
async fn where_the_pooler_is_not_found_either_the_machines_own_error_is_told() {
    unknowing(0, REGION);
    let error = refused(&direct("neither")).await;
    let call = error.call.as_ref().unwrap();
    assert_eq!(call.hostname.as_deref(), Some("db.neither.supabase.co"));
    assert_eq!(error.code.as_deref(), Some("ENOTFOUND"));
    // And so the next time, when no pooler is asked.
    let again = refused(&direct("neither")).await;
    assert_eq!(again.call.unwrap().hostname.as_deref(), Some("db.neither.supabase.co"));
}
