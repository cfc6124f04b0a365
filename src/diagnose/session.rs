//! What is to be said of a session, from one round trip on it.

use std::time::Duration;

use super::asked_parameters;
use super::cause::Cause;
use super::finding::Finding;
use super::plain::shown_name;
use super::pooler;
use super::seat::Seat;
use super::version::Version;
use super::{idle_cut, refusal, search_path};
use crate::clock;
use crate::config::SessionTarget;
use crate::conn::session::{Answer, Question};
use crate::conn::{PROCESS, Request, Session};
use crate::error::{Error, ErrorKind, texts};
use crate::wire::ResultSet;

/// The longest wait for the answers.
const PATIENCE: Duration = Duration::from_secs(3);

const VERSION: &str = "SELECT pg_catalog.current_setting('server_version_num')";
const RECOVERY: &str = "SELECT pg_catalog.pg_is_in_recovery()";
const READ_ONLY: &str =
    "SELECT setting, source FROM pg_catalog.pg_settings WHERE name = 'default_transaction_read_only'";
/// The schema in which a name without one is created.
const CREATION: &str = "SELECT n.nspname, pg_catalog.has_schema_privilege(n.oid, 'CREATE'), current_user \
    FROM pg_catalog.pg_namespace n WHERE n.nspname = coalesce(pg_catalog.current_schema(), 'public')";

/// What was found of a session that can be used.
#[derive(Default)]
pub(super) struct Seen {
    pub(super) warnings: Vec<Finding>,
    pub(super) notes: Vec<String>,
    /// Passwords and proofs that were sent to find it.
    pub(super) proofs: u32,
}

/// The answers to what is asked.
struct Answers {
    process: Answer,
    /// The same again, behind all others.
    process_then: Answer,
    version: Answer,
    recovery: Answer,
    read_only: Answer,
    creation: Answer,
    path: Answer,
    parameters: Vec<((String, String), Result<ResultSet, Error>)>,
}

impl Answers {
    /// How the connection has ended, where it has: what wasn't answered then says nothing about the server.
    fn end(&self) -> Option<&Error> {
        let Answers { process, version, recovery, read_only, creation, path, parameters, process_then } = self;
        let errors = [process, version, recovery, read_only, creation, path, process_then].into_iter();
        let errors = errors.filter_map(|answer| answer.error.as_ref());
        errors.chain(parameters.iter().filter_map(|(_, answer)| answer.as_ref().err())).find(|error| is_end(error))
    }
}

fn is_end(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Lost | ErrorKind::Io)
}

/// Looks at the session.
pub(super) async fn look(seat: &Seat<'_>) -> Result<Seen, Finding> {
    let mut seen = Seen::default();
    let reported = reported_version(seat.session);
    let is_replication = seat.place.settings.startup.iter().any(|(name, _)| name == "replication");
    if is_replication {
        // Such a connection answers other questions.
        seen.warnings.extend(reported.and_then(|version| version.finding(&seat.place.shown())));
        seen.warnings.extend(idle_cut::finding(seat.lost_idle));
        return Ok(seen);
    }
    let limit = PATIENCE.min(seat.left() / 2);
    let answers = ask(seat, limit).await;
    let version = value(&answers.version).and_then(Version::numbered).or(reported);
    let too_old = version.and_then(|version| version.finding(&seat.place.shown()));
    if let Some(error) = &answers.process.error
        && !is_unknown_to(seat.session, error)
    {
        // An old server that doesn't answer is old in the first place.
        let Some(too_old) = too_old else { return Err(useless(seat, limit, error)) };
        seen.warnings.push(too_old);
        seen.notes.push("The first query got no useful answer.".into());
        return Ok(seen);
    }
    if let Some(error) = answers.end() {
        return Err(useless(seat, limit, error));
    }
    seen.warnings.extend(too_old);
    judge(seat, &answers, version, &mut seen)?;
    let process = |answer| value(answer).and_then(|process| process.parse().ok());
    let pooler = pooler::look(seat, process(&answers.process), process(&answers.process_then)).await;
    seen.warnings.extend(pooler.finding);
    seen.notes.extend(pooler.note);
    seen.proofs += pooler.proofs;
    seen.warnings.extend(idle_cut::finding(seat.lost_idle));
    Ok(seen)
}

