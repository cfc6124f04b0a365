//! Which authentication methods the program allows.

/// libpq's `require_auth`, with the list resolved to what it allows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequiredAuth {
    /// As it was given, for messages.
    pub text: String,
    /// The names of the methods that will do: `password`, `md5`, `scram-sha-256`, …; `none` when a server may let the
    /// client in without asking.
    pub allowed: Vec<String>,
}

impl RequiredAuth {
    /// Whether the method of this name is allowed.
    pub fn allows(&self, method: &str) -> bool {
        self.allowed.iter().any(|allowed| allowed == method)
    }
}
