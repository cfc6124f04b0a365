//! What happens without a request asking for it, on a connection or in a pool.

use crate::error::{Error, ServerError};
use crate::wire::server_message::Notification;

/// What happened on a connection without a request asking for it.
#[derive(Debug, Clone)]
pub enum Event {
    /// NoticeResponse.
    Notice(Box<ServerError>),
    /// NotificationResponse.
    Notification(Box<Notification>),
    /// ParameterStatus.
    Parameter(String, String),
    /// The connection broke while nobody waited for an answer.
    Lost(Box<Error>),
    /// The socket is closed; nothing follows.
    Closed,
    /// The program is asked something while the connection is being made; the number is for the answer.
    Asked(u32, Asked),
    /// As [`Event::Asked`], for a pool's connection; the event's number is the pool's.
    PoolAsked(u32, Asked),
}

/// What a program is asked.
#[derive(Debug, Clone)]
pub enum Asked {
    /// For the password.
    Password,
    /// Whether this is the server that was meant.
    Identity {
        /// The name that was connected to.
        name: String,
        /// The server's certificate and those that it sent along, in DER.
        chain: Vec<Vec<u8>>,
    },
}

/// What happens to the connections of a pool, besides what their clients hear.
#[derive(Clone)]
pub enum PoolEvent {
    /// One is being opened.
    Opening,
    /// It is open; the number is its server process's.
    Opened(i32),
    /// It could not be opened.
    NotOpened(Box<Error>),
    /// It broke while it was idle.
    IdleLost(Box<Error>),
    /// It is closed and belongs to the pool no more.
    Removed,
}
