//! The file of a Unix socket.

use std::path::{Path, PathBuf};

use super::attempt::PATIENCE;
use super::cause::Cause;
use super::finding::Finding;
use super::place::Place;
use super::reach::Reached;
use crate::clock;
use crate::conn::address::{Address, SOCKET, dial_again, socket_path};
use crate::error::Error;

/// Files that are named.
const MOST_FILES: usize = 5;

/// Connects to the file of a Unix socket.
pub(super) async fn open(place: &Place) -> Result<Reached, Finding> {
    let address = Address::Unix(socket_path(Path::new(&place.host), place.port));
    let finding = Finding::new(Cause::SocketFile).with("place", place.shown());
    match clock::within(PATIENCE, dial_again(&address)).await {
        Some(Ok(socket)) => {
            let seen = format!("{} takes the connection", place.shown());
            Ok(Reached { socket, address, seen, warnings: Vec::new() })
        }
        Some(Err(error)) => Err(explained(place, finding, error).await),
        None => Err(finding.with("reason", "its server takes no connection")),
    }
}

async fn explained(place: &Place, finding: Finding, error: Error) -> Finding {
    let folder = PathBuf::from(&place.host);
    let listed = tokio::task::spawn_blocking(move || sockets(&folder));
    let listed = clock::within(PATIENCE, listed).await.and_then(Result::ok);
    let code = error.code.as_deref().unwrap_or_default().to_owned();
    let reason = match (code.as_str(), &listed) {
        ("ENOENT", Some(Err(_))) => "there is no such folder",
        ("ENOENT", _) => "there is no such file",
        ("EACCES", _) => "this user may not use it",
        ("ECONNREFUSED", _) => "the file is there, but no server listens on it",
        _ => "it can't be used",
    };
    let mut finding = finding.with("reason", reason).with("code", code.clone());
    finding = finding.seen(format!("{}: {code}", place.shown()));
    if let Some(Ok(others)) = listed {
        let folder = place.shown_host();
        if others.is_empty() {
            finding = finding.seen(format!("{folder} has no socket of PostgreSQL in it"));
        } else {
            let others = others.join(", ");
            finding = finding.seen(format!("{folder} has {others} in it"));
        }
    }
    finding.by(error)
}

/// The sockets of PostgreSQL in a folder.
fn sockets(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut names: Vec<String> = std::fs::read_dir(folder)?
        .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
        .filter(|name| name.strip_prefix(SOCKET).is_some_and(|port| port.parse::<u16>().is_ok()))
        .collect();
    names.sort_unstable();
    names.truncate(MOST_FILES);
    Ok(names)
}
