//! What the handles of a pool and its connections share: the queue, the counts, and who has which connection.

use std::collections::{HashMap, HashSet};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use deadpool::managed::{Object, PoolError};
use deadpool_postgres::Timeouts;
use tokio::sync::watch;

use super::depth::Depth;
use super::handle::Acquired;
use super::home::{Home, tell};
use super::lane::Lane;
use super::maker::{Maker, only_idle};
use super::making::Making;
use super::member::Member;
use super::reaper;
use super::waiting::{Waiting, Work, waited_too_long};
use crate::clock;
use crate::config::{PoolSettings, Sharing};
use crate::conn::known_text::may_share;
use crate::conn::{Connection, ConnectionId, Reply, Request, Sink, runtime};
use crate::error::{Error, texts};
use crate::rows::{Batch, Extra, PoolEvent, Record};

pub(super) struct Shared {
    pub(super) objects: deadpool::managed::Pool<Maker>,
    pub(super) limits: PoolSettings,
    pub(super) state: Mutex<State>,
    /// True when nobody uses the pool any more: nothing is made then.
    pub(super) abandoned: watch::Sender<bool>,
}

pub(super) type Held = Object<Maker>;

pub(super) struct State {
    pub(super) waiting: Waiting,
    pub(super) creating: usize,
    pub(super) lent: HashMap<ConnectionId, Lent>,
    /// Told to close and not closed yet.
    pub(super) closing: HashSet<ConnectionId>,
    pub(super) homes: Vec<Home>,
    pub(super) ending: bool,
    pub(super) ended: Vec<Reply>,
    pub(super) timer: bool,
    pub(super) reaper: bool,
    /// Somebody looks after what shares connections.
    pub(super) caring: bool,
    pub(super) depth: Depth,
}

pub(super) struct Lent {
    pub(super) held: Held,
    pub(super) to: Borrower,
    /// The connection is closed, and whoever has it as a client has not given it back.
    pub(super) gone: bool,
}

pub(super) enum Borrower {
    Client,
    /// This side's own questions.
    Loan,
    /// Runs requests of the pool's own queue.
    Lane(Lane),
}

impl State {
    pub(super) fn new(limits: &PoolSettings) -> Self {
        State {
            waiting: Waiting::default(),
            creating: 0,
            lent: HashMap::new(),
            closing: HashSet::new(),
            homes: Vec::new(),
            ending: false,
            ended: Vec::new(),
            timer: false,
            reaper: false,
            caring: false,
            depth: Depth::new(if limits.sharing == Sharing::None { 1 } else { limits.pipeline_depth }),
        }
    }

    /// How many connections that are not idle are open, being opened or being closed.
    pub(super) fn open(&self) -> usize {
        self.creating + self.closing.len() + self.lent.values().filter(|lent| !lent.gone).count()
    }

    pub(super) fn lend_to_client(&mut self, pool: &Arc<Shared>, mut held: Held, reply: &Reply) -> Acquired {
        held.uses += 1;
        let is_new = std::mem::take(&mut held.fresh);
        held.observer.set_owner(reply.sink.clone());
        let connection = held.connection().clone();
        connection.set_depth(1);
        self.lent.insert(connection.id(), Lent { held, to: Borrower::Client, gone: false });
        Acquired { connection, is_new, pool: Arc::downgrade(pool) }
    }
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn idle(&self, state: &State) -> usize {
        self.objects.status().size.saturating_sub(state.lent.len())
    }

    pub(super) fn enqueue(self: &Arc<Self>, mut work: Work) {
        if let Work::Request { request, retire: true } = &mut work
            && self.limits.pipeline_depth > 1
        {
            request.study();
        }
        let mut is_behind = false;
        let refused = {
            let mut state = self.lock();
            if state.ending {
                Some((work, pool_ended()))
            } else if let Some(most) = self.limits.max_waiting
                && state.waiting.len() >= most
                && self.idle(&state) == 0
                && self.is_full(&state)
            {
                Some((work, Error::closed(texts::pool_is_busy(most)).with_code("EMAXWAITING")))
            } else {
                let deadline = self.limits.wait_timeout.map(|limit| clock::now() + limit);
                // Whoever waits longer has seen that no connection is free, and comes first when one is.
                is_behind = !state.waiting.is_empty() && self.is_full(&state);
                state.waiting.push(work, deadline);
                None
            }
        };
        match refused {
            Some((work, error)) => work.reply().fail(error),
            None if is_behind => {}
            None => self.pump(),
        }
    }

