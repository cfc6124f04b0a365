//! What is done for a piece of a script besides running it: limits, watching its locks, and its session's settings.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::lock_watch::{LockWatch, Seen};
use super::piece::Piece;
use super::progress::{Progress, Steps};
use super::session_settings::{Backup, SessionSettings};
use super::time_limits::TimeLimits;
use crate::clock;
use crate::conn::relay::Hearing;
use crate::conn::{Connection, Session};
use crate::error::{Blocker, Error};

/// What is done for one try.
pub(super) struct Care {
    pub(super) watch: LockWatch,
    /// How long all its waits for locks may last together.
    pub(super) limit: Option<Duration>,
    /// The server ends the wait for a single lock. Not so for CONCURRENTLY, which would leave an invalid index behind.
    pub(super) has_lock_timeout: bool,
    pub(super) statement_timeout: Option<Duration>,
    /// What it sets for its session is undone with it.
    pub(super) undoes: bool,
    pub(super) backup: Arc<Backup>,
    pub(super) hearing: Arc<PieceSteps>,
    /// The server takes `client_connection_check_interval`.
    pub(super) checks_client: AtomicBool,
    pub(super) seen: Mutex<Seen>,
    pub(super) is_spoiled: AtomicBool,
}

impl Care {
    fn limits(&self) -> TimeLimits {
        let lock = self.limit.filter(|_| self.has_lock_timeout);
        TimeLimits::new(lock, self.statement_timeout, self.checks_client.load(Ordering::Relaxed))
    }

    fn is_limited(&self) -> bool {
        self.limit.is_some() || self.statement_timeout.is_some()
    }

    /// What runs as it is needs to know its settings, or its server process.
    pub(super) fn looks_before(&self) -> bool {
        self.undoes || self.is_limited()
    }

    /// The settings that stand before what runs as it is.
    pub(super) fn lead(&self, piece: &Piece) -> Vec<String> {
        if self.is_limited() && piece.may_be_led() { self.limits().statements() } else { Vec::new() }
    }

    /// How a transaction of this side's own begins that may wait for locks for as long as the piece: no longer than the
    /// server is told, even where nothing watches it.
    pub(super) fn lead_of_own(&self) -> String {
        let limits = TimeLimits::new(self.limit, self.statement_timeout, false);
        ["BEGIN".to_owned()].into_iter().chain(limits.statements()).collect::<Vec<_>>().join("; ")
    }

    /// Begins the transaction that the script runs in, in one message: it reads the settings, in a transaction before
    /// so that no snapshot is taken in this one, and sets the limits.
    ///
    /// # Errors
    /// The server refuses them, or they don't hold. No transaction is left that has done anything.
    pub(super) async fn begin(&self, session: &Session) -> Result<SessionSettings, Error> {
        let limits = self.limits();
        let look = ["BEGIN".to_owned(), self.backup.question(), "COMMIT".to_owned(), "BEGIN".to_owned()];
        let statements = look.into_iter().chain(limits.statements()).chain(limits.questions());
        let answer = session.ask(&statements.collect::<Vec<_>>().join("; ")).answer().await;
        match answer.error {
            // Unknown before 14, and not supported on some systems.
            Some(error) if self.is_about_client_check(&error) => {
                self.checks_client.store(false, Ordering::Relaxed);
                session.simple("ROLLBACK").await?;
                Box::pin(self.begin(session)).await
            }
            Some(error) => Err(error),
            None => {
                limits.verify(&answer.sets)?;
                self.backup.keep(&answer.sets)
            }
        }
    }

    /// Whether a refusal may be one of this setting, the only one that isn't everywhere: it is unknown, or can't have
    /// its value.
    fn is_about_client_check(&self, error: &Error) -> bool {
        self.checks_client.load(Ordering::Relaxed) && matches!(error.code.as_deref(), Some("22023" | "42704"))
    }

