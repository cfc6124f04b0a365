//! Questions to one program that aren't answered yet.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use once_cell::sync::OnceCell;
use tokio::sync::oneshot;

use super::caller::{Answering, Caller, Question, Unanswered};
use super::connection_id::ConnectionId;
use super::plain::Plain;
use super::sink::Sink;
use crate::clock;
use crate::error::Error;
use crate::rows::{Batch, News};

/// What answers on the program's side, by its number there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Responder {
    /// Of a connection of its own.
    Connection(ConnectionId),
    /// Of a pool that it uses.
    Pool(u32),
    /// Of an operation that it has begun.
    Request(i32),
}

/// A question on its way to the program.
pub struct Asked {
    /// What shall answer.
    pub responder: Responder,
    /// For the answer. No other question of the process has it.
    pub number: u32,
    /// See [`Question::name`].
    pub name: &'static str,
    /// See [`Question::data`].
    pub data: Plain,
}

impl News for Asked {
    fn memory(&self) -> usize {
        size_of::<Self>() + self.data.memory()
    }
}

/// Tells that the answer to the question of this number isn't wanted any more.
pub struct Withdrawn(pub u32);

impl News for Withdrawn {
    fn memory(&self) -> usize {
        size_of::<Self>()
    }
}

type Answer = Result<Plain, Error>;

/// The questions to one environment of JavaScript, which end with it.
pub struct Questions {
    program: Arc<dyn Sink>,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    is_closed: bool,
    senders: HashMap<u32, oneshot::Sender<Answer>>,
}

static NEXT: AtomicU32 = AtomicU32::new(1);

