//! Validated settings. Defaults are set in JavaScript: node-postgres's in `lib/pg/settings/defaults.js`, the manager's
//! in `lib/manager/database-manager.js`.

pub mod pool;
pub mod pool_mode;
pub mod project;
pub mod required_auth;
pub mod server;
pub mod tls;

pub use pool::{PoolSettings, Sharing};
pub use pool_mode::PoolMode;
pub use project::ProjectSettings;
pub use required_auth::RequiredAuth;
pub use server::{ServerSettings, SessionTarget};
pub use tls::{ClientIdentity, TlsSettings, TlsVersion};
