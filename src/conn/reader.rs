//! Reading a connection in place of its task.

/// Whoever reads a connection in place of its task.
pub trait Reader: Send + Sync {
    /// The task is needed again: [`super::Connection::attach`] has to be called, soon. Called from any thread.
    fn recall(&self);
}
