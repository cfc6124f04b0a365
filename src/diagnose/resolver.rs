//! The system's resolver, asked for one family of addresses at a time.

use std::net::IpAddr;
use std::time::Duration;

use dns_lookup::{AddrFamily, AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};

use crate::clock;

/// Addresses of which family are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    /// Of both, in the order in which a connection takes them.
    Any,
    V4,
    V6,
}

/// Why a look-up has found nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Miss {
    /// There is no such name; some systems say the same of one without an address of the family.
    NoName,
    /// The name has no address of the family.
    NoAddress,
    /// No name server gave an answer.
    NoAnswer,
    /// The resolver was still busy when the time was over.
    Late,
}

/// The addresses of a name, each once.
pub(super) async fn look_up(host: &str, family: Family, limit: Duration) -> Result<Vec<IpAddr>, Miss> {
    let found = match clock::within(limit, ask(host, family)).await {
        Some(found) => found?,
        None => return Err(Miss::Late),
    };
    let mut addresses: Vec<IpAddr> = Vec::with_capacity(found.len());
    for ip in found.into_iter().filter(|ip| family.has(*ip)) {
        if !addresses.contains(&ip) {
            addresses.push(ip);
        }
    }
    if addresses.is_empty() { Err(Miss::NoAddress) } else { Ok(addresses) }
}

async fn ask(host: &str, family: Family) -> Result<Vec<IpAddr>, Miss> {
    #[cfg(test)]
    if let Some(found) = crate::conn::scripted::look_up(host).await {
        let is_unanswered = |error: &crate::error::Error| error.code.as_deref() == Some("EAI_AGAIN");
        return match found {
            Ok(found) => Ok(found.iter().map(std::net::SocketAddr::ip).collect()),
            Err(error) => Err(if is_unanswered(&error) { Miss::NoAnswer } else { Miss::NoName }),
        };
    }
    let host = host.to_owned();
    // A task of its own: where no thread can be had for the look-up, tokio panics.
    let asked = tokio::spawn(async move { tokio::task::spawn_blocking(move || ask_system(&host, family)).await });
    match asked.await {
        Ok(Ok(found)) => found,
        _ => Err(Miss::NoAnswer),
    }
}

fn ask_system(host: &str, family: Family) -> Result<Vec<IpAddr>, Miss> {
    let hints =
        AddrInfoHints { socktype: SockType::Stream.into(), address: family.number(), ..AddrInfoHints::default() };
    let found = getaddrinfo(Some(host), None, Some(hints)).map_err(|error| Miss::of(&error))?;
    Ok(found.flatten().map(|found| found.sockaddr.ip()).collect())
}

impl Family {
    fn number(self) -> i32 {
        match self {
            Family::Any => 0,
            Family::V4 => AddrFamily::Inet.into(),
            Family::V6 => AddrFamily::Inet6.into(),
        }
    }

    fn has(self, ip: IpAddr) -> bool {
        match self {
            Family::Any => true,
            Family::V4 => ip.is_ipv4(),
            Family::V6 => ip.is_ipv6(),
        }
    }
}

/// `EAI_ADDRFAMILY` of glibc: the name has no address of the family.
const NO_ADDRESS_OF_FAMILY: i32 = -9;

impl Miss {
    fn of(error: &LookupError) -> Miss {
        match error.kind() {
            LookupErrorKind::NoName => Miss::NoName,
            LookupErrorKind::NoData => Miss::NoAddress,
            _ if cfg!(target_env = "gnu") && error.error_num() == NO_ADDRESS_OF_FAMILY => Miss::NoAddress,
            // No error of a look-up: the name can't even be asked for.
            LookupErrorKind::IO if error.error_num() == 0 => Miss::NoName,
            _ => Miss::NoAnswer,
        }
    }

    /// Whether the resolver has said something about the name.
    pub(super) fn is_answer(self) -> bool {
        matches!(self, Miss::NoName | Miss::NoAddress)
    }

    /// What was seen.
    pub(super) fn shown(self) -> &'static str {
        match self {
            Miss::NoName => "no such name",
            Miss::NoAddress => "none",
            Miss::NoAnswer => "no answer of a name server",
            Miss::Late => "no answer of a name server in time",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_can_not_be_written_is_no_name() {
        assert_eq!(ask_system("a\0b", Family::V4), Err(Miss::NoName));
    }

    #[test]
    fn an_address_is_found_in_its_own_family_alone() {
        let four: IpAddr = "127.0.0.1".parse().unwrap();
        assert_eq!(ask_system("127.0.0.1", Family::V4), Ok(vec![four]));
        assert_eq!(ask_system("127.0.0.1", Family::Any), Ok(vec![four]));
        assert!(ask_system("127.0.0.1", Family::V6).unwrap_err().is_answer());
    }
}
