//! The words for each cause, from `causes.txt`.

use std::sync::LazyLock;

use super::cause::Cause;
use super::finding::Finding;
use crate::error::Error;
use crate::supabase::{self, Answer, Form, Record, Sight, Way, fill, records};

/// The detail of a check that wasn't reached.
pub(super) const NOT_REACHED: &str = "not looked at, since an earlier check failed";

/// What the table says of one cause.
struct Entry {
    cause: Cause,
    /// Forms of errors that have it.
    seen: Vec<Form>,
    means: String,
    remedy: String,
}

static ENTRIES: LazyLock<Vec<Entry>> = LazyLock::new(|| read(TABLE).unwrap_or_default());

/// The facts that are the texts of an answer in `src/supabase/answers.txt`.
const MEANING: &str = "meaning";
const ADVICE: &str = "advice";

const TABLE: &str = include_str!("causes.txt");

fn read(table: &'static str) -> Result<Vec<Entry>, String> {
    records(table)?.iter().map(entry).collect()
}

fn entry(record: &Record) -> Result<Entry, String> {
    let mut entry = Entry { cause: Cause::Ok, seen: Vec::new(), means: String::new(), remedy: String::new() };
    for (key, parts) in record.lines() {
        let whole = || parts.join(" ");
        match key {
            "cause" => {
                let code = whole();
                entry.cause = cause_named(&code).ok_or_else(|| format!("unknown cause: {code}"))?;
            }
            "seen" => entry.seen.push(Form::read(parts.first().copied().unwrap_or_default())?),
            "means" => entry.means = whole(),
            "do" => entry.remedy = whole(),
            // What only the documents need.
            "number" | "check" | "sight" | "told" | "often" => {}
            _ => return Err(format!("unknown key: {key}")),
        }
    }
    Ok(entry)
}

fn cause_named(code: &str) -> Option<Cause> {
    Cause::ALL.iter().copied().find(|cause| cause.code() == code)
}

fn entry_of(cause: Cause) -> Option<&'static Entry> {
    ENTRIES.iter().find(|entry| entry.cause == cause)
}

/// What is wrong, in a sentence or two.
pub(super) fn message(finding: &Finding) -> String {
    text(finding, MEANING, |entry| &entry.means, Answer::means)
}

/// The one thing to change; empty where there is nothing to change.
pub(super) fn remedy(finding: &Finding) -> String {
    text(finding, ADVICE, |entry| &entry.remedy, Answer::remedy)
}

