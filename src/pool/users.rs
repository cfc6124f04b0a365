//! The users of a pool: telling them about events of its connections, and asking them what only a program can say.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;

use super::event::{PoolEvent, PoolNews};
use crate::clock;
use crate::conn::caller::{Answering, Unanswered};
use crate::conn::{Caller, ConnectionId, Question, Sink};
use crate::error::contained;
use crate::rows::Batch;

/// The number by which a user knows the pool; unique in the process.
pub type PoolId = u32;

static NEXT_ID: AtomicU32 = AtomicU32::new(1);

/// One user of the pool.
struct User {
    id: PoolId,
    sink: Arc<dyn Sink>,
    caller: Option<Arc<dyn Caller>>,
    /// How many removed connections were reported to it.
    removals: u32,
}

/// All users of the pool, the oldest first.
#[derive(Default)]
pub(super) struct Users(Mutex<Vec<User>>);

impl Users {
    fn lock(&self) -> MutexGuard<'_, Vec<User>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn join(&self, sink: Arc<dyn Sink>, caller: Option<Arc<dyn Caller>>) -> PoolId {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        self.lock().push(User { id, sink, caller, removals: 0 });
        id
    }

    /// Removes a user. The last one stays to be told of the pool's end, and the answer is true.
    pub(super) fn leave(&self, id: PoolId) -> bool {
        let mut users = self.lock();
        if users.iter().all(|user| user.id == id) {
            return true;
        }
        let gone: Vec<User> = users.extract_if(.., |user| user.id == id).collect();
        drop(users);
        drop(gone);
        false
    }

    /// Whether a user was told of no more removals than it has `heard` of.
    pub(super) fn has_heard(&self, id: PoolId, heard: u32) -> bool {
        self.lock().iter().all(|user| user.id != id || user.removals == heard)
    }

    /// Tells all of them about an event of a connection; to be called without the pool's lock.
    pub(super) fn tell(&self, connection: ConnectionId, event: &PoolEvent) {
        for (sink, batch) in self.batches(connection, event) {
            // If one panics, the others are told all the same.
            contained(|| sink.deliver(batch));
        }
    }

    /// The batches that tell the users of an event of a connection, counted as told.
    pub(super) fn batches(&self, connection: ConnectionId, event: &PoolEvent) -> Vec<(Arc<dyn Sink>, Batch)> {
        let batch = |user: &mut User| {
            if matches!(event, PoolEvent::Removed) {
                user.removals = user.removals.wrapping_add(1);
            }
            (user.sink.clone(), Batch::of(PoolNews(user.id, connection, event.clone())))
        };
        self.lock().iter_mut().map(batch).collect()
    }

    /// The next one that was not asked yet.
    fn next_caller(&self, asked: &[PoolId]) -> Option<(PoolId, Arc<dyn Caller>)> {
        let users = self.lock();
        let mut callers = users.iter().filter_map(|user| Some((user.id, user.caller.clone()?)));
        callers.find(|(id, _)| !asked.contains(id))
    }
}

/// How long the answer of one may take until another is asked as well: the thread of the first one may be busy.
const PATIENCE: Duration = Duration::from_millis(250);

/// Asks the pool's users, the oldest first. They have named the same settings, so any of them can answer, and the first
/// answer counts (docs/decisions/0040).
pub(super) struct AnyUser(pub(super) Arc<Users>);

impl Caller for AnyUser {
    fn ask(&self, question: Question) -> Answering {
        let users = self.0.clone();
        Box::pin(async move {
            let mut asked = Vec::new();
            let mut answers = JoinSet::new();
            loop {
                if let Some((id, caller)) = users.next_caller(&asked) {
                    asked.push(id);
                    let question = question.clone();
                    answers.spawn(async move { caller.ask(question).await });
                }
                tokio::select! {
                    answer = answers.join_next() => match answer {
                        None => return Err(Unanswered::Gone),
                        // This user has ended without an answer, or panicked.
                        Some(Ok(Err(Unanswered::Gone)) | Err(_)) => {}
                        Some(Ok(answer)) => return answer,
                    },
                    () = clock::sleep(PATIENCE) => {}
                }
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::sync::oneshot;

    use super::*;
    use crate::config::PoolSettings;
    use crate::conn::Plain;
    use crate::conn::inbox::Inbox;
    use crate::conn::scripted;
    use crate::error::Error;
    use crate::pool::Pool;

    type Answer = Result<Plain, Error>;

    /// Says what it is told to, once; without that it leaves the question open, or is gone.
    struct Program(Mutex<Option<oneshot::Receiver<Answer>>>);

    impl Caller for Program {
        fn ask(&self, _: Question) -> Answering {
            let answer = self.0.lock().unwrap().take();
            Box::pin(async {
                let answer = answer.ok_or(Unanswered::Gone)?.await.map_err(|_| Unanswered::Gone)?;
                answer.map_err(Unanswered::Refused)
            })
        }
    }

    fn program() -> (oneshot::Sender<Answer>, Option<Arc<dyn Caller>>) {
        let (sender, receiver) = oneshot::channel();
        (sender, Some(Arc::new(Program(Mutex::new(Some(receiver))))))
    }

    fn pool() -> Pool {
        let server = scripted::start(|_, _| None);
        let limits = PoolSettings { shared: true, ..PoolSettings::of_one() };
        Pool::new(server, limits)
    }

    async fn answer_of(pool: &Pool) -> Option<Plain> {
        let (_, caller) = pool.way();
        caller.ask(Question::password()).await.ok()
    }

    #[tokio::test]
    async fn users_that_have_left_or_ended_are_skipped() {
        let pool = pool();
        let sink: Arc<dyn Sink> = Inbox::new();
        let (left, leaver) = program();
        let (gone, goer) = program();
        let (stays, stayer) = program();
        let id = pool.join(sink.clone(), leaver);
        pool.join(sink.clone(), goer);
        pool.join(sink.clone(), None);
        pool.join(sink, stayer);
        left.send(Ok(Plain::text("of one that has left"))).unwrap();
        stays.send(Ok(Plain::text("of one that stays"))).unwrap();
        drop(gone);
        assert!(!pool.leave(id));
        assert_eq!(answer_of(&pool).await, Some(Plain::text("of one that stays")));
        assert_eq!(answer_of(&pool).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_user_that_takes_long_is_not_waited_for_alone() {
        let pool = pool();
        let sink: Arc<dyn Sink> = Inbox::new();
        let (busy, first) = program();
        let (quick, second) = program();
        pool.join(sink.clone(), first);
        pool.join(sink, second);
        quick.send(Ok(Plain::text("quick"))).unwrap();
        assert_eq!(answer_of(&pool).await, Some(Plain::text("quick")));
        drop(busy);
    }
}
