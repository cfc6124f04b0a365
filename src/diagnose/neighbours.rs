//! Other ports of a host whose own port doesn't take a connection.

use std::net::{IpAddr, SocketAddr};

use tokio::join;

use super::attempt::{Outcome, PATIENCE, attempts};
use super::finding::Finding;
use super::place::{self, Place};
use super::resolver::{Family, look_up};
use crate::clock;
use crate::supabase::Endpoint;

/// Where PostgreSQL and its poolers listen by custom, and what nearly every machine on the internet has open.
const PORTS: [u16; 5] = [5432, 6543, 5433, 6432, HTTPS];
const HTTPS: u16 = 443;

/// The ports on which a project's own machine shuts an address out.
const SHUT: [u16; 2] = [5432, 6543];

/// Addresses whose ports are looked at.
const MOST_ADDRESSES: usize = 4;

/// What other ports have said.
#[derive(Default)]
pub(super) struct Neighbours {
    /// The ports that take connections.
    open: Vec<u16>,
    /// The ref of the project whose machine this is.
    project: Option<String>,
    /// The project is there, and its machine refuses only what an address is shut out from.
    pub(super) tell_of_a_ban: bool,
    /// In sentences.
    seen: Vec<String>,
}

impl Neighbours {
    /// Looks at the other ports of a place.
    pub(super) async fn of(place: &Place, addresses: &[IpAddr]) -> Neighbours {
        let ports = PORTS.iter().copied().filter(|port| *port != place.port);
        let all = ports.flat_map(|port| {
            addresses.iter().take(MOST_ADDRESSES).map(move |ip| SocketAddr::new(*ip, port)).collect::<Vec<_>>()
        });
        let project = match Endpoint::of(&place.host) {
            Some(Endpoint::Direct { project }) => Some(project.to_ascii_lowercase()),
            _ => None,
        };
        let (made, has_api) = join!(attempts(all), answers(project.as_deref()));
        let made: Vec<_> = made.iter().map(|attempt| (attempt.address.port(), attempt.outcome)).collect();
        let open = PORTS.into_iter().filter(|port| made.contains(&(*port, Outcome::Taken))).collect();
        let mut neighbours = Neighbours { open, project, tell_of_a_ban: false, seen: Vec::new() };
        neighbours.tell_of_a_ban =
            neighbours.project.is_some() && (has_api || neighbours.open.contains(&HTTPS)) && is_shut(&made);
        neighbours.describe(place, has_api);
        neighbours
    }

    fn describe(&mut self, place: &Place, has_api: bool) {
        let host = place.shown_host();
        if self.open.is_empty() {
            self.seen.push(format!("{host}: none of the other usual ports takes a connection"));
        }
        for port in &self.open {
            self.seen.push(format!("{}: takes a connection", place::shown(&host, *port)));
        }
        if let Some(project) = self.project.as_deref().filter(|_| has_api) {
            self.seen.push(format!("{}: takes a connection", place::shown(&api_of(project), HTTPS)));
        }
    }

    /// The finding with what the ports have shown.
    pub(super) fn tell(self, mut finding: Finding) -> Finding {
        finding.evidence.extend(self.seen);
        match self.project {
            Some(project) => finding.with("project", project),
            None => finding,
        }
    }
}

/// Whether all that is shut out is refused; the place's own port is.
fn is_shut(made: &[(u16, Outcome)]) -> bool {
    made.iter().filter(|(port, _)| SHUT.contains(port)).all(|(_, outcome)| *outcome != Outcome::Taken)
        && made.iter().any(|(port, outcome)| SHUT.contains(port) && *outcome == Outcome::Refused)
}

fn api_of(project: &str) -> String {
    format!("{project}.supabase.co")
}

/// Whether the API of the project answers.
async fn answers(project: Option<&str>) -> bool {
    let Some(project) = project else { return false };
    let asked = async {
        let found = look_up(&api_of(project), Family::Any, PATIENCE).await.unwrap_or_default();
        let made = attempts(found.into_iter().take(MOST_ADDRESSES).map(|ip| SocketAddr::new(ip, HTTPS))).await;
        made.iter().any(|attempt| attempt.outcome == Outcome::Taken)
    };
    clock::within(PATIENCE, asked).await.unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_machine_that_refuses_both_ports_has_shut_an_address_out() {
        use Outcome::{NoWay, Refused, Silent, Taken};
        assert!(is_shut(&[(6543, Refused), (443, Taken)]));
        // The machine has an address of the other family, which this network doesn't reach.
        assert!(is_shut(&[(6543, Refused), (6543, NoWay), (443, Taken)]));
        assert!(!is_shut(&[(6543, Taken), (443, Taken)]));
        assert!(!is_shut(&[(5432, Refused), (6543, Taken)]));
        assert!(!is_shut(&[(6543, Silent), (443, Taken)]));
        assert!(!is_shut(&[(443, Taken)]));
    }
}
