//! Reading a connection in place of its task.

/// What reads a connection in place of its task.
pub trait Reader: Send + Sync {
    /// The task is needed again: [`super::Connection::attach`] has to be called, soon. Called from any thread.
    fn recall(&self);
}

/// What reads a detached connection for the thread that has detached it.
#[cfg(unix)]
pub(super) trait Detachable: Send + Sync {
    /// Reads what there is. False when the task has to go on: the answer is long, or the connection is over or not
    /// needed any more.
    fn read_detached(&self) -> bool;
}
