//! JavaScript values by the C interface of Node-API, without the bookkeeping of general conversions: these are the
//! calls of the hot paths.
//!
//! Failures of Node-API here mean that the environment is going away or an exception is pending; the value is then
//! `undefined`'s null handle and the batch is given up by the caller's check of the final call.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;

use napi::sys;

/// The environment of a callback that is running.
#[derive(Clone, Copy)]
pub struct Js(pub sys::napi_env);

/// A handle in the current scope.
pub type Value = sys::napi_value;

/// What a thread keeps for the UTF-16 of the next text.
const KEPT_UNITS: usize = 64 * 1024;

impl Js {
    /// `undefined`
    pub fn undefined(self) -> Value {
        let mut value = ptr::null_mut();
        // SAFETY: `self.0` is the environment of the running callback and `value` is a valid place for a handle.
        unsafe { sys::napi_get_undefined(self.0, &mut value) };
        value
    }

    /// `null`
    pub fn null(self) -> Value {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`.
        unsafe { sys::napi_get_null(self.0, &mut value) };
        value
    }

    /// A number.
    pub fn number(self, number: f64) -> Value {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`.
        unsafe { sys::napi_create_double(self.0, number, &mut value) };
        value
    }

    /// A small number, which V8 keeps without a heap object.
    pub fn int(self, number: i32) -> Value {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`.
        unsafe { sys::napi_create_int32(self.0, number, &mut value) };
        value
    }

    /// `true` or `false`.
    pub fn boolean(self, flag: bool) -> Value {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`.
        unsafe { sys::napi_get_boolean(self.0, flag, &mut value) };
        value
    }

    /// A string of UTF-8.
    pub fn text(self, text: &str) -> Value {
        let mut value = ptr::null_mut();
        let length = text.len().cast_signed();
        // SAFETY: pointer and length describe `text`, which Node-API copies.
        unsafe { sys::napi_create_string_utf8(self.0, text.as_ptr().cast(), length, &mut value) };
        value
    }

    /// A string of UTF-8 bytes, by the faster way when they are ASCII.
    pub fn string(self, bytes: &[u8], wide: bool) -> Value {
        if wide {
            return self.wide_string(bytes);
        }
        let mut value = ptr::null_mut();
        // SAFETY: pointer and length describe `bytes`, which Node-API copies.
        unsafe { sys::napi_create_string_latin1(self.0, bytes.as_ptr().cast(), bytes.len().cast_signed(), &mut value) };
        value
    }

    /// Through UTF-16, because V8 reads UTF-8 byte by byte, and twice.
    fn wide_string(self, bytes: &[u8]) -> Value {
        thread_local! {
            static UNITS: RefCell<Vec<u16>> = const { RefCell::new(Vec::new()) };
        }
        UNITS.with_borrow_mut(|units| {
            let most = bytes.len() + 1;
            if units.len() < most {
                units.resize(most, 0);
            }
            let length = encoding_rs::mem::convert_utf8_to_utf16(bytes, units);
            let mut value = ptr::null_mut();
            // SAFETY: the first `length` units have just been written; Node-API copies them.
            unsafe { sys::napi_create_string_utf16(self.0, units.as_ptr(), length.cast_signed(), &mut value) };
            if units.len() > KEPT_UNITS {
                *units = Vec::new();
            }
            value
        })
    }

    /// A string, or `undefined`.
    pub fn optional(self, text: Option<&str>) -> Value {
        text.map_or_else(|| self.undefined(), |text| self.text(text))
    }

    /// A Node Buffer with a copy of `bytes`.
    pub fn buffer(self, bytes: &[u8]) -> Value {
        let mut value = ptr::null_mut();
        // SAFETY: pointer and length describe `bytes`, which Node-API copies; the data pointer is not wanted.
        unsafe {
            sys::napi_create_buffer_copy(self.0, bytes.len(), bytes.as_ptr().cast(), ptr::null_mut(), &mut value)
        };
        value
    }

    /// An array of the given values.
    pub fn array(self, values: impl ExactSizeIterator<Item = Value>) -> Value {
        let mut array = ptr::null_mut();
        // SAFETY: as in `undefined`.
        unsafe { sys::napi_create_array_with_length(self.0, values.len(), &mut array) };
        for (index, value) in (0u32..).zip(values) {
            // SAFETY: `array` and `value` are handles of the current scope.
            unsafe { sys::napi_set_element(self.0, array, index, value) };
        }
        array
    }

    /// An empty object.
    pub fn object(self) -> Value {
        let mut object = ptr::null_mut();
        // SAFETY: as in `undefined`.
        unsafe { sys::napi_create_object(self.0, &mut object) };
        object
    }

    /// Sets a property; `name` must end with a null byte.
    pub fn set(self, object: Value, name: &std::ffi::CStr, value: Value) {
        // SAFETY: `object` and `value` are handles of the current scope, `name` is null-terminated.
        unsafe { sys::napi_set_named_property(self.0, object, name.as_ptr(), value) };
    }

    /// Runs `body` in a handle scope of its own, so that a long drain does not pile up handles.
    pub fn scope(self, body: impl FnOnce()) {
        let mut scope = ptr::null_mut();
        // SAFETY: the scope is closed below, after everything that was made in it.
        unsafe { sys::napi_open_handle_scope(self.0, &mut scope) };
        body();
        // SAFETY: `scope` is the innermost open scope.
        unsafe { sys::napi_close_handle_scope(self.0, scope) };
    }

