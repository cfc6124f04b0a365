//! Asking JavaScript what only the program can say.

use std::sync::Weak;

use once_cell::sync::OnceCell;
use tokio::sync::oneshot;

use super::environment::Environment;
use crate::conn::caller::Answering;
use crate::conn::{Caller, Question, Sink};
use crate::rows::{Asked, Batch, Event};

/// Who asks: the number of a connection or of a pool, as the environment knows it.
#[derive(Clone, Copy)]
pub enum Asker {
    Connection(u32),
    Pool(u32),
}

/// Sends questions to an environment, whose `lib/native/binding.js` finds the owner.
pub struct AskJavaScript {
    environment: Weak<Environment>,
    /// Set before the first connection is made.
    pub asker: OnceCell<Asker>,
}

impl AskJavaScript {
    pub fn new(environment: Weak<Environment>) -> Self {
        AskJavaScript { environment, asker: OnceCell::new() }
    }
}

impl Caller for AskJavaScript {
    fn ask(&self, question: Question) -> Answering {
        let (sender, receiver) = oneshot::channel();
        if let (Some(environment), Some(asker)) = (self.environment.upgrade(), self.asker.get())
            && let Some(number) = environment.keep_question(sender)
        {
            let asked = match question {
                Question::Password => Asked::Password,
                Question::Identity { name, chain } => Asked::Identity { name, chain },
            };
            let batch = match *asker {
                Asker::Connection(id) => Batch::of_event(id, Event::Asked(number, asked)),
                Asker::Pool(id) => Batch::of_event(id, Event::PoolAsked(number, asked)),
            };
            environment.queue.deliver(batch);
        }
        Box::pin(async { receiver.await.ok() })
    }
}
