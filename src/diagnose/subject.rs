//! What is to be diagnosed.

use std::time::Duration;

use crate::config::ServerSettings;
use crate::error::Error;

/// A database's configuration as the program has given it, before anything was made of it. It has secrets in it: of
/// its values only what has passed a check of its form may be repeated.
#[derive(Default)]
pub struct Given {
    /// `connectionString` or `url`.
    pub connection_string: Option<String>,
    /// The host, in whichever word.
    pub host: Option<String>,
    /// The user.
    pub user: Option<String>,
    /// The password, where it is a text.
    pub password: Option<String>,
    /// The database's name.
    pub database: Option<String>,
    /// The project's ref.
    pub reference: Option<String>,
    /// What `ssl` says, where it is given.
    pub tls: Option<TlsWish>,
    /// A token may be the password: temporary access is asked for in `options`.
    pub has_jit: bool,
    /// The password comes from a function of the program's, or from where a reference leads.
    pub supplies_password: bool,
    /// `target_session_attrs` is given, and a standby will do for it.
    pub takes_standby: bool,
    /// The program makes the way to the server: a stream, or clients of a class of its own.
    pub has_own_way: bool,
    /// Why no settings could be made of it.
    pub refusal: Option<Error>,
}

/// What `ssl` wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsWish {
    /// No TLS.
    Off,
    /// TLS with any certificate.
    Unverified,
    /// TLS with a certificate that holds.
    Verified,
}

/// One database.
pub struct Subject {
    /// As it was given.
    pub given: Given,
    /// What was made of it; none where that can't be.
    pub settings: Option<ServerSettings>,
    /// The error of a login that has just failed. No password is sent then: this is what one would meet.
    pub failure: Option<Error>,
    /// Idle connections of its pool that were lost, and how long each was idle.
    pub lost_idle: Vec<Duration>,
}

/// What a diagnosis may spend.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How long it may take.
    pub timeout: Duration,
    /// Passwords that may be sent, if fewer than the rule allows: one to a project's own machine, and two in all.
    pub auth_attempts: Option<u32>,
}
