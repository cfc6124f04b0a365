//! Keeps JavaScript's event loop from sleeping while an answer is about to come (docs/decisions/0027): libuv's idle
//! handle, with which timers, immediates and other sockets have their turns all the same.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::sync::Arc;

use super::uv::{Handle, Loop, Uv};

/// Whoever keeps a loop awake.
pub trait Kept: Send + Sync {
    /// The loop, which is kept awake, has had a turn.
    fn turned(&self);
    /// libuv has closed a handle.
    fn handle_closed(&self);
}

/// Made when it is wanted first. For the loop's thread only.
pub struct KeepAwake {
    uv: &'static Uv,
    on: Loop,
    /// Null until it is wanted, and after [`KeepAwake::close`].
    idle: *mut Idle,
    is_on: bool,
}

/// What calls back in each turn of the loop; libuv has its address.
struct Idle {
    memory: Vec<u64>,
    kept: Arc<dyn Kept>,
}

impl Idle {
    fn handle(&mut self) -> Handle {
        self.memory.as_mut_ptr().cast()
    }
}

impl KeepAwake {
    pub fn new(uv: &'static Uv, on: Loop) -> KeepAwake {
        KeepAwake { uv, on, idle: ptr::null_mut(), is_on: false }
    }

    pub fn is_on(&self) -> bool {
        self.is_on
    }

    /// Has the loop take turn after turn, and tell [`Kept::turned`] of each; returns whether that took a new
    /// handle.
    pub fn start<T: Kept + 'static>(&mut self, kept: &Arc<T>) -> bool {
        let is_new = self.idle.is_null();
        if is_new && !self.make(kept.clone()) {
            return false;
        }
        // SAFETY: what is not null has not been closed.
        let handle = unsafe { (*self.idle).handle() };
        // SAFETY: as above, on the loop's thread.
        unsafe { self.uv.stay_awake(handle, turned) };
        self.is_on = true;
        is_new
    }

    fn make(&mut self, kept: Arc<dyn Kept>) -> bool {
        let memory = vec![0; self.uv.handle_words()];
        let idle = Box::into_raw(Box::new(Idle { memory, kept }));
        // SAFETY: just made.
        let handle = unsafe { (*idle).handle() };
        // SAFETY: on the loop's thread; the memory lives until `closed`.
        if !unsafe { self.uv.make_idle(self.on, handle, idle.cast()) } {
            // SAFETY: libuv has refused it, so nobody else has the address.
            drop(unsafe { Box::from_raw(idle) });
            return false;
        }
        self.idle = idle;
        true
    }

    pub fn stop(&mut self) {
        if !self.idle.is_null() {
            // SAFETY: as in `start`.
            let handle = unsafe { (*self.idle).handle() };
            // SAFETY: as above, on the loop's thread.
            unsafe { self.uv.fall_asleep(handle) };
        }
        self.is_on = false;
    }

    /// Gives the handle up; [`Kept::handle_closed`] is told when its memory is free.
    pub fn close(&mut self) {
        let idle = std::mem::replace(&mut self.idle, ptr::null_mut());
        if !idle.is_null() {
            // SAFETY: libuv has its address until `closed`.
            let handle = unsafe { (*idle).handle() };
            // SAFETY: on the loop's thread, once: it is forgotten here.
            unsafe { self.uv.close(handle, closed) };
        }
        self.is_on = false;
    }
}

unsafe extern "C" fn turned(handle: Handle) {
    let Some(uv) = Uv::get() else { return };
    // SAFETY: libuv calls for handles that are not closed, whose data is their `Idle`.
    let kept = unsafe { &(*uv.data(handle).cast::<Idle>()).kept };
    // A panic must not unwind into libuv.
    let _ = catch_unwind(AssertUnwindSafe(|| kept.turned()));
}

unsafe extern "C" fn closed(handle: Handle) {
    let Some(uv) = Uv::get() else { return };
    // SAFETY: the data of a closed handle is its `Idle`, which libuv needs no longer.
    let idle = unsafe { Box::from_raw(uv.data(handle).cast::<Idle>()) };
    idle.kept.handle_closed();
}