/// Asks everything at once. Each question is a request of its own, so that one that is refused spoils no other.
async fn ask(seat: &Seat<'_>, limit: Duration) -> Answers {
    let connection = seat.session.connection();
    let session = Session::on(connection).until(Some(clock::now() + limit));
    let mut requests = Vec::new();
    let mut ask = |(request, question): (Request, Question)| {
        requests.push(request);
        question
    };
    let [process, version, recovery, read_only, creation, path] =
        [PROCESS, VERSION, RECOVERY, READ_ONLY, CREATION, search_path::QUESTION]
            .map(|text| ask(session.question(text)));
    let asked = asked_parameters::of(seat.place, seat.parameters);
    let questions: Vec<_> =
        asked.iter().map(|asked| asked_parameters::question(&session, asked).map(&mut ask)).collect();
    let process_then = ask(session.question(PROCESS));
    connection.set_depth(requests.len());
    connection.submit_all(requests.into_iter());
    let mut answers = Answers {
        process: process.answer().await,
        version: version.answer().await,
        recovery: recovery.answer().await,
        read_only: read_only.answer().await,
        creation: creation.answer().await,
        path: path.answer().await,
        parameters: Vec::new(),
        process_then: process_then.answer().await,
    };
    for (asked, question) in asked.into_iter().zip(questions) {
        let answer = match question {
            Ok(question) => question.answer().await.all().map(|mut sets| sets.pop().unwrap_or_default()),
            Err(error) => Err(error),
        };
        answers.parameters.push((asked, answer));
    }
    answers
}

/// What the answers say of a session that can be used.
fn judge(seat: &Seat<'_>, answers: &Answers, version: Option<Version>, seen: &mut Seen) -> Result<(), Finding> {
    let is_standby = told(&answers.recovery, "whether it is a standby", seen).and_then(truth);
    if is_standby == Some(true) && !seat.takes_standby {
        let place = seat.place.shown();
        return Err(Finding::new(Cause::Standby)
            .with("place", &place)
            .seen(format!("The server at {place} is in recovery.")));
    }
    let read_only = told(&answers.read_only, "whether its transactions are read-only", seen);
    let read_only = if is_standby == Some(true) { None } else { read_only.and_then(read_only_finding) };
    check_target(seat, is_standby, read_only.as_ref())?;
    let is_wanted = matches!(
        seat.place.settings.session,
        SessionTarget::ReadOnly | SessionTarget::Standby | SessionTarget::PreferStandby
    );
    seen.warnings.extend(read_only.filter(|_| !is_wanted));
    let creation = told(&answers.creation, "what the role may create", seen);
    if is_standby != Some(true) && !is_wanted {
        seen.warnings.extend(creation.and_then(|set| creation_finding(set, version)));
    }
    let path = told(&answers.path, "which schemas it has", seen);
    seen.warnings.extend(path.and_then(search_path::finding));
    for (asked, answer) in &answers.parameters {
        match answer {
            Ok(set) => seen.warnings.extend(asked_parameters::finding(asked, set)),
            Err(error) => seen.notes.push(left_out("whether it has taken a parameter of the connection", error)),
        }
    }
    Ok(())
}

fn reported_version(session: &Session) -> Option<Version> {
    let parameters = session.connection().parameters();
    let (_, value) = parameters.iter().find(|(name, _)| name == "server_version")?;
    Version::reported(value)
}

