//! Running something that recurses on a stack that suffices.

use std::panic;
use std::thread;

/// What any thread has left: Node keeps 192 KB of a worker thread's stack from JavaScript.
const AT_HAND: usize = 128 * 1024;

/// Runs `work`, which takes at most so many bytes of stack, and answers with its result; none if no thread with such a
/// stack can be had. A panic goes on in the caller.
pub(super) fn with<T: Send>(bytes: usize, work: impl FnOnce() -> T + Send) -> Option<T> {
    if bytes <= AT_HAND {
        return Some(work());
    }
    thread::scope(|scope| {
        let builder = thread::Builder::new().name("pgfleet-sql".to_owned()).stack_size(bytes);
        let thread = builder.spawn_scoped(scope, work).ok()?;
        match thread.join() {
            Ok(result) => Some(result),
            Err(panicked) => panic::resume_unwind(panicked),
        }
    })
}
