//! Running a pool's background tasks: after a panic a task pauses and goes on, and the loss of one doesn't affect the
//! others.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::shared::Shared;
use super::state::State;
use super::task::Task;
use crate::clock;
use crate::error::contained;

/// How long a task rests after a panic.
const REST: Duration = Duration::from_secs(1);
/// How often shared connections are checked.
const ROUND: Duration = Duration::from_millis(5);

/// A running task. It ends when it has nothing left to wait for, or with the pool.
struct Background {
    pool: Weak<Shared>,
    task: Task,
    is_over: bool,
}

impl Background {
    async fn run(mut self) {
        if self.task == Task::Hedge {
            clock::sleep(ROUND).await;
        }
        loop {
            let Some(next) = self.step() else {
                self.is_over = true;
                return;
            };
            clock::sleep_until(next).await;
        }
    }

    /// Does what is to be done now, and says when to come back.
    fn step(&self) -> Option<Instant> {
        let pool = self.pool.upgrade()?;
        let step = || match self.task {
            Task::Reap => pool.reap(),
            Task::Expire => pool.expire(),
            Task::Hedge => pool.hedge().then(|| clock::now() + ROUND),
        };
        let step = || {
            #[cfg(test)]
            pool.fault.at(self.task.name());
            step()
        };
        contained(step).unwrap_or_else(|| Some(clock::now() + REST))
    }
}

/// A lost task can be started again.
impl Drop for Background {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade().filter(|_| !self.is_over) {
            *pool.lock().running.mark(self.task) = false;
        }
    }
}

impl Shared {
    /// Starts a task, unless it is running. A task that finds nothing to do clears its mark.
    pub(super) fn start(self: &Arc<Self>, state: &mut State, task: Task) {
        let is_running = std::mem::replace(state.running.mark(task), true);
        if !is_running {
            let background = Background { pool: Arc::downgrade(self), task, is_over: false };
            state.effects.spawn(background.run());
        }
    }
}
