//! Every way in which a connection can go wrong, at every step of it.

mod handshake;
mod large_reads;
mod parameters;
mod passwords;
mod patience;
mod pooling;
mod project;
mod requests;
mod sessions;

use super::connection::Connection;
use super::scripted::{Server, settle, tasks};
use super::{KeyRing, next_id, open};
use crate::config::ServerSettings;
use crate::error::{Error, ErrorKind};

/// Opens a connection by these settings.
async fn opened(settings: &ServerSettings) -> Result<Connection, Error> {
    open(next_id(), settings, &KeyRing::default(), None).await
}

/// Tries to, and is refused.
async fn refused(settings: &ServerSettings) -> Error {
    opened(settings).await.err().expect("no connection")
}

/// Makes sure that nothing is left of any connection to the server.
async fn assert_clean(server: &Server, context: &str) {
    settle().await;
    assert_eq!((server.open(), tasks() - server.serving()), (0, 0), "sockets and tasks after {context}");
    assert_eq!(server.complaints(), [""; 0], "{context}");
}

/// Whether the other side closed the connection, however it was noticed.
fn is_loss(error: &Error) -> bool {
    matches!(error.kind, ErrorKind::Io | ErrorKind::Lost)
}
