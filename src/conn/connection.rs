//! The handle of a connection, shared by its task and by all that make requests.

#[cfg(unix)]
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use super::auto_prepare::AutoPrepare;
use super::cancel::{LATE, cancel, comes_late};
use super::connection_id::ConnectionId;
use super::established::Established;
use super::event::Event;
use super::locked::Locked;
use super::meaning::Meaning;
use super::notes::{Note, Notes, deliver_notes};
use super::observer::Observer;
use super::observer_cell::ObserverCell;
use super::pooler_watch::PoolerWatch;
use super::pooling::{self, Pooling, Way};
#[cfg(unix)]
use super::reader::{Detachable, Reader};
use super::reply::Reply;
use super::request::Request;
use super::route::Route;
use super::runtime;
use super::state::{Inner, Life};
use super::statement::Statements;
use super::transaction_settings::TransactionSettings;
use crate::clock;
use crate::error::{Error, contained, texts};

/// An open connection. Clones are the same connection.
#[derive(Clone)]
pub struct Connection {
    pub(super) shared: Arc<Shared>,
}

pub(super) struct Shared {
    id: ConnectionId,
    process_id: i32,
    secret_key: i32,
    route: Route,
    meaning: Meaning,
    parameters: Vec<(String, String)>,
    round_trip: Option<Duration>,
    way: Way,
    pooler_asker: fn(Connection),
    busy_wait: bool,
    status: AtomicU8,
    failed: AtomicBool,
    has_answered: AtomicBool,
    may_be_cancelled: AtomicBool,
    inner: Mutex<Inner>,
    /// Its task has it, and drops it when the connection is over. Locked before `inner`.
    #[cfg(unix)]
    driver: OnceLock<Weak<dyn Detachable>>,
    observer: ObserverCell,
}

/// A handle of a connection that doesn't keep it.
#[derive(Clone)]
pub struct WeakConnection(Weak<Shared>);

impl WeakConnection {
    /// The connection, as long as something else keeps it.
    pub fn upgrade(&self) -> Option<Connection> {
        self.0.upgrade().map(|shared| Connection { shared })
    }
}

/// How long cancelling the work of an abandoned connection may take.
const ABANDON_PATIENCE: Duration = Duration::from_secs(5);

/// The error of requests that come too late.
pub fn gone() -> Error {
    Error::closed(texts::NOT_QUERYABLE)
}

impl Connection {
    /// An established connection, which is not read yet. What happens on it is told once it has an observer.
    /// `pooler_asker` finds out whether there is a pooler, and says [`Connection::pooler_asked`] when it has.
    pub(super) fn new(id: ConnectionId, established: Established, pooler_asker: fn(Connection)) -> Connection {
        let is_made_up = pooling::is_made_up(established.process_id);
        let pooler = PoolerWatch::new(established.way.known.clone(), is_made_up);
        let mut inner = Inner::new(established.stream, established.status, established.round_trip, pooler);
        inner.statements = Statements::preparing(established.auto_prepare.then(AutoPrepare::default));
        for (name, value) in &established.parameters {
            inner.statements.styles.learn(name, value);
        }
        let shared = Arc::new(Shared {
            id,
            process_id: established.process_id,
            secret_key: established.secret_key,
            route: established.route,
            meaning: established.meaning,
            parameters: established.parameters,
            round_trip: established.round_trip,
            way: established.way,
            pooler_asker,
            busy_wait: established.busy_wait,
            status: AtomicU8::new(established.status),
            failed: AtomicBool::new(false),
            has_answered: AtomicBool::new(false),
            may_be_cancelled: AtomicBool::new(false),
            inner: Mutex::new(inner),
            #[cfg(unix)]
            driver: OnceLock::new(),
            observer: ObserverCell::default(),
        });
        let connection = Connection { shared };
        for notice in established.notices {
            connection.shared.observer.event(id, Event::Notice(Box::new(notice)));
        }
        connection
    }

    /// What reads it when the runtime doesn't. A connection starts once.
    #[cfg(unix)]
    pub(super) fn started(&self, driver: Weak<dyn Detachable>) {
        let _ = self.shared.driver.set(driver);
    }

    /// Whether an event loop may stay awake for its answers.
    pub fn may_wait_awake(&self) -> bool {
        self.shared.busy_wait
    }

    /// A handle that doesn't keep it.
    pub fn downgrade(&self) -> WeakConnection {
        WeakConnection(Arc::downgrade(&self.shared))
    }

    /// Tells an observer what has happened since the connection was made, and whatever happens from now on. The first
    /// one stays.
    pub fn watch(&self, observer: Arc<dyn Observer>) {
        self.shared.observer.watch(self.id(), observer);
    }

    /// Tells the observer of something that happened on it.
    pub fn tell(&self, event: Event) {
        self.shared.observer.event(self.id(), event);
    }

    pub(super) fn observer(&self) -> &ObserverCell {
        &self.shared.observer
    }

    /// Its number.
    pub fn id(&self) -> ConnectionId {
        self.shared.id
    }

    /// The host that it was opened to: the one of the settings that was tried last, or a project's pooler.
    pub fn host(&self) -> &str {
        &self.shared.route.host
    }