    /// Runs `body` as a callback of the event loop: microtasks and ticks follow it.
    pub fn callback_scope(self, resource: sys::napi_ref, context: sys::napi_async_context, body: impl FnOnce()) {
        let mut scope = ptr::null_mut();
        // SAFETY: the reference and the context belong to this environment.
        let status = unsafe { sys::napi_open_callback_scope(self.0, self.dereference(resource), context, &mut scope) };
        if status != sys::Status::napi_ok {
            // The environment is going away.
            return;
        }
        body();
        // SAFETY: `scope` is the innermost open scope.
        unsafe { sys::napi_close_callback_scope(self.0, scope) };
    }

    /// Keeps a value; it goes with the environment.
    pub fn reference(self, value: Value) -> sys::napi_ref {
        let mut reference = ptr::null_mut();
        // SAFETY: as in `undefined`.
        unsafe { sys::napi_create_reference(self.0, value, 1, &mut reference) };
        reference
    }

    /// The value of a reference.
    pub fn dereference(self, reference: sys::napi_ref) -> Value {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`; a reference of no value gives a null handle.
        unsafe { sys::napi_get_reference_value(self.0, reference, &mut value) };
        value
    }

    /// Calls a function; an exception it throws becomes an uncaught one of the process.
    pub fn call(self, function: Value, arguments: &[Value]) {
        let this = self.undefined();
        // SAFETY: all are handles of the current scope, pointer and length describe `arguments`; no result is wanted.
        let status = unsafe {
            sys::napi_call_function(self.0, this, function, arguments.len(), arguments.as_ptr(), ptr::null_mut())
        };
        if status == sys::Status::napi_pending_exception {
            let mut error = ptr::null_mut();
            // SAFETY: an exception is pending, as the status says.
            unsafe { sys::napi_get_and_clear_last_exception(self.0, &mut error) };
            // SAFETY: `error` is the exception just taken.
            unsafe { sys::napi_fatal_exception(self.0, error) };
        }
    }

    /// Appends the UTF-8 of a string to `out`; false when the value is no string. Lone surrogates become U+FFFD.
    pub fn read_text(self, value: Value, out: &mut Vec<u8>) -> bool {
        // Most texts fit, and go without a memory block that is larger than they are.
        const GUESS: usize = 256;
        let mut guess = [0; GUESS];
        let Some(written) = self.copy_text(value, &mut guess) else { return false };
        // Node-API stops before a character that no longer fits, so up to three bytes may be left.
        if written < GUESS - 4 {
            out.extend_from_slice(guess.get(..written).unwrap_or_default());
            return true;
        }
        let start = out.len();
        let mut length = 0;
        // SAFETY: without a buffer Node-API only counts.
        unsafe { sys::napi_get_value_string_utf8(self.0, value, ptr::null_mut(), 0, &mut length) };
        out.resize(start + length + 1, 0);
        let written = self.copy_text(value, out.get_mut(start..).unwrap_or_default());
        out.truncate(start + written.unwrap_or(0));
        true
    }

    fn copy_text(self, value: Value, room: &mut [u8]) -> Option<usize> {
        let mut written = 0;
        // SAFETY: pointer and length describe `room`; Node-API writes at most that much, terminator included.
        let status = unsafe {
            sys::napi_get_value_string_utf8(self.0, value, room.as_mut_ptr().cast(), room.len(), &mut written)
        };
        (status == sys::Status::napi_ok).then_some(written)
    }

    /// A string; `None` when the value is none.
    pub fn string_of(self, value: Value) -> Option<String> {
        let mut bytes = Vec::new();
        let is_text = self.read_text(value, &mut bytes);
        is_text.then(|| String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
    }

    /// The bytes of a Buffer or Uint8Array, as long as nothing of JavaScript runs.
    pub fn bytes_of<'a>(self, value: Value) -> Option<&'a [u8]> {
        let (mut data, mut length) = (ptr::null_mut::<c_void>(), 0);
        // SAFETY: both places are valid; the status says whether they were written.
        let status = unsafe { sys::napi_get_buffer_info(self.0, value, &mut data, &mut length) };
        if status != sys::Status::napi_ok {
            return None;
        }
        if length == 0 || data.is_null() {
            return Some(&[]);
        }
        // SAFETY: Node-API describes the memory of a live Buffer, which only JavaScript could detach, and none runs
        // while the caller uses the slice.
        Some(unsafe { std::slice::from_raw_parts(data.cast(), length) })
    }

    /// The length of an array; `None` when the value is none.
    pub fn array_length(self, value: Value) -> Option<u32> {
        let mut length = 0;
        // SAFETY: `length` is a valid place; the status says whether it was written.
        let status = unsafe { sys::napi_get_array_length(self.0, value, &mut length) };
        (status == sys::Status::napi_ok).then_some(length)
    }

    /// An element of an array.
    pub fn element(self, array: Value, index: u32) -> Value {
        let mut value = ptr::null_mut();
        // SAFETY: `array` is a handle of the current scope.
        unsafe { sys::napi_get_element(self.0, array, index, &mut value) };
        value
    }
}
