//! A pool's background tasks.

/// A task, of which there is one at a time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Task {
    /// Closes connections that were idle too long or have become too old.
    Reap,
    /// Refuses waiters that have waited too long.
    Expire,
    /// Sends again requests that wait too long behind another.
    Hedge,
}

#[cfg(test)]
impl Task {
    /// Its name in tests.
    pub(super) fn name(self) -> &'static str {
        match self {
            Task::Reap => "reap",
            Task::Expire => "expire",
            Task::Hedge => "hedge",
        }
    }
}

/// Which tasks there are.
#[derive(Default)]
pub(super) struct Running {
    reap: bool,
    expire: bool,
    hedge: bool,
}

impl Running {
    pub(super) fn mark(&mut self, task: Task) -> &mut bool {
        match task {
            Task::Reap => &mut self.reap,
            Task::Expire => &mut self.expire,
            Task::Hedge => &mut self.hedge,
        }
    }
}
