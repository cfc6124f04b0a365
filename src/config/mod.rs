//! Validated settings. Defaults belong to whoever speaks to people: JavaScript's `lib/pg/defaults.js` for
//! node-postgres's, `lib/database-manager.js` for the manager's.

pub mod pool;
pub mod server;

pub use pool::{PoolSettings, Sharing};
pub use server::{ServerSettings, SessionTarget, TlsSettings};