    /// As [`Shared::enqueue`] for each of them, in order. They can be shared out at once when the caller has
    /// no more for now (`is_last`).
    pub(super) fn enqueue_all(self: &Arc<Self>, requests: Vec<Request>, is_last: bool) {
        let mut requests = requests.into_iter().map(|request| Work::Request { request, retire: true });
        if self.limits.max_waiting.is_none() {
            let deadline = self.limits.wait_timeout.map(|limit| clock::now() + limit);
            let mut state = self.lock();
            if !state.ending {
                let is_behind = !state.waiting.is_empty() && self.is_full(&state);
                requests.by_ref().for_each(|work| state.waiting.push(work, deadline));
                drop(state);
                if !is_behind || is_last {
                    self.serve(is_last);
                }
            }
        }
        // Each for itself, where each can be refused.
        requests.for_each(|work| self.enqueue(work));
    }

    pub(super) fn is_full(&self, state: &State) -> bool {
        self.objects.status().size + state.creating >= self.limits.max
    }

    /// An idle connection, when there is one.
    pub(super) fn take_idle(&self, state: &State) -> Option<Held> {
        if self.idle(state) == 0 {
            return None;
        }
        let mut timeouts = Timeouts::new();
        timeouts.wait = Some(Duration::ZERO);
        // Without waiting and without making one, the future is ready at its first poll.
        let taken = pin!(self.objects.timeout_get(&timeouts));
        match only_idle(|| taken.poll(&mut Context::from_waker(Waker::noop()))) {
            Poll::Ready(Ok(held)) => Some(held),
            _ => None,
        }
    }

    /// Serves those who wait as far as connections go.
    pub(super) fn pump(self: &Arc<Self>) {
        self.serve(false);
    }

    /// As [`Shared::pump`]; `is_last` as in [`Shared::enqueue_all`].
    fn serve(self: &Arc<Self>, is_last: bool) {
        loop {
            let mut state = self.lock();
            if state.waiting.is_empty() {
                return;
            }
            if let Some(held) = self.take_idle(&state) {
                let Some(work) = state.waiting.pop() else { return };
                self.assign(state, work, held);
            } else if state.creating < state.waiting.wanting() && !self.is_full(&state) {
                if let Err(error) = runtime::start() {
                    let Some(work) = state.waiting.pop() else { return };
                    drop(state);
                    work.reply().fail(error);
                    continue;
                }
                runtime::spawn(self.clone().make(Making::new(self, &mut state)));
            } else {
                let shared = if state.depth.is_far() || (is_last && state.begins()) {
                    let part = state.part();
                    self.share_out(&mut state, part, clock::now())
                } else {
                    Vec::new()
                };
                self.watch_deadlines(&mut state);
                drop(state);
                shared.into_iter().for_each(|(connection, requests)| self.send_along(&connection, requests));
                return;
            }
        }
    }

    /// Gives a connection to whoever comes first.
    pub(super) fn assign(self: &Arc<Self>, mut state: MutexGuard<'_, State>, work: Work, mut held: Held) {
        match work {
            Work::Client(reply) => {
                let acquired = state.lend_to_client(self, held, &reply);
                drop(state);
                let mut batch = Batch::default();
                batch.record_with(Record::Value, &[reply.request], Extra::Value(Box::new(acquired)));
                reply.sink.deliver(batch);
            }
            Work::Loan(reply) => {
                let loan = self.lend_to_loan(&mut state, held);
                drop(state);
                let mut batch = Batch::default();
                batch.record_with(Record::Value, &[reply.request], Extra::Value(Box::new(loan)));
                reply.sink.deliver(batch);
            }
            Work::Request { request, retire } => {
                held.uses += 1;
                // Nobody wanted to see a new client when it could have been shown.
                held.fresh = false;
                let connection = held.connection().clone();
                connection.take_failure();
                // Near the server nothing joins a text of which nothing is known, so that it need not be looked at. What is
                // sent again has waited long enough behind others to be suspected of taking long itself.
                let shares = request.reply.race.is_none()
                    && (request.known.is_some() || state.depth.is_far())
                    && may_share(&request.message, request.known.as_deref(), self.limits.sharing);
                connection.set_depth(1);
                let lane = Lane::new(&request, retire, shares);
                state.depth.meet(connection.round_trip());
                state.lent.insert(connection.id(), Lent { held, to: Borrower::Lane(lane), gone: false });
                drop(state);
                connection.submit(request);
                self.submitted(&connection, 1);
            }
        }
    }

