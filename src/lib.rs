//! pgfleet: many PostgreSQL databases from one Node program.
//!
//! Layers, in total order; each file uses only its own layer and those to its left:
//! `error < clock < sql < supabase < config < wire < rows < conn < pool < ddl < diagnose < manager < node`.

pub mod clock;
pub mod config;
pub mod conn;
pub mod ddl;
pub mod diagnose;
pub mod error;
pub mod manager;
#[cfg(feature = "node")]
#[allow(unsafe_code)]
pub mod node;
pub mod pool;
pub mod rows;
pub mod sql;
pub mod supabase;
pub mod wire;
