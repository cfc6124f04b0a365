//! The boundary to JavaScript, and the only module that uses Node-API: arguments in, completions out.
//!
//! A request is a number that JavaScript gives. Its answer is a stream of records (see [`crate::rows::batch`]) that one
//! threadsafe function for each environment carries over, all that are ready in one callback: a promise made by Rust
//! costs ten times as much on the JavaScript thread.

mod analysis;
mod arrays;
mod attach;
mod belongings;
mod connection;
mod diagnosis;
mod drain;
mod environment;
mod event_loop;
mod failure;
mod js;
mod link;
mod lock;
mod news;
mod operation;
mod outbox;
mod plain;
#[cfg(unix)]
mod polling;
mod pool;
mod query;
mod script;
mod settings;
mod supabase;
#[cfg(unix)]
mod uv;
