//! Names to addresses, each family by itself.

use std::net::IpAddr;
use std::time::Duration;

use tokio::join;

use super::cause::Cause;
use super::finding::Finding;
use super::place::Place;
use super::resolver::{Family, Miss, look_up as ask};
use super::texts;
use crate::conn::address::look_up_error;

/// A name that there is wherever names of the internet can be looked up; it is reserved for examples (RFC 2606).
const KNOWN_NAME: &str = "example.com";

/// How long looking up the host may take. The system's resolver may go on for longer, when its first server is silent.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long looking up a name to compare may take.
const PATIENCE_TO_COMPARE: Duration = Duration::from_secs(2);

/// Addresses of one name that are looked at.
const MOST_ADDRESSES: usize = 16;

/// The addresses of a host.
pub(super) struct Addresses {
    /// In the order in which a connection takes them.
    pub(super) all: Vec<IpAddr>,
    /// The host is an address itself.
    pub(super) is_given: bool,
    /// What the look-ups of the families have shown.
    pub(super) seen: String,
}

type Found = Result<Vec<IpAddr>, Miss>;

/// Looks the host up.
pub(super) async fn look_up(place: &Place) -> Result<Addresses, Finding> {
    if let Ok(ip) = place.host.parse() {
        let seen = format!("{ip} is an address, so no name was looked up");
        return Ok(Addresses { all: vec![ip], is_given: true, seen });
    }
    let of = |family| ask(&place.host, family, PATIENCE);
    let (any, v4, v6) = join!(of(Family::Any), of(Family::V4), of(Family::V6));
    let seen = shown(&place.shown_host(), &v4, &v6);
    let all = all_of(&any, &v4, &v6);
    if all.is_empty() {
        Err(missing(place, &[any, v4, v6], seen).await)
    } else {
        Ok(Addresses { all, is_given: false, seen })
    }
}

/// Each address once, in the order of the look-up that a connection makes; what only the others found comes last.
fn all_of(any: &Found, v4: &Found, v6: &Found) -> Vec<IpAddr> {
    let mut all: Vec<IpAddr> = Vec::new();
    for ip in [any, v6, v4].into_iter().flatten().flatten() {
        if !all.contains(ip) && all.len() < MOST_ADDRESSES {
            all.push(*ip);
        }
    }
    all
}

fn shown(host: &str, v4: &Found, v6: &Found) -> String {
    let family = |found: &Found| match found {
        Ok(found) => found.iter().take(MOST_ADDRESSES).map(ToString::to_string).collect::<Vec<_>>().join(", "),
        Err(miss) => miss.shown().to_owned(),
    };
    format!("IPv4 addresses of {host}: {}; IPv6 addresses: {}", family(v4), family(v6))
}

/// Why there is no address: whether a name that there is can be looked up tells the two apart.
async fn missing(place: &Place, found: &[Found], seen: String) -> Finding {
    let is_answered = found.iter().any(|found| found.as_ref().is_err_and(|miss| miss.is_answer()));
    let known = ask(KNOWN_NAME, Family::Any, PATIENCE_TO_COMPARE).await;
    let (cause, reason) = match (is_answered, &known) {
        (true, _) if found.contains(&Err(Miss::NoAddress)) => (Cause::HostNotFound, "the name has no address"),
        (true, _) => (Cause::HostNotFound, "there is no such name"),
        (false, Ok(_)) => (Cause::HostNotFound, "its name servers give no answer, while other names are found"),
        (false, Err(_)) => {
            (Cause::ResolverDown, "no name server gives an answer, and a name that there always is isn't found either")
        }
    };
    let control = match &known {
        Ok(_) => format!("{KNOWN_NAME}, looked up to compare: found"),
        Err(miss) => format!("{KNOWN_NAME}, looked up to compare: {}", miss.shown()),
    };
    let finding = Finding::new(cause).with("host", place.shown_host()).with("place", place.shown());
    let code = if cause == Cause::ResolverDown { "EAI_AGAIN" } else { "ENOTFOUND" };
    let error = look_up_error(code, &place.shown_host(), "");
    let mut finding = finding.with("reason", reason).with("code", code).seen(seen).seen(control);
    finding.facts.extend(texts::facts_of(&error, &place.way()));
    finding.by(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_order_is_that_of_a_connection_and_what_one_family_alone_has_shown_comes_last() {
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let (four, six, other) = (ip("192.0.2.1"), ip("2001:db8::1"), ip("2001:db8::2"));
        let all = all_of(&Ok(vec![four, six]), &Ok(vec![four]), &Ok(vec![other, six]));
        assert_eq!(all, [four, six, other]);
        assert_eq!(all_of(&Err(Miss::Late), &Ok(vec![four]), &Err(Miss::Late)), [four]);
    }

    #[test]
    fn what_each_family_has_shown_is_said() {
        let four = Ok(vec!["192.0.2.1".parse().unwrap()]);
        assert_eq!(
            shown("db.example", &four, &Err(Miss::NoAddress)),
            "IPv4 addresses of db.example: 192.0.2.1; IPv6 addresses: none"
        );
    }
}
