//! Work of many steps that a program has begun: it begins once, reports events, may be aborted, and ends once.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::sync::watch;

use super::plain::Plain;
use super::reply::Reply;
use crate::error::{Error, Outcome, texts};
use crate::rows::{Batch, News};

/// The work waits with more events when those that are not delivered yet take this many bytes.
const UNDELIVERED_LIMIT: usize = 256 * 1024;

/// The working side. Clones are the same operation, so that its parts can report events.
#[derive(Clone)]
pub struct Operation {
    mailbox: Arc<Mailbox>,
    wish: watch::Receiver<bool>,
}

/// How an operation ended: the transaction status that its connection is in afterwards, 0 where there is none, with the
/// error if it has failed.
pub type Ended = Result<u8, (Error, u8)>;

/// The operations of a program that are under way, by the numbers of their requests.
#[derive(Default)]
pub struct Operations(Mutex<HashMap<i32, watch::Sender<bool>>>);

/// Events that the program was not told of yet.
struct Mailbox {
    reply: Reply,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    events: VecDeque<(Option<u32>, Plain)>,
    bytes: usize,
    /// The program was notified of them and hasn't taken them yet.
    is_announced: bool,
    waiting: Vec<Waker>,
}

impl Operation {
    /// The receiver of rows and results, which are delivered in order with events.
    pub fn reply(&self) -> &Reply {
        &self.mailbox.reply
    }

    /// Reports an event that must not be left out, such as a beginning or an end, and waits until the program has
    /// caught up. The event counts from the first poll on, also when the wait is dropped.
    pub async fn tell(&self, event: Plain) {
        self.mailbox.put(None, event);
        std::future::poll_fn(|cx| self.poll_ready(cx)).await;
    }

    /// As [`Operation::tell`] where waiting isn't possible; frequent callers have to check [`Operation::poll_ready`].
    pub fn tell_now(&self, event: Plain) {
        self.mailbox.put(None, event);
    }

    /// Reports the progress of the item of this number, in place of an earlier report that is not delivered yet. So a
    /// busy program gets only the newest one for each item.
    pub fn progress(&self, thing: u32, event: Plain) {
        self.mailbox.put(Some(thing), event);
    }

    /// Ready while the program keeps up with the events.
    pub fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        self.mailbox.poll_ready(cx)
    }

    /// Whether the program wants it stopped.
    pub fn is_given_up(&self) -> bool {
        *self.wish.borrow()
    }

    /// Ready once the program wants it stopped; never, once it can't ask for that any more.
    pub async fn given_up(&self) {
        if self.wish.clone().wait_for(|is_given_up| *is_given_up).await.is_err() {
            std::future::pending().await
        }
    }

    /// Ready when there is no receiver of the outcome any more.
    async fn abandoned(&self) {
        let mut wish = self.wish.clone();
        while wish.changed().await.is_ok() {}
    }

    /// Reports the end, after all events.
    fn end(&self, ended: Ended) {
        let reply = &self.mailbox.reply;
        match ended {
            Ok(status) => reply.done(status),
            Err((error, status)) => reply.fail_on(error, status),
        }
    }
}

impl Operations {
    fn lock(&self) -> MutexGuard<'_, HashMap<i32, watch::Sender<bool>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins an operation, which is answered as `reply`: a handle for the work, and what carries the work out.
    pub fn begin(self: &Arc<Self>, reply: Reply) -> (Operation, UnderWay) {
        let (sender, wish) = watch::channel(false);
        self.lock().insert(reply.request, sender);
        let operation = Operation { mailbox: Arc::new(Mailbox { reply, state: Mutex::default() }), wish };
        (operation.clone(), UnderWay { operations: self.clone(), operation, is_over: false })
    }

    /// Has the work of a request stopped, which ends once its outcome is known. It may be over already.
    pub fn give_up(&self, request: i32) {
        if let Some(sender) = self.lock().get(&request) {
            sender.send_replace(true);
        }
    }

    /// There is no receiver of any outcome any more.
    pub fn abandon(&self) {
        let senders = std::mem::take(&mut *self.lock());
        drop(senders);
    }
}

/// An operation that has begun. It ends once, even if its work panics.
pub struct UnderWay {
    operations: Arc<Operations>,
    operation: Operation,
    is_over: bool,
}

impl UnderWay {
    /// Does the work until it ends, or its outcome has no receiver any more: then it is dropped where it is.
    pub async fn carry_out(mut self, work: impl Future<Output = Ended>) {
        let ended = tokio::select! {
            biased;
            () = self.operation.abandoned() => None,
            ended = work => Some(ended),
        };
        self.end(ended);
    }

