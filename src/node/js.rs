//! JavaScript values by the C interface of Node-API, without the bookkeeping of general conversions: these are the
//! calls of the hot paths.
//!
//! Each call can be refused, and then gives no value: the caller decides which request fails for that.

use std::cell::RefCell;
use std::ffi::c_void;
use std::ptr;

use napi::bindgen_prelude::{Env, JsValue, Unknown};
use napi::sys;

#[cfg(unix)]
use super::uv::Loop;

/// The environment of a callback that is running.
#[derive(Clone, Copy)]
pub(super) struct Js(sys::napi_env);

/// A handle of a scope that is open.
#[derive(Clone, Copy)]
#[repr(transparent)]
pub(super) struct Value(sys::napi_value);

impl Value {
    /// For what isn't here.
    pub(super) fn raw(self) -> sys::napi_value {
        self.0
    }

    /// # Safety
    /// `value` must be a handle of a scope that is open.
    pub(super) unsafe fn new(value: sys::napi_value) -> Value {
        Value(value)
    }
}

impl From<&Unknown<'_>> for Value {
    fn from(value: &Unknown<'_>) -> Self {
        Value(value.raw())
    }
}

/// Keeps a value beyond its scope, or finds it again.
#[derive(Clone, Copy)]
pub(super) struct Reference(sys::napi_ref);

/// What callbacks of the event loop belong to, for `async_hooks`.
#[cfg(unix)]
#[derive(Clone, Copy)]
pub(super) struct AsyncContext {
    resource: Reference,
    context: sys::napi_async_context,
}

/// Node-API has refused a call: the value is too large for JavaScript, the program's code threw, or the environment is
/// ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refused(pub sys::napi_status);

/// What Node-API answered.
pub(super) type Answer<T = Value> = Result<T, Refused>;

impl From<Refused> for napi::Error {
    fn from(refused: Refused) -> Self {
        napi::Error::new(napi::Status::from(refused.0), "Node-API has refused a call")
    }
}

/// What a thread keeps for the UTF-16 of the next text.
const KEPT_UNITS: usize = 64 * 1024;

impl Js {
    /// # Safety
    /// `env` must be the environment of a callback that is running, on its thread, or of one that isn't ending.
    pub(super) unsafe fn new(env: sys::napi_env) -> Js {
        Js(env)
    }

    /// Of the callback that was given this.
    pub(super) fn of(env: &Env) -> Js {
        Js(env.raw())
    }

    /// For what isn't here.
    pub(super) fn raw(self) -> sys::napi_env {
        self.0
    }

    /// Checks the status of a call. An exception that JavaScript threw is cleared, so that the next call can be made.
    fn check(self, status: sys::napi_status) -> Answer<()> {
        if status == sys::Status::napi_ok {
            return Ok(());
        }
        if status == sys::Status::napi_pending_exception {
            self.take_exception();
        }
        Err(Refused(status))
    }

    /// The exception that is pending; `None` when there is none.
    fn take_exception(self) -> Option<Value> {
        let mut error = ptr::null_mut();
        // SAFETY: `self.0` is the environment of the running callback and `error` is a valid place for a handle.
        let status = unsafe { sys::napi_get_and_clear_last_exception(self.0, &mut error) };
        (status == sys::Status::napi_ok).then_some(Value(error))
    }

    /// `undefined`
    pub(super) fn undefined(self) -> Answer {
        let mut value = ptr::null_mut();
        // SAFETY: `self.0` is the environment of the running callback and `value` is a valid place for a handle.
        let status = unsafe { sys::napi_get_undefined(self.0, &mut value) };
        self.check(status).map(|()| Value(value))
    }