    /// An error of it, with what it means where the server is a Supabase project's.
    pub(super) fn explained(&self, error: Error) -> Error {
        self.shared.meaning.explained(error)
    }

    /// The server process behind it, and the secret that cancels its work.
    pub fn backend_key(&self) -> (i32, i32) {
        (self.shared.process_id, self.shared.secret_key)
    }

    /// Parameters that the server reported at start-up.
    pub fn parameters(&self) -> &[(String, String)] {
        &self.shared.parameters
    }

    /// The round trip as measured when the connection was made.
    pub fn round_trip(&self) -> Option<Duration> {
        self.shared.round_trip
    }

    /// `I`, `T` or `E`, as of the last ReadyForQuery.
    pub fn status(&self) -> u8 {
        self.shared.status.load(Ordering::Acquire)
    }

    pub(super) fn set_status(&self, status: u8) {
        self.shared.status.store(status, Ordering::Release);
        self.shared.has_answered.store(true, Ordering::Relaxed);
    }

    /// Somebody uses it from now on.
    pub fn begin_use(&self) {
        self.shared.has_answered.store(false, Ordering::Relaxed);
    }

    /// Whether a request was answered since the last call of [`Connection::begin_use`].
    pub fn has_answered(&self) -> bool {
        self.shared.has_answered.load(Ordering::Relaxed)
    }

    pub(super) fn note_failure(&self) {
        self.shared.failed.store(true, Ordering::Release);
    }

    /// Whether a request has failed since the last call.
    pub fn take_failure(&self) -> bool {
        self.shared.failed.swap(false, Ordering::AcqRel)
    }

    pub(super) fn way(&self) -> &Way {
        &self.shared.way
    }

    /// What is known of a pooler between this connection and the server.
    pub fn pooling(&self) -> Pooling {
        self.shared.way.known.pooling()
    }

    /// Requests can be made.
    pub fn is_open(&self) -> bool {
        self.lock().life == Life::Open
    }

    /// The socket is closed, and all requests have been told or are being told.
    pub fn is_closed(&self) -> bool {
        self.lock().life == Life::Closed
    }

    /// Requests sent or waiting.
    pub fn load(&self) -> usize {
        let inner = self.lock();
        inner.load()
    }

    /// The text of a prepared statement of this name, when the connection has one.
    pub fn statement_text(&self, name: &str) -> Option<String> {
        self.lock().statements.get(name).map(|statement| statement.text.clone())
    }