/// A kind of server that `target_session_attrs` doesn't accept.
fn check_target(seat: &Seat<'_>, is_standby: Option<bool>, read_only: Option<&Finding>) -> Result<(), Finding> {
    let kind = match (seat.place.settings.session, is_standby) {
        (SessionTarget::ReadWrite, _) => match read_only {
            Some(finding) => return Err(finding.clone()),
            None => return Ok(()),
        },
        (SessionTarget::Standby, Some(false)) => "a primary",
        (SessionTarget::ReadOnly, Some(false)) if read_only.is_none() => "writable",
        _ => return Ok(()),
    };
    Err(Finding::new(Cause::Configuration).with("reason", texts::wrong_session(&seat.place.host, kind)))
}

fn read_only_finding(answer: &ResultSet) -> Option<Finding> {
    truth(answer).filter(|is_on| *is_on)?;
    let (setting, seen) = match answer.value(1) {
        Some("user") => ("A setting of the role", "at the role"),
        Some("database") => ("A setting of the database", "at the database"),
        Some("database user") => ("A setting of the role in this database", "at the role in this database"),
        Some("configuration file") => ("The server's configuration file", "in the server's configuration file"),
        Some("command line") => ("The command that started the server", "by the command that started the server"),
        Some("client") => ("An option of this connection", "by an option of this connection"),
        Some("session") => ("Something in this session", "in this session"),
        _ => ("A setting", "somewhere"),
    };
    let seen = format!("default_transaction_read_only is on; it was set {seen}.");
    Some(Finding::new(Cause::ReadOnly).with("setting", setting).seen(seen))
}

fn creation_finding(answer: &ResultSet, version: Option<Version>) -> Option<Finding> {
    let schema = answer.value(0)?;
    if answer.value(1)? != "f" || schema.starts_with("pg_") {
        return None;
    }
    let is_usual = schema == "public" && version.is_some_and(Version::closes_public);
    let schema = shown_name(schema).unwrap_or("a schema with an unusual name");
    let mut finding = Finding::new(Cause::NoCreateRight).with("schema", schema);
    let role = answer.value(2).and_then(shown_name);
    if let Some(role) = role {
        finding = finding.with("user", role);
    }
    finding = finding.seen(format!(
        "The role {}may not create anything in {schema}.",
        role.map_or(String::new(), |role| format!("{role} "))
    ));
    if is_usual {
        finding = finding.seen("From PostgreSQL 15 on that is how a new database begins, for all but its owner.");
    }
    Some(finding)
}

/// The answer to a question. One that isn't answered is left out, and that is noted.
fn told<'a>(answer: &'a Answer, what: &str, seen: &mut Seen) -> Option<&'a ResultSet> {
    if let Some(error) = &answer.error {
        seen.notes.push(left_out(what, error));
        return None;
    }
    answer.sets.first()
}

fn left_out(what: &str, error: &Error) -> String {
    let code = error.code.as_deref().filter(|code| code.chars().all(|one| one.is_ascii_alphanumeric() || one == '_'));
    format!("The server doesn't say {what}{}.", code.map_or(String::new(), |code| format!(" ({code})")))
}

fn value(answer: &Answer) -> Option<&str> {
    answer.sets.first()?.value(0)
}

fn truth(set: &ResultSet) -> Option<bool> {
    match set.value(0)? {
        "t" | "on" => Some(true),
        "f" | "off" => Some(false),
        _ => None,
    }
}

/// Whether the server has refused a question that it doesn't know or allow, and goes on.
fn is_unknown_to(session: &Session, error: &Error) -> bool {
    let code = error.code.as_deref().unwrap_or("");
    error.server.is_some() && (code.starts_with("42") || code.starts_with("0A")) && session.connection().is_open()
}

/// The finding for a session on which nothing can be asked.
fn useless(seat: &Seat<'_>, limit: Duration, error: &Error) -> Finding {
    if matches!(error.kind, ErrorKind::Timeout(_)) {
        let millis = limit.as_millis();
        let seen = format!("The login is taken, and the first query gets no answer within {millis} ms.");
        return Finding::timed_out(limit).seen(seen);
    }
    let finding = refusal::finding(seat.place, error.clone());
    if is_end(error) && error.server.is_none() {
        return refusal::ended(
            finding,
            "it takes the login and ends the connection while it is asked, without a reason",
        );
    }
    finding
}
