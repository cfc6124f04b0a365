//! A script that runs under limits, or in pieces: retries a piece that didn't get its lock, and reports what is
//! applied.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::attempt::{Attempt, aborted};
use super::blockers;
use super::cancelling::Cancelling;
use super::care::{Care, PieceSteps};
use super::claim::Claim;
use super::identity::server_major;
use super::index_state::{IndexState, leftovers};
use super::lock_budget::{LockBudget, Next};
use super::lock_watch::{LockWatch, Seen};
use super::order::{Apart, Mode, Order};
use super::piece::{Piece, Plan, starts_with};
use super::pooled;
use super::progress::{Progress, Steps};
use super::session_settings::Backup;
use crate::clock;
use crate::conn::{Connection, Operation, Session};
use crate::error::{Blocker, Error, LockFailure, Outcome, ServerError, Step, StepState, texts};
use crate::rows::Batch;
use crate::sql;
use crate::wire::command;

/// The SQLSTATE of a lock that wasn't granted in time.
const LOCK_NOT_AVAILABLE: &str = "55P03";
/// How often it checks whether another process has built an index.
const BUILDING_POLL: Duration = Duration::from_millis(500);
/// How it is looked what a failure has left, when no time is left to wait for that.
const LOOKING_BACK: &str = "BEGIN; SET LOCAL lock_timeout = 100";

/// A script on its connection.
pub(super) struct Managed<'a> {
    connection: &'a Connection,
    apart: &'a Apart,
    order: &'a Order,
    operation: &'a Operation,
    plan: Plan,
    steps: Steps,
    budget: LockBudget,
    backup: Arc<Backup>,
    checks_client: bool,
    /// The last blockers.
    met: Vec<Blocker>,
    /// Settings of the script are left in its session.
    pub(super) is_spoiled: bool,
}

