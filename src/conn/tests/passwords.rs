//! Wrong passwords at a pooler that counts them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::super::caller::{Answering, Caller, Question};
use super::super::scripted::{
    STARTUP, Server, Step, fatal_saying, full, message, pooled, settle, trust, with_password,
};
use super::super::{Connection, KeyRing, Plain, next_id, open};
use super::{assert_clean, opened, refused};
use crate::clock;
use crate::config::ServerSettings;
use crate::error::{Error, Reaction};

/// Takes the password of the moment, and counts the others.
struct Guarded {
    server: Server,
    right: Arc<Mutex<&'static str>>,
    wrong: Arc<AtomicUsize>,
}

impl Guarded {
    fn new(right: &'static str) -> Guarded {
        let (right, wrong) = (Arc::new(Mutex::new(right)), Arc::new(AtomicUsize::new(0)));
        let (wanted, count) = (right.clone(), wrong.clone());
        let server = Server::playing(move |_| {
            let (wanted, count) = (wanted.clone(), count.clone());
            with_password(move |password| {
                let is_right = *wanted.lock().unwrap() == password;
                count.fetch_add(usize::from(!is_right), Ordering::SeqCst);
                is_right
            })
        });
        Guarded { server, right, wrong }
    }

    fn settings(&self) -> ServerSettings {
        pooled(&self.server, Some(Duration::from_secs(10)))
    }

    fn set(&self, right: &'static str) {
        *self.right.lock().unwrap() = right;
    }

    fn wrong(&self) -> usize {
        self.wrong.load(Ordering::SeqCst)
    }
}

fn with(settings: &ServerSettings, password: &str) -> ServerSettings {
    let mut settings = settings.clone();
    settings.server.password(password);
    settings
}

fn code(outcome: &Result<Connection, Error>) -> Option<&str> {
    outcome.as_ref().err().and_then(|error| error.code.as_deref())
}

fn detail(error: &Error) -> &str {
    error.server.as_ref().and_then(|server| server.field(b'D')).unwrap_or("")
}

