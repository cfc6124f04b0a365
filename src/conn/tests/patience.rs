//! A pooler that has no room, or is in trouble: it is tried again, in the caller's time and one at a time.

use std::time::{Duration, Instant};

use super::super::scripted::{
    Door, NO_ROOM, Script, Server, Step, cut, fatal, fatal_saying, full, pooled, settle, trust,
};
use super::{assert_clean, opened, refused};
use crate::clock;
use crate::conn::{KeyRing, next_id, open};
use crate::error::{Error, ErrorKind, Reaction};

const TEN_SECONDS: Duration = Duration::from_secs(10);

/// Has room from this connection on.
fn full_until(number: usize, text: &'static str) -> Server {
    Server::playing(move |at| if at < number { full(text) } else { trust() })
}

/// Has never room.
fn always_full(text: &'static str) -> Server {
    Server::playing(move |_| full(text))
}

fn advice(error: &Error) -> (&'static str, Reaction) {
    let advice = error.supabase.as_ref().unwrap_or_else(|| panic!("{error:?} has advice"));
    (advice.code, advice.reaction)
}

fn since(start: Instant) -> Duration {
    clock::now().saturating_duration_since(start)
}

#[tokio::test(start_paused = true)]
async fn room_that_comes_in_time_is_waited_for() {
    for text in [NO_ROOM, "MaxClientsInSessionMode: max clients reached", "(ECHECKOUTTIMEOUT) unable to check out"] {
        let server = full_until(4, text);
        opened(&pooled(&server, Some(TEN_SECONDS))).await.unwrap().end(None);
        assert_eq!(server.accepted(), 5, "{text}");
        assert_clean(&server, text).await;
    }
}

#[tokio::test(start_paused = true)]
async fn when_time_is_up_the_poolers_own_answer_is_the_error() {
    let server = always_full(NO_ROOM);
    let start = clock::now();
    let error = refused(&pooled(&server, Some(TEN_SECONDS))).await;
    assert_eq!((error.kind, error.message.as_str()), (ErrorKind::Server, NO_ROOM));
    assert_eq!(advice(&error), ("EMAXCONNSESSION", Reaction::Wait));
    assert!(since(start) <= TEN_SECONDS, "{:?}", since(start));
    assert!((4..20).contains(&server.accepted()), "{} tries", server.accepted());
    assert_clean(&server, "no room").await;
}

#[tokio::test(start_paused = true)]
async fn without_a_limit_it_is_tried_for_a_minute() {
    let server = always_full(NO_ROOM);
    let start = clock::now();
    assert_eq!(refused(&pooled(&server, None)).await.message, NO_ROOM);
    assert!((Duration::from_secs(50)..=Duration::from_secs(60)).contains(&since(start)), "{:?}", since(start));
}

#[tokio::test(start_paused = true)]
async fn a_try_that_hangs_behind_such_an_answer_is_no_timeout() {
    let server = Server::playing(|at| if at == 0 { full(NO_ROOM) } else { vec![Step::Never] });
    let start = clock::now();
    let error = refused(&pooled(&server, Some(TEN_SECONDS))).await;
    assert_eq!((error.message.as_str(), since(start) <= TEN_SECONDS), (NO_ROOM, true));
    server.set_door(Door::Silent);
    assert_clean(&server, "a silent pooler").await;
}

#[tokio::test(start_paused = true)]
async fn a_breaker_is_left_alone_for_as_long_as_it_asks() {
    let text = "(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts, new connections are \
                temporarily blocked";
    let server = full_until(1, text);
    let start = clock::now();
    let error = refused(&pooled(&server, Some(TEN_SECONDS))).await;
    assert_eq!((advice(&error), server.accepted()), (("ECIRCUITBREAKER", Reaction::Wait), 1));
    assert!(since(start) <= TEN_SECONDS);
    let server = full_until(1, text);
    opened(&pooled(&server, Some(2 * 2 * TEN_SECONDS))).await.unwrap().end(None);
    assert!(since(start) >= Duration::from_secs(30));
}

