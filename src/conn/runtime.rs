//! The one tokio runtime of the process, shared by every environment (main thread and worker threads).

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

/// The runtime, started at first use.
///
/// It has half as many threads as the machine has cores, four at most: its work is sockets and decoding, and the cores
/// are JavaScript's, too.
///
/// # Panics
/// When the operating system refuses to start a thread.
pub fn handle() -> &'static Handle {
    RUNTIME.get_or_init(start).handle()
}

/// Runs a task: on the runtime that the caller is on, which may be a test's with a clock of its own, and otherwise on the
/// process's.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    match Handle::try_current() {
        Ok(current) => drop(current.spawn(task)),
        Err(_) => drop(handle().spawn(task)),
    }
}

fn start() -> Runtime {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads((cores / 2).clamp(1, 4))
        .thread_name("pgfleet")
        .enable_all()
        .build()
        .expect("the operating system refused a thread for pgfleet")
}
