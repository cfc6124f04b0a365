//! Where connections go that get the same answers.

use tokio_postgres::config::Host;

use crate::config::{ProjectSettings, ServerSettings};

/// A server, a user there and a database: what a pooler tells its pools by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Destination {
    hosts: Vec<Host>,
    ports: Vec<u16>,
    project: Option<ProjectSettings>,
    user: Option<String>,
    database: Option<String>,
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
        }
    }
}
