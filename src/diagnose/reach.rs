//! From addresses to a socket.

use std::net::{IpAddr, SocketAddr};

use super::attempt::{Attempt, Outcome, attempts};
use super::cause::Cause;
use super::finding::Finding;
use super::names::Addresses;
use super::neighbours::Neighbours;
use super::place::Place;
use super::sinkhole::{self, Sinkhole};
use super::texts;
use crate::conn::Socket;
use crate::conn::address::Address;

/// A socket to one of the addresses.
pub(super) struct Reached {
    pub(super) socket: Socket,
    pub(super) address: Address,
    /// What each address has said.
    pub(super) seen: String,
    /// What is to be said of the others.
    pub(super) warnings: Vec<Finding>,
}

/// Connects to the addresses.
pub(super) async fn reach(place: &Place, addresses: &Addresses) -> Result<Reached, Finding> {
    let mut attempts = attempts(addresses.all.iter().map(|ip| SocketAddr::new(*ip, place.port))).await;
    let seen: Vec<String> = attempts.iter().map(Attempt::shown).collect();
    let taken = attempts.iter_mut().find_map(|attempt| match attempt.result.take() {
        Some(Ok(socket)) => Some((socket, attempt.address)),
        other => {
            attempt.result = other;
            None
        }
    });
    match taken {
        Some((socket, address)) => {
            let warnings = dead(&attempts, address, &seen).into_iter().collect();
            Ok(Reached { socket, address: Address::Tcp(address), seen: seen.join("; "), warnings })
        }
        None => Err(unreached(place, addresses, attempts, seen).await),
    }
}

/// Addresses that say nothing beside one that takes the connection: whoever tries them first has to wait.
fn dead(attempts: &[Attempt], reached: SocketAddr, seen: &[String]) -> Option<Finding> {
    let silent: Vec<String> = (attempts.iter().filter(|attempt| attempt.outcome == Outcome::Silent))
        .map(|attempt| attempt.address.ip().to_string())
        .collect();
    if silent.is_empty() {
        return None;
    }
    let finding = Finding::new(Cause::Ipv6BlackHole).with("dead", silent.join(", "));
    let finding = finding.with("reached", reached.ip().to_string());
    Some(seen.iter().fold(finding, |finding, sentence| finding.seen(sentence)))
}

/// What is wrong where no address takes the connection.
fn cause_of(outcomes: &[(IpAddr, Outcome)]) -> Cause {
    let has = |outcome| outcomes.iter().any(|(_, known)| *known == outcome);
    let is_far_v6 = |ip: &IpAddr| ip.is_ipv6() && !ip.is_loopback();
    if has(Outcome::Refused) {
        Cause::Refused
    } else if has(Outcome::Silent) {
        Cause::Filtered
    } else if !outcomes.is_empty() && outcomes.iter().all(|(ip, outcome)| is_far_v6(ip) && *outcome == Outcome::NoWay) {
        Cause::Ipv6Only
    } else {
        Cause::Unreachable
    }
}

async fn unreached(place: &Place, addresses: &Addresses, attempts: Vec<Attempt>, seen: Vec<String>) -> Finding {
    let outcomes: Vec<_> = attempts.iter().map(|attempt| (attempt.address.ip(), attempt.outcome)).collect();
    let mut cause = cause_of(&outcomes);
    let neighbours = match cause {
        Cause::Refused | Cause::Filtered => Neighbours::of(place, &addresses.all).await,
        _ => Neighbours::default(),
    };
    let sinkhole = sinkhole::of(place, addresses, cause);
    if cause == Cause::Refused && neighbours.tell_of_a_ban && sinkhole != Some(Sinkhole::Nowhere) {
        cause = Cause::Fail2ban;
    } else if sinkhole.is_some() {
        cause = Cause::Sinkhole;
    }
    let mut finding = Finding::new(cause).with("place", place.shown()).with("host", place.shown_host());
    let shown: Vec<String> = addresses.all.iter().map(ToString::to_string).collect();
    finding = finding.with("address", shown.join(", "));
    if let Some(sinkhole) = sinkhole {
        finding = finding.with("class", sinkhole.words());
    }
    if !addresses.is_given {
        finding = finding.seen(&addresses.seen);
    }
    finding.evidence.extend(seen);
    finding = neighbours.tell(finding);
    let failed = attempts.into_iter().find_map(|attempt| attempt.result.and_then(Result::err));
    match failed {
        Some(error) => {
            let code = error.code.as_deref().unwrap_or_default().to_owned();
            finding.facts.extend(texts::facts_of(&error, &place.way()));
            finding.with("code", code).by(error)
        }
        None => finding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(outcomes: &[(&str, Outcome)]) -> Cause {
        cause_of(&outcomes.iter().map(|(ip, outcome)| (ip.parse().unwrap(), *outcome)).collect::<Vec<_>>())
    }

    #[test]
    fn what_one_address_says_is_more_than_the_silence_of_another() {
        use Outcome::{Failed, NoWay, Refused, Silent};
        let (v4, other, v6) = ("192.0.2.1", "192.0.2.2", "2001:db8::1");
        assert_eq!(of(&[(v4, Refused), (v6, Silent)]), Cause::Refused);
        assert_eq!(of(&[(v6, NoWay), (v4, Refused)]), Cause::Refused);
        assert_eq!(of(&[(v6, NoWay), (v4, Silent)]), Cause::Filtered);
        assert_eq!(of(&[(v6, Silent)]), Cause::Filtered);
        assert_eq!(of(&[(v6, NoWay)]), Cause::Ipv6Only);
        assert_eq!(of(&[(v6, NoWay), (v4, NoWay)]), Cause::Unreachable);
        assert_eq!(of(&[(v4, NoWay), (other, Failed)]), Cause::Unreachable);
        assert_eq!(of(&[("::1", NoWay)]), Cause::Unreachable);
        assert_eq!(of(&[]), Cause::Unreachable);
    }
}