/// The cause's own text; where it has none, that of the answer that was met, or of one that would have this cause.
fn text(
    finding: &Finding,
    answers_text: &'static str,
    of_entry: impl FnOnce(&'static Entry) -> &'static str,
    of_answer: impl FnOnce(&'static Answer) -> &'static str,
) -> String {
    let own = entry_of(finding.cause).map(of_entry).filter(|text| !text.is_empty());
    if let (None, Some(met)) = (own, finding.fact(answers_text)) {
        return met.to_owned();
    }
    let template = own.or_else(|| supabase::answer_with(finding.cause.code()).map(of_answer));
    fill(template.unwrap_or(""), |name| {
        let fact = finding.fact(name)?;
        // Others' sentences stand within those of the table.
        Some(if name == "reason" { fact.trim_end_matches('.') } else { fact })
    })
}

/// The cause of an error that the way to a server has answered with, as far as its code and text tell it.
pub(super) fn cause_of(error: &Error, way: &Way<'_>) -> Option<Cause> {
    if let Some(cause) = supabase::answer(way, error).and_then(|answer| cause_named(answer.cause?)) {
        return Some(cause);
    }
    let sight = Sight::of(error);
    let entry = ENTRIES.iter().find(|entry| entry.seen.iter().any(|form| sight.is(form, &[], &[], way)));
    entry.map(|entry| entry.cause)
}

/// What `src/supabase/answers.txt` says of the error, as facts for the texts of its cause.
pub(super) fn facts_of(error: &Error, way: &Way<'_>) -> Vec<(&'static str, String)> {
    let Some(answer) = supabase::answer(way, error) else { return Vec::new() };
    let (meaning, advice) = answer.filled(way, error);
    vec![(MEANING, meaning), (ADVICE, advice)]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServerError;

    #[test]
    fn each_cause_has_one_entry_that_says_what_it_means_and_what_to_do() {
        let entries = read(TABLE).unwrap();
        for cause in Cause::ALL {
            let own: Vec<&Entry> = entries.iter().filter(|entry| entry.cause == *cause).collect();
            assert_eq!(own.len(), 1, "{cause:?}");
            let finding = Finding::new(*cause);
            assert!(message(&finding).ends_with('.'), "{cause:?}");
            let says_what_to_do = remedy(&finding).ends_with(['.', '?']);
            assert_eq!(says_what_to_do, *cause != Cause::Ok, "{cause:?}");
        }
        assert_eq!(entries.len(), Cause::ALL.len());
    }

    /// SQLSTATE and message as servers and poolers send them, and what each means.
    #[rustfmt::skip]
    const ANSWERS: [(&str, &str, Cause); 53] = [
        ("28000", "no pg_hba.conf entry for host \"10.0.0.1\", user \"a\", database \"b\", no encryption", Cause::TlsRequired),
        ("28000", "no pg_hba.conf entry for host \"10.0.0.1\", user \"a\", database \"b\", SSL off", Cause::TlsRequired),
        ("28000", "no pg_hba.conf entry for host \"10.0.0.1\", user \"a\", database \"b\", SSL encryption", Cause::Hba),
        ("28000", "no pg_hba.conf entry for host \"[local]\", user \"a\", database \"b\"", Cause::Hba),
        ("28000", "pg_hba.conf rejects connection for host \"10.0.0.1\", user \"a\", database \"b\", no encryption", Cause::Hba),
        ("28000", "Peer authentication failed for user \"a\"", Cause::Hba),
        ("28000", "connection requires a valid client certificate", Cause::ClientCertificate),
        ("28000", "certificate authentication failed for user \"a\"", Cause::ClientCertificate),
        ("28000", "role \"a\" is not permitted to log in", Cause::NoLogin),
        ("28000", "role \"a\" does not exist", Cause::RoleNotFound),
        ("28000", "LDAP authentication failed for user \"a\"", Cause::WrongPassword),
        ("28000", "GSSAPI authentication failed for user \"a\"", Cause::AuthMethod),
        ("28P01", "password authentication failed for user \"a\"", Cause::WrongPassword),
        ("28P01", "empty password returned by client", Cause::PasswordMissing),
        ("3D000", "database \"b\" does not exist", Cause::DatabaseNotFound),
        ("42501", "permission denied for database \"b\"", Cause::ConnectRevoked),
        ("42501", "permission denied to set parameter \"log_statement\"", Cause::StartupParameter),
        ("55000", "database \"b\" is not currently accepting connections", Cause::DatabaseClosed),
        ("55000", "cannot connect to invalid database \"b\"", Cause::DatabaseClosed),
        ("53300", "sorry, too many clients already", Cause::ServerFull),
        ("53300", "remaining connection slots are reserved for non-replication superuser connections", Cause::ServerFull),
        ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute", Cause::ServerFull),
        ("53300", "too many connections for role \"a\"", Cause::ConnectionLimit),
        ("53300", "too many connections for database \"b\"", Cause::ConnectionLimit),
        ("57P03", "the database system is starting up", Cause::NotReady),
        ("57P03", "the database system is not yet accepting connections", Cause::NotReady),
        ("57P01", "terminating connection due to administrator command", Cause::NotReady),
        ("42704", "unrecognized configuration parameter \"x\"", Cause::StartupParameter),
        ("22023", "invalid value for parameter \"work_mem\": \"x\"", Cause::StartupParameter),
        ("55P02", "parameter \"shared_buffers\" cannot be changed without restarting the server", Cause::StartupParameter),
        ("42601", "invalid command-line argument for server process: x", Cause::StartupParameter),
        ("53100", "could not write init file: No space left on device", Cause::OutOfResources),
        ("53200", "out of memory", Cause::OutOfResources),
        ("0A000", "unsupported frontend protocol 3.0: server supports 1.0 to 2.0", Cause::ServerTooOld),
        ("08P01", "unsupported startup parameter: search_path", Cause::PoolerParameter),
        ("08P01", "unsupported startup parameter in options: search_path", Cause::PoolerParameter),
        ("08P01", "no such database: b", Cause::PoolerLogin),
        ("08P01", "no such user", Cause::PoolerLogin),
        ("08P01", "database \"b\" does not exist", Cause::PoolerLogin),
        ("08P01", "SASL authentication failed", Cause::PoolerLogin),
        ("08P01", "password authentication failed", Cause::PoolerLogin),
        ("08P01", "database \"b\" is disabled", Cause::PoolerLogin),
        ("08P01", "server login has been failing, try again later (server_login_retry)", Cause::PoolerBackendDown),
        ("08P01", "server login has been failing, cached error: connect failed (server_login_retry)", Cause::PoolerBackendDown),
        ("08P01", "query_wait_timeout", Cause::PoolerBackendDown),
        ("08P01", "client_login_timeout (server down)", Cause::PoolerBackendDown),
        ("08P01", "pgbouncer cannot connect to server", Cause::PoolerBackendDown),
        ("08P01", "no more connections allowed (max_client_conn)", Cause::ClientLimit),
        ("08P01", "SSL required", Cause::TlsRequired),
        ("XX000", "(ECIRCUITBREAKER) failed to retrieve database credentials after multiple attempts", Cause::BreakerCredentials),
        ("XX000", "(ECIRCUITBREAKER) too many authentication failures", Cause::BreakerAuthentication),
        ("XX000", "(EAUTHQUERY) user not found in the database", Cause::RoleNotFound),
        ("XX000", "(EAUTHQUERY) authentication query failed: timeout", Cause::PoolerCannotReachDatabase),
    ];

    fn said(state: &str, message: &str) -> Error {
        let fields = [(b'S', "FATAL"), (b'C', state), (b'M', message)];
        let fields = fields.map(|(key, text)| (key, text.to_owned())).to_vec();
        Error::from_server(ServerError { length: 0, fields })
    }

    #[test]
    fn an_answer_has_the_cause_of_its_code_and_its_words() {
        let way = Way::new("db.example.com", 5432, "a");
        for (state, message, cause) in ANSWERS {
            assert_eq!(cause_of(&said(state, message), &way), Some(cause), "{message}");
        }
        assert_eq!(cause_of(&said("XX000", "something else"), &way), None);
        assert_eq!(cause_of(&said("08P01", "invalid startup packet layout"), &way), None);
    }

    #[test]
    fn on_the_way_to_a_project_an_answer_has_the_words_for_it_there() {
        let way = Way::new("aws-0-eu-west-1.pooler.supabase.com", 5432, "postgres.abcdefghijklmnopqrst");
        let met = |state: &str, message: &str| {
            let error = said(state, message);
            let mut finding = Finding::new(cause_of(&error, &way).unwrap());
            finding.facts = facts_of(&error, &way);
            finding
        };
        let full = met(
            "XX000",
            "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 15",
        );
        assert_eq!(full.cause, Cause::SessionSlotsFull);
        assert!(message(&full).contains(" 15 "));
        assert!(remedy(&full).contains("6543"));
        let wrong = met("28P01", "password authentication failed for user \"postgres\"");
        assert_eq!(wrong.cause, Cause::WrongPassword);
        assert!(remedy(&wrong).contains("ten wrong ones"));
        let unknown = met("XX000", "(ENEWCODE) something new");
        assert_eq!(unknown.cause, Cause::PoolerRefusal);
    }

    #[test]
    fn each_cause_that_an_answer_names_is_one() {
        let table = include_str!("../supabase/answers.txt");
        let named: Vec<&str> = table.lines().filter_map(|line| line.strip_prefix("cause: ")).collect();
        assert!(named.contains(&Cause::BreakerAuthentication.code()));
        for code in named {
            assert!(cause_named(code).is_some(), "{code}");
        }
    }

    #[test]
    fn a_line_that_is_not_understood_is_named() {
        for (table, complaint) in [
            ("cause: nonsense", "unknown cause: nonsense"),
            ("cause: ok\nwhat: no", "unknown key: what"),
            ("cause: ok\nseen: 57P03 on mars", "unknown place: 57P03 on mars"),
        ] {
            assert_eq!(read(table).err().unwrap(), complaint);
        }
    }
}
