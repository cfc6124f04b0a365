//! The event loop of a JavaScript thread, by a threadsafe function: wakes it from any thread, and keeps it alive.

use std::ptr;
use std::sync::Mutex;

use napi::sys;

use super::js::{Js, Reference};
use super::lock::lock;
use crate::conn::completion_queue::Wake;

/// Wakes an event loop and keeps it alive as long as it is needed.
pub(super) struct EventLoop(Mutex<Function>);

/// The threadsafe function, until it is finalized.
struct Function {
    /// Null before it is made and after it is finalized.
    raw: sys::napi_threadsafe_function,
    /// JavaScript's drain; none after [`EventLoop::retire`].
    callback: Option<Reference>,
    /// Whether `callback` keeps JavaScript's objects, with everything they have loaded. They may be collected when
    /// nothing is under way: programs that empty their module registry load this package again and again.
    keeps: bool,
    /// Reasons for the event loop to stay alive.
    holds: isize,
    /// Those of them that are requests.
    requests: usize,
}

// SAFETY: a threadsafe function may be called from any thread; it is only touched under its lock and never after it
// was finalized, when `raw` is null.
unsafe impl Send for Function {}

impl Default for EventLoop {
    fn default() -> Self {
        EventLoop(Mutex::new(Function { raw: ptr::null_mut(), callback: None, keeps: false, holds: 0, requests: 0 }))
    }
}

impl EventLoop {
    /// What wakes it, and the function of JavaScript's that is called then. An idle environment does not keep the
    /// process alive. Called on the JavaScript thread.
    pub(super) fn attach(&self, js: Js, raw: sys::napi_threadsafe_function, callback: Reference) {
        // SAFETY: `raw` was just made on this thread.
        unsafe { sys::napi_unref_threadsafe_function(js.raw(), raw) };
        let mut function = lock(&self.0);
        function.raw = raw;
        function.callback = Some(callback);
    }

    /// It is ending, and is not used any more.
    pub(super) fn detach(&self) {
        lock(&self.0).raw = ptr::null_mut();
    }

    /// JavaScript's objects may be collected, unless requests are under way or they are needed (`is_needed`). Called on
    /// the JavaScript thread.
    pub(super) fn let_go(&self, js: Js, is_needed: impl FnOnce() -> bool) {
        let mut function = lock(&self.0);
        if let Some(callback) = function.callback
            && function.requests == 0
            && function.keeps
            && !is_needed()
        {
            function.keeps = js.let_go(callback).is_err();
        }
    }

    /// JavaScript's side has been collected. Called on the JavaScript thread.
    pub(super) fn retire(&self, js: Js) {
        let mut function = lock(&self.0);
        let callback = function.callback.take();
        let raw = std::mem::replace(&mut function.raw, ptr::null_mut());
        drop(function);
        if let Some(callback) = callback {
            js.forget(callback);
        }
        if !raw.is_null() {
            let mode = sys::ThreadsafeFunctionReleaseMode::abort;
            // SAFETY: `raw` was live, and nothing else can reach it any more; it is finalized by this.
            unsafe { sys::napi_release_threadsafe_function(raw, mode) };
        }
    }

    /// JavaScript's drain; none when the environment has ended.
    pub(super) fn callback(&self) -> Option<Reference> {
        lock(&self.0).callback
    }

    /// One more reason to stay alive. Called on the JavaScript thread.
    pub(super) fn hold(&self, js: Js) {
        lock(&self.0).hold(js, 1);
    }

    /// One fewer. Called on the JavaScript thread.
    pub(super) fn release(&self, js: Js) {
        lock(&self.0).release(js, 1);
    }

    /// Requests are being made, which are reasons to stay alive until they are answered. Called on the JavaScript
    /// thread.
    pub(super) fn hold_requests(&self, js: Js, count: usize) -> Hold<'_> {
        let mut function = lock(&self.0);
        function.requests += count;
        function.hold(js, count);
        Hold { event_loop: self, js, count, under_way: function.requests }
    }

    /// Requests are over. Called on the JavaScript thread.
    pub(super) fn release_requests(&self, js: Js, count: usize) {
        let mut function = lock(&self.0);
        function.requests = function.requests.saturating_sub(count);
        function.release(js, count);
    }

    /// Of the requests under way, `count` are no reason to stay alive, and before that it was `before`. Called on the
    /// JavaScript thread.
    pub(super) fn except(&self, js: Js, before: usize, count: usize) {
        let mut function = lock(&self.0);
        function.hold(js, before.saturating_sub(count));
        function.release(js, count.saturating_sub(before));
    }
}

/// Calls JavaScript's drain, soon.
impl Wake for EventLoop {
    fn wake(&self) {
        let mut function = lock(&self.0);
        if function.raw.is_null() {
            return;
        }
        let mode = sys::ThreadsafeFunctionCallMode::nonblocking;
        // SAFETY: `raw` is live: it is set to null under this lock when it is finalized or found closing.
        let status = unsafe { sys::napi_call_threadsafe_function(function.raw, ptr::null_mut(), mode) };
        if status == sys::Status::napi_closing {
            function.raw = ptr::null_mut();
        }
    }
}

impl Function {
    fn hold(&mut self, js: Js, count: usize) {
        let before = self.holds;
        self.holds = before.saturating_add_unsigned(count);
        if let Some(callback) = self.callback
            && count > 0
            && !self.keeps
        {
            self.keeps = js.keep(callback).is_ok();
        }
        if before <= 0 && self.holds > 0 && !self.raw.is_null() {
            // SAFETY: `raw` is live, and this is the environment's thread.
            unsafe { sys::napi_ref_threadsafe_function(js.raw(), self.raw) };
        }
    }

    fn release(&mut self, js: Js, count: usize) {
        let before = self.holds;
        self.holds = before.saturating_sub_unsigned(count);
        if before > 0 && self.holds <= 0 && !self.raw.is_null() {
            // SAFETY: as in `hold`.
            unsafe { sys::napi_unref_threadsafe_function(js.raw(), self.raw) };
        }
    }
}

/// Requests that are being made, and keep the event loop alive until they are answered. Should making them panic, they
/// stay without an answer, and keep it alive no longer.
#[must_use = "it has to live until the requests are made"]
pub(super) struct Hold<'a> {
    event_loop: &'a EventLoop,
    js: Js,
    count: usize,
    under_way: usize,
}

impl Hold<'_> {
    /// How many requests the environment has under way, with these.
    pub(super) fn under_way(&self) -> usize {
        self.under_way
    }
}

impl Drop for Hold<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.event_loop.release_requests(self.js, self.count);
        }
    }
}
