//! The one tokio runtime of the process, shared by every environment (main thread and worker threads).

use std::io;

use once_cell::sync::OnceCell;
use tokio::runtime::{Builder, Handle, Runtime};

use super::os_error::{Shortage, io_code};
use crate::error::{Error, ErrorKind, contained, texts};

static RUNTIME: OnceCell<Runtime> = OnceCell::new();

/// Starts the runtime, unless there is one that the caller is on, or it has been started. To be called before the first
/// task of something new: [`spawn`] can't fail then.
///
/// # Errors
/// `Io` when the operating system has no threads or descriptors left; the next call tries again.
pub fn start() -> Result<(), Error> {
    if RUNTIME.get().is_some() || Handle::try_current().is_ok() {
        return Ok(());
    }
    RUNTIME.get_or_try_init(build).map(|_| ())
}

/// The runtime, which has been started.
///
/// # Panics
/// When it has not, and the operating system refuses it.
pub fn handle() -> &'static Handle {
    RUNTIME.get_or_try_init(build).expect("the operating system refused threads or descriptors to pgfleet").handle()
}

/// Runs a task: on the runtime that the caller is on, which may be a test's with a clock of its own, and otherwise on
/// the process's.
pub fn spawn(task: impl Future<Output = ()> + Send + 'static) {
    match Handle::try_current() {
        Ok(current) => drop(current.spawn(task)),
        Err(_) => drop(handle().spawn(task)),
    }
}

/// It has half as many threads as the machine has cores, four at most: its work is sockets and decoding, and JavaScript
/// needs the cores, too.
fn build() -> Result<Runtime, Error> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let threads = (cores / 2).clamp(1, 4);
    // tokio panics when it can't start a thread.
    let built =
        contained(|| Builder::new_multi_thread().worker_threads(threads).thread_name("pgfleet").enable_all().build());
    built.unwrap_or_else(|| Err(io::ErrorKind::WouldBlock.into())).map_err(|error| refused(&error))
}

fn refused(error: &io::Error) -> Error {
    let code = match error.kind() {
        io::ErrorKind::WouldBlock => "EAGAIN",
        _ => io_code(error),
    };
    let advice = Shortage::of(error).map_or("", Shortage::advice);
    Error::new(ErrorKind::Io, texts::no_threads(code, advice)).with_code(code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_runtime_that_is_refused_says_what_is_missing() {
        let threads = refused(&io::ErrorKind::WouldBlock.into());
        assert_eq!((threads.code.as_deref(), threads.kind), (Some("EAGAIN"), ErrorKind::Io));
        #[cfg(unix)]
        {
            let descriptors = refused(&io::Error::from_raw_os_error(24));
            assert_eq!(descriptors.code.as_deref(), Some("EMFILE"));
            assert!(descriptors.message.contains("ulimit -n"), "{}", descriptors.message);
        }
    }
}
