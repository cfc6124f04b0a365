//! Ties an environment to its JavaScript thread, by the one threadsafe function that drains its queue.

use std::ffi::c_void;
use std::ptr;
use std::sync::Arc;

use napi::sys;

use super::drain;
use super::environment::Environment;
use super::js::{Answer, Js, Refused, Value};
use crate::error::contained;

/// Has `callback`, JavaScript's drain, called when something is ready for the environment.
pub(super) fn attach(js: Js, callback: Value, environment: &Arc<Environment>) -> Answer<()> {
    let name = js.text("pgfleet")?;
    let reference = js.weak_reference(callback)?;
    let context = Arc::into_raw(environment.clone()).cast::<c_void>().cast_mut();
    let mut raw = ptr::null_mut();
    // SAFETY: `context` is a strong count that `finalized` gives back; the callbacks match their types.
    let status = unsafe {
        sys::napi_create_threadsafe_function(
            js.raw(),
            ptr::null_mut(), // it would keep the function for as long as the environment lives
            ptr::null_mut(),
            name.raw(),
            0,
            1,
            ptr::null_mut(),
            Some(finalized),
            context,
            Some(woken),
            &mut raw,
        )
    };
    if status != sys::Status::napi_ok {
        // SAFETY: the function was not made, so nothing else gives this count back.
        drop(unsafe { Arc::from_raw(context.cast::<Environment>()) });
        return Err(Refused(status));
    }
    environment.event_loop.attach(js, raw, reference);
    Ok(())
}

unsafe extern "C" fn woken(env: sys::napi_env, _: sys::napi_value, context: *mut c_void, _: *mut c_void) {
    if env.is_null() {
        return;
    }
    // SAFETY: `context` is the strong count of `attach`, which lives until `finalized`; this is one more.
    unsafe { Arc::increment_strong_count(context.cast::<Environment>().cast_const()) };
    // SAFETY: takes over the count that was just added.
    let environment = unsafe { Arc::from_raw(context.cast::<Environment>().cast_const()) };
    // SAFETY: Node-API calls with the environment, on its thread.
    let js = unsafe { Js::new(env) };
    // A panic must not unwind into Node; `drain` has reported it already to the requests that it concerns.
    let _ = contained(|| drain::go_on(js, &environment));
}

unsafe extern "C" fn finalized(_: sys::napi_env, _: *mut c_void, context: *mut c_void) {
    // SAFETY: gives back the strong count of `attach`; Node-API finalizes once.
    let environment = unsafe { Arc::from_raw(context.cast::<Environment>()) };
    contained(|| environment.die());
}
