//! Where connections go that get the same answers.

use tokio_postgres::config::Host;

use crate::config::{ProjectSettings, ServerSettings, SessionTarget};

/// What decides an answer but the password: where a connection goes, as whom, and how it introduces itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    hosts: Vec<Host>,
    ports: Vec<u16>,
    project: Option<ProjectSettings>,
    user: Option<String>,
    database: Option<String>,
    startup: Vec<(String, String)>,
    session: SessionTarget,
    has_tls: bool,
}

impl Destination {
    pub(super) fn of(settings: &ServerSettings) -> Destination {
        let server = &settings.server;
        Destination {
            hosts: server.get_hosts().to_vec(),
            ports: server.get_ports().to_vec(),
            project: settings.project.clone(),
            user: server.get_user().map(str::to_owned),
            database: server.get_dbname().map(str::to_owned),
            startup: settings.startup.clone(),
            session: settings.session,
            has_tls: settings.tls.is_some(),
        }
    }
}
