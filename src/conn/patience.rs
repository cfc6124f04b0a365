//! Opening a connection, and what is done about answers that say to try again: within the caller's time, and so that a
//! pooler is never made worse (docs/decisions/0069).

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::caller::Caller;
use super::connection::Connection;
use super::connection_id::{ConnectionId, next_id};
use super::destination::Destination;
use super::event::Event;
use super::key_ring::KeyRing;
use super::login::log_in;
use super::observer::Observer;
use super::project::Approach;
use super::room::Room;
use super::session::Session;
use crate::clock;
use crate::config::ServerSettings;
use crate::error::{Error, ErrorKind, Reaction, texts};
use crate::supabase;

/// How long there may be no room where the caller has set no limit.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Those who wait for a connection while it is opened, and may stop waiting.
pub trait Waiters: Send + Sync {
    /// Each has a time limit of its own.
    fn have_limits(&self) -> bool;
    /// There is no room for a connection at present.
    fn no_room(&self, answer: &Error);
    /// Returns when nobody waits for this connection any more.
    fn gone(&self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

/// Opens a connection, and while the pooler has no room for it, tries again within the time limit of the settings. Must
/// be called on the runtime.
///
/// # Errors
/// The error of the only host, or of the last one tried; the pooler's own when there was no room. `Timeout` names the
/// phase that the time ran out in.
pub async fn open(
    id: ConnectionId,
    settings: &ServerSettings,
    ring: &KeyRing,
    caller: Option<&Arc<dyn Caller>>,
) -> Result<Connection, Error> {
    Opener { id, settings, ring, caller, waiters: None }.open().await
}

/// What a connection is opened with.
pub struct Opener<'a> {
    /// The number that it will have.
    pub id: ConnectionId,
    /// Where to.
    pub settings: &'a ServerSettings,
    /// Keys that were made before.
    pub ring: &'a KeyRing,
    /// Knows what only the program can say.
    pub caller: Option<&'a Arc<dyn Caller>>,
    /// Those who wait for it, where that isn't the caller alone.
    pub waiters: Option<&'a dyn Waiters>,
}

impl Opener<'_> {
    /// Opens it; see [`open`].
    ///
    /// # Errors
    /// As [`open`]; `Aborted` when nobody waits for it any more.
    pub async fn open(&self) -> Result<Connection, Error> {
        let limit = self.settings.connect_timeout;
        let is_limited_elsewhere = self.waiters.is_some_and(Waiters::have_limits);
        let until = (!is_limited_elsewhere).then(|| clock::now() + limit.unwrap_or(LONGEST_WAIT));
        let destination = Destination::of(self.settings);
        let room = match Room::awaited(&destination) {
            Some(room) => room,
            None => match self.attempt(limit).await {
                Err(error) if is_temporary(&error) => Room::lacking(&destination, &error, self.rest(&error)),
                outcome => return outcome,
            },
        };
        self.wait(&room, until).await
    }

    /// Tries whenever it is its turn.
    async fn wait(&self, room: &Room, until: Option<Instant>) -> Result<Connection, Error> {
        let left = || until.map(|until| until.saturating_duration_since(clock::now()));
        self.tell(&room.answer());
        let turn = async {
            match left() {
                Some(left) => clock::within(left, room.turn()).await,
                None => Some(room.turn().await),
            }
        };
        let Some(mut pace) = self.while_awaited(turn).await? else { return Err(room.answer()) };
        loop {
            if until.is_some_and(|until| pace.next >= until) {
                return Err(room.answer());
            }
            self.while_awaited(clock::sleep_until(pace.next)).await?;
            let limit = [left(), self.settings.connect_timeout].into_iter().flatten().min();
            match self.attempt(limit).await {
                Ok(connection) => {
                    pace.speed_up();
                    return Ok(connection);
                }
                Err(error) if is_temporary(&error) => {
                    room.note(&error);
                    pace.slow_down(self.rest(&error), left());
                    self.tell(&error);
                }
                // That there was no room says more than that the time is up.
                Err(Error { kind: ErrorKind::Timeout(_), .. }) => return Err(room.answer()),
                Err(error) => return Err(error),
            }
        }
    }

    fn tell(&self, answer: &Error) {
        if let Some(waiters) = self.waiters {
            waiters.no_room(answer);
        }
    }

    /// A pause, in which the waiters may give up.
    async fn while_awaited<T>(&self, pause: impl Future<Output = T>) -> Result<T, Error> {
        let Some(waiters) = self.waiters else { return Ok(pause.await) };
        tokio::select! {
            over = pause => Ok(over),
            () = waiters.gone() => Err(Error::new(ErrorKind::Aborted, texts::NOT_AWAITED)),
        }
    }

    /// One try, at a project's pooler once that is found.
    async fn attempt(&self, limit: Option<Duration>) -> Result<Connection, Error> {
        let Opener { id, settings, ring, caller, .. } = *self;
        let Some(project) = &settings.project else { return log_in(id, settings, ring, caller, limit).await };
        let settings = ServerSettings { connect_timeout: limit, ..settings.clone() };
        let mut approach = Approach::new(&settings, project);
        loop {
            let mut found = approach.next().await?;
            let left = std::mem::replace(&mut found.connect_timeout, self.settings.connect_timeout);
            match log_in(id, &found, ring, caller, left).await {
                Ok(connection) => return Ok(connection),
                Err(error) => approach.failed(error)?,
            }
        }
    }

    /// How long the answer asks to wait.
    fn rest(&self, answer: &Error) -> Duration {
        supabase::answer(&self.settings.first_way(), answer).and_then(|known| known.pause).unwrap_or_default()
    }
}

/// A pooler, or the database behind it, has answered that another try can help.
fn is_temporary(error: &Error) -> bool {
    let reaction = error.supabase.as_ref().map(|advice| advice.reaction);
    error.server.is_some() && matches!(reaction, Some(Reaction::Wait | Reaction::Retry))
}

impl Session {
    /// Opens a connection of the session's own, which ends with it.
    ///
    /// # Errors
    /// As [`open`].
    pub async fn open(settings: &ServerSettings, caller: Option<&Arc<dyn Caller>>) -> Result<Session, Error> {
        Ok(Session::unobserved(open(next_id(), settings, &KeyRing::default(), caller).await?))
    }

    /// The same by one try, whatever a pooler answers.
    ///
    /// # Errors
    /// As [`open`].
    pub async fn open_at_once(settings: &ServerSettings, caller: Option<&Arc<dyn Caller>>) -> Result<Session, Error> {
        let ring = &KeyRing::default();
        let opener = Opener { id: next_id(), settings, ring, caller, waiters: None };
        Ok(Session::unobserved(opener.attempt(settings.connect_timeout).await?))
    }

    fn unobserved(connection: Connection) -> Session {
        connection.watch(Arc::new(Unobserved));
        Session::owning(connection)
    }
}

/// The observer of a connection on which only the answers matter.
struct Unobserved;

impl Observer for Unobserved {
    fn answered(&self, _: bool) {}
    fn event(&self, _: ConnectionId, _: Event) {}
    fn closed(&self) {}
}