impl<'a> Managed<'a> {
    pub(super) fn new(
        connection: &'a Connection,
        apart: &'a Apart,
        order: &'a Order,
        operation: &'a Operation,
    ) -> Managed<'a> {
        let plan = Plan::of(&order.body, order.mode);
        let steps = Steps::new(operation, if order.progress { plan.statements() } else { Vec::new() });
        let unlisted = if order.undoes_settings { sql::unlisted_settings(order.text()) } else { Default::default() };
        let backup = Arc::new(Backup::new(unlisted.into_iter().collect(), steps.clone()));
        Managed {
            connection,
            apart,
            order,
            operation,
            plan,
            steps,
            budget: LockBudget::new(order.limits),
            backup,
            checks_client: knows_client_check(connection),
            met: Vec::new(),
            is_spoiled: false,
        }
    }

    pub(super) async fn run(&mut self) -> Result<(), Error> {
        let several = self.plan.pieces.len() > 1;
        let ended = self.run_pieces().await;
        if self.order.undoes_settings && (several || ended.is_err()) && self.connection.is_open() {
            let session = Session::on(self.connection);
            // In a transaction of the script's own nothing can be undone for good.
            if self.connection.status() != b'I' || !self.backup.restore(&session, &[]).await {
                self.is_spoiled = true;
                self.steps.tell_spoiled();
            }
        }
        ended
    }

    /// Behind a pooler the next piece may run on another server process, and settings there belong to other clients.
    fn is_pooled(&self) -> bool {
        let own = self.connection.backend_key().0.to_string();
        self.backup.pid().is_some_and(|pid| pid != own)
    }

    async fn run_pieces(&mut self) -> Result<(), Error> {
        let mut watch =
            if self.order.limits.bound_waiting() { LockWatch::open(self.apart).await } else { LockWatch::blind() };
        while let Some(piece) = self.plan.pieces.pop_front() {
            self.met.clear();
            self.budget.begin_piece();
            self.steps.mark();
            let Err(error) = self.run_piece(&piece, &mut watch).await else { continue };
            let may_split = self.order.mode == Mode::Auto && !pooled::must_be_one(self.order, self.connection);
            let parts = if may_split { self.plan.split(&piece, &error) } else { None };
            match parts.or_else(|| piece.alone(&error).map(|piece| vec![piece])) {
                Some(parts) => {
                    self.steps.rewind();
                    parts.into_iter().rev().for_each(|part| self.plan.pieces.push_front(part));
                }
                None => return Err(self.whole(error, &piece)),
            }
        }
        Ok(())
    }

    /// Tries a piece until it has its locks, or there is no time left.
    async fn run_piece(&mut self, piece: &Piece, watch: &mut LockWatch) -> Result<(), Error> {
        loop {
            let limit = self.budget.begin();
            let is_concurrent = piece.text_is_concurrent();
            let care = Care {
                watch: std::mem::replace(watch, LockWatch::blind()),
                limit: if is_concurrent { self.budget.left() } else { limit },
                has_lock_timeout: !is_concurrent,
                statement_timeout: self.order.limits.statement_timeout,
                undoes: self.order.undoes_settings && (self.plan.pieces.is_empty() || self.is_pooled()),
                backup: self.backup.clone(),
                hearing: PieceSteps::new(self.steps.clone(), piece),
                checks_client: AtomicBool::new(self.checks_client),
                seen: Mutex::default(),
                is_spoiled: AtomicBool::new(false),
            };
            care.hearing.starts();
            let since = clock::now();
            let ended = self.attempt(piece, &care).await;
            let (mut seen, place) = (care.take_seen(), care.hearing.current());
            // A wait that was too short to be looked up had the same blockers.
            if seen.blockers.is_empty() {
                seen.blockers = std::mem::take(&mut self.met);
            }
            self.met.clone_from(&seen.blockers);
            self.is_spoiled |= care.is_spoiled.load(Ordering::Relaxed);
            self.checks_client = care.checks_client.load(Ordering::Relaxed);
            *watch = care.watch;
            // On a timeout the watch hasn't seen the wait to its end.
            let is_timed_out = ended.as_ref().is_err_and(|error| error.code.as_deref() == Some(LOCK_NOT_AVAILABLE));
            let took = clock::now().saturating_duration_since(since);
            let waited = if is_timed_out { took } else { seen.waited };
            self.budget.spend(care.limit.map_or(waited, |limit| waited.min(limit)));
            let Err(error) = ended else { return Ok(()) };
            if !is_lock_failure(&error, &seen) || self.operation.is_given_up() || !self.connection.is_open() {
                self.steps.tell(place, Progress::Failed, &seen.blockers);
                return Err(error);
            }
            let may_retry = error.outcome == Some(Outcome::NotApplied) || piece.may_be_repeated();
            match self.budget.after(&seen.blockers, watch.deadlock_timeout) {
                Next::Pause(pause) if may_retry => {
                    self.steps.tell(place, Progress::Retrying, &seen.blockers);
                    self.steps.rewind();
                    tokio::select! {
                        biased;
                        () = self.operation.given_up() => {
                            return Err(aborted().with_outcome(Outcome::NotApplied, error.steps.into()));
                        }
                        () = clock::sleep(pause) => self.budget.spend(pause),
                    }
                }
                _ => {
                    self.steps.tell(place, Progress::Failed, &seen.blockers);
                    return Err(self.not_had(error, seen));
                }
            }
        }
    }

    async fn attempt(&self, piece: &Piece, care: &Care) -> Result<(), Error> {
        let refused = |error: Error| piece.not_begun(if self.operation.is_given_up() { aborted() } else { error });
        if self.is_prepared(piece, care).await.map_err(refused)? {
            self.tell_done(piece);
            return Ok(());
        }
        let attempt = Attempt {
            connection: self.connection,
            apart: self.apart,
            order: self.order,
            piece,
            each: self.plan.each(piece),
            operation: self.operation,
            care: Some(care),
        };
        match attempt.run().await {
            Err(error) if error.outcome == Some(Outcome::Unknown) => Err(self.looked_up(error, piece).await),
            ended => ended,
        }
    }

    /// An index that was to be built concurrently and doesn't exist was not begun.
    async fn looked_up(&self, error: Error, piece: &Piece) -> Error {
        let index = sql::concurrent_index(piece.text()).filter(|_| self.connection.status() == b'I');
        let Some(index) = index.filter(|_| self.connection.is_open()) else { return error };
        match IndexState::of(&index, &Session::on(self.connection), LOOKING_BACK).await {
            Ok(IndexState::Absent) => piece.not_begun(error),
            _ => error,
        }
    }

    /// Looks for remains of earlier tries at an index that is built concurrently, and drops them. True when there is
    /// nothing left to do.
    async fn is_prepared(&self, piece: &Piece, care: &Care) -> Result<bool, Error> {
        if piece.in_transaction || piece.places.len() != 1 {
            return Ok(false);
        }
        let session = Session::on(self.connection);
        if let Some(index) = sql::concurrent_index(piece.text()) {
            loop {
                let Claim { comment, pid } = Claim::new();
                let lead = comment + &care.lead_of_own();
                let cancelling = self.cancelling();
                let looking = cancelling.finish(IndexState::of(&index, &session, &lead));
                match care.over(self.connection, piece, &pid, looking).await? {
                    IndexState::Absent => return Ok(false),
                    IndexState::Valid => return Ok(true),
                    IndexState::Invalid(drop) => self.aside(&session, piece, care, &drop).await?,
                    IndexState::Building => self.await_other(care).await?,
                }
            }
        }
        if let Some(reindexed) = sql::concurrent_reindex(piece.text()) {
            for drop in leftovers(&reindexed, &session).await? {
                match self.aside(&session, piece, care, &drop).await {
                    // Other objects depend on it, so it isn't such a remainder.
                    Err(error) if error.code.as_deref() == Some("2BP01") => {}
                    dropped => dropped?,
                }
            }
        }
        Ok(false)
    }

    /// Another process builds the index: checks again a moment later, as long as there is time.
    async fn await_other(&self, care: &Care) -> Result<(), Error> {
        if !care.may_wait(BUILDING_POLL) {
            return Err(lock_not_had(texts::INDEX_IS_BEING_BUILT));
        }
        tokio::select! {
            biased;
            () = self.operation.given_up() => Err(aborted()),
            () = clock::sleep(BUILDING_POLL) => Ok(()),
        }
    }

    /// A statement of Rust's own, under the same limits.
    async fn aside(&self, session: &Session, piece: &Piece, care: &Care, text: &str) -> Result<(), Error> {
        let Claim { comment, pid } = Claim::new();
        let text = comment + text;
        let cancelling = self.cancelling();
        let work = cancelling.finish(async { session.ask(&text).answer().await });
        care.over(self.connection, piece, &pid, work).await.all().map(drop)
    }

    /// A statement that has nothing left to do answers as if it had done it.
    fn tell_done(&self, piece: &Piece) {
        let mut batch = Batch::default();
        batch.complete(self.operation.reply().request, command::parse(b"CREATE INDEX"));
        self.operation.reply().sink.deliver(batch);
        self.steps.tell(piece.places.start, Progress::Done, &[]);
    }

    fn not_had(&self, error: Error, seen: Seen) -> Error {
        let (waited, attempts) = self.budget.spent();
        let outcome = error.outcome.unwrap_or(Outcome::Unknown);
        let steps = error.steps.to_vec();
        let said = blockers::sentence(&seen.blockers);
        let mut told = match (seen.is_cut, error) {
            (true, _) => lock_not_had(texts::LOCK_NOT_HAD),
            (false, error) => error,
        };
        if let Some(server) = &mut told.server {
            // A deadlock's own error says more.
            if server.field(b'D').is_none() {
                server.fields.push((b'D', texts::waited_for_locks(waited, attempts, &said)));
            }
        }
        told.with_outcome(outcome, steps).with_lock(LockFailure { blockers: seen.blockers, attempts, waited })
    }

    /// The error of a piece as that of the whole script: what was run before is applied.
    fn whole(&self, error: Error, piece: &Piece) -> Error {
        let outcome = error.outcome.unwrap_or(Outcome::Unknown);
        let statements = self.plan.statements();
        let before = statements.get(..piece.places.start).unwrap_or_default();
        let undone = rolled_back(before);
        let lasts =
            |(place, statement): (usize, &String)| !undone.contains(&place) && sql::has_lasting_effect(statement);
        let is_applied = before.iter().enumerate().any(lasts);
        let outcome = if is_applied { Outcome::PartlyApplied } else { outcome };
        if outcome == Outcome::NotApplied {
            return error.with_outcome(outcome, Vec::new());
        }
        let of_piece = error.steps.to_vec();
        let state = |place: usize| match place.checked_sub(piece.places.start) {
            None if undone.contains(&place) => StepState::NotRun,
            None => StepState::Done,
            Some(at) => of_piece.get(at).map_or(StepState::NotRun, |step| step.state),
        };
        let step = |(place, statement): (usize, String)| Step { state: state(place), statement };
        let steps = statements.into_iter().enumerate().map(step).collect();
        error.with_outcome(outcome, steps)
    }

    fn cancelling(&self) -> Cancelling<'_> {
        Cancelling { connection: self.connection, operation: self.operation, patience: self.order.cancel_timeout }
    }
}

