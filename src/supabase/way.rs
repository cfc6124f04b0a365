//! How a connection goes to a project.

use super::Endpoint;

/// The port on which Supabase's poolers are in transaction mode.
pub const TRANSACTION_PORT: u16 = 6543;

/// How a connection goes to its server, as far as the meaning of an answer depends on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Way<'a> {
    /// The host as it was given.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// The user as it was given, with the ref where it has one.
    pub user: &'a str,
    /// The entry names a project, so that the server is a Supabase project's whatever its host is called.
    pub by_ref: bool,
    /// A server connection is the client's for one transaction only.
    pub transaction_mode: bool,
}

impl<'a> Way<'a> {
    /// The way to a host, which is taken to be in transaction mode on [`TRANSACTION_PORT`].
    pub fn new(host: &'a str, port: u16, user: &'a str) -> Self {
        Way { host, port, user, by_ref: false, transaction_mode: port == TRANSACTION_PORT }
    }

    /// Whether it leads to a Supabase project.
    pub fn is_supabase(&self) -> bool {
        self.by_ref || Endpoint::of(self.host).is_some()
    }

    /// Whether it leads to the project's own machine.
    pub fn is_direct(&self) -> bool {
        matches!(Endpoint::of(self.host), Some(Endpoint::Direct { .. }))
    }

    /// Whether it leads to a shared pooler.
    pub fn is_pooler(&self) -> bool {
        self.is_supabase() && !self.is_direct()
    }

    /// The role and the project's ref, as the shared pooler reads them in a user: the ref is behind the last dot.
    pub fn role_and_project(&self) -> (&'a str, Option<&'a str>) {
        match Endpoint::of(self.host) {
            Some(Endpoint::Direct { project }) => (self.user, Some(project)),
            _ => match self.user.rsplit_once('.') {
                Some((role, project)) => (role, Some(project)),
                None => (self.user, None),
            },
        }
    }
}
