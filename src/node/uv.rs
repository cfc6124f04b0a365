//! The few functions of libuv that watch a socket on JavaScript's own event loop, or keep the loop from sleeping.
//!
//! They are looked up in the running program: Node exports them, other runtimes that load addons do not, and an addon
//! that was linked against them would not even load there. Deno has these names, for a loop of its own that watches no
//! sockets; what it doesn't have is `uv_run`.

use std::ffi::{CStr, c_char, c_int, c_void};

use once_cell::sync::OnceCell;

use crate::error::contained;

/// `uv_poll_t` or `uv_idle_t`, of a size that only libuv knows.
type Raw = *mut c_void;
/// `uv_poll_cb`: the handle, a status, the events.
type Readable = unsafe extern "C" fn(Raw, c_int, c_int);
/// `uv_idle_cb`
type Turned = unsafe extern "C" fn(Raw);
/// `uv_close_cb`
type Closed = unsafe extern "C" fn(Raw);

/// The event loop of a thread.
#[derive(Clone, Copy)]
pub(super) struct Loop(*mut c_void);

impl Loop {
    /// # Safety
    /// `raw` must be a `uv_loop_t` that lives as long as what is made with it, and this stays on its thread.
    pub(super) unsafe fn new(raw: *mut c_void) -> Option<Loop> {
        (!raw.is_null()).then_some(Loop(raw))
    }
}

const UV_IDLE: c_int = 6;
const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;

/// The functions, by the names they have without `uv_`.
pub(super) struct Uv {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    handle_get_data: unsafe extern "C" fn(Raw) -> *mut c_void,
    handle_set_data: unsafe extern "C" fn(Raw, *mut c_void),
    poll_init: unsafe extern "C" fn(*mut c_void, Raw, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(Raw, c_int, Readable) -> c_int,
    idle_init: unsafe extern "C" fn(*mut c_void, Raw) -> c_int,
    idle_start: unsafe extern "C" fn(Raw, Turned) -> c_int,
    idle_stop: unsafe extern "C" fn(Raw) -> c_int,
    unref: unsafe extern "C" fn(Raw),
    close: unsafe extern "C" fn(Raw, Closed),
}

unsafe extern "C" {
    fn dlsym(library: *mut c_void, name: *const c_char) -> *mut c_void;
}

/// The program and everything it has loaded; `RTLD_DEFAULT` of the platform.
#[cfg(target_os = "macos")]
const EVERYWHERE: *mut c_void = -2isize as *mut c_void;
#[cfg(not(target_os = "macos"))]
const EVERYWHERE: *mut c_void = std::ptr::null_mut();

/// Looks a function up.
///
/// # Safety
/// `F` must be the function's type.
unsafe fn find<F: Copy>(name: &CStr) -> Option<F> {
    const { assert!(size_of::<F>() == size_of::<*mut c_void>()) };
    // SAFETY: `name` ends with a null byte.
    let address = unsafe { dlsym(EVERYWHERE, name.as_ptr()) };
    if address.is_null() {
        return None;
    }
    // SAFETY: both are the size of a pointer, and the caller says that `F` is the type of this function.
    Some(unsafe { std::mem::transmute_copy::<*mut c_void, F>(&address) })
}

impl Uv {
    /// libuv, when the program has it.
    pub(super) fn get() -> Option<&'static Uv> {
        static FOUND: OnceCell<Option<Uv>> = OnceCell::new();
        FOUND.get_or_init(Uv::find).as_ref()
    }

    fn find() -> Option<Uv> {
        // SAFETY: the type is that of `uv_run`, of which only the presence counts.
        unsafe { find::<unsafe extern "C" fn(*mut c_void, c_int) -> c_int>(c"uv_run") }?;
        // SAFETY: the types are those of <https://docs.libuv.org/en/v1.x/poll.html>, `idle.html` and `handle.html`,
        // which libuv keeps for all of its version 1.
        unsafe {
            Some(Uv {
                handle_size: find(c"uv_handle_size")?,
                handle_get_data: find(c"uv_handle_get_data")?,
                handle_set_data: find(c"uv_handle_set_data")?,
                poll_init: find(c"uv_poll_init")?,
                poll_start: find(c"uv_poll_start")?,
                idle_init: find(c"uv_idle_init")?,
                idle_start: find(c"uv_idle_start")?,
                idle_stop: find(c"uv_idle_stop")?,
                unref: find(c"uv_unref")?,
                close: find(c"uv_close")?,
            })
        }
    }

    /// Words of a handle, whichever it is.
    fn handle_words(&self) -> usize {
        // SAFETY: has no conditions.
        let bytes = [UV_IDLE, UV_POLL].map(|kind| unsafe { (self.handle_size)(kind) });
        bytes[0].max(bytes[1]).div_ceil(size_of::<u64>())
    }
}

