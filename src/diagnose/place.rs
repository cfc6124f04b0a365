//! One server that a connection may go to.

use std::net::SocketAddr;

use tokio_postgres::config::{Host, SslNegotiation};

use super::plain::{is_host, shown_name};
use crate::config::{ServerSettings, TlsSettings};
use crate::conn::address::SOCKET;
use crate::supabase::{Endpoint, Way, is_like_ref, reference};

/// A host of the settings, with those settings for it alone.
pub(super) struct Place {
    pub(super) settings: ServerSettings,
    /// A name, an address or the folder of a Unix socket.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) is_unix: bool,
}

impl Place {
    /// One for each host.
    pub(super) fn all(settings: &ServerSettings) -> Vec<Place> {
        let hosts = settings.server.get_hosts().iter().enumerate();
        let ports = settings.server.get_ports();
        let port = |index| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
        hosts.map(|(index, host)| Place::new(settings, host, port(index))).collect()
    }

    fn new(settings: &ServerSettings, host: &Host, port: u16) -> Place {
        let (name, is_unix) = match host {
            Host::Tcp(name) => (name.clone(), false),
            #[cfg(unix)]
            Host::Unix(path) => (path.display().to_string(), true),
        };
        let mut own = settings.at(&name, settings.server.get_user().unwrap_or(""));
        own.project.clone_from(&settings.project);
        // `at` takes the first port of several.
        if own.port() != port {
            let alone = settings.without_password(settings.server.get_user().unwrap_or(""));
            own.server = alone.server;
            own.server.host(&name).port(port);
            if let Some(password) = settings.server.get_password() {
                own.server.password(password);
            }
        }
        Place { settings: own, host: name, port, is_unix }
    }

    /// The way there, for the meaning of an answer.
    pub(super) fn way(&self) -> Way<'_> {
        self.settings.way(&self.host, self.port)
    }

    /// The user, where it has the form of one.
    pub(super) fn user(&self) -> Option<&str> {
        self.settings.server.get_user().and_then(shown_name)
    }

    /// The host, where it has the form of a name or an address.
    pub(super) fn plain_host(&self) -> Option<&str> {
        (!self.is_unix && is_host(&self.host)).then_some(self.host.as_str())
    }

    /// The database, where its name has the form of one.
    pub(super) fn database(&self) -> Option<&str> {
        let server = &self.settings.server;
        server.get_dbname().or(server.get_user()).and_then(shown_name)
    }

    /// The ref of the project that a shared pooler is asked for.
    pub(super) fn project(&self) -> Option<String> {
        let named = reference(&self.settings.startup);
        let project = named.or_else(|| self.way().role_and_project().1.map(str::to_owned))?;
        is_like_ref(&project).then_some(project)
    }

    /// Whether the user has the ref of a project behind its name, at the machine of the project, which wants none.
    pub(super) fn role_names_project(&self) -> bool {
        let Some(Endpoint::Direct { project }) = Endpoint::of(&self.host) else { return false };
        let behind = self.settings.server.get_user().and_then(|user| user.rsplit_once('.'));
        behind.is_some_and(|(_, named)| named.eq_ignore_ascii_case(project))
    }

    /// How to speak TLS, where that is wanted here.
    pub(super) fn tls(&self) -> Option<&TlsSettings> {
        self.settings.tls.as_ref().filter(|_| !self.is_unix)
    }

    /// TLS without asking first.
    pub(super) fn is_direct_tls(&self) -> bool {
        self.settings.server.get_ssl_negotiation() == SslNegotiation::Direct
    }

    /// `host:port`, for a text.
    pub(super) fn shown(&self) -> String {
        let host = self.shown_host();
        if self.is_unix { format!("{host}/{SOCKET}{}", self.port) } else { shown(&host, self.port) }
    }

    /// The host, for a text. What can't be a host may be a secret in the wrong place.
    pub(super) fn shown_host(&self) -> String {
        let is_shown = if self.is_unix { is_folder(&self.host) } else { is_host(&self.host) };
        if is_shown { self.host.clone() } else { "the host".to_owned() }
    }
}

/// Whether a text has the form of a path.
fn is_folder(text: &str) -> bool {
    text.split('/').all(is_host)
}

/// `host:port`, with an IPv6 address in brackets.
pub(super) fn shown(host: &str, port: u16) -> String {
    match host.parse() {
        Ok(ip) => SocketAddr::new(ip, port).to_string(),
        Err(_) => format!("{host}:{port}"),
    }
}