/// A program's function, which gives these passwords one after the other, and then the last one again.
struct Gives(Mutex<Vec<&'static str>>);

impl Gives {
    fn passwords(list: &[&'static str]) -> Arc<dyn Caller> {
        Arc::new(Gives(Mutex::new(list.iter().rev().copied().collect())))
    }
}

impl Caller for Gives {
    fn ask(&self, _: Question) -> Answering {
        let mut list = self.0.lock().unwrap();
        let next = if list.len() > 1 { list.pop().unwrap() } else { list[0] };
        Box::pin(std::future::ready(Ok(Plain::text(next))))
    }
}

async fn opened_by(settings: &ServerSettings, caller: &Arc<dyn Caller>) -> Result<Connection, Error> {
    let settings = ServerSettings { asks_for_password: true, ..settings.clone() };
    open(next_id(), &settings, &KeyRing::default(), Some(caller)).await
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once_however_many_come_with_it() {
    let guarded = Guarded::new("right");
    let settings = guarded.settings();
    let all: Vec<_> = (0..10)
        .map(|_| {
            let settings = settings.clone();
            tokio::spawn(async move { opened(&settings).await })
        })
        .collect();
    let mut untried = 0;
    for opening in all {
        let error = opening.await.unwrap().err().unwrap();
        assert_eq!(error.message, "password authentication failed for user \"postgres\"");
        assert_eq!((error.code.as_deref(), error.supabase.as_ref().unwrap().reaction), (Some("28P01"), Reaction::Stop));
        untried += usize::from(detail(&error).contains("was not asked again"));
    }
    assert_eq!((guarded.wrong(), untried), (1, 9));
    assert_clean(&guarded.server, "ten").await;
}

#[tokio::test(start_paused = true)]
async fn a_password_that_was_refused_is_not_tried_again_before_it_counts_no_more() {
    let guarded = Guarded::new("right");
    let settings = guarded.settings();
    assert_eq!(code(&opened(&settings).await), Some("28P01"));
    guarded.set("secret");
    clock::sleep(Duration::from_secs(149)).await;
    let error = refused(&settings).await;
    assert!(detail(&error).contains("another 1 s"), "{error:?}");
    assert!(error.supabase.unwrap().hint.contains("another 1 s"));
    assert_eq!(guarded.server.accepted(), 1);
    clock::sleep(Duration::from_secs(1)).await;
    opened(&settings).await.unwrap().end(None);
}

#[tokio::test(start_paused = true)]
async fn a_changed_password_is_tried_at_once() {
    let guarded = Guarded::new("right");
    let settings = guarded.settings();
    assert_eq!(code(&opened(&settings).await), Some("28P01"));
    opened(&with(&settings, "right")).await.unwrap().end(None);
    assert_eq!(guarded.wrong(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_process_uses_up_less_than_half_of_what_shuts_an_address_out() {
    let guarded = Guarded::new("right");
    let settings = guarded.settings();
    let all: Vec<_> = (0..20)
        .map(|number| {
            let settings = with(&settings, &format!("wrong {number}"));
            tokio::spawn(async move { opened(&settings).await })
        })
        .collect();
    for opening in all {
        assert_eq!(code(&opening.await.unwrap()), Some("28P01"));
    }
    assert_eq!(guarded.wrong(), 4);
    assert_eq!(code(&opened(&with(&settings, "right")).await), Some("28P01"));
    clock::sleep(Duration::from_secs(150)).await;
    opened(&with(&settings, "right")).await.unwrap().end(None);
}

#[tokio::test(start_paused = true)]
async fn a_password_that_is_right_no_longer_is_not_used_up_by_a_whole_pool() {
    let guarded = Guarded::new("secret");
    let settings = guarded.settings();
    opened(&settings).await.unwrap().end(None);
    guarded.set("another");
    let opening = || {
        let settings = settings.clone();
        tokio::spawn(async move { opened(&settings).await })
    };
    let all: Vec<_> = (0..10).map(|_| opening()).collect();
    for opening in all {
        assert_eq!(code(&opening.await.unwrap()), Some("28P01"));
    }
    assert!((1..=4).contains(&guarded.wrong()), "{}", guarded.wrong());
}

#[tokio::test(start_paused = true)]
async fn a_new_password_of_the_programs_is_tried_again_once_after_three_seconds() {
    let guarded = Guarded::new("old");
    let settings = guarded.settings();
    let caller = Gives::passwords(&["old", "new"]);
    opened_by(&settings, &caller).await.unwrap().end(None);
    // The pooler knows the old one for two more seconds.
    let right = guarded.right.clone();
    tokio::spawn(async move {
        clock::sleep(Duration::from_secs(2)).await;
        *right.lock().unwrap() = "new";
    });
    let start = clock::now();
    opened_by(&settings, &caller).await.unwrap().end(None);
    assert_eq!((guarded.wrong(), clock::now() - start), (1, Duration::from_secs(3)));
    // And once only.
    let newer = Gives::passwords(&["newer"]);
    assert_eq!(code(&opened_by(&settings, &newer).await), Some("28P01"));
    assert_eq!(guarded.wrong(), 3);
    assert_eq!(code(&opened_by(&settings, &newer).await), Some("28P01"));
    assert_eq!(guarded.wrong(), 3);
}

#[tokio::test(start_paused = true)]
async fn neither_a_first_password_nor_a_given_one_nor_the_same_is_tried_twice() {
    let guarded = Guarded::new("right");
    let settings = guarded.settings();
    assert_eq!(code(&opened_by(&settings, &Gives::passwords(&["wrong"])).await), Some("28P01"));
    assert_eq!(guarded.wrong(), 1);
    opened(&with(&settings, "right")).await.unwrap().end(None);
    assert_eq!(code(&opened(&with(&settings, "given")).await), Some("28P01"));
    assert_eq!(guarded.wrong(), 2);
    guarded.set("changed");
    assert_eq!(code(&opened_by(&settings, &Gives::passwords(&["right"])).await), Some("28P01"));
    assert_eq!(guarded.wrong(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_breaker_keeps_the_whole_process_away_for_its_two_minutes() {
    let text = "(ECIRCUITBREAKER) too many authentication failures, new connections are temporarily blocked";
    let server = Server::playing(move |at| if at == 0 { full(text) } else { trust() });
    let settings = pooled(&server, Some(Duration::from_secs(10)));
    let shut = refused(&settings).await;
    assert_eq!((shut.message.as_str(), shut.supabase.unwrap().reaction), (text, Reaction::Stop));
    for password in ["secret", "another"] {
        let error = refused(&with(&settings, password)).await;
        assert_eq!(error.message, text);
        assert!(detail(&error).contains("was not asked again"));
    }
    assert_eq!(server.accepted(), 1);
    clock::sleep(Duration::from_secs(120)).await;
    opened(&settings).await.unwrap().end(None);
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_says_nothing_of_the_password_is_shared_and_does_not_count() {
    let server = Server::playing(|_| full("Tenant or user not found"));
    let settings = pooled(&server, None);
    let all: Vec<_> = (0..10)
        .map(|_| {
            let settings = settings.clone();
            tokio::spawn(async move { opened(&settings).await })
        })
        .collect();
    for opening in all {
        assert_eq!(opening.await.unwrap().err().unwrap().message, "Tenant or user not found");
    }
    assert_eq!(server.accepted(), 1);
    for _ in 0..6 {
        assert_eq!(refused(&settings).await.message, "Tenant or user not found");
    }
    assert_eq!(server.accepted(), 7);
}

/// Asks for the password, and refuses what it is given with this.
fn refusing_proof(code: &'static str, text: &'static str) -> Vec<Step> {
    let answer = move |_: &[u8]| fatal_saying(code, text);
    vec![Step::Expect(STARTUP), Step::Send(message(b'R', &[0, 0, 0, 3])), Step::Answer(b'p', Arc::new(answer))]
}

#[tokio::test(start_paused = true)]
async fn logins_that_the_pooler_counts_without_having_seen_the_password_are_counted_and_the_password_stays_good() {
    for (code, text) in [
        ("08006", "(EAUTHTIMEOUT) timeout while waiting for message in state auth_scram_final_wait"),
        ("08P01", "(EAUTHPROTOCOL) protocol violation during authentication: unexpected message"),
        ("08006", "connection failure during authentication"),
    ] {
        let server = Server::playing(move |at| match at {
            0 | 5.. => with_password(|given| given == "secret"),
            _ => refusing_proof(code, text),
        });
        let settings = pooled(&server, Some(Duration::from_secs(10)));
        opened(&settings).await.unwrap().end(None);
        for _ in 0..4 {
            assert_eq!(detail(&refused(&settings).await), "", "{text}");
        }
        let error = refused(&settings).await;
        assert!(error.message == text && detail(&error).contains("was not asked again"), "{error:?}");
        assert_eq!(server.accepted(), 5, "{text}");
        clock::sleep(Duration::from_secs(150)).await;
        opened(&settings).await.unwrap().end(None);
    }
}

/// How often a pooler that can't look up roles is asked by programs that come again and again, in the window of its
/// count.
async fn look_ups(text: &'static str) -> usize {
    let server = Server::playing(move |_| full(text));
    let settings = pooled(&server, Some(Duration::from_secs(30)));
    let start = clock::now();
    while clock::now() - start < Duration::from_secs(265) {
        assert_eq!(refused(&settings).await.message, text);
        clock::sleep(Duration::from_secs(1)).await;
    }
    server.accepted()
}

#[tokio::test(start_paused = true)]
async fn look_ups_of_a_role_that_fail_are_never_so_many_that_the_project_is_shut_out() {
    assert_eq!(look_ups("(EAUTHQUERY) user not found in the database").await, 4);
    assert_eq!(look_ups("(EAUTHQUERY) authentication query failed: timeout").await, 4);
    assert_eq!(look_ups("(EAUTHSECRETS) failed to retrieve authentication secrets").await, 4);
}

#[tokio::test(start_paused = true)]
async fn a_role_that_has_logged_in_is_not_kept_waiting_by_another_that_is_not_there() {
    let server = Server::playing(|at| match at {
        1 => full("(EAUTHQUERY) user not found in the database"),
        _ => with_password(|given| given == "secret"),
    });
    let settings = pooled(&server, Some(Duration::from_secs(10)));
    opened(&settings).await.unwrap().end(None);
    let mut missing = settings.clone();
    let user = settings.server.get_user().unwrap().replace("postgres.", "missing.");
    missing.server.user(&user);
    assert_eq!(detail(&refused(&missing).await), "");
    let error = refused(&missing).await;
    assert!(detail(&error).contains("will not be for another 2 s"), "{error:?}");
    assert_eq!(server.accepted(), 2);
    opened(&with(&settings, "secret")).await.unwrap().end(None);
}

#[tokio::test(start_paused = true)]
async fn a_login_that_is_given_up_lets_the_next_one_try() {
    let server =
        Server::playing(|at| if at == 0 { vec![Step::Never] } else { with_password(|given| given == "secret") });
    let settings = pooled(&server, None);
    let opening = || {
        let settings = settings.clone();
        tokio::spawn(async move { opened(&settings).await })
    };
    let (first, second) = (opening(), opening());
    settle().await;
    assert_eq!(server.accepted(), 1);
    first.abort();
    second.await.unwrap().unwrap().end(None);
    assert_clean(&server, "the next one").await;
}

#[tokio::test(start_paused = true)]
async fn the_password_is_asked_for_before_the_pooler_waits_for_it() {
    struct Slow;
    impl Caller for Slow {
        fn ask(&self, question: Question) -> Answering {
            assert_eq!(question.name, "password");
            Box::pin(async {
                clock::sleep(Duration::from_secs(60)).await;
                Ok(Plain::text("secret"))
            })
        }
    }
    let server = Server::playing(|_| with_password(|given| given == "secret"));
    let settings = pooled(&server, None);
    let caller: Arc<dyn Caller> = Arc::new(Slow);
    let opening = tokio::spawn(async move { opened_by(&settings, &caller).await });
    clock::sleep(Duration::from_secs(59)).await;
    assert_eq!(server.accepted(), 0);
    opening.await.unwrap().unwrap().end(None);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_counts_nothing_is_tried_each_time() {
    let server = Server::playing(|_| with_password(|given| given == "right"));
    let settings = server.settings();
    for _ in 0..12 {
        let error = refused(&settings).await;
        assert_eq!((error.code.as_deref(), error.supabase), (Some("28P01"), None));
    }
    assert_eq!(server.accepted(), 12);
}
