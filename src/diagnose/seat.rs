//! A session that is looked at.

use std::time::{Duration, Instant};

use super::place::Place;
use crate::clock;
use crate::conn::address::Address;
use crate::conn::{KeyRing, Session};

/// A session, and what may be done to look at it.
pub(super) struct Seat<'a> {
    pub(super) place: &'a Place,
    pub(super) session: &'a Session,
    pub(super) address: &'a Address,
    pub(super) ring: &'a KeyRing,
    /// The startup parameters that were taken.
    pub(super) parameters: &'a [(String, String)],
    /// Another login may be made.
    pub(super) may_log_in: bool,
    /// The caller says that a standby will do.
    pub(super) takes_standby: bool,
    pub(super) lost_idle: &'a [Duration],
    /// When all has to be over.
    pub(super) end: Instant,
}

impl Seat<'_> {
    /// How much time is left.
    pub(super) fn left(&self) -> Duration {
        self.end.saturating_duration_since(clock::now())
    }
}
