//! Which thread gets a CPU first while a long answer comes in.
//!
//! A server sends a long answer 8 KB at a time. Where client and server share their CPUs, each of these sends wakes the
//! reading thread, which takes the CPU from the server, reads 8 KB, and gives it back. A thread under Linux's batch
//! policy doesn't take a CPU from another one when it wakes: it reads when the server has nothing to send or has used
//! up its turn, and at once where a CPU is idle. What that is worth is in docs/decisions/0019.

#[cfg(any(target_os = "linux", target_os = "android"))]
pub(super) use linux::let_others_finish;

/// On other systems nothing is changed.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
pub(super) fn let_others_finish(_: bool) {}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod linux {
    use std::cell::Cell;

    use libc::{SCHED_BATCH, SCHED_OTHER, c_int, pthread_getschedparam, pthread_self, pthread_setschedparam};

    thread_local! {
        /// The policy of this thread; `None` when it must not be changed.
        static POLICY: Cell<Option<c_int>> = Cell::new(Some(policy()).filter(|policy| *policy == SCHED_OTHER));
    }

    /// Whether this thread, once it sleeps, waits for a CPU instead of taking one from threads that run. A thread
    /// whose policy was set from outside keeps it, and so does one that may not change it.
    pub(in super::super) fn let_others_finish(yes: bool) {
        let wanted = if yes { SCHED_BATCH } else { SCHED_OTHER };
        POLICY.with(|policy| {
            if policy.get().is_some_and(|current| current != wanted) {
                policy.set(change_to(wanted).then_some(wanted));
            }
        });
    }

    /// Priority 0, the only one that both policies have; some C libraries have more fields for others.
    #[allow(unsafe_code)]
    fn parameters() -> libc::sched_param {
        // SAFETY: it consists of integers, for which zero is valid.
        unsafe { std::mem::zeroed() }
    }

    #[allow(unsafe_code)]
    fn policy() -> c_int {
        let (mut policy, mut parameters) = (0, parameters());
        // SAFETY: the thread is the one that runs, and both places outlive the call.
        let status = unsafe { pthread_getschedparam(pthread_self(), &mut policy, &mut parameters) };
        if status == 0 { policy } else { -1 }
    }

    #[allow(unsafe_code)]
    fn change_to(policy: c_int) -> bool {
        // SAFETY: the thread is the one that runs, and the parameters outlive the call.
        unsafe { pthread_setschedparam(pthread_self(), policy, &parameters()) == 0 }
    }
}