    async fn make(self: Arc<Self>, making: Making) {
        let mut timeouts = Timeouts::new();
        timeouts.wait = Some(Duration::ZERO);
        let mut abandoned = self.abandoned.subscribe();
        let made = tokio::select! {
            made = self.objects.timeout_get(&timeouts) => made.map_err(reason),
            _ = abandoned.wait_for(|abandoned| *abandoned) => Err(pool_ended()),
        };
        let failed = {
            let mut state = self.lock();
            making.finish(&mut state);
            match made {
                // It may be lost already; then the pool has no more use for it.
                Ok(held) if held.connection().is_closed() => {
                    drop(Object::take(held));
                    None
                }
                Ok(mut held) => {
                    held.idle_since = clock::now();
                    drop(held);
                    None
                }
                Err(error) => state.waiting.refuse().map(|work| (work, error)),
            }
        };
        if let Some((work, error)) = failed {
            work.reply().fail(error);
        }
        self.pump();
        self.watch_idle();
        self.wind_up();
    }

    pub(super) fn is_worn_out(&self, held: &Held, now: Instant) -> bool {
        self.limits.max_uses.is_some_and(|most| held.uses >= most) || reaper::is_expired(held, &self.limits, now)
    }

    /// A connection comes back from whoever had it.
    pub(super) fn take_back(self: &Arc<Self>, mut held: Held, destroy: bool) {
        let worn_out = self.is_worn_out(&held, clock::now());
        let mut state = self.lock();
        let over = state.ending && state.waiting.is_empty();
        if destroy || worn_out || over || !held.connection().is_open() {
            self.discard(&mut state, held);
            drop(state);
        } else if let Some(work) = state.waiting.pop() {
            self.assign(state, work, held);
            return;
        } else {
            held.idle_since = clock::now();
            drop(held);
            drop(state);
            self.watch_idle();
            return;
        }
        self.go_on();
    }

    /// Tells the pool's users what happens to a connection.
    pub(super) fn tell(&self, connection: ConnectionId, event: &PoolEvent) {
        tell(&mut self.lock().homes, connection, event);
    }

    /// Every connection there is, with whether it is idle, the oldest first. `sink` hears of those that nobody else
    /// hears of.
    pub(super) fn connections(&self, sink: &Arc<dyn Sink>) -> Vec<(Connection, bool)> {
        let state = self.lock();
        let mut all = Vec::new();
        let mut list = |member: &Member, is_idle| {
            member.observer.offer(sink);
            all.push((member.connection().clone(), is_idle));
        };
        state.lent.values().for_each(|lent| list(&lent.held, false));
        drop(self.objects.retain(|member, _| {
            list(member, true);
            true
        }));
        all.sort_by_key(|(connection, _)| connection.id());
        all
    }

    /// Does what a change in the number of connections makes possible.
    pub(super) fn go_on(self: &Arc<Self>) {
        self.pump();
        self.wind_up();
    }

    /// Makes sure that those who wait too long are told so.
    fn watch_deadlines(self: &Arc<Self>, state: &mut State) {
        if !state.timer && state.waiting.next_deadline(state.waiting.sheltered(state.creating)).is_some() {
            state.timer = true;
            let pool = Arc::downgrade(self);
            runtime::spawn(async move {
                while let Some(deadline) = pool.upgrade().and_then(|pool| pool.expire()) {
                    clock::sleep_until(deadline).await;
                }
            });
        }
    }

    fn expire(self: &Arc<Self>) -> Option<Instant> {
        let (expired, next) = {
            let mut state = self.lock();
            let sheltered = state.waiting.sheltered(state.creating);
            let expired = state.waiting.expired(sheltered, clock::now());
            let next = state.waiting.next_deadline(sheltered);
            state.timer = next.is_some();
            (expired, next)
        };
        if !expired.is_empty() {
            expired.iter().for_each(|work| work.reply().fail(waited_too_long()));
            self.wind_up();
        }
        next
    }
}

fn pool_ended() -> Error {
    Error::closed(texts::POOL_ENDED)
}

fn reason(error: PoolError<Error>) -> Error {
    match error {
        PoolError::Backend(error) => error,
        PoolError::Closed => pool_ended(),
        other => Error::closed(other.to_string()),
    }
}
