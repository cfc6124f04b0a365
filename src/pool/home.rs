//! Those who use a pool: telling them what happens to its connections, and asking them what only a program can say.

use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::task::JoinSet;

use super::handle::PoolId;
use super::shared::Shared;
use crate::clock;
use crate::conn::caller::Answering;
use crate::conn::{Caller, ConnectionId, Question, Sink};
use crate::rows::{Batch, Extra, PoolEvent, Record};

/// One of those who use the pool, with the number by which they know it.
pub(super) struct Home {
    pub(super) id: PoolId,
    pub(super) sink: Arc<dyn Sink>,
    pub(super) caller: Option<Arc<dyn Caller>>,
    /// How many connections he was told have left the pool.
    pub(super) removals: u32,
}

/// Tells all of them what happens to a connection.
pub(super) fn tell(homes: &mut [Home], connection: ConnectionId, event: &PoolEvent) {
    for home in homes {
        if matches!(event, PoolEvent::Removed) {
            home.removals = home.removals.wrapping_add(1);
        }
        let mut batch = Batch::default();
        batch.record_with(Record::Event, &[], Extra::PoolEvent(home.id, connection, event.clone()));
        home.sink.deliver(batch);
    }
}

/// How long the answer of one may take until another is asked as well: the thread of the first one may be busy.
const PATIENCE: Duration = Duration::from_millis(250);

/// Asks whoever uses the pool, the oldest user first. They have named the same settings, so any of them can answer, and
/// the first answer counts (docs/decisions/0040).
pub(super) struct Homes(pub(super) Weak<Shared>);

impl Homes {
    /// The next one who was not asked yet.
    fn next(pool: &Weak<Shared>, asked: &[PoolId]) -> Option<(PoolId, Arc<dyn Caller>)> {
        let pool = pool.upgrade()?;
        let state = pool.lock();
        let mut callers = state.homes.iter().filter_map(|home| Some((home.id, home.caller.clone()?)));
        callers.find(|(id, _)| !asked.contains(id))
    }
}

impl Caller for Homes {
    fn ask(&self, question: Question) -> Answering {
        let pool = self.0.clone();
        Box::pin(async move {
            let mut asked = Vec::new();
            let mut answers = JoinSet::new();
            loop {
                if let Some((id, caller)) = Homes::next(&pool, &asked) {
                    asked.push(id);
                    answers.spawn(caller.ask(question.clone()));
                }
                tokio::select! {
                    answer = answers.join_next() => match answer {
                        None => return None,
                        Some(Ok(Some(answer))) => return Some(answer),
                        // He has gone without one.
                        Some(_) => {}
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
    use crate::conn::fake_server;
    use crate::conn::inbox::Inbox;
    use crate::error::Error;
    use crate::pool::Pool;

    type Answer = Result<Option<String>, Error>;

    /// Says what it is told to, once; without that it leaves the question open, or is gone.
    struct Program(Mutex<Option<oneshot::Receiver<Answer>>>);

    impl Caller for Program {
        fn ask(&self, _: Question) -> Answering {
            let answer = self.0.lock().unwrap().take();
            Box::pin(async { answer?.await.ok() })
        }
    }

    fn program() -> (oneshot::Sender<Answer>, Option<Arc<dyn Caller>>) {
        let (sender, receiver) = oneshot::channel();
        (sender, Some(Arc::new(Program(Mutex::new(Some(receiver))))))
    }

    fn pool() -> Pool {
        let server = fake_server::start(|_, _| None);
        let limits = PoolSettings { shared: true, ..PoolSettings::of_one() };
        Pool::new(server, limits)
    }

    async fn answer_of(pool: &Pool) -> Option<Option<String>> {
        let (_, caller) = pool.way();
        caller.ask(Question::Password).await.map(|answer| answer.unwrap())
    }

    #[tokio::test]
    async fn who_has_left_or_gone_is_passed_over() {
        let pool = pool();
        let sink: Arc<dyn Sink> = Inbox::new();
        let (left, leaver) = program();
        let (gone, goer) = program();
        let (stays, stayer) = program();
        let id = pool.join(sink.clone(), leaver);
        pool.join(sink.clone(), goer);
        pool.join(sink.clone(), None);
        pool.join(sink, stayer);
        left.send(Ok(Some("of one who has left".into()))).unwrap();
        stays.send(Ok(Some("of one who stays".into()))).unwrap();
        drop(gone);
        assert!(!pool.leave(id));
        assert_eq!(answer_of(&pool).await, Some(Some("of one who stays".into())));
        assert_eq!(answer_of(&pool).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn who_takes_long_is_not_waited_for_alone() {
        let pool = pool();
        let sink: Arc<dyn Sink> = Inbox::new();
        let (busy, first) = program();
        let (quick, second) = program();
        pool.join(sink.clone(), first);
        pool.join(sink, second);
        quick.send(Ok(Some("quick".into()))).unwrap();
        assert_eq!(answer_of(&pool).await, Some(Some("quick".into())));
        drop(busy);
    }
}
