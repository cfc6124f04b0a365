//! Errors of the operating system, under Node's names and in Node's words.

use std::io;

use super::alert;
use crate::error::{Error, ErrorKind, texts};

/// No file descriptors are left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shortage {
    /// To this process.
    Process,
    /// To any process.
    System,
}

impl Shortage {
    /// Whether an error says so; the standard library has no kind for these two.
    pub(super) fn of(error: &io::Error) -> Option<Shortage> {
        match (error.raw_os_error(), cfg!(unix)) {
            (Some(24), true) | (Some(10024), false) => Some(Shortage::Process),
            (Some(23), true) => Some(Shortage::System),
            _ => None,
        }
    }

    /// Whether one is free now: opens a descriptor and closes it. The C library's resolver doesn't report that it had
    /// none.
    pub(super) fn now() -> Option<(Shortage, io::Error)> {
        let error = std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0)).err()?;
        Some((Shortage::of(&error)?, error))
    }

    /// What to do, to be appended to a message.
    pub(super) fn advice(self) -> &'static str {
        match self {
            Shortage::Process => texts::PROCESS_SHORTAGE,
            Shortage::System => texts::SYSTEM_SHORTAGE,
        }
    }
}

/// An operating system error under Node's name and in Node's words, with what to do when descriptors are short.
pub(super) fn io_error(error: &io::Error, call: &str, target: &str) -> Error {
    let code = io_code(error);
    let advice = Shortage::of(error).map_or("", Shortage::advice);
    Error::new(ErrorKind::Io, texts::system_call(call, code, target, advice)).with_code(code)
}

/// The system has no IPv6, or no IPv4; the standard library has no kind for it.
const NO_SUCH_FAMILY: i32 = if cfg!(windows) {
    10047
} else if cfg!(any(target_os = "linux", target_os = "android")) {
    97
} else {
    47
};

/// Node's name for an operating system error.
pub(super) fn io_code(error: &io::Error) -> &'static str {
    match Shortage::of(error) {
        Some(Shortage::Process) => return "EMFILE",
        Some(Shortage::System) => return "ENFILE",
        None => {}
    }
    if error.raw_os_error() == Some(NO_SUCH_FAMILY) {
        return "EAFNOSUPPORT";
    }
    if let Some(code) = alert::code(error) {
        return code;
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "ECONNREFUSED",
        io::ErrorKind::ConnectionReset => "ECONNRESET",
        io::ErrorKind::ConnectionAborted => "ECONNABORTED",
        io::ErrorKind::BrokenPipe => "EPIPE",
        io::ErrorKind::TimedOut => "ETIMEDOUT",
        io::ErrorKind::HostUnreachable => "EHOSTUNREACH",
        io::ErrorKind::NetworkUnreachable => "ENETUNREACH",
        io::ErrorKind::AddrNotAvailable => "EADDRNOTAVAIL",
        io::ErrorKind::PermissionDenied => "EACCES",
        io::ErrorKind::NotFound => "ENOENT",
        io::ErrorKind::InvalidInput => "EINVAL",
        io::ErrorKind::OutOfMemory => "ENOMEM",
        _ => "EIO",
    }
}