    /// Waits for the work of a server process, and ends it when it takes or waits too long.
    pub(super) async fn over<T>(
        &self,
        connection: &Connection,
        piece: &Piece,
        pid: &str,
        work: impl Future<Output = T>,
    ) -> T {
        let has_limits = piece.in_transaction || piece.may_be_led();
        let limit = self.statement_timeout.filter(|_| !has_limits);
        let mut work = pin!(ended_by(connection, limit, work));
        if self.limit.is_none() || pid == "NULL" {
            return work.await;
        }
        let tell = |blockers: &[Blocker]| self.hearing.waits(blockers);
        let (done, mut seen) = self.watch.over(pid, self.limit, tell, work.as_mut()).await;
        let done = match done {
            Some(done) => done,
            None => self.over_unseen(connection, work, &mut seen).await,
        };
        let mut all = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.waited += all.waited;
        *all = seen;
        done
    }

    /// Waits for work that nothing watches. Where the server doesn't end a wait either, the limit is that of all its time.
    async fn over_unseen<T>(&self, connection: &Connection, work: impl Future<Output = T>, seen: &mut Seen) -> T {
        let limit = self.limit.filter(|_| !self.has_lock_timeout).map(|limit| limit.saturating_sub(seen.waited));
        let since = clock::now();
        let done = ended_by(connection, limit, work).await;
        let took = clock::now().saturating_duration_since(since);
        if limit.is_some_and(|limit| took >= limit) {
            seen.is_cut = true;
            seen.waited += took;
        }
        done
    }

    /// Undoes what has been set since the script began. False when the server refuses that, or can't be asked.
    pub(super) async fn undo(&self, session: &Session, piece: &Piece, in_transaction: bool) -> bool {
        let text = piece.text().to_ascii_lowercase();
        let own: Vec<(&str, String)> = if in_transaction {
            self.limits().settings.into_iter().filter(|(name, _)| !text.contains(name)).collect()
        } else {
            Vec::new()
        };
        self.backup.restore(session, &own).await
    }

    /// The connection is not to be used again.
    pub(super) fn spoil(&self) {
        self.is_spoiled.store(true, Ordering::Relaxed);
        self.hearing.steps.tell_spoiled();
    }

    /// Counts a wait that is about to begin; false when there is no time left for one.
    pub(super) fn may_wait(&self, wait: Duration) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_cut = self.limit.is_some_and(|limit| seen.waited >= limit);
        if !seen.is_cut {
            seen.waited += wait;
        }
        !seen.is_cut
    }

    pub(super) fn take_seen(&self) -> Seen {
        std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Waits for work that is cancelled when it takes longer than `limit`.
async fn ended_by<T>(connection: &Connection, limit: Option<Duration>, work: impl Future<Output = T>) -> T {
    let mut work = pin!(work);
    let Some(limit) = limit else { return work.await };
    tokio::select! {
        biased;
        done = &mut work => return done,
        () = clock::sleep(limit) => {}
    }
    let mut request = pin!(connection.cancel());
    tokio::select! {
        biased;
        done = &mut work => {
            // No cancel request is on its way afterwards.
            let _ = request.await;
            done
        }
        _ = &mut request => work.await,
    }
}

/// The statements of a piece, as they are completed.
pub(super) struct PieceSteps {
    pub(super) steps: Steps,
    begin: usize,
    end: usize,
    completed: AtomicUsize,
}

impl PieceSteps {
    pub(super) fn new(steps: Steps, piece: &Piece) -> Arc<PieceSteps> {
        let (begin, end) = (piece.places.start, piece.places.end);
        Arc::new(PieceSteps { steps, begin, end, completed: AtomicUsize::new(0) })
    }

    /// The place of the statement under way.
    pub(super) fn current(&self) -> usize {
        (self.begin + self.completed.load(Ordering::Relaxed)).min(self.end.saturating_sub(1).max(self.begin))
    }

    pub(super) fn starts(&self) {
        self.steps.tell(self.begin, Progress::Started, &[]);
    }

    fn waits(&self, blockers: &[Blocker]) {
        self.steps.tell(self.current(), Progress::Waiting, blockers);
    }
}

impl Hearing for PieceSteps {
    fn completed(&self) {
        let place = self.begin + self.completed.fetch_add(1, Ordering::Relaxed);
        if place < self.end {
            self.steps.tell(place, Progress::Done, &[]);
        }
        if place + 1 < self.end {
            self.steps.tell(place + 1, Progress::Started, &[]);
        }
    }
}