    /// `None` when there is no receiver any more.
    fn end(&mut self, ended: Option<Ended>) {
        // Its number may be used again as soon as the end is told.
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let is_awaited = self.operations.lock().remove(&self.operation.reply().request).is_some();
        if let Some(ended) = ended.filter(|_| is_awaited) {
            self.operation.end(ended);
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let failed = || {
            let error = Error::protocol(texts::OPERATION_FAILED);
            Err((error.with_outcome(Outcome::Unknown, Vec::new()), 0))
        };
        self.end(std::thread::panicking().then(failed));
    }
}

impl Mailbox {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn put(self: &Arc<Self>, thing: Option<u32>, event: Plain) {
        let is_announced = {
            let mut state = self.lock();
            state.put(thing, event);
            std::mem::replace(&mut state.is_announced, true)
        };
        if !is_announced {
            self.reply.sink.deliver(Batch::of(Told { mailbox: self.clone(), is_heard: false }));
        }
    }

    fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if state.bytes < UNDELIVERED_LIMIT {
            return Poll::Ready(());
        }
        if !state.waiting.iter().any(|waker| waker.will_wake(cx.waker())) {
            state.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    fn take(&self) -> Vec<Plain> {
        let (events, waiting) = {
            let mut state = self.lock();
            state.is_announced = false;
            state.bytes = 0;
            (std::mem::take(&mut state.events), std::mem::take(&mut state.waiting))
        };
        waiting.into_iter().for_each(Waker::wake);
        events.into_iter().map(|(_, event)| event).collect()
    }
}

impl State {
    fn put(&mut self, thing: Option<u32>, event: Plain) {
        let is_older = |(known, _): &(Option<u32>, Plain)| thing.is_some() && *known == thing;
        if let Some(at) = self.events.iter().position(is_older)
            && let Some((_, older)) = self.events.remove(at)
        {
            self.bytes -= older.memory();
        }
        self.bytes += event.memory();
        self.events.push_back((thing, event));
    }
}

/// Notifies the program that an operation has events, which are taken when the program handles this.
pub struct Told {
    mailbox: Arc<Mailbox>,
    is_heard: bool,
}

impl Told {
    /// The number of the operation's request.
    pub fn request(&self) -> i32 {
        self.mailbox.reply.request
    }

