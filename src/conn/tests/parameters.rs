//! Startup parameters that a pooler drops or refuses.

use std::sync::{Arc, Mutex};

use super::super::message::Message;
use super::super::request::Request;
use super::super::scripted::{
    Receiver, STARTUP, Script, Server, Step, TLS, complete, fatal_saying, message, name, one_row, pooled, ready,
    refusal, trust,
};
use super::{assert_clean, opened, refused};
use crate::config::{PoolMode, ServerSettings};
use crate::error::{ErrorKind, Reaction};

fn startup(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

/// Statements with values are answered by this value, and shown to have that one.
fn answers(set: &'static str, shown: &'static str) -> Step {
    let values = Mutex::new([set, shown].into_iter());
    Step::Serve(Arc::new(move |tag, _| match tag {
        b'E' => {
            let value = values.lock().unwrap().next().unwrap();
            Some([message(b'1', &[]), message(b'2', &[]), one_row(value)].concat())
        }
        b'S' => Some(ready(b'I')),
        b'X' => None,
        _ => Some(Vec::new()),
    }))
}

/// The texts of a startup packet.
type Packet = Arc<Mutex<Vec<String>>>;

/// Plays these steps behind the startup packet, and keeps that.
fn noting(steps: impl Fn(usize) -> Script + Send + Sync + 'static) -> (Server, Packet) {
    let packet = Packet::default();
    let seen = packet.clone();
    let server = Server::playing(move |number| {
        let seen = seen.clone();
        let take = move |body: &[u8]| {
            let texts = body[4..].split(|byte| *byte == 0).map(|text| String::from_utf8_lossy(text).into_owned());
            *seen.lock().unwrap() = texts.collect();
            Vec::new()
        };
        [vec![Step::Answer(STARTUP, Arc::new(take))], steps(number)].concat()
    });
    (server, packet)
}

/// Behind the startup packet: no password, and this role.
fn logs_in(role: &str) -> Script {
    let report = message(b'S', format!("session_authorization\0{role}\0").as_bytes());
    let [_, authenticated, greeting] = <[Step; 3]>::try_from(trust()).ok().unwrap();
    vec![authenticated, Step::Send(report), greeting]
}

fn limited(settings: ServerSettings) -> ServerSettings {
    ServerSettings { startup: startup(&[("statement_timeout", "5000")]), ..settings }
}

#[tokio::test(start_paused = true)]
async fn what_the_pooler_drops_is_set_in_one_exchange_and_looked_at() {
    let (server, packet) = noting(|_| [logs_in("postgres"), vec![answers("5s", "5s")]].concat());
    opened(&limited(pooled(&server, None))).await.unwrap().end(None);
    assert!(!packet.lock().unwrap().contains(&"statement_timeout".to_owned()));
    assert_clean(&server, "a parameter").await;
    assert_eq!(server.heard(0), b"\0PBDEPBDESX");
}

#[tokio::test(start_paused = true)]
async fn one_that_the_session_does_not_have_is_named() {
    let (server, _) = noting(|_| [logs_in("postgres"), vec![answers("5s", "0")]].concat());
    let error = refused(&limited(pooled(&server, None))).await;
    assert_eq!(error.kind, ErrorKind::Config);
    assert!(error.message.starts_with("\"statement_timeout\" was set to '5000' after connecting"), "{error:?}");
    assert_clean(&server, "a parameter that doesn't hold").await;
}

#[tokio::test(start_paused = true)]
async fn one_that_the_server_refuses_has_the_servers_words() {
    let no =
        |tag, _: &[u8]| Some(if tag == b'S' { [refusal(b'E', "22023"), ready(b'I')].concat() } else { Vec::new() });
    let (server, _) = noting(move |_| [logs_in("postgres"), vec![Step::Serve(Arc::new(no))]].concat());
    assert_eq!(refused(&limited(pooled(&server, None))).await.code.as_deref(), Some("22023"));
    assert_clean(&server, "a wrong value").await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_asked_where_nothing_has_to_be_set() {
    let (server, packet) = noting(|_| logs_in("postgres"));
    let mut settings = pooled(&server, None);
    settings.startup = startup(&[("application_name", "app"), ("search_path", "a")]);
    opened(&settings).await.unwrap().end(None);
    assert_clean(&server, "a pooler").await;
    assert_eq!(server.heard(0), b"\0X");
    assert!(packet.lock().unwrap().contains(&"search_path".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_server_gets_all_of_them_in_its_packet() {
    let (server, packet) = noting(|_| logs_in("somebody"));
    opened(&limited(server.settings())).await.unwrap().end(None);
    assert_clean(&server, "a server").await;
    assert_eq!(server.heard(0), b"\0X");
    assert!(packet.lock().unwrap().contains(&"statement_timeout".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_pooler_by_another_name_is_told_by_the_role_that_it_logs_in() {
    let (server, _) = noting(|_| [logs_in("postgres"), vec![answers("5s", "5s")]].concat());
    let mut settings = limited(server.settings());
    settings.server.user("postgres.dev_tenant");
    opened(&settings).await.unwrap().end(None);
    assert_clean(&server, "a pooler by another name").await;
    assert_eq!(server.heard(0), b"\0PBDEPBDESX");
    settings.pool_mode = Some(PoolMode::Transaction);
    settings.startup = startup(&[("default_transaction_read_only", "on")]);
    assert!(refused(&settings).await.message.contains("transaction mode"));
}

#[tokio::test(start_paused = true)]
async fn transaction_mode_refuses_what_it_cannot_keep_before_it_connects() {
    let (server, _) = noting(|_| logs_in("postgres"));
    let mut settings = pooled(&server, None);
    settings.pool_mode = Some(PoolMode::Transaction);
    settings.startup = startup(&[("default_transaction_read_only", "on")]);
    let error = refused(&settings).await;
    let word = "\"default_transaction_read_only\" can't be kept in transaction mode";
    assert!(error.message.starts_with(word), "{error:?}");
    let advice = error.supabase.unwrap();
    assert_eq!((error.kind, advice.code, advice.reaction), (ErrorKind::Config, "EPARAMETERDROPPED", Reaction::Fix));
    settings.startup = startup(&[("application_name", "app"), ("options", "--reference=abc")]);
    opened(&settings).await.unwrap().end(None);
    assert_eq!(server.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_packet_that_the_pooler_does_not_read_is_not_sent() {
    let (server, _) = noting(|_| logs_in("postgres"));
    let mut settings = pooled(&server, None);
    settings.startup = startup(&[("application_name", "app"), ("search_path", &"x".repeat(1000))]);
    let error = refused(&settings).await;
    assert!(error.message.ends_with("the pooler reads 1024: shorten \"search_path\"."), "{error:?}");
    assert_eq!((error.supabase.unwrap().code, server.accepted()), ("ESTARTUPPACKETTOOLARGE", 0));
}

#[tokio::test(start_paused = true)]
async fn replication_is_refused_with_the_way_to_it() {
    let (server, _) = noting(|_| logs_in("postgres"));
    let mut settings = pooled(&server, None);
    settings.startup = startup(&[("replication", "database")]);
    assert!(refused(&settings).await.message.contains("connect to the project's own host"));
}

#[tokio::test(start_paused = true)]
async fn another_encoding_is_set_right() {
    let encoding = || Step::Send(message(b'S', b"client_encoding\0SQL_ASCII\0"));
    let (server, _) = noting(move |_| {
        let [authenticated, report, greeting] = <[Step; 3]>::try_from(logs_in("postgres")).ok().unwrap();
        vec![authenticated, report, encoding(), greeting, answers("UTF8", "UTF8")]
    });
    opened(&pooled(&server, None)).await.unwrap().end(None);
    assert_clean(&server, "another encoding").await;
    assert_eq!(server.heard(0), b"\0PBDEPBDESX");
}

/// PgBouncer's way with what it doesn't know.
fn refuses_first(number: usize) -> Script {
    let refusal = fatal_saying("08P01", "unsupported startup parameter: statement_timeout");
    if number == 0 {
        return vec![Step::Send(refusal), Step::Close];
    }
    [logs_in("somebody"), vec![answers("5s", "5s")]].concat()
}

#[tokio::test(start_paused = true)]
async fn a_pooler_in_session_mode_that_refuses_parameters_gets_them_afterwards() {
    let (server, packet) = noting(refuses_first);
    opened(&ServerSettings { pool_mode: Some(PoolMode::Session), ..limited(server.settings()) })
        .await
        .unwrap()
        .end(None);
    assert_clean(&server, "PgBouncer").await;
    assert_eq!((server.accepted(), server.heard(1)), (2, b"\0PBDEPBDESX".to_vec()));
    assert!(!packet.lock().unwrap().contains(&"statement_timeout".to_owned()));
}

/// PgBouncer's way with a wrong password in older versions.
fn refuses_password(_: usize) -> Script {
    let refusal = || fatal_saying("08P01", "password authentication failed");
    let asks = Step::Send(message(b'R', &[0, 0, 0, 3]));
    vec![Step::Expect(STARTUP), asks, Step::Answer(b'p', Arc::new(move |_| refusal())), Step::Close]
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_that_has_the_code_of_a_refused_parameter_is_given_once() {
    let server = Server::playing(refuses_password);
    let settings = ServerSettings { pool_mode: Some(PoolMode::Session), ..limited(server.settings()) };
    let error = refused(&settings).await;
    assert_eq!((error.message.as_str(), server.accepted()), ("password authentication failed", 1));
}

#[tokio::test(start_paused = true)]
async fn a_projects_own_pooler_hears_a_wrong_password_once_whatever_its_code() {
    let server = Server::playing(refuses_password);
    let machine = "db.countspasswordstoo.supabase.co";
    name(machine, Ok(vec![server.address()]));
    let mut settings = limited(server.settings());
    settings.server = tokio_postgres::Config::new();
    settings.server.host(machine).port(server.settings().server.get_ports()[0]).user("postgres").password("wrong");
    settings.pool_mode = Some(PoolMode::Transaction);
    for _ in 0..3 {
        let advice = refused(&settings).await.supabase.unwrap();
        assert_eq!((advice.code, advice.reaction), ("EWRONGPASSWORD", Reaction::Stop));
    }
    assert_eq!(server.accepted(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_of_which_the_mode_is_not_known_keeps_its_refusal() {
    for mode in [None, Some(PoolMode::Transaction)] {
        let (server, _) = noting(refuses_first);
        let error = refused(&ServerSettings { pool_mode: mode, ..limited(server.settings()) }).await;
        assert_eq!((error.code.as_deref(), server.accepted()), (Some("08P01"), 1));
    }
}

#[tokio::test(start_paused = true)]
async fn the_refusal_of_a_projects_own_pooler_says_what_can_be_done() {
    let (server, _) = noting(refuses_first);
    let machine = "db.refusesparameters.supabase.co";
    name(machine, Ok(vec![server.address()]));
    let mut settings = limited(server.settings());
    settings.server = tokio_postgres::Config::new();
    settings.server.host(machine).port(server.settings().server.get_ports()[0]).user("postgres");
    settings.pool_mode = Some(PoolMode::Transaction);
    let error = refused(&settings).await;
    assert_eq!(error.code.as_deref(), Some("08P01"));
    let advice = error.supabase.unwrap();
    assert_eq!((advice.code, advice.hint.contains("ALTER ROLE")), ("EPARAMETERDROPPED", true));
}

/// Asks for the password in the clear.
fn asks() -> Script {
    vec![Step::Send(message(b'R', &[0, 0, 0, 3])), Step::Answer(b'p', Arc::new(|_| message(b'R', &[0; 4])))]
}

#[tokio::test(start_paused = true)]
async fn an_entry_by_ref_tells_no_password_in_the_clear_to_an_unverified_server() {
    let server = Server::playing(|number| match number {
        0 => [vec![Step::Expect(STARTUP)], asks()].concat(),
        _ => vec![Step::Expect(TLS), Step::Send(b"N".to_vec()), Step::Never],
    });
    let error = refused(&ServerSettings { by_ref: true, ..pooled(&server, None) }).await;
    assert_eq!(error.kind, ErrorKind::Tls, "{error:?}");
    assert!(error.message.starts_with("The pooler asks for the password in the clear"), "{error:?}");
    assert_clean(&server, "a password in the clear").await;
    assert_eq!((server.heard(0), server.heard(1)), (vec![STARTUP], vec![TLS]));
}

#[tokio::test(start_paused = true)]
async fn other_entries_answer_as_they_always_have() {
    let (server, _) = noting(|_| [asks(), vec![trust().pop().unwrap()]].concat());
    opened(&pooled(&server, None)).await.unwrap().end(None);
    assert_eq!(server.heard(0)[..2], *b"\0p");
}

/// A pooler under a name of its own, whose connections all meet one server process, another one each time, or one of
/// their own; which it keeps for itself are told by the values that it has been asked to set.
fn poolers(process: impl Fn(usize) -> i32 + Send + Sync + 'static) -> (Server, Arc<Mutex<usize>>) {
    let sets = Arc::new(Mutex::new(0));
    let counted = sets.clone();
    let process = Arc::new(process);
    let server = Server::playing(move |number| {
        let (process, sets, is_preamble) = (process.clone(), counted.clone(), Mutex::new(false));
        let serve = move |tag: u8, body: &[u8]| {
            let is_asked = body.windows(14).any(|bytes| bytes == b"pg_backend_pid");
            Some(match tag {
                b'Q' if is_asked => [one_row(&process(number).to_string()), ready(b'I')].concat(),
                b'P' if body.windows(6).any(|bytes| bytes == b"false)") => {
                    *sets.lock().unwrap() += 1;
                    Vec::new()
                }
                b'P' if body.windows(11).any(|bytes| bytes == b"'5s', true)") => {
                    *is_preamble.lock().unwrap() = true;
                    Vec::new()
                }
                b'E' if std::mem::take(&mut *is_preamble.lock().unwrap()) => {
                    let row = message(b'D', &[0, 1, 0, 0, 0, 2, b'5', b's']);
                    [message(b'1', &[]), message(b'2', &[]), row, complete("SELECT 1")].concat()
                }
                b'E' => [message(b'1', &[]), message(b'2', &[]), one_row("5s")].concat(),
                b'S' => ready(b'I'),
                _ => Vec::new(),
            })
        };
        let logs_in = [vec![Step::Expect(STARTUP)], logs_in("postgres")].concat();
        [logs_in, vec![Step::Serve(Arc::new(serve))]].concat()
    });
    (server, sets)
}

/// Settings for a pooler that tells its tenants by the user's name, where nothing else is known of it.
fn unknown(server: &Server, tenant: &str) -> ServerSettings {
    let mut settings = limited(ServerSettings { pool_mode: None, ..server.settings() });
    settings.server.user(format!("postgres.{tenant}"));
    settings
}

#[tokio::test(start_paused = true)]
async fn nothing_is_set_in_the_sessions_of_a_pooler_that_turns_out_to_be_in_transaction_mode() {
    // The last is a project's ref: there passwords are tried by one connection at a time.
    for tenant in ["dev_tenant", "abcdefghijklmnopqrst"] {
        let (server, sets) = poolers(|_| 77);
        let settings =
            ServerSettings { startup: startup(&[("default_transaction_read_only", "on")]), ..unknown(&server, tenant) };
        let error = refused(&settings).await;
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Config, Some("PGFLEET_TRANSACTION_MODE")));
        assert!(error.message.contains("can't be kept in transaction mode"), "{error:?}");
        assert_eq!((*sets.lock().unwrap(), server.accepted()), (0, 2), "{tenant}");
        assert_clean(&server, tenant).await;
    }
}

#[tokio::test(start_paused = true)]
async fn in_transaction_mode_a_limit_is_looked_at_in_one_transaction_and_begins_each() {
    for mode in [None, Some(PoolMode::Transaction)] {
        let (server, sets) = poolers(|_| 77);
        let settings = ServerSettings { pool_mode: mode, ..unknown(&server, "dev_tenant") };
        let connection = opened(&settings).await.unwrap();
        assert_eq!(*sets.lock().unwrap(), 0, "no session has it");
        let receiver = Receiver::new();
        let message = Message::Simple("select 1".into());
        connection.submit(Request { message, reply: receiver.reply(1), may_prepare: true, known: None });
        receiver.ended(1).await.unwrap();
        let heard = server.heard(0);
        assert!(heard.ends_with(b"PBDEPBDESPBEPBDES"), "{}", String::from_utf8_lossy(&heard));
        connection.end(None);
        assert_clean(&server, "a limit").await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_pooler_that_does_not_show_such_a_mode_gets_them_set() {
    let (server, sets) = poolers(|number| 77 + i32::try_from(number).unwrap());
    for expected in [1, 2] {
        opened(&unknown(&server, "dev_tenant")).await.unwrap().end(None);
        assert_eq!(*sets.lock().unwrap(), expected);
    }
    assert_clean(&server, "a pooler in session mode").await;
    assert_eq!(server.accepted(), 3);
    assert!(!server.startup(1).contains("statement_timeout"));
}
