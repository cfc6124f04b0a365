//! Where the answers go, and what happens on a connection.

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::Notify;

use super::Failpoint;
use crate::conn::observer::Observer;
use crate::conn::reply::Reply;
use crate::conn::sink::{Sink, Tables, next_sink_id};
use crate::conn::{Connection, ConnectionEvent, ConnectionId, Event};
use crate::error::Error;
use crate::rows::{Batch, Extra, Record, TypeMask};

/// How a request ended: with a transaction status, or with an error.
pub type End = Result<u8, Error>;

/// Notes what it is told. Each of its methods is a step that can panic.
pub struct Receiver {
    id: u64,
    tables: Tables,
    failpoint: Failpoint,
    is_busy: AtomicBool,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// How each request ended, once or more often.
    ends: BTreeMap<i32, Vec<End>>,
    /// The values of each request's rows, which have one column of text.
    rows: BTreeMap<i32, Vec<String>>,
    /// What each request was told besides rows and its end, not looked at yet.
    told: Vec<(i32, Record)>,
    events: Vec<String>,
    /// Values that requests were answered with.
    values: BTreeMap<i32, Box<dyn Any + Send>>,
    /// Requests whose records were in a batch that it panicked over.
    missed: BTreeSet<i32>,
    /// The format codes of the columns that the last result was announced with.
    formats: Vec<i16>,
}

