//! One try at a connection, which leaves the counts of wrong passwords alone (`logins.rs`).

use std::sync::Arc;
use std::time::Duration;

use super::caller::{Answering, Caller, Question, ask};
use super::connection::Connection;
use super::connection_id::ConnectionId;
use super::destination::Destination;
use super::key_ring::KeyRing;
use super::logins::{Fingerprint, Login, Refusal};
use super::open::{Attempts, timed_out};
use super::plain::Plain;
use crate::clock;
use crate::config::ServerSettings;
use crate::error::{Error, Phase, Reaction, texts};
use crate::supabase::{self, Account};

/// How long a new password takes to be known by the pooler.
const EARLY: Duration = Duration::from_secs(3);

/// Logs in, once. Where wrong passwords are counted, the password is asked for before anything is connected: a server
/// that waits for it counts that, too.
///
/// # Errors
/// As [`super::open`].
pub(super) async fn log_in(
    id: ConnectionId,
    settings: &ServerSettings,
    ring: &KeyRing,
    caller: Option<&Arc<dyn Caller>>,
    limit: Option<Duration>,
) -> Result<Connection, Error> {
    let attempts = Attempts { id, settings, ring, limit, program: caller, login: None };
    let Some(account) = Account::of(&settings.first_way(), &settings.startup) else {
        return attempts.run(caller).await;
    };
    let until = limit.map(|limit| clock::now() + limit);
    let asking = async {
        let password = Password::of(settings, caller).await?;
        let destination = Destination::of(settings);
        let login = match password.fingerprint() {
            Some(fingerprint) => Some(begin(settings, &account, fingerprint, &destination).await?),
            None => None,
        };
        Ok((password, destination, login))
    };
    let begun = match limit {
        Some(limit) => clock::within(limit, asking).await.unwrap_or_else(|| Err(too_late(settings, limit))),
        None => asking.await,
    };
    let (password, destination, login) = begun?;
    let left = || until.map(|until| until.saturating_duration_since(clock::now()));
    let answerer: Option<Arc<dyn Caller>> = Some(Arc::new(password.answering(caller)));
    let attempts = Attempts { login: login.as_ref(), ..attempts };
    let mut outcome = Attempts { limit: left(), ..attempts }.run(answerer.as_ref()).await;
    let Some(login) = &login else { return outcome };
    if let Err(error) = &outcome
        && is_wrong_password(settings, error)
        && settings.asks_for_password
        && left().is_none_or(|left| left > EARLY)
        && login.may_be_early(error)
    {
        clock::sleep(EARLY).await;
        outcome = Attempts { limit: left(), ..attempts }.run(answerer.as_ref()).await;
    }
    if let Err(error) = &outcome {
        failed(login, settings, error, &destination);
    }
    outcome
}

/// Notes why a login has failed.
pub(super) fn failed(login: &Login<'_>, settings: &ServerSettings, error: &Error, destination: &Destination) {
    if is_wrong_password(settings, error) {
        return login.refuse(error);
    }
    match shut_out(settings, error) {
        Some(rest) => login.shut_out(error, rest),
        None if is_failed_look_up(settings, error) => login.look_up_failed(error, destination),
        None if is_counted(settings, error) => login.fail_counted(error, destination),
        None => login.fail(error, destination),
    }
}

/// Begins a login, when this password may be tried.
///
/// # Errors
/// The server's own for one that it has refused a while ago; that of the login that was waited for.
pub(super) async fn begin<'a>(
    settings: &ServerSettings,
    account: &'a Account,
    password: Fingerprint,
    to: &Destination,
) -> Result<Login<'a>, Error> {
    Login::begin(account, password, to).await.map_err(|refusal| match refusal {
        Refusal::Failed(error) => error,
        Refusal::Known(error, rest) if is_failed_look_up(settings, &error) => {
            with_word(error, texts::not_looked_up_again(rest))
        }
        Refusal::Known(error, rest) => with_word(error, texts::not_tried_again(rest)),
    })
}

/// The server's own error again, which says that it wasn't asked.
fn with_word(mut error: Error, text: String) -> Error {
    if let Some(advice) = &mut error.supabase {
        advice.hint = format!("{text} {}", advice.hint);
    }
    if let Some(server) = &mut error.server {
        server.fields.retain(|(key, _)| *key != b'D');
        server.fields.push((b'D', text));
    }
    error
}

fn too_late(settings: &ServerSettings, limit: Duration) -> Error {
    timed_out(&settings.first_way(), settings.connect_timeout.unwrap_or(limit), Phase::Authenticate)
}

fn is_wrong_password(settings: &ServerSettings, error: &Error) -> bool {
    let answer = supabase::answer(&settings.first_way(), error);
    error.server.is_some() && answer.is_some_and(|answer| answer.codes.contains(&"EWRONGPASSWORD"))
}

/// Whether the pooler counts it among its failed attempts to learn a role's password.
pub(super) fn is_failed_look_up(settings: &ServerSettings, error: &Error) -> bool {
    let answer = supabase::answer(&settings.first_way(), error);
    let codes = answer.map_or(&[][..], |answer| &answer.codes);
    error.server.is_some() && (codes.contains(&"EAUTHQUERY") || codes.contains(&"EAUTHSECRETS"))
}

/// Whether the pooler counts it among the wrong passwords, though it hasn't seen one.
fn is_counted(settings: &ServerSettings, error: &Error) -> bool {
    let advice = supabase::advice(&settings.first_way(), error);
    error.server.is_some() && advice.is_some_and(|advice| matches!(advice.code, "EAUTHTIMEOUT" | "EAUTHPROTOCOL"))
}

/// For how long a pooler takes no login, after too many wrong passwords.
fn shut_out(settings: &ServerSettings, error: &Error) -> Option<Duration> {
    let answer = supabase::answer(&settings.first_way(), error)?;
    let is_shut = answer.codes.contains(&"ECIRCUITBREAKER") && answer.reaction == Reaction::Stop;
    answer.pause.filter(|_| is_shut)
}

/// The password of one try.
struct Password(Option<String>);

impl Password {
    async fn of(settings: &ServerSettings, caller: Option<&Arc<dyn Caller>>) -> Result<Password, Error> {
        if settings.asks_for_password && caller.is_some() {
            return ask(caller, Question::password(), "supply the password").await.map(Plain::into_text).map(Password);
        }
        let given = settings.server.get_password();
        Ok(Password(given.map(|bytes| String::from_utf8_lossy(bytes).into_owned())))
    }

    /// An empty one proves nothing, and is refused on this side.
    fn fingerprint(&self) -> Option<Fingerprint> {
        self.0.as_deref().filter(|password| !password.is_empty()).map(Fingerprint::of)
    }

    fn answering(self, others: Option<&Arc<dyn Caller>>) -> Answered {
        Answered { password: self.0, others: others.cloned() }
    }
}

/// Answers the question for the password, which was asked before.
struct Answered {
    password: Option<String>,
    others: Option<Arc<dyn Caller>>,
}

impl Caller for Answered {
    fn ask(&self, question: Question) -> Answering {
        if question.name == Question::password().name {
            let answer = self.password.clone().map_or(Plain::Null, Plain::text);
            return Box::pin(std::future::ready(Ok(answer)));
        }
        match &self.others {
            Some(others) => others.ask(question),
            None => Box::pin(std::future::ready(Err(super::caller::Unanswered::Gone))),
        }
    }
}
