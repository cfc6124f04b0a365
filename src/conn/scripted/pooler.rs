//! A pooler of Supabase's, as far as opening a connection goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use super::messages::{fatal_saying, message};
use super::script::{STARTUP, Script, Step, greeting};
use super::server::Server;
use crate::config::ServerSettings;

/// The answer of a pooler whose session mode has no connection left.
pub const NO_ROOM: &str =
    "(EMAXCONNSESSION) max clients reached in session mode - max clients are limited to pool_size: 1";

/// Refuses each connection with the words of a pooler's own.
pub fn full(text: &str) -> Script {
    vec![Step::Expect(STARTUP), Step::Send(fatal_saying("XX000", text)), Step::Close]
}

/// Asks for a password, and takes only those that are right.
pub fn with_password(is_right: impl Fn(&str) -> bool + Send + Sync + 'static) -> Script {
    let answer = move |body: &[u8]| {
        let password = std::str::from_utf8(body).unwrap().trim_end_matches('\0');
        if is_right(password) {
            return [message(b'R', &[0; 4]), greeting()].concat();
        }
        fatal_saying("28P01", "password authentication failed for user \"postgres\"")
    };
    vec![Step::Expect(STARTUP), Step::Send(message(b'R', &[0, 0, 0, 3])), Step::Answer(b'p', Arc::new(answer))]
}

/// Settings of a project that no other test has, and which the server is told by its user.
pub fn pooled(server: &Server, limit: Option<Duration>) -> ServerSettings {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mut count = COUNT.fetch_add(1, Ordering::Relaxed);
    let mut project = String::new();
    for _ in 0..20 {
        project.push(char::from(b'a' + u8::try_from(count % 26).unwrap()));
        count /= 26;
    }
    let mut settings = server.settings();
    settings.server.user(format!("postgres.{project}"));
    settings.connect_timeout = limit;
    settings
}
