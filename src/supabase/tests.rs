use proptest::prelude::*;

use super::*;
use crate::error::{Error, ErrorKind, Phase, Reaction, ServerError};

const POOLER: &str = "aws-0-eu-central-1.pooler.supabase.com";
const DIRECT: &str = "db.abcdefghijklmnopqrst.supabase.co";
const ELSEWHERE: &str = "pooler.example.com";

fn pooler() -> Way<'static> {
    Way::new(POOLER, 5432, "postgres.abcdefghijklmnopqrst")
}

fn transaction() -> Way<'static> {
    Way { port: TRANSACTION_PORT, transaction_mode: true, ..pooler() }
}

fn direct() -> Way<'static> {
    Way::new(DIRECT, 5432, "postgres")
}

fn elsewhere() -> Way<'static> {
    Way::new(ELSEWHERE, 6543, "postgres.abcdefghijklmnopqrst")
}

fn said(severity: &str, state: &str, text: &str) -> Error {
    let fields = [(b'S', severity), (b'C', state), (b'M', text)];
    let fields = fields.map(|(key, text)| (key, text.to_owned())).to_vec();
    Error::from_server(ServerError { length: 0, fields })
}

fn fatal(state: &str, text: &str) -> Error {
    said("FATAL", state, text)
}

fn failed(kind: ErrorKind, code: &str) -> Error {
    Error::new(kind, "failed").with_code(code)
}

/// Code, word for the reaction and milliseconds to wait.
fn told(way: Way<'_>, error: &Error) -> Option<(&'static str, &'static str, Option<u128>)> {
    let advice = advice(&way, error)?;
    let pause = answer(&way, error)?.pause.map(|pause| pause.as_millis());
    Some((advice.code, advice.reaction.as_str(), pause))
}

