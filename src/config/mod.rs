//! Validated settings. Defaults belong to whoever speaks to people: JavaScript's `lib/pg/settings/defaults.js` for
//! node-postgres's, `lib/manager/database-manager.js` for the manager's.

pub mod pool;
pub mod required_auth;
pub mod server;
pub mod tls;

pub use pool::{PoolSettings, Sharing};
pub use required_auth::RequiredAuth;
pub use server::{ServerSettings, SessionTarget};
pub use tls::{ClientIdentity, TlsSettings, TlsVersion};
