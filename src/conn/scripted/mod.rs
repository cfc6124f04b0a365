//! Servers for tests, without sockets: they play a script on a pipe in memory, so that a test with a stopped clock
//! decides what happens when.
//!
//! A [`Server`] has an address of its own, which `address.rs` finds here in tests. Each of its connections plays a list
//! of [`Step`]s; [`faults`] turns a script into all the ways in which it can go wrong. [`cut`] drops a future at an
//! await of one's choice, and a [`Failpoint`] panics at a step of one's choice, in the socket of the client's side or
//! in a [`Receiver`].

mod cut;
mod failpoint;
mod fault;
mod manual;
mod messages;
mod names;
mod pipe;
mod pooler;
mod receiver;
mod scram;
mod script;
mod server;

pub use cut::{cut, settle, tasks};
pub use failpoint::Failpoint;
pub use fault::{Fault, faults, slow};
pub use manual::Manual;
pub use messages::{complete, description, fatal, fatal_saying, message, one_row, ready, refusal, row};
pub use names::{look_up, looked_up, name, silence};
pub use pipe::Pipe;
pub use pooler::{NO_ROOM, full, pooled, with_password};
pub use receiver::{End, Receiver, Watcher};
pub use scram::scram;
pub use script::{CANCEL, Gate, KEYS, STARTUP, Script, Step, TLS, trust};
pub use server::{Door, Server, dial, start};