type Case = (&'static str, &'static str, &'static str, &'static str, &'static str, Option<u128>);

/// SQLSTATE, text with a code, text of releases without codes, and what both mean.
#[rustfmt::skip]
const POOLERS_OWN: [Case; 44] = [
    ("XX000", "(ENOTFOUND) tenant/user postgres.abc not found", "Tenant or user not found", "ENOTFOUND", "fix", None),
    ("XX000", "(ENOIDENTIFIER) no tenant identifier provided (external_id or sni_hostname required)", "no tenant identifier provided (external_id or sni_hostname required)", "ENOIDENTIFIER", "fix", None),
    ("XX000", "(EINVALIDUSERINFO) Authentication error, reason: \"Invalid format for user or db_name\"",
        "Authentication error, reason: \"Invalid format for user or db_name\"", "EINVALIDUSERINFO", "fix", None),
    ("XX000", "(EMULTIPLEUSERS) multiple users matched for postgres.abc, check tenant configuration", "multiple users matched for postgres.abc, check tenant configuration", "EMULTIPLEUSERS", "fix", None),
    ("XX000", "(EBANNED) tenant is banned: abuse", "tenant is banned: abuse", "EBANNED", "stop", None),
    ("XX000", "(ESSLREQUIRED) SSL connection is required for user: postgres", "SSL connection is required", "ESSLREQUIRED", "fix", None),
    ("XX000", "(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}",
        "Address not in tenant allow_list: {1, 2, 3, 4}", "EADDRNOTALLOWED", "fix", None),
    ("XX000", "(EJITREQUESTFAILED) failed to reach JIT provider for postgres", "failed to reach JIT provider for postgres", "EJITREQUESTFAILED", "retry", Some(1000)),
    ("XX000", "(ECIRCUITBREAKER) too many authentication failures, new connections are blocked", "too many authentication failures, new connections are blocked", "ECIRCUITBREAKER", "stop", Some(120_000)),
    ("XX000", "(ECIRCUITBREAKER) Too many authentication errors", "", "ECIRCUITBREAKER", "stop", Some(120_000)),
    ("XX000", "(ECIRCUITBREAKER) something new", "", "ECIRCUITBREAKER", "stop", Some(120_000)),
    ("XX000", "(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts, new ones are blocked", "failed to retrieve database credentials after multiple attempts, new ones are blocked", "ECIRCUITBREAKER", "wait", Some(30_000)),
    ("XX000", "(ECIRCUITBREAKER) Failed to retrieve database credentials", "", "ECIRCUITBREAKER", "wait", Some(30_000)),
    ("XX000", "(ECIRCUITBREAKER) too many failed attempts to connect to the database, new ones are blocked", "too many failed attempts to connect to the database, new ones are blocked", "ECIRCUITBREAKER", "wait", Some(30_000)),
    ("XX000", "(EAUTHQUERY) user not found in the database", "", "EAUTHQUERY", "fix", None),
    ("XX000", "(EAUTHQUERY) MD5 secrets are not supported for auth_query, use require_user instead", "", "EAUTHQUERY", "fix", None),
    ("XX000", "(EAUTHQUERY) authentication query failed: connection to database not available", "authentication query failed: connection to database not available", "EAUTHQUERY", "retry", Some(2000)),
    ("XX000", "(EAUTHQUERY) auth_query connection failed", "auth_query connection failed", "EAUTHQUERY", "retry", Some(2000)),
    ("XX000", "(EAUTHQUERY) auth_query secret check timed out", "", "EAUTHQUERY", "retry", Some(2000)),
    ("XX000", "(EAUTHSECRETS) failed to retrieve authentication secrets", "", "EAUTHSECRETS", "retry", Some(2000)),
    ("08006", "(EAUTHTIMEOUT) timeout while waiting for message", "", "EAUTHTIMEOUT", "fix", None),
    ("08P01", "(EAUTHPROTOCOL) protocol violation during authentication", "", "EAUTHPROTOCOL", "fix", None),
    ("08P01", "(ESTARTUPMESSAGE) Invalid startup message: no user", "", "ESTARTUPMESSAGE", "fix", None),
    ("08P01", "(ESTARTUPPACKETTOOLARGE) Startup packet too large (max 1024 bytes)", "Startup packet too large (max 1024 bytes)", "ESTARTUPPACKETTOOLARGE", "fix", None),
    ("08006", "(ESSLHANDSHAKE) SSL handshake failed", "SSL handshake failed", "ESSLHANDSHAKE", "fix", None),
    ("XX000", "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15",
        "MaxClientsInSessionMode: max clients reached - in Session mode max clients are limited to pool_size", "EMAXCONNSESSION", "wait", Some(500)),
    ("XX000", "(EMAXCONN) max client connections reached, limit: 200", "Max client connections reached", "EMAXCONN", "wait", Some(1000)),
    ("XX000", "(EMAXPROXYCONN) max proxy connections reached, limit: 9", "", "EMAXPROXYCONN", "wait", Some(1000)),
    ("XX000", "(EMAXPOOLSREACHED) max pools count reached", "Max pools count reached", "EMAXPOOLSREACHED", "wait", Some(5000)),
    ("XX000", "(ECHECKOUTTIMEOUT) unable to check out connection from the pool after 15000ms in Transaction mode",
        "Unable to check out process from the pool due to timeout", "ECHECKOUTTIMEOUT", "retry", Some(500)),
    ("XX000", "(ECHECKOUTRETRIES) failed after several tries", "", "ECHECKOUTRETRIES", "retry", Some(1000)),
    ("XX000", "(EPOOLCHECKOUT) failed", "", "EPOOLCHECKOUT", "retry", Some(1000)),
    ("XX000", "(EDBHANDLEREXITED) connection to database closed", "DbHandler exited", "EDBHANDLEREXITED", "retry", Some(1000)),
    ("XX000", "(ESUBSCRIBERETRIES) failed", "Failed to subscribe to tenant after multiple retries. Terminating.", "", "retry", Some(1000)),
    ("XX000", "(EPROXYSTARTFAILED) failed", "", "EPROXYSTARTFAILED", "retry", Some(1000)),
    ("XX000", "(EPROXYSUPERVISORUNAVAILABLE) failed", "", "EPROXYSUPERVISORUNAVAILABLE", "retry", Some(1000)),
    ("XX000", "(EPOOLCONFIGNOTFOUND) failed", "", "EPOOLCONFIGNOTFOUND", "retry", Some(1000)),
    ("XX000", "(EPOOLRANCHNOTFOUND) failed", "", "EPOOLRANCHNOTFOUND", "retry", Some(1000)),
    ("XX000", "(EWORKERNOTFOUND) failed", "", "EWORKERNOTFOUND", "retry", Some(1000)),
    ("42P05", "(EPREPAREDDUP) prepared statement \"s0\" already exists", "", "EPREPAREDDUP", "fix", None),
    ("26000", "(EPREPAREDNOTFOUND) prepared statement \"s0\" does not exist", "", "EPREPAREDNOTFOUND", "fix", None),
    ("XX000", "(EMAXPREPARED) max prepared statements limit reached", "max prepared statements limit reached. Limit: 100 per connection", "EMAXPREPARED", "fix", None),
    ("XX000", "(EMAXPREPAREDMEM) max prepared statements memory limit reached", "max prepared statements memory limit reached. Limit: 1MB per connection", "", "fix", None),
    ("XX000", "(EPSSIMPLEQUERY) Supavisor transaction mode only supports prepared statements using the Extended Query Protocol",
        "Supavisor transaction mode only supports prepared statements using the Extended Query Protocol", "EPSSIMPLEQUERY", "fix", None),
];

#[test]
fn an_answer_of_a_pooler_is_recognised_on_any_host_with_its_code_and_without() {
    for (state, with_code, without, code, reaction, pause) in POOLERS_OWN {
        let own = with_code.strip_prefix('(').and_then(|rest| rest.split_once(')')).unwrap().0;
        for way in [pooler(), elsewhere()] {
            assert_eq!(told(way, &fatal(state, with_code)), Some((own, reaction, pause)), "{with_code}");
            if without.is_empty() {
                continue;
            }
            let (found, word, wait) = told(way, &fatal(state, without)).expect(without);
            assert_eq!((word, wait), (reaction, pause), "{without}");
            assert!(found == code || code.is_empty(), "{without}: {found}");
        }
    }
}

#[test]
fn each_code_of_the_table_has_a_case() {
    let ours = |code: &str| !POOLERS_OWN.iter().any(|(_, text, ..)| text.contains(&format!("({code})")));
    let coded = answers::ANSWERS.iter().filter(|answer| answer.seen.iter().any(|form| form.what == What::Code));
    let left: Vec<&str> = coded.flat_map(|answer| answer.codes.iter().copied()).filter(|code| ours(code)).collect();
    assert_eq!(
        left,
        ["EWRONGPASSWORD", "EJITUNAUTHORIZED", "EPOOLTERMINATING", "ECHECKOUTFAILED", "ESETNOTALLOWED", "ESESSIONLEAK"]
    );
}

#[test]
fn what_only_supabase_means_by_it_is_recognised_on_the_way_there_only() {
    let io = |code| failed(ErrorKind::Io, code);
    let tls = |code| failed(ErrorKind::Tls, code);
    let timeout = |phase| Error::new(ErrorKind::Timeout(phase), "timeout").with_code("ETIMEDOUT");
    let password = fatal("28P01", "password authentication failed for user \"postgres\"");
    let no_tls = "no pg_hba.conf entry for host \"::1\", user \"postgres\", database \"postgres\", no encryption";
    let not_allowed = "no pg_hba.conf entry for host \"::1\", user \"postgres\", database \"postgres\", SSL encryption";
    for (way, error, code, reaction, pause) in [
        (pooler(), password.clone(), "EWRONGPASSWORD", "stop", Some(3000)),
        (direct(), password, "EWRONGPASSWORD", "stop", None),
        (
            pooler(),
            fatal("28P01", "(ECHECKOUTFAILED) password authentication failed"),
            "EWRONGPASSWORD",
            "stop",
            Some(3000),
        ),
        (pooler(), fatal("53300", "(ENEWER) too many connections"), "ETOOMANYCONNECTIONS", "wait", Some(1000)),
        (direct(), fatal("28000", no_tls), "ESSLREQUIRED", "fix", None),
        (direct(), fatal("28000", not_allowed), "EADDRNOTALLOWED", "fix", None),
        (direct(), fatal("28000", "role \"a\" is not permitted to log in"), "ENOTPERMITTED", "fix", None),
        (direct(), fatal("42501", "permission denied for database \"postgres\""), "ENOTPERMITTED", "fix", None),
        (pooler(), fatal("3D000", "database \"app\" does not exist"), "EDATABASENOTFOUND", "fix", None),
        (
            direct(),
            fatal("53300", "remaining connection slots are reserved"),
            "ETOOMANYCONNECTIONS",
            "wait",
            Some(1000),
        ),
        (
            pooler(),
            fatal("57P01", "terminating connection due to administrator command"),
            "EADMINSHUTDOWN",
            "retry",
            Some(1000),
        ),
        (pooler(), fatal("57P03", "the database system is starting up"), "ESTARTINGUP", "retry", Some(2000)),
        (pooler(), fatal("22023", "invalid value for parameter"), "EINVALIDSTARTUPOPTION", "fix", None),
        (
            pooler(),
            said("ERROR", "25006", "cannot execute INSERT in a read-only transaction"),
            "EREADONLY",
            "fix",
            None,
        ),
        (
            transaction(),
            said("ERROR", "42P05", "prepared statement \"s0\" already exists"),
            "EPREPAREDDUP",
            "fix",
            None,
        ),
        (
            transaction(),
            said("ERROR", "26000", "prepared statement \"s0\" does not exist"),
            "EPREPAREDNOTFOUND",
            "fix",
            None,
        ),
        (
            Way::new(DIRECT, 6543, "postgres"),
            fatal("08P01", "no more connections allowed (max_client_conn)"),
            "EMAXCONN",
            "wait",
            Some(1000),
        ),
        (
            Way::new(DIRECT, 6543, "postgres"),
            fatal("08P01", "query_wait_timeout"),
            "ECHECKOUTTIMEOUT",
            "retry",
            Some(500),
        ),
        (pooler(), fatal("XX000", "{:shutdown, :db_termination}"), "EPOOLTERMINATING", "retry", Some(1000)),
        (pooler(), fatal("XX000", "Internal error (auth): :unexpected"), "EPROXYSTARTFAILED", "retry", Some(1000)),
        (direct(), io("ECONNREFUSED"), "EADDRESSBANNED", "stop", Some(1_800_000)),
        (direct(), io("ENETUNREACH"), "EIPV6ONLY", "fix", None),
        (direct(), io("EHOSTUNREACH"), "EIPV6ONLY", "fix", None),
        (direct(), timeout(Phase::Connect), "EIPV6ONLY", "fix", None),
        (direct(), io("ENOTFOUND"), "EPROJECTPAUSED", "fix", None),
        (pooler(), io("ENOTFOUND"), "EPOOLERHOST", "fix", None),
        (pooler(), io("EAI_AGAIN"), "ENAMESERVICE", "retry", Some(1000)),
        (pooler(), io("ECONNREFUSED"), "EPOOLERUNREACHABLE", "retry", Some(1000)),
        (pooler(), io("ECONNRESET"), "ECONNECTIONLOST", "retry", Some(1000)),
        (pooler(), Error::lost(), "ECONNECTIONLOST", "retry", Some(1000)),
        (pooler(), tls("SELF_SIGNED_CERT_IN_CHAIN"), "EROOTNOTTRUSTED", "fix", None),
        (pooler(), tls("CERT_HAS_EXPIRED"), "ECERTIFICATEDATE", "fix", None),
        (pooler(), tls("ERR_TLS_CERT_ALTNAME_INVALID"), "ECERTIFICATENAME", "fix", None),
    ] {
        assert_eq!(told(way, &error), Some((code, reaction, pause)), "{error:?}");
        assert_eq!(told(elsewhere(), &error), None, "{error:?}");
        if way.is_pooler() {
            let by_ref = Way { host: "127.0.0.1", by_ref: true, ..way };
            assert_eq!(told(by_ref, &error), Some((code, reaction, pause)), "{error:?}");
        }
    }
    assert_eq!(told(direct(), &timeout(Phase::Authenticate)), None);
}

#[test]
fn errors_that_are_no_answers_of_the_way_mean_nothing() {
    for error in [
        said("ERROR", "42P01", "relation \"a\" does not exist"),
        said("ERROR", "42501", "permission denied for table a"),
        said("ERROR", "22023", "invalid parameter"),
        said("ERROR", "3D000", "database \"a\" does not exist"),
        said("ERROR", "P0001", "(ENOTFOUND) raised by a function"),
        said("ERROR", "42P05", "prepared statement \"s0\" already exists"),
        fatal("XX000", "(ENOTHING) of a newer release"),
        fatal("XX000", "(ENOTFOUND"),
        fatal("XX000", "ENOTFOUND) x"),
        fatal("XX000", "(enotfound) x"),
        fatal("XX000", "()"),
        fatal("XX000", ""),
        fatal("XX000", "a text in which Tenant or user not found stands"),
        Error::config("wrong"),
        failed(ErrorKind::Closed, "ECLOSED"),
    ] {
        assert_eq!(told(pooler(), &error), None, "{error:?}");
    }
}

#[test]
fn a_refused_address_among_others_is_a_ban_and_not_a_missing_route() {
    let attempts = ["ENETUNREACH", "ECONNREFUSED"].map(|code| failed(ErrorKind::Io, code));
    let error = Error { attempts: attempts.into(), ..failed(ErrorKind::Io, "ENETUNREACH") };
    assert_eq!(told(direct(), &error), Some(("EADDRESSBANNED", "stop", Some(1_800_000))));
}

#[test]
fn a_hint_names_what_it_is_about() {
    let hint = |way, error: Error| advice(&way, &error).unwrap().hint;
    let unknown = hint(pooler(), fatal("XX000", "(ENOTFOUND) tenant/user x not found"));
    assert!(unknown.starts_with(&format!("{POOLER} doesn't know abcdefghijklmnopqrst,")), "{unknown}");
    let full = hint(pooler(), fatal("XX000", "(EMAXCONNSESSION) max clients are limited to pool_size: 15"));
    assert!(full.starts_with("All 15 connections"), "{full}");
    let only = hint(pooler(), fatal("XX000", "(EMAXCONNSESSION) max clients are limited to pool_size: 1"));
    assert!(only.starts_with("All server connections"), "{only}");
    let restricted = hint(pooler(), fatal("XX000", "(EADDRNOTALLOWED) address not in tenant allow_list: {1, 2, 3, 4}"));
    assert!(restricted.contains("don't let 1.2.3.4 in"), "{restricted}");
    let wrong = hint(pooler(), fatal("28P01", "password authentication failed for user \"postgres\""));
    assert!(wrong.starts_with("The password of postgres is wrong."), "{wrong}");
}

#[test]
fn each_reaction_has_answers() {
    for reaction in [Reaction::Fix, Reaction::Wait, Reaction::Retry, Reaction::Stop] {
        assert!(answers::ANSWERS.iter().any(|answer| answer.reaction == reaction));
    }
}

fn state() -> impl Strategy<Value = String> {
    prop_oneof![Just("XX000".to_owned()), Just("28P01".to_owned()), Just("08P01".to_owned()), ".*"]
}

fn text() -> impl Strategy<Value = String> {
    let cases: Vec<&str> = POOLERS_OWN.iter().map(|case| case.1).collect();
    prop_oneof![
        ".*",
        "\\(E[A-Z]{0,20}\\)? ?.*",
        (proptest::sample::select(cases), 0_usize..100, ".*").prop_map(|(case, cut, more)| {
            let kept: String = case.chars().take(cut).collect();
            kept + &more
        }),
    ]
}

proptest! {
    #[test]
    fn any_text_is_an_answer_or_none(state in state(), text in text(), host in "\\PC*", user in "\\PC*", port in any::<u16>()) {
        for way in [Way::new(&host, port, &user), Way { by_ref: true, ..Way::new(&host, port, &user) }, pooler(), direct()] {
            let error = fatal(&state, &text);
            prop_assert_eq!(advice(&way, &error).map(|advice| advice.reaction), answer(&way, &error).map(|answer| answer.reaction));
        }
    }

    #[test]
    fn a_hint_never_repeats_a_secret(index in 0..POOLERS_OWN.len(), odd in "[^a-zA-Z0-9_ ]") {
        let (state, text, ..) = POOLERS_OWN[index];
        let secret = format!("geheim{odd}wort");
        let user = format!("{secret}.{secret}");
        let way = Way { by_ref: true, ..Way::new(&secret, 5432, &user) };
        let hint = advice(&way, &fatal(state, &format!("{text} {secret}"))).unwrap().hint;
        prop_assert!(!hint.contains("geheim"), "{}", hint);
    }
}

#[test]
fn a_huge_text_is_read_to_no_more_than_its_beginning() {
    let huge = "\u{20ac}".repeat(1_000_000);
    assert_eq!(told(pooler(), &fatal("28000", &format!("{huge} no encryption"))), Some(("ENOTPERMITTED", "fix", None)));
    let code = format!("(ENOTFOUND) {huge}");
    assert_eq!(told(elsewhere(), &fatal("XX000", &code)), Some(("ENOTFOUND", "fix", None)));
}