/// Which of these statements, all of which were run, a transaction of the script's own has undone again: places from
/// behind its BEGIN to its ROLLBACK.
fn rolled_back(statements: &[String]) -> BTreeSet<usize> {
    let mut undone = BTreeSet::new();
    let mut begin = None;
    for (place, statement) in statements.iter().enumerate().filter(|(_, it)| sql::has_transaction_control(it)) {
        if starts_with(statement, &["begin", "start"]) {
            begin = Some(place);
        } else if let Some(begin) = begin.take().filter(|_| starts_with(statement, &["rollback", "abort"])) {
            undone.extend(begin..=place);
        }
    }
    undone
}

impl Piece {
    /// Statements of the server's own transactions (VACUUM, REINDEX, CONCURRENTLY) take up what is left when they come
    /// again. What a procedure has committed it would do twice.
    fn may_be_repeated(&self) -> bool {
        self.places.len() == 1 && sql::outside_transaction(self.text()).is_some()
    }

    /// The error of a single statement that has left nothing.
    fn not_begun(&self, error: Error) -> Error {
        let step = Step { statement: self.text().to_owned(), state: StepState::Failed };
        error.with_outcome(Outcome::NotApplied, vec![step])
    }

    fn text_is_concurrent(&self) -> bool {
        sql::outside_transaction(self.text()).is_some_and(|found| found.name.contains("CONCURRENTLY"))
    }
}

/// Whether a lock wasn't granted in time, by the server's error or because the watch has ended the wait. A deadlock is
/// one of those: the server has chosen which transaction has to be tried again.
fn is_lock_failure(error: &Error, seen: &Seen) -> bool {
    match error.code.as_deref() {
        Some(LOCK_NOT_AVAILABLE | "40P01") => true,
        Some("57014") => seen.is_cut,
        _ => false,
    }
}

fn lock_not_had(message: &str) -> Error {
    let fields = [(b'S', "ERROR"), (b'V', "ERROR"), (b'C', LOCK_NOT_AVAILABLE), (b'M', message)];
    let fields = fields.into_iter().map(|(key, text)| (key, text.to_owned())).collect();
    Error::from_server(ServerError { length: 0, fields })
}

/// From 14 on.
fn knows_client_check(connection: &Connection) -> bool {
    server_major(connection).is_some_and(|major| major >= 14)
}