/// The callbacks of a handle, on the loop's thread. Dropped when libuv doesn't need the handle any more.
pub(super) trait Called: 'static {
    /// There is something to read, or the loop has had a turn.
    fn called(&self);
    /// libuv has closed the handle; the last call.
    fn closed(&self);
}

/// What libuv has the address of.
struct Memory<C> {
    words: Vec<u64>,
    called: C,
}

/// A handle that doesn't keep the loop alive, for the loop's thread only. Dropping it closes it.
struct Handle<C: Called> {
    uv: &'static Uv,
    memory: *mut Memory<C>,
}

impl<C: Called> Handle<C> {
    /// `None` when `init` fails.
    fn new(called: C, init: impl FnOnce(&Uv, Raw) -> c_int) -> Option<Handle<C>> {
        let uv = Uv::get()?;
        let mut memory = Box::new(Memory { words: vec![0; uv.handle_words()], called });
        let raw: Raw = memory.words.as_mut_ptr().cast();
        if init(uv, raw) != 0 {
            return None;
        }
        let memory = Box::into_raw(memory);
        // SAFETY: the handle was just made; its memory lives until `closed`.
        unsafe { (uv.handle_set_data)(raw, memory.cast()) };
        // SAFETY: as above.
        unsafe { (uv.unref)(raw) };
        Some(Handle { uv, memory })
    }

    fn raw(&self) -> Raw {
        // SAFETY: the memory lives until `closed`, which follows the drop of this.
        unsafe { (*self.memory).words.as_mut_ptr().cast() }
    }

    fn called(&self) -> &C {
        // SAFETY: as in `raw`.
        unsafe { &(*self.memory).called }
    }
}

impl<C: Called> Drop for Handle<C> {
    fn drop(&mut self) {
        // SAFETY: on the loop's thread, and once. Closing stops the handle.
        unsafe { (self.uv.close)(self.raw(), closed::<C>) };
    }
}

/// Calls when a descriptor can be read.
pub(super) struct Poll<C: Called>(Handle<C>);

impl<C: Called> Poll<C> {
    /// Begins to watch a descriptor, which has to stay open until this is dropped. `None` when libuv refuses it.
    pub(super) fn new(on: Loop, descriptor: c_int, called: C) -> Option<Poll<C>> {
        // SAFETY: on the loop's thread, with memory for a handle.
        let init = |uv: &Uv, raw| unsafe { (uv.poll_init)(on.0, raw, descriptor) };
        let handle = Handle::new(called, init)?;
        // SAFETY: the handle was just made.
        let status = unsafe { (handle.uv.poll_start)(handle.raw(), UV_READABLE, readable::<C>) };
        (status == 0).then_some(Poll(handle))
    }

    pub(super) fn called(&self) -> &C {
        self.0.called()
    }
}

/// Calls in each turn of the loop, which doesn't sleep meanwhile.
pub(super) struct Idle<C: Called>(Handle<C>);

impl<C: Called> Idle<C> {
    /// `None` when libuv refuses.
    pub(super) fn new(on: Loop, called: C) -> Option<Idle<C>> {
        // SAFETY: on the loop's thread, with memory for a handle.
        let init = |uv: &Uv, raw| unsafe { (uv.idle_init)(on.0, raw) };
        Handle::new(called, init).map(Idle)
    }

    pub(super) fn begin(&self) {
        // SAFETY: on the loop's thread, for a handle of this kind. It fails without a callback only.
        unsafe { (self.0.uv.idle_start)(self.0.raw(), turned::<C>) };
    }

    pub(super) fn end(&self) {
        // SAFETY: as in `begin`.
        unsafe { (self.0.uv.idle_stop)(self.0.raw()) };
    }
}

unsafe extern "C" fn readable<C: Called>(raw: Raw, _: c_int, _: c_int) {
    // SAFETY: libuv calls for handles of `Poll`, as for those of `Idle`.
    unsafe { turned::<C>(raw) };
}

unsafe extern "C" fn turned<C: Called>(raw: Raw) {
    let Some(uv) = Uv::get() else { return };
    // SAFETY: libuv calls for handles whose closing has not been called back.
    let memory = unsafe { (uv.handle_get_data)(raw) };
    // SAFETY: the data of a handle is its memory, which lives until `closed`.
    let called = unsafe { &(*memory.cast::<Memory<C>>()).called };
    // A panic must not unwind into libuv.
    contained(|| called.called());
}

unsafe extern "C" fn closed<C: Called>(raw: Raw) {
    let Some(uv) = Uv::get() else { return };
    // SAFETY: as in `turned`.
    let memory = unsafe { (uv.handle_get_data)(raw) };
    // SAFETY: libuv needs the memory no longer, and calls once.
    let memory = unsafe { Box::from_raw(memory.cast::<Memory<C>>()) };
    contained(|| memory.called.closed());
}