    /// `null`
    pub(super) fn null(self) -> Answer {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_get_null(self.0, &mut value) };
        self.check(status).map(|()| Value(value))
    }

    /// A number.
    pub(super) fn number(self, number: f64) -> Answer {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_create_double(self.0, number, &mut value) };
        self.check(status).map(|()| Value(value))
    }

    /// A small number, which V8 keeps without a heap object.
    pub(super) fn int(self, number: i32) -> Answer {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_create_int32(self.0, number, &mut value) };
        self.check(status).map(|()| Value(value))
    }

    /// `true` or `false`.
    pub(super) fn boolean(self, flag: bool) -> Answer {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_get_boolean(self.0, flag, &mut value) };
        self.check(status).map(|()| Value(value))
    }

    /// A string of UTF-8. Refused beyond what V8 can hold, 2^29 - 24 units.
    pub(super) fn text(self, text: &str) -> Answer {
        let mut value = ptr::null_mut();
        let length = text.len().cast_signed();
        // SAFETY: pointer and length describe `text`, which Node-API copies.
        let status = unsafe { sys::napi_create_string_utf8(self.0, text.as_ptr().cast(), length, &mut value) };
        self.check(status).map(|()| Value(value))
    }

    /// A string of UTF-8 bytes, by the faster way when they are ASCII. Refused as [`Js::text`] is.
    pub(super) fn string(self, bytes: &[u8], wide: bool) -> Answer {
        if wide {
            return self.wide_string(bytes);
        }
        let mut value = ptr::null_mut();
        let length = bytes.len().cast_signed();
        // SAFETY: pointer and length describe `bytes`, which Node-API copies.
        let status = unsafe { sys::napi_create_string_latin1(self.0, bytes.as_ptr().cast(), length, &mut value) };
        self.check(status).map(|()| Value(value))
    }

    /// Through UTF-16, because V8 reads UTF-8 byte by byte, and twice.
    fn wide_string(self, bytes: &[u8]) -> Answer {
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
            let status =
                unsafe { sys::napi_create_string_utf16(self.0, units.as_ptr(), length.cast_signed(), &mut value) };
            if units.len() > KEPT_UNITS {
                *units = Vec::new();
            }
            self.check(status).map(|()| Value(value))
        })
    }

    /// A string, or `undefined`.
    pub(super) fn optional(self, text: Option<&str>) -> Answer {
        text.map_or_else(|| self.undefined(), |text| self.text(text))
    }

    /// A Node Buffer with a copy of `bytes`.
    pub(super) fn buffer(self, bytes: &[u8]) -> Answer {
        let mut value = ptr::null_mut();
        // SAFETY: pointer and length describe `bytes`, which Node-API copies; the data pointer is not wanted.
        let status = unsafe {
            sys::napi_create_buffer_copy(self.0, bytes.len(), bytes.as_ptr().cast(), ptr::null_mut(), &mut value)
        };
        self.check(status).map(|()| Value(value))
    }

    /// An array of the given values, which must be fewer than 2^32.
    pub(super) fn array(self, values: impl ExactSizeIterator<Item = Answer>) -> Answer {
        let mut array = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_create_array_with_length(self.0, values.len(), &mut array) };
        self.check(status)?;
        for (index, value) in (0u32..).zip(values) {
            // SAFETY: `array` and `value` are handles of the current scope.
            let status = unsafe { sys::napi_set_element(self.0, array, index, value?.0) };
            self.check(status)?;
        }
        Ok(Value(array))
    }

    /// An empty object.
    pub(super) fn object(self) -> Answer {
        let mut object = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_create_object(self.0, &mut object) };
        self.check(status).map(|()| Value(object))
    }

    /// Sets a property; `name` must end with a null byte.
    pub(super) fn set(self, object: Value, name: &std::ffi::CStr, value: Answer) -> Answer<()> {
        // SAFETY: `object` and `value` are handles of the current scope, `name` is null-terminated.
        let status = unsafe { sys::napi_set_named_property(self.0, object.0, name.as_ptr(), value?.0) };
        self.check(status)
    }

    /// Runs `body` in a handle scope of its own, so that a long drain does not pile up handles.
    pub(super) fn scope<T>(self, body: impl FnOnce() -> Answer<T>) -> Answer<T> {
        let mut scope = ptr::null_mut();
        // SAFETY: the scope is closed below, after everything that was made in it.
        let status = unsafe { sys::napi_open_handle_scope(self.0, &mut scope) };
        self.check(status)?;
        // SAFETY: `scope` is the innermost open scope when this is dropped, also by a panic.
        let _closing = Closing(|| unsafe { sys::napi_close_handle_scope(self.0, scope) });
        body()
    }

    /// Runs `body` as a callback of the event loop: microtasks and ticks follow it.
    #[cfg(unix)]
    pub(super) fn callback_scope<T>(self, context: AsyncContext, body: impl FnOnce() -> Answer<T>) -> Answer<T> {
        // The reference is strong, so it has a value; without one Node-API would use another resource.
        let resource = self.dereference(context.resource)?.map_or(ptr::null_mut(), |resource| resource.0);
        let mut scope = ptr::null_mut();
        // SAFETY: the resource and the context belong to this environment.
        let status = unsafe { sys::napi_open_callback_scope(self.0, resource, context.context, &mut scope) };
        self.check(status)?;
        // SAFETY: as in `scope`.
        let _closing = Closing(|| unsafe { sys::napi_close_callback_scope(self.0, scope) });
        body()
    }

    /// libuv's loop of this thread, where the runtime has one.
    #[cfg(unix)]
    pub(super) fn event_loop(self) -> Option<Loop> {
        let mut on = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_get_uv_event_loop(self.0, &mut on) };
        self.check(status).ok()?;
        // SAFETY: the loop of an environment outlives it, and this is its thread.
        unsafe { Loop::new(on.cast()) }
    }

    /// What callbacks of the event loop shall belong to.
    #[cfg(unix)]
    pub(super) fn async_context(self, name: &str) -> Answer<AsyncContext> {
        let (resource, name) = (self.object()?, self.text(name)?);
        let kept = self.reference(resource)?;
        let mut context = ptr::null_mut();
        // SAFETY: all are handles of the current scope, and `context` is a valid place.
        let status = unsafe { sys::napi_async_init(self.0, resource.0, name.0, &mut context) };
        self.check(status).map(|()| AsyncContext { resource: kept, context })
    }

    /// Frees what [`Js::async_context`] has made; nothing is run in it any more.
    #[cfg(unix)]
    pub(super) fn forget_context(self, context: AsyncContext) {
        // SAFETY: the context belongs to this environment.
        unsafe { sys::napi_async_destroy(self.0, context.context) };
        self.forget(context.resource);
    }

    /// Keeps a value, until the environment ends.
    #[cfg(unix)]
    fn reference(self, value: Value) -> Answer<Reference> {
        let mut reference = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_create_reference(self.0, value.0, 1, &mut reference) };
        self.check(status).map(|()| Reference(reference))
    }

    /// A reference that doesn't keep its value, unless [`Js::keep`] says so.
    pub(super) fn weak_reference(self, value: Value) -> Answer<Reference> {
        let mut reference = ptr::null_mut();
        // SAFETY: as in `undefined`.
        let status = unsafe { sys::napi_create_reference(self.0, value.0, 0, &mut reference) };
        self.check(status).map(|()| Reference(reference))
    }

    /// Has a reference keep its value, until [`Js::let_go`].
    pub(super) fn keep(self, reference: Reference) -> Answer<()> {
        // SAFETY: the reference is one of this environment; the count is not wanted.
        let status = unsafe { sys::napi_reference_ref(self.0, reference.0, ptr::null_mut()) };
        self.check(status)
    }

    /// Undoes [`Js::keep`].
    pub(super) fn let_go(self, reference: Reference) -> Answer<()> {
        // SAFETY: as in `keep`.
        let status = unsafe { sys::napi_reference_unref(self.0, reference.0, ptr::null_mut()) };
        self.check(status)
    }

    /// Deletes a reference.
    pub(super) fn forget(self, reference: Reference) {
        // SAFETY: as in `keep`, for the last time. It fails for arguments that are null only.
        unsafe { sys::napi_delete_reference(self.0, reference.0) };
    }

    /// The value of a reference; `None` when it has been collected.
    pub(super) fn dereference(self, reference: Reference) -> Answer<Option<Value>> {
        let mut value = ptr::null_mut();
        // SAFETY: as in `undefined`; a reference of no value gives a null handle.
        let status = unsafe { sys::napi_get_reference_value(self.0, reference.0, &mut value) };
        self.check(status).map(|()| (!value.is_null()).then_some(Value(value)))
    }

    /// Calls a function; an exception it throws becomes an uncaught one of the process.
    pub(super) fn call(self, function: Value, arguments: &[Value]) -> Answer<()> {
        let this = self.undefined()?;
        // SAFETY: all are handles of the current scope, pointer and length describe `arguments`; no result is wanted.
        let status = unsafe {
            sys::napi_call_function(
                self.0,
                this.0,
                function.0,
                arguments.len(),
                arguments.as_ptr().cast(),
                ptr::null_mut(),
            )
        };
        if status != sys::Status::napi_pending_exception {
            return self.check(status);
        }
        let Some(error) = self.take_exception() else { return Err(Refused(status)) };
        // SAFETY: `error` is the exception just taken.
        let status = unsafe { sys::napi_fatal_exception(self.0, error.0) };
        self.check(status)
    }

    /// Appends the UTF-8 of a string of at most `most` bytes to `out`; false when the value is no string. Lone
    /// surrogates become U+FFFD.
    pub(super) fn read_text(self, value: Value, most: usize, out: &mut Vec<u8>) -> Result<bool, TextError> {
        // Most texts fit, and go without a memory block that is larger than they are.
        const GUESS: usize = 256;
        let mut guess = [0; GUESS];
        let Some(written) = self.copy_text(value, &mut guess)? else { return Ok(false) };
        // Node-API stops before a character that no longer fits, so up to three bytes may be left.
        if written < GUESS - 4 {
            out.extend_from_slice(guess.get(..written).unwrap_or_default());
            return Ok(true);
        }
        let start = out.len();
        let mut length = 0;
        // SAFETY: without a buffer Node-API only counts.
        let status = unsafe { sys::napi_get_value_string_utf8(self.0, value.0, ptr::null_mut(), 0, &mut length) };
        self.check(status)?;
        if length > most {
            return Err(TextError::TooLong);
        }
        out.resize(start + length + 1, 0);
        let written = self.copy_text(value, out.get_mut(start..).unwrap_or_default());
        out.truncate(start + length);
        match written? {
            Some(written) if written == length => Ok(true),
            _ => Err(TextError::Refused(Refused(sys::Status::napi_generic_failure))),
        }
    }

    /// `None` when the value is no string.
    fn copy_text(self, value: Value, room: &mut [u8]) -> Answer<Option<usize>> {
        let mut written = 0;
        // SAFETY: pointer and length describe `room`; Node-API writes at most that much, terminator included.
        let status = unsafe {
            sys::napi_get_value_string_utf8(self.0, value.0, room.as_mut_ptr().cast(), room.len(), &mut written)
        };
        match status {
            sys::Status::napi_string_expected => Ok(None),
            status => self.check(status).map(|()| Some(written)),
        }
    }

    /// A string of at most `most` bytes; `None` when the value is none.
    pub(super) fn string_of(self, value: Value, most: usize) -> Result<Option<String>, TextError> {
        let mut bytes = Vec::new();
        let is_text = self.read_text(value, most, &mut bytes)?;
        let text = || String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned());
        Ok(is_text.then(text))
    }

    /// Whether a value is `undefined` or `null`.
    pub(super) fn is_nothing(self, value: Value) -> Answer<bool> {
        self.kind(value).map(|kind| kind == Kind::Nothing)
    }

    /// The bytes of a Buffer or Uint8Array, as long as nothing of JavaScript runs; `None` when the value is neither.
    pub(super) fn bytes_of<'a>(self, value: Value) -> Answer<Option<&'a [u8]>> {
        let (mut data, mut length) = (ptr::null_mut::<c_void>(), 0);
        // SAFETY: both places are valid; the status says whether they were written.
        let status = unsafe { sys::napi_get_buffer_info(self.0, value.0, &mut data, &mut length) };
        if status == sys::Status::napi_invalid_arg {
            return Ok(None);
        }
        self.check(status)?;
        if length == 0 || data.is_null() {
            return Ok(Some(&[]));
        }
        // SAFETY: Node-API describes the memory of a live Buffer, which only JavaScript could detach, and none runs
        // while the caller uses the slice.
        Ok(Some(unsafe { std::slice::from_raw_parts(data.cast(), length) }))
    }

    /// The type of a value.
    pub(super) fn kind(self, value: Value) -> Answer<Kind> {
        let mut kind = sys::ValueType::napi_undefined;
        // SAFETY: `value` is a handle of the current scope and `kind` a valid place.
        let status = unsafe { sys::napi_typeof(self.0, value.0, &mut kind) };
        self.check(status)?;
        Ok(match kind {
            sys::ValueType::napi_undefined | sys::ValueType::napi_null => Kind::Nothing,
            sys::ValueType::napi_boolean => Kind::Boolean,
            sys::ValueType::napi_number => Kind::Number,
            sys::ValueType::napi_string => Kind::Text,
            sys::ValueType::napi_object => Kind::Object,
            _ => Kind::Other,
        })
    }

    /// Whether it is `true`.
    pub(super) fn boolean_of(self, value: Value) -> Answer<bool> {
        let mut flag = false;
        // SAFETY: as in `kind`.
        let status = unsafe { sys::napi_get_value_bool(self.0, value.0, &mut flag) };
        self.check(status).map(|()| flag)
    }

    /// The number that it is.
    pub(super) fn number_of(self, value: Value) -> Answer<f64> {
        let mut number = 0.0;
        // SAFETY: as in `kind`.
        let status = unsafe { sys::napi_get_value_double(self.0, value.0, &mut number) };
        self.check(status).map(|()| number)
    }

    /// An array of the names of an object's own enumerable properties, symbols aside.
    pub(super) fn own_names(self, object: Value) -> Answer {
        let mut names = ptr::null_mut();
        let (mode, conversion) = (sys::KeyCollectionMode::own_only, sys::KeyConversion::numbers_to_strings);
        let filter = sys::KeyFilter::enumerable | sys::KeyFilter::skip_symbols;
        // SAFETY: `object` is a handle of the current scope and `names` a valid place for one.
        let status =
            unsafe { sys::napi_get_all_property_names(self.0, object.0, mode, filter, conversion, &mut names) };
        self.check(status).map(|()| Value(names))
    }

    /// A property of an object.
    pub(super) fn property(self, object: Value, name: Value) -> Answer {
        let mut value = ptr::null_mut();
        // SAFETY: all are handles of the current scope.
        let status = unsafe { sys::napi_get_property(self.0, object.0, name.0, &mut value) };
        self.check(status).map(|()| Value(value))
    }

    /// Sets a property of any name.
    pub(super) fn set_property(self, object: Value, name: Value, value: Value) -> Answer<()> {
        // SAFETY: all are handles of the current scope.
        let status = unsafe { sys::napi_set_property(self.0, object.0, name.0, value.0) };
        self.check(status)
    }

    /// The length of an array; `None` when the value is none.
    pub(super) fn array_length(self, value: Value) -> Answer<Option<u32>> {
        let mut length = 0;
        // SAFETY: `length` is a valid place; the status says whether it was written.
        let status = unsafe { sys::napi_get_array_length(self.0, value.0, &mut length) };
        match status {
            sys::Status::napi_array_expected => Ok(None),
            status => self.check(status).map(|()| Some(length)),
        }
    }

    /// An element of an array.
    pub(super) fn element(self, array: Value, index: u32) -> Answer {
        let mut value = ptr::null_mut();
        // SAFETY: `array` is a handle of the current scope.
        let status = unsafe { sys::napi_get_element(self.0, array.0, index, &mut value) };
        self.check(status).map(|()| Value(value))
    }
}

/// Closes a scope, however its body ends. Node-API only refuses that in the wrong order.
struct Closing<F: FnMut() -> sys::napi_status>(F);

impl<F: FnMut() -> sys::napi_status> Drop for Closing<F> {
    fn drop(&mut self) {
        let _ = (self.0)();
    }
}

/// The type of a value of JavaScript.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `undefined` or `null`
    Nothing,
    Boolean,
    Number,
    Text,
    /// Arrays and Buffers too.
    Object,
    /// A function, a symbol, a BigInt.
    Other,
}

/// Why a text of JavaScript can't be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TextError {
    /// It is longer than the caller takes.
    TooLong,
    /// Node-API doesn't give it.
    Refused(Refused),
}

impl From<Refused> for TextError {
    fn from(refused: Refused) -> Self {
        TextError::Refused(refused)
    }
}