    pub(super) fn lock(&self) -> Locked<'_> {
        Locked::new(self.shared.inner.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Makes a request. It is written at once when its turn has come and the socket takes it.
    pub fn submit(&self, request: Request) {
        self.submit_all(std::iter::once(request));
    }

    /// Makes several requests, in one write as far as they may be in flight together.
    pub fn submit_all(&self, mut requests: impl Iterator<Item = Request>) {
        let mut notes = Notes::new();
        let submit = |inner: &mut Inner| {
            let refusal = match inner.life {
                Life::Open => None,
                Life::Ending => Some(Error::closed(texts::CLIENT_CLOSED)),
                Life::Broken | Life::Closing(_) | Life::Closed => Some(gone()),
            };
            match refusal {
                None => requests.by_ref().for_each(|request| inner.submit(request, &mut notes)),
                Some(error) => {
                    notes.extend(requests.by_ref().map(|request| (request.reply, Note::Failed(error.clone()))));
                }
            }
        };
        // A failure here loses the connection, whose task fails the requests that it knows of.
        contained(|| self.send_after(submit));
        notes.extend(requests.map(|request| (request.reply, Note::Failed(gone()))));
        self.deliver(notes);
    }

    /// Makes a request of Rust's own before all that wait.
    pub(super) fn interpose(&self, request: Request) {
        let mut notes = Notes::new();
        self.send_after(|inner| {
            if inner.life == Life::Open {
                inner.queue.push_front(request);
                inner.advance(&mut notes);
            } else {
                notes.push((request.reply, Note::Failed(gone())));
            }
        });
        self.deliver(notes);
    }

    /// Each transaction begins with these settings from now on.
    pub(super) fn set_in_transactions(&self, settings: Option<Box<TransactionSettings>>) {
        self.lock().settings = settings;
    }

    /// No request waits any longer for what was asked about a pooler.
    pub(super) fn pooler_asked(&self) {
        let mut notes = Notes::new();
        self.send_after(|inner| {
            inner.pooler.end();
            inner.advance(&mut notes);
        });
        self.deliver(notes);
    }

    /// Writes what is to be sent after a change, and has asked about a pooler if a request waits for that now.
    pub(super) fn send_after(&self, change: impl FnOnce(&mut Inner)) {
        let asks = {
            let mut inner = self.lock();
            change(&mut inner);
            inner.flush();
            inner.pooler.begin()
        };
        if asks {
            (self.shared.pooler_asker)(self.clone());
        }
    }

    /// Delivers notes, and tells the observer of requests that will never be answered.
    fn deliver(&self, notes: Notes) {
        let is_any_refused = notes.iter().any(|(_, note)| matches!(note, Note::Refused(..)));
        self.tell_all(notes);
        if is_any_refused && contained(|| self.shared.observer.answered(false)).is_none() {
            self.lock().fail();
        }
    }

    /// Delivers notes. An exchange that can't go on any more, because its caller has missed one, takes the connection
    /// along.
    pub(super) fn tell_all(&self, notes: Notes) {
        if !deliver_notes(notes) {
            self.lock().fail();
        }
    }

    /// Has `wanted` ones of the requests that wait behind the first one race against another try, which the caller
    /// makes. Returns their replies, in order.
    pub fn contend(&self, wanted: impl FnMut(&Reply) -> bool) -> Vec<Reply> {
        self.lock().contend(wanted)
    }

    /// Drops the answers of all that is under way, since other tries are answered in their place. False when one of
    /// them is wanted; then the connection goes on.
    pub fn give_up(&self) -> bool {
        self.lock().give_up()
    }

    /// How many requests may be in flight at a time from now on.
    pub fn set_depth(&self, depth: usize) {
        let mut notes = Notes::new();
        self.send_after(|inner| {
            inner.depth = depth.max(1);
            inner.advance(&mut notes);
        });
        self.deliver(notes);
    }

    /// Sends Terminate when everything has been answered; `reply` is answered when the socket is closed.
    pub fn end(&self, reply: Option<Reply>) {
        let closed = {
            let mut inner = self.lock();
            if inner.life == Life::Open {
                inner.life = Life::Ending;
                inner.wake();
            }
            if inner.life == Life::Closed {
                reply
            } else {
                inner.ended.extend(reply);
                None
            }
        };
        deliver_notes(closed.map(|reply| (reply, Note::Done)).into_iter().collect());
    }

    /// Closes the socket now; what is left fails with `error`.
    pub fn destroy(&self, error: Error) {
        let mut inner = self.lock();
        if matches!(inner.life, Life::Open | Life::Broken | Life::Ending) {
            inner.life = Life::Closing(error);
            inner.wake();
        }
    }

    /// Closes a connection whose answers are not wanted any more: the server's work is cancelled first, since a
    /// server does not notice a closed socket before it has something to write.
    pub fn abandon(&self) {
        let abandoned = Abandoned(self.clone());
        if self.load() == 0 {
            return;
        }
        runtime::spawn(async move {
            let _ = clock::within(ABANDON_PATIENCE, abandoned.0.cancel()).await;
        });
    }

    /// Takes the socket off the runtime when the request that is about to be made is one like many before it: `reader`
    /// watches the returned descriptor from now on and calls [`Connection::read_detached`]. Before and not after it is
    /// made, because on a busy machine the answer may be here when making it returns.
    #[cfg(unix)]
    pub fn detach(&self, reader: impl FnOnce() -> Arc<dyn Reader>) -> Option<std::os::fd::RawFd> {
        let mut inner = self.lock();
        if !inner.is_predictable() || !inner.out.is_empty() {
            return None;
        }
        // A socket that is lost on the way fails the task's next look at it.
        let descriptor = inner.stream.as_mut()?.socket().detach().ok();
        match descriptor {
            Some(_) => inner.reader = Some(reader()),
            None => inner.wake(),
        }
        descriptor
    }

    /// Reads what has come on a detached socket. False when it has to be attached again.
    #[cfg(unix)]
    pub fn read_detached(&self) -> bool {
        self.shared.driver.get().and_then(Weak::upgrade).is_some_and(|driver| driver.read_detached())
    }

    /// Gives a detached socket back to the runtime.
    #[cfg(unix)]
    pub fn attach(&self) {
        let mut inner = self.lock();
        if inner.reader.take().is_some() {
            inner.forget_habit();
            if let Some(stream) = &mut inner.stream {
                // As in `detach`.
                let _ = stream.socket().attach();
            }
            inner.wake();
        }
    }

    /// Asks the server, over a second socket, to cancel what it is doing on this connection. Done when the request has
    /// hit what it will hit, as far as that can be known; see [`Connection::may_be_cancelled`].
    ///
    /// # Errors
    /// The second socket could not be opened, or the server took no note in time.
    pub async fn cancel(&self) -> Result<(), Error> {
        let Shared { route, process_id, secret_key, parameters, may_be_cancelled, .. } = &*self.shared;
        let comes_late = comes_late(route, parameters);
        if comes_late {
            may_be_cancelled.store(true, Ordering::Relaxed);
        }
        cancel(route, *process_id, *secret_key).await?;
        if comes_late {
            clock::sleep(LATE).await;
        }
        Ok(())
    }

    /// Whether a request to cancel something on it may still be on its way, so that nobody should be given it.
    pub fn may_be_cancelled(&self) -> bool {
        self.shared.may_be_cancelled.load(Ordering::Relaxed)
    }
}

/// A connection that goes with this, whether or not its server could be asked to stop.
struct Abandoned(Connection);

impl Drop for Abandoned {
    fn drop(&mut self) {
        self.0.destroy(Error::closed(texts::TERMINATED));
    }
}