impl Receiver {
    /// One that keeps up.
    pub fn new() -> Arc<Receiver> {
        Arc::new(Receiver {
            id: next_sink_id(),
            tables: Tables::default(),
            failpoint: Failpoint::default(),
            is_busy: AtomicBool::new(false),
            state: Mutex::default(),
            changed: Notify::new(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Panics in what it is told.
    pub fn failpoint(&self) -> &Failpoint {
        &self.failpoint
    }

    /// Where the answer to a request of this number goes.
    pub fn reply(self: &Arc<Self>, request: i32) -> Reply {
        Reply { sink: self.clone(), request, mask: TypeMask(0), eager: false, unordered: false, race: None }
    }

    /// How a request ended, if it has; more than one end is one too many.
    pub fn end(&self, request: i32) -> Option<End> {
        let state = self.lock();
        let ends = state.ends.get(&request)?;
        assert_eq!(ends.len(), 1, "request {request} ends once: {ends:?}");
        ends.first().cloned()
    }

    /// Whether a request was told something that it missed for a panic.
    pub fn has_missed(&self, request: i32) -> bool {
        self.lock().missed.contains(&request)
    }

    /// The formats that the columns of the last result are said to have.
    pub fn formats(&self) -> Vec<i16> {
        self.lock().formats.clone()
    }

    /// Waits for the end of a request.
    pub async fn ended(&self, request: i32) -> End {
        self.until(|| self.end(request)).await
    }

    /// Waits until a request was told this, and takes it as seen.
    pub async fn told(&self, request: i32, what: Record) {
        let take = || {
            let mut state = self.lock();
            let place = state.told.iter().position(|told| *told == (request, what))?;
            state.told.remove(place);
            Some(())
        };
        self.until(take).await;
    }

    async fn until<T>(&self, mut look: impl FnMut() -> Option<T>) -> T {
        loop {
            let changed = self.changed.notified();
            if let Some(found) = look() {
                return found;
            }
            changed.await;
        }
    }

    /// The values of the rows that a request has brought.
    pub fn rows(&self, request: i32) -> Vec<String> {
        self.lock().rows.get(&request).cloned().unwrap_or_default()
    }

    /// Waits for the value that a request is answered with.
    pub async fn value<T: 'static>(&self, request: i32) -> Box<T> {
        self.ended(request).await.unwrap();
        let value = self.lock().values.remove(&request).unwrap();
        value.downcast().unwrap_or_else(|_| panic!("request {request} has a value of another type"))
    }

    /// What happened on the connections that it watches.
    pub fn events(&self) -> Vec<String> {
        self.lock().events.clone()
    }

    /// Waits until the connections that it watches have closed so many times in all.
    pub async fn closed(&self, times: usize) {
        let count = || self.lock().events.iter().filter(|event| *event == "closed").count();
        self.until(|| (count() >= times).then_some(())).await;
    }

    fn note(&self, event: impl Into<String>) {
        self.lock().events.push(event.into());
        self.changed.notify_waiters();
    }

    /// Watches a connection.
    pub fn watch(self: &Arc<Self>, connection: &Connection) {
        connection.watch(Arc::new(Watcher(self.clone())));
    }
}

impl State {
    fn take_in(&mut self, batch: Batch) {
        if let Some(shape) = batch.shapes.last() {
            self.formats = shape.fields.iter().map(|field| field.format).collect();
        }
        let widths: BTreeMap<i32, usize> =
            batch.shapes.iter().map(|shape| (i32::try_from(shape.id).unwrap(), shape.ints)).collect();
        let (mut segment, mut start) = (0, 0);
        let mut extras = batch.extras.into_iter();
        let mut ints = batch.ints.into_iter();
        while let Some(kind) = ints.next() {
            let is = |record: Record| kind == record as i32;
            if is(Record::Segment) {
                (segment, start) = (segment + 1, 0);
                continue;
            }
            if is(Record::Event) {
                if let Some(Extra::News(news)) = extras.next()
                    && let Ok(event) = (news as Box<dyn Any>).downcast::<ConnectionEvent>()
                {
                    let ConnectionEvent(_, event) = *event;
                    self.events.push(format!("{event:?}").chars().take_while(|c| c.is_alphanumeric()).collect());
                }
                continue;
            }
            let request = ints.next().unwrap();
            if is(Record::Fields) {
                ints.next();
            } else if is(Record::Rows) {
                let (shape, count) = (ints.next().unwrap(), ints.next().unwrap());
                for _ in 0..count {
                    // Null bits stand first, and the end of the only value last.
                    let end = ints.by_ref().take(widths[&shape]).last().unwrap();
                    let bytes = match usize::try_from(end) {
                        Ok(end) => &batch.texts[segment].bytes[std::mem::replace(&mut start, end)..end],
                        Err(_) => &batch.long_texts[usize::try_from(!end).unwrap()].bytes[..],
                    };
                    self.rows.entry(request).or_default().push(String::from_utf8(bytes.to_vec()).unwrap());
                }
            } else if is(Record::Complete) {
                assert_eq!(ints.by_ref().take(3).count(), 3);
            } else if is(Record::CompleteRare) || is(Record::Raw) {
                extras.next();
            } else if is(Record::Done) {
                let status = u8::try_from(ints.next().unwrap()).unwrap();
                self.ends.entry(request).or_default().push(Ok(status));
            } else if is(Record::Failed) {
                ints.next();
                let Some(Extra::Error(error)) = extras.next() else { panic!("a failure has an error") };
                self.ends.entry(request).or_default().push(Err(*error));
            } else if is(Record::Value) {
                let Some(Extra::Value(value)) = extras.next() else { panic!("a value is an extra") };
                self.values.insert(request, value);
                self.ends.entry(request).or_default().push(Ok(0));
            } else {
                let told = [Record::Started, Record::Suspended, Record::Drained, Record::CopyRefused, Record::Empty];
                self.told.extend(told.into_iter().find(|told| is(*told)).map(|told| (request, told)));
            }
        }
    }
}

impl Sink for Receiver {
    fn deliver(&self, batch: Batch) {
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| self.failpoint.step())) {
            self.lock().missed.extend(batch.addressees().into_keys());
            resume_unwind(panic);
        }
        self.lock().take_in(batch);
        self.changed.notify_waiters();
    }

    fn tables(&self) -> &Tables {
        self.failpoint.step();
        &self.tables
    }

    fn id(&self) -> u64 {
        self.id
    }

    fn spare(&self) -> Batch {
        self.failpoint.step();
        Batch::default()
    }

    fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
        self.failpoint.step();
        if self.is_busy.load(Ordering::SeqCst) { Poll::Pending } else { Poll::Ready(()) }
    }
}

/// Tells a receiver of what happens on a connection.
pub struct Watcher(pub Arc<Receiver>);

impl Observer for Watcher {
    fn answered(&self, _: bool) {
        self.0.failpoint.step();
    }

    fn event(&self, _: ConnectionId, event: Event) {
        self.0.failpoint.step();
        if let Event::Lost(error) = event {
            self.0.note(format!("lost: {}", error.message));
        }
    }

    fn listener(&self) -> Option<Arc<dyn Sink>> {
        self.0.failpoint.step();
        Some(self.0.clone())
    }

    fn closed(&self) {
        // First: it is the last call, and a test that waits for the end waits for this.
        self.0.note("closed");
        self.0.failpoint.step();
    }
}
