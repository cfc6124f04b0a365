//! One connection: its socket, TLS, handshake, request queue, prepared statements, cancelling.
//!
//! A connection has one task, which reads. Requests are written by whoever makes them, straight from the calling
//! thread, when nothing is waiting to be written; otherwise the task writes them. A thread hop costs 10 to 50 µs, and
//! a lone query saves one of two this way.

pub mod address;
pub mod auth;
pub mod auto_prepare;
pub mod connection;
pub mod driver;
pub mod handshake;
pub mod request;
pub mod runtime;
pub mod scram;
mod state;
pub mod statement;
pub mod stream;
pub mod styles;
pub mod tls;

pub use connection::{Connection, ConnectionId, Observer};
pub use handshake::{Established, PasswordProvider, open};
pub use request::{Reply, Request, Sink};
