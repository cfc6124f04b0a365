//! Addresses that can't be those of a server on the internet.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::cause::Cause;
use super::names::Addresses;
use super::place::Place;
use crate::supabase::Endpoint;

/// Where a name leads in the place of its server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Sinkhole {
    /// `0.0.0.0`, `::`.
    Nowhere,
    /// The machine that asks.
    Itself,
    /// A network that isn't part of the internet.
    Private,
    /// Addresses that no machine has; programs that take over a network give them to names.
    Reserved,
}

impl Sinkhole {
    fn of_address(ip: IpAddr) -> Option<Sinkhole> {
        match ip {
            IpAddr::V4(ip) => of_v4(ip),
            IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or_else(|| of_v6(ip), of_v4),
        }
    }

    /// For a text.
    pub(super) fn words(self) -> &'static str {
        match self {
            Sinkhole::Nowhere => "an address that stands for no machine",
            Sinkhole::Itself => "this machine itself",
            Sinkhole::Private => "a private network",
            Sinkhole::Reserved => "an address that is reserved and has no server",
        }
    }
}

fn of_v4(ip: Ipv4Addr) -> Option<Sinkhole> {
    match ip.octets() {
        [0, ..] => Some(Sinkhole::Nowhere),
        [127, ..] => Some(Sinkhole::Itself),
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] | [169, 254, ..] | [100, 64..=127, ..] => {
            Some(Sinkhole::Private)
        }
        [198, 18..=19, ..] | [240..=255, ..] => Some(Sinkhole::Reserved),
        _ => None,
    }
}

fn of_v6(ip: Ipv6Addr) -> Option<Sinkhole> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Some(Sinkhole::Nowhere),
        [0, 0, 0, 0, 0, 0, 0, 1] => Some(Sinkhole::Itself),
        [0xfc00..=0xfdff, ..] | [0xfe80..=0xfebf, ..] => Some(Sinkhole::Private),
        [0x0100, 0, 0, 0, ..] => Some(Sinkhole::Reserved),
        _ => None,
    }
}

/// Ends of names that no name server of the internet knows.
const LOCAL_ENDS: [&str; 10] =
    ["local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "test", "home.arpa"];

/// Whether a name is the machine's own by definition.
fn is_own(host: &str) -> bool {
    is_or_ends_with(host, "localhost")
}

/// Whether a name looks as if it were known everywhere.
fn is_public(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.contains('.') && !LOCAL_ENDS.iter().any(|end| is_or_ends_with(host, end))
}

fn is_or_ends_with(host: &str, end: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    host.strip_suffix(end).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Where the name of a place leads, if that can't be its server; `cause` is why it isn't reached.
///
/// A private address is no server of Supabase's. Of any other name it may be: clouds give a name of the internet
/// private addresses inside of their networks. Only where no way leads there it is taken for wrong.
pub(super) fn of(place: &Place, addresses: &Addresses, cause: Cause) -> Option<Sinkhole> {
    if addresses.is_given || is_own(&place.host) {
        return None;
    }
    let sinkholes: Option<Vec<Sinkhole>> = addresses.all.iter().map(|ip| Sinkhole::of_address(*ip)).collect();
    let worst = *sinkholes?.first()?;
    let is_wrong = match worst {
        Sinkhole::Nowhere | Sinkhole::Itself | Sinkhole::Reserved => true,
        Sinkhole::Private => {
            Endpoint::of(&place.host).is_some() || is_public(&place.host) && cause == Cause::Unreachable
        }
    };
    is_wrong.then_some(worst)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_no_server_of_the_internet_are_known() {
        for (ip, wanted) in [
            ("0.0.0.0", Some(Sinkhole::Nowhere)),
            ("::", Some(Sinkhole::Nowhere)),
            ("127.0.1.1", Some(Sinkhole::Itself)),
            ("::1", Some(Sinkhole::Itself)),
            ("::ffff:127.0.0.1", Some(Sinkhole::Itself)),
            ("10.1.2.3", Some(Sinkhole::Private)),
            ("172.31.0.1", Some(Sinkhole::Private)),
            ("172.32.0.1", None),
            ("100.64.0.1", Some(Sinkhole::Private)),
            ("fd00::1", Some(Sinkhole::Private)),
            ("fe80::1", Some(Sinkhole::Private)),
            ("198.18.0.7", Some(Sinkhole::Reserved)),
            ("8.8.8.8", None),
            ("2a05:d018::1", None),
        ] {
            assert_eq!(Sinkhole::of_address(ip.parse().unwrap()), wanted, "{ip}");
        }
    }

    #[test]
    fn names_of_a_local_network_are_told_from_those_of_the_internet() {
        for own in ["localhost", "LOCALHOST.", "db.localhost"] {
            assert!(is_own(own), "{own}");
        }
        assert!(!is_own("notlocalhost"));
        for public in ["db.example.com", "db.abc.supabase.co.", "mylan.example"] {
            assert!(is_public(public), "{public}");
        }
        for local in ["db", "db.lan", "nas.home.arpa", "host.docker.internal", "db.local."] {
            assert!(!is_public(local), "{local}");
        }
    }
}