#[tokio::test(start_paused = true)]
async fn what_another_try_cannot_help_is_told_at_once_with_advice() {
    for (text, code) in [
        ("Tenant or user not found", "ENOTFOUND"),
        ("(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}", "EADDRNOTALLOWED"),
        ("(EBANNED) tenant is banned: unpaid", "EBANNED"),
    ] {
        let server = always_full(text);
        let start = clock::now();
        let error = refused(&pooled(&server, Some(TEN_SECONDS))).await;
        assert_eq!((advice(&error).0, error.message.as_str(), server.accepted()), (code, text, 1));
        assert_eq!(since(start), Duration::ZERO);
    }
}

#[tokio::test(start_paused = true)]
async fn a_server_that_is_no_pooler_of_supabases_is_asked_once() {
    for code in ["53300", "57P03", "57P01", "28P01", "XX000"] {
        let server = Server::playing(move |_| vec![Step::Send(fatal(code)), Step::Close]);
        let mut settings = server.settings();
        settings.connect_timeout = Some(TEN_SECONDS);
        let start = clock::now();
        let error = refused(&settings).await;
        assert_eq!((error.code.as_deref(), error.supabase, server.accepted()), (Some(code), None, 1));
        assert_eq!(since(start), Duration::ZERO, "{code}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_database_that_is_starting_is_waited_for_where_it_is_a_projects() {
    let starting = || vec![Step::Send(fatal_saying("57P03", "the database system is starting up")), Step::Close];
    let server = Server::playing(move |at| if at < 2 { starting() } else { trust() });
    opened(&pooled(&server, Some(TEN_SECONDS))).await.unwrap().end(None);
}

#[tokio::test(start_paused = true)]
async fn several_that_wait_try_one_at_a_time_and_all_get_in_when_there_is_room() {
    let server = full_until(12, NO_ROOM);
    let settings = pooled(&server, Some(6 * TEN_SECONDS));
    let opening = || {
        let settings = settings.clone();
        tokio::spawn(async move { opened(&settings).await })
    };
    let all: Vec<_> = (0..5).map(|_| opening()).collect();
    settle().await;
    let late = opening();
    clock::sleep(TEN_SECONDS).await;
    // In pauses that grow, as for one alone.
    assert!((4..12).contains(&server.accepted()), "{} tries", server.accepted());
    for opening in all.into_iter().chain([late]) {
        opening.await.unwrap().unwrap().end(None);
    }
    assert_clean(&server, "six").await;
}

#[tokio::test(start_paused = true)]
async fn waiting_that_is_given_up_leaves_nothing_and_the_next_in_line_goes_on() {
    let server = full_until(40, NO_ROOM);
    let settings = pooled(&server, Some(TEN_SECONDS));
    for waits in 0..12 {
        let context = format!("given up at await {waits}");
        assert!(cut(opened(&settings), waits).await.is_none(), "{context}");
        assert_clean(&server, &context).await;
    }
    let task = settings.clone();
    let first = tokio::spawn(async move { opened(&task).await });
    settle().await;
    let task = crate::config::ServerSettings { connect_timeout: Some(60 * TEN_SECONDS), ..settings };
    let second = tokio::spawn(async move { open(next_id(), &task, &KeyRing::default(), None).await });
    settle().await;
    first.abort();
    second.await.unwrap().unwrap().end(None);
    assert_clean(&server, "the next in line").await;
}

#[tokio::test(start_paused = true)]
async fn the_limit_counts_from_the_start_over_all_tries_and_hosts() {
    let first = Server::playing(|_| -> Script { vec![Step::Never] });
    let second = always_full(NO_ROOM);
    let mut settings = pooled(&first, Some(TEN_SECONDS));
    settings.server.host("192.0.2.1").port(second.settings().server.get_ports()[0]);
    let start = clock::now();
    assert_eq!(refused(&settings).await.message, NO_ROOM);
    assert_eq!((since(start), second.accepted()), (TEN_SECONDS, 1));
}