    /// The events, in order. Later ones need another notification.
    pub fn events(mut self) -> Vec<Plain> {
        self.is_heard = true;
        self.mailbox.take()
    }
}

impl News for Told {
    fn memory(&self) -> usize {
        // The events that it stands for are bounded by the mailbox.
        size_of::<Self>()
    }
}

/// Once it is dropped, nothing waits for the events to be told.
impl Drop for Told {
    fn drop(&mut self) {
        if !self.is_heard {
            drop(self.mailbox.take());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::pin::pin;
    use std::task::Waker;

    use super::*;
    use crate::conn::sink::{Sink, Tables};
    use crate::rows::{Extra, TypeMask};

    /// A program that takes events only when the test says so.
    #[derive(Default)]
    struct Program {
        tables: Tables,
        batches: Mutex<Vec<Batch>>,
    }

    impl Sink for Program {
        fn deliver(&self, batch: Batch) {
            self.batches.lock().unwrap().push(batch);
        }
        fn tables(&self) -> &Tables {
            &self.tables
        }
        fn id(&self) -> u64 {
            1
        }
        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    impl Program {
        fn reply(self: &Arc<Self>) -> Reply {
            let sink = self.clone();
            Reply { sink, request: 7, mask: TypeMask(0), eager: false, unordered: false, race: None }
        }

        /// An operation, which goes on until its last part is dropped.
        fn begin(self: &Arc<Self>) -> (Operation, Arc<Operations>, UnderWay) {
            let operations = Arc::<Operations>::default();
            let (operation, under_way) = operations.begin(self.reply());
            (operation, operations, under_way)
        }

        /// What it was told: events, and the end.
        fn hear(&self) -> Vec<Plain> {
            let mut heard = Vec::new();
            for batch in std::mem::take(&mut *self.batches.lock().unwrap()) {
                heard.extend((batch.finished > 0).then_some(Plain::Boolean(true)));
                for extra in batch.extras {
                    let Extra::News(news) = extra else { continue };
                    let told = (news as Box<dyn Any>).downcast::<Told>().unwrap();
                    assert_eq!(told.request(), 7);
                    heard.extend(told.events());
                }
            }
            heard
        }
    }

    fn number(number: u32) -> Plain {
        Plain::Number(f64::from(number))
    }

    fn poll<T>(future: impl Future<Output = T>) -> Poll<T> {
        pin!(future).poll(&mut Context::from_waker(Waker::noop()))
    }

    #[test]
    fn a_busy_program_gets_the_newest_of_each_item_and_every_begin_and_end() {
        let program = Arc::new(Program::default());
        let (operation, _operations, _under_way) = program.begin();
        assert!(poll(operation.tell(Plain::text("first begins"))).is_ready());
        for n in 0..10_000 {
            operation.progress(1, number(n));
            operation.progress(2, number(n + 1));
        }
        assert!(poll(operation.tell(Plain::text("first ends"))).is_ready());
        operation.progress(2, Plain::text("second goes on"));
        assert_eq!(program.batches.lock().unwrap().len(), 1);
        let text = Plain::text;
        assert_eq!(program.hear(), [text("first begins"), number(9999), text("first ends"), text("second goes on")]);
        operation.progress(1, text("again"));
        operation.end(Ok(b'I'));
        assert_eq!(program.hear(), [text("again"), Plain::Boolean(true)]);
    }

    #[test]
    fn events_that_must_not_be_left_out_hold_the_work_back_until_they_are_heard() {
        let program = Arc::new(Program::default());
        let (operation, _operations, _under_way) = program.begin();
        let mut told = 0;
        while poll(operation.tell(Plain::Bytes(vec![0; 1024]))).is_ready() {
            told += 1;
            assert!(told < 1000);
        }
        assert_eq!(program.hear().len(), told + 1);
        assert!(poll(operation.tell(Plain::Null)).is_ready());
    }

    #[test]
    fn events_without_a_receiver_hold_nothing_back() {
        let program = Arc::new(Program::default());
        let (operation, _operations, _under_way) = program.begin();
        operation.tell_now(Plain::Bytes(vec![0; UNDELIVERED_LIMIT]));
        assert!(poll(std::future::poll_fn(|cx| operation.poll_ready(cx))).is_pending());
        program.batches.lock().unwrap().clear();
        assert!(poll(std::future::poll_fn(|cx| operation.poll_ready(cx))).is_ready());
    }

    #[test]
    fn giving_up_and_leaving_are_told_apart() {
        let program = Arc::new(Program::default());
        let (operation, operations, _under_way) = program.begin();
        assert!(poll(operation.given_up()).is_pending() && !operation.is_given_up());
        operations.give_up(7);
        assert!(poll(operation.given_up()).is_ready() && operation.is_given_up());
        assert!(poll(operation.abandoned()).is_pending());
        operations.abandon();
        assert!(poll(operation.abandoned()).is_ready());
        let (operation, operations, _under_way) = program.begin();
        operations.abandon();
        assert!(poll(operation.given_up()).is_pending() && poll(operation.abandoned()).is_ready());
    }

    #[tokio::test]
    async fn work_ends_once_and_only_for_a_program_that_is_there() {
        let program = Arc::new(Program::default());
        let operations = Arc::<Operations>::default();
        operations.begin(program.reply()).1.carry_out(std::future::ready(Ok(b'I'))).await;
        assert_eq!(program.hear(), [Plain::Boolean(true)]);
        assert!(operations.lock().is_empty());
        let work = operations.begin(program.reply()).1.carry_out(std::future::pending());
        operations.abandon();
        work.await;
        assert_eq!(program.hear(), []);
    }

    #[test]
    fn an_operation_that_is_over_leaves_its_number_to_the_next_one() {
        let program = Arc::new(Program::default());
        let operations = Arc::<Operations>::default();
        let (_, mut first) = operations.begin(program.reply());
        first.end(Some(Ok(b'I')));
        let (second, _under_way) = operations.begin(program.reply());
        drop(first);
        operations.give_up(7);
        assert!(second.is_given_up());
    }

    #[tokio::test]
    async fn work_that_panics_fails_and_says_that_its_outcome_is_unknown() {
        let program = Arc::new(Program::default());
        let operations = Arc::<Operations>::default();
        let work = operations.begin(program.reply()).1.carry_out(async { panic!("on demand") });
        assert!(tokio::spawn(work).await.is_err());
        let mut batches = std::mem::take(&mut *program.batches.lock().unwrap());
        let Some(Extra::Error(error)) = batches[0].extras.pop() else { panic!("it has not failed") };
        assert_eq!(error.outcome, Some(Outcome::Unknown));
        assert!(operations.lock().is_empty());
    }
}
