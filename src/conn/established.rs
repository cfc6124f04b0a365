//! The result of a handshake.

use std::time::Duration;

use bytes::BytesMut;

use super::meaning::Meaning;
use super::pooling::Way;
use super::route::Route;
use super::stream::Stream;
use crate::error::ServerError;

/// A connection that has just become ready.
pub(super) struct Established {
    /// The open stream.
    pub stream: Stream,
    /// Bytes that came behind the first ReadyForQuery.
    pub received: BytesMut,
    /// Backend process, for cancelling; 0 when the server (a pooler) gave none.
    pub process_id: i32,
    /// Its secret.
    pub secret_key: i32,
    /// Parameters that the server reported.
    pub parameters: Vec<(String, String)>,
    /// Notices that came during start-up.
    pub notices: Vec<ServerError>,
    /// Transaction status, normally `I`.
    pub status: u8,
    /// Where it went, and by which TLS settings and name.
    pub route: Route,
    /// What its errors mean.
    pub meaning: Meaning,
    /// What is known of a pooler on it.
    pub way: Way,
    /// Repeated statements are prepared automatically.
    pub auto_prepare: bool,
    /// The event loop may stay awake for its answers.
    pub busy_wait: bool,
    /// The shortest time between a message and its answer: the round trip, and little more.
    pub round_trip: Option<Duration>,
}