impl Questions {
    /// To the program behind this sink.
    pub fn to(program: Arc<dyn Sink>) -> Arc<Questions> {
        Arc::new(Questions { program, open: Mutex::default() })
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Asks. Dropping the returned future withdraws the question.
    pub fn ask(self: &Arc<Self>, responder: Responder, question: Question) -> Answering {
        let Question { name, data, limit } = question;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let (sender, receiver) = oneshot::channel();
        {
            let mut open = self.lock();
            if open.is_closed {
                return Box::pin(std::future::ready(Err(Unanswered::Gone)));
            }
            open.senders.insert(number, sender);
        }
        let withdrawal = Withdrawal { questions: self.clone(), number };
        self.program.deliver(Batch::of(Asked { responder, number, name, data }));
        Box::pin(async move {
            let _withdrawal = withdrawal;
            let answer = match limit {
                Some(limit) => clock::within(limit, receiver).await.ok_or(Unanswered::Late)?,
                None => receiver.await,
            };
            answer.map_err(|_| Unanswered::Gone)?.map_err(Unanswered::Refused)
        })
    }

    /// Answers a question; false when it was withdrawn.
    pub fn answer(&self, number: u32, answer: Answer) -> bool {
        let sender = self.lock().senders.remove(&number);
        sender.is_some_and(|sender| sender.send(answer).is_ok())
    }

    /// The responder that the question was for is gone.
    pub fn decline(&self, number: u32) {
        self.lock().senders.remove(&number);
    }

    /// No responder is left for any of them, or for any later question.
    pub fn close(&self) {
        let senders = {
            let mut open = self.lock();
            open.is_closed = true;
            std::mem::take(&mut open.senders)
        };
        drop(senders);
    }
}

/// Takes a question back that was not answered.
struct Withdrawal {
    questions: Arc<Questions>,
    number: u32,
}

impl Drop for Withdrawal {
    fn drop(&mut self) {
        let is_open = self.questions.lock().senders.remove(&self.number).is_some();
        if is_open {
            self.questions.program.deliver(Batch::of(Withdrawn(self.number)));
        }
    }
}

/// Asks one responder of a program.
pub struct Asker {
    questions: Weak<Questions>,
    /// Set before the first question.
    pub responder: OnceCell<Responder>,
}

impl Asker {
    /// Of a program that it doesn't keep.
    pub fn new(questions: &Arc<Questions>) -> Asker {
        Asker { questions: Arc::downgrade(questions), responder: OnceCell::new() }
    }
}

impl Caller for Asker {
    fn ask(&self, question: Question) -> Answering {
        match (self.questions.upgrade(), self.responder.get()) {
            (Some(questions), Some(responder)) => questions.ask(*responder, question),
            _ => Box::pin(std::future::ready(Err(Unanswered::Gone))),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::any::Any;
    use std::task::{Context, Poll};
    use std::time::Duration;

    use super::*;
    use crate::conn::sink::Tables;
    use crate::error::ErrorKind;
    use crate::rows::Extra;

    #[derive(Default)]
    struct Program {
        tables: Tables,
        told: Mutex<Vec<Extra>>,
    }

    impl Sink for Program {
        fn deliver(&self, batch: Batch) {
            self.told.lock().unwrap().extend(batch.extras);
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
        fn hear<T: News>(&self) -> Vec<T> {
            let told = std::mem::take(&mut *self.told.lock().unwrap());
            let news = told.into_iter().map(|extra| match extra {
                Extra::News(news) => (news as Box<dyn Any>).downcast::<T>().map(|news| *news).ok().unwrap(),
                _ => panic!("only news"),
            });
            news.collect()
        }
    }

    fn program() -> (Arc<Program>, Arc<Questions>) {
        let program = Arc::new(Program::default());
        (program.clone(), Questions::to(program))
    }

    fn question(limit: Option<Duration>) -> Question {
        Question { name: "verify", data: Plain::record([("wave", Plain::Number(2.0))]), limit }
    }

    #[tokio::test]
    async fn an_answer_or_an_error_comes_to_the_asker() {
        let (program, questions) = program();
        let answers = [0, 1].map(|request| questions.ask(Responder::Request(request), question(None)));
        let asked: Vec<Asked> = program.hear();
        assert_eq!(asked[0].data, Plain::record([("wave", Plain::Number(2.0))]));
        assert_eq!(asked[1].responder, Responder::Request(1));
        assert!(questions.answer(asked[1].number, Err(Error::new(ErrorKind::Aborted, "no"))));
        assert!(questions.answer(asked[0].number, Ok(Plain::Boolean(true))));
        assert!(!questions.answer(asked[0].number, Ok(Plain::Null)));
        let [first, second] = answers;
        assert_eq!(first.await.unwrap(), Plain::Boolean(true));
        assert!(matches!(second.await, Err(Unanswered::Refused(error)) if error.message == "no"));
        assert!(program.hear::<Withdrawn>().is_empty());
    }

    #[tokio::test]
    async fn a_question_whose_answer_is_not_wanted_any_more_is_withdrawn() {
        let (program, questions) = program();
        let answer = questions.ask(Responder::Pool(1), question(None));
        let number = program.hear::<Asked>()[0].number;
        drop(answer);
        assert_eq!(program.hear::<Withdrawn>()[0].0, number);
        assert!(!questions.answer(number, Ok(Plain::Null)));
    }

    #[tokio::test(start_paused = true)]
    async fn a_question_is_withdrawn_when_its_limit_has_passed() {
        let (program, questions) = program();
        let answer = questions.ask(Responder::Pool(1), question(Some(Duration::from_secs(5))));
        let number = program.hear::<Asked>()[0].number;
        assert!(matches!(answer.await, Err(Unanswered::Late)));
        assert_eq!(program.hear::<Withdrawn>()[0].0, number);
    }

    #[tokio::test]
    async fn a_question_to_a_program_that_ends_or_has_ended_fails_at_once() {
        let (program, questions) = program();
        let asker = Asker::new(&questions);
        asker.responder.set(Responder::Connection(1)).unwrap();
        let (under_way, declined) = (asker.ask(question(None)), asker.ask(question(None)));
        questions.decline(program.hear::<Asked>()[1].number);
        assert!(matches!(declined.await, Err(Unanswered::Gone)));
        questions.close();
        assert!(matches!(under_way.await, Err(Unanswered::Gone)));
        assert!(matches!(asker.ask(question(None)).await, Err(Unanswered::Gone)));
        assert!(program.hear::<Withdrawn>().is_empty());
        drop(questions);
        assert!(matches!(asker.ask(question(None)).await, Err(Unanswered::Gone)));
    }
}
