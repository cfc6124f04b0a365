//! One connection: its socket, TLS, handshake, request queue, prepared statements, cancelling.
//!
//! A connection has one task, which reads. Requests are written where they are made, straight from the calling thread,
//! when nothing is waiting to be written; otherwise the task writes them. That saves a lone query one of its two thread
//! hops. Where one short query follows the other, the thread that asks takes the socket off the runtime and reads as
//! well, which saves the second (`detached.rs`, docs/decisions/0010).

pub mod address;
pub mod alert;
mod answer;
pub mod auth;
pub mod auto_prepare;
mod backoff;
#[cfg(unix)]
pub mod busy_wait;
pub mod caller;
mod cancel;
pub mod completion_queue;
pub mod connection;
pub mod connection_id;
mod delivery;
pub mod demands;
mod destination;
#[cfg(unix)]
pub mod detached;
pub mod driver;
mod end;
mod established;
pub mod event;
mod exchange;
mod flow;
pub mod handshake;
pub mod inbox;
pub mod key_ring;
pub mod known_text;
mod large_texts;
mod locked;
mod login;
mod logins;
mod meaning;
pub mod message;
mod notes;
pub mod null_sink;
pub mod observer;
mod observer_cell;
mod open;
pub mod operation;
mod order;
mod os_error;
mod patience;
mod pending_request;
pub mod plain;
mod pooler_question;
mod pooler_watch;
pub mod pooling;
mod project;
pub mod questions;
pub mod race;
mod read_buffer;
pub mod reader;
mod register;
pub mod relay;
pub mod reply;
pub mod request;
mod room;
pub mod route;
pub mod runtime;
mod scheduling;
mod scram;
pub mod scram_keys;
pub mod script_parts;
#[cfg(test)]
pub mod scripted;
pub mod session;
mod session_parameters;
pub mod sink;
mod socket;
mod state;
pub mod statement;
mod statement_error;
pub mod steps;
pub mod stream;
mod streaming;
pub mod styles;
#[cfg(test)]
mod tests;
pub mod tls;
mod transaction_settings;

pub use backoff::Backoff;
pub use caller::{Caller, Question};
pub use completion_queue::CompletionQueue;
pub use connection::{Connection, WeakConnection};
pub use connection_id::{ConnectionId, next_id};
pub use event::{ConnectionEvent, Event};
pub use key_ring::KeyRing;
pub use known_text::KnownText;
pub use observer::Observer;
pub use operation::{Operation, Operations};
pub use patience::{Opener, Waiters, open};
pub use plain::Plain;
pub use pooler_question::{PROCESS, share_processes};
pub use questions::Questions;
pub use race::Race;
pub use reader::Reader;
pub use relay::Relay;
pub use reply::Reply;
pub use request::Request;
pub use session::Session;
pub use sink::Sink;
pub use socket::Socket;
