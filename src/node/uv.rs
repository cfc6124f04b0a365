//! The few functions of libuv that watch a socket on JavaScript's own event loop, or keep the loop from sleeping.
//!
//! They are looked up in the running program: Node exports them, other runtimes that load addons do not, and an addon
//! that was linked against them would not even load there. Deno has these names, for a loop of its own that watches no
//! sockets; what it doesn't have is `uv_run`.

use std::ffi::{CStr, c_char, c_int, c_void};

use once_cell::sync::OnceCell;

/// `uv_poll_t` or `uv_idle_t`, of a size that only libuv knows.
pub type Handle = *mut c_void;
/// `uv_loop_t`
pub type Loop = *mut c_void;

/// `uv_poll_cb`: the handle, a status, the events.
pub type Readable = unsafe extern "C" fn(Handle, c_int, c_int);
/// `uv_idle_cb`
pub type Turned = unsafe extern "C" fn(Handle);
/// `uv_close_cb`
pub type Closed = unsafe extern "C" fn(Handle);

const UV_IDLE: c_int = 6;
const UV_POLL: c_int = 8;
const UV_READABLE: c_int = 1;

/// The functions, by the names they have without `uv_`.
pub struct Uv {
    handle_size: unsafe extern "C" fn(c_int) -> usize,
    handle_get_data: unsafe extern "C" fn(Handle) -> *mut c_void,
    handle_set_data: unsafe extern "C" fn(Handle, *mut c_void),
    poll_init: unsafe extern "C" fn(Loop, Handle, c_int) -> c_int,
    poll_start: unsafe extern "C" fn(Handle, c_int, Readable) -> c_int,
    idle_init: unsafe extern "C" fn(Loop, Handle) -> c_int,
    idle_start: unsafe extern "C" fn(Handle, Turned) -> c_int,
    idle_stop: unsafe extern "C" fn(Handle) -> c_int,
    unref: unsafe extern "C" fn(Handle),
    close: unsafe extern "C" fn(Handle, Closed),
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
    pub fn get() -> Option<&'static Uv> {
        static FOUND: OnceCell<Option<Uv>> = OnceCell::new();
        FOUND.get_or_init(Uv::find).as_ref()
    }

    fn find() -> Option<Uv> {
        // SAFETY: the type is that of `uv_run`, of which only the presence counts.
        unsafe { find::<unsafe extern "C" fn(Loop, c_int) -> c_int>(c"uv_run") }?;
        // SAFETY: the types are those of <https://docs.libuv.org/en/v1.x/poll.html>, `idle.html` and `handle.html`, which
        // libuv keeps for all of its version 1.
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
    pub fn handle_words(&self) -> usize {
        // SAFETY: has no conditions.
        let bytes = [UV_IDLE, UV_POLL].map(|kind| unsafe { (self.handle_size)(kind) });
        bytes[0].max(bytes[1]).div_ceil(size_of::<u64>())
    }

    /// Makes a handle in `handle`'s memory that calls `readable` when there is something to read, without keeping the
    /// loop alive.
    ///
    /// # Safety
    /// Only on the loop's thread. `handle` must have [`Uv::handle_words`] words that stay where they are until the
    /// callback of [`Uv::close`]; the descriptor must stay open until then.
    pub unsafe fn watch(&self, on: Loop, handle: Handle, data: *mut c_void, fd: c_int, readable: Readable) -> bool {
        // SAFETY: as the caller says.
        if unsafe { (self.poll_init)(on, handle, fd) } != 0 {
            return false;
        }
        // SAFETY: the handle was just made.
        unsafe { (self.handle_set_data)(handle, data) };
        // SAFETY: as above.
        unsafe { (self.unref)(handle) };
        // SAFETY: as above.
        unsafe { (self.poll_start)(handle, UV_READABLE, readable) == 0 }
    }

    /// Makes a handle in `handle`'s memory that can call back in each turn of the loop, without keeping it alive.
    ///
    /// # Safety
    /// Only on the loop's thread. `handle` must have [`Uv::handle_words`] words that stay where they are until the
    /// callback of [`Uv::close`].
    pub unsafe fn make_idle(&self, on: Loop, handle: Handle, data: *mut c_void) -> bool {
        // SAFETY: as the caller says.
        if unsafe { (self.idle_init)(on, handle) } != 0 {
            return false;
        }
        // SAFETY: the handle was just made.
        unsafe { (self.handle_set_data)(handle, data) };
        // SAFETY: as above.
        unsafe { (self.unref)(handle) };
        true
    }

    /// Has the loop call `turned` in each of its turns, and not sleep in between.
    ///
    /// # Safety
    /// Only on the loop's thread, for a handle of [`Uv::make_idle`] that is not closed.
    pub unsafe fn stay_awake(&self, handle: Handle, turned: Turned) {
        // SAFETY: as the caller says. It fails without a callback only.
        unsafe { (self.idle_start)(handle, turned) };
    }

    /// Ends what [`Uv::stay_awake`] began.
    ///
    /// # Safety
    /// As for [`Uv::stay_awake`].
    pub unsafe fn fall_asleep(&self, handle: Handle) {
        // SAFETY: as the caller says.
        unsafe { (self.idle_stop)(handle) };
    }

    /// What was given to [`Uv::watch`] or [`Uv::make_idle`].
    ///
    /// # Safety
    /// `handle` must be one of theirs whose closing has not been called back.
    pub unsafe fn data(&self, handle: Handle) -> *mut c_void {
        // SAFETY: as the caller says.
        unsafe { (self.handle_get_data)(handle) }
    }

    /// Stops what a handle does, and calls `closed` when its memory is free again.
    ///
    /// # Safety
    /// Only on the loop's thread, once for each handle of [`Uv::watch`] and [`Uv::make_idle`].
    pub unsafe fn close(&self, handle: Handle, closed: Closed) {
        // SAFETY: as the caller says. Closing stops the handle.
        unsafe { (self.close)(handle, closed) };
    }
}
