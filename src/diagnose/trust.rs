//! Why a server's certificates aren't accepted: the verdict of the TLS library, held against what they say.

use std::sync::LazyLock;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::cause::Cause;
use super::certificate::{Certificate, Moment};
use super::finding::Finding;
use super::place::Place;
use super::plain::is_host;
use crate::supabase::{Endpoint, ROOT};

/// No clock that is right is behind this: 1 January 2026.
const MADE: Moment = Moment::since_1970(Duration::from_secs(1_767_225_600));

/// Supabase's name as an organisation, in the certificates of its authorities.
const SUPABASE: &str = "Supabase Inc";

static SUPABASE_ROOT: LazyLock<Option<(Vec<u8>, Certificate)>> = LazyLock::new(|| {
    let lines: String = ROOT.lines().filter(|line| !line.starts_with("-----")).collect();
    let der = STANDARD.decode(lines).ok()?;
    let read = Certificate::read(&der)?;
    Some((der, read))
});

/// What a connection expects of a server's certificates.
#[derive(Clone, Copy)]
pub(super) struct Expected<'a> {
    /// Where the server is.
    pub(super) place: &'a Place,
    /// The host that was connected to.
    pub(super) host: &'a str,
    /// The name that the certificate has to have.
    pub(super) name: &'a str,
    /// Supabase's root is among those that are trusted.
    pub(super) trusts_supabase: bool,
    /// The caller has said what to trust.
    pub(super) has_own_roots: bool,
    /// The time by this machine's clock.
    pub(super) now: Moment,
}

/// The certificates that a server shows; the first is its own.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    links: Vec<Certificate>,
    /// The last of them in DER.
    end: Vec<u8>,
    /// How many were shown.
    count: usize,
}

impl Chain {
    /// Reads what was shown, as far as it can be read.
    pub(super) fn read(shown: &[Vec<u8>]) -> Chain {
        let links = shown.iter().map_while(|der| Certificate::read(der)).take(MOST_LINKS).collect();
        Chain { links, end: shown.last().cloned().unwrap_or_default(), count: shown.len() }
    }

    /// The server's own.
    pub(super) fn own(&self) -> Option<&Certificate> {
        self.links.first()
    }

    /// The authority that it leads to.
    fn authority(&self) -> Option<&Certificate> {
        self.links.last()
    }

    /// Until when the server's own is valid, or that it isn't.
    pub(super) fn validity(&self, now: Moment) -> String {
        match self.own() {
            Some(own) if own.until < now => format!("which has expired: it was valid until {}", own.until),
            Some(own) if now < own.from => format!("which isn't valid yet: it will be from {}", own.from),
            Some(own) => format!("valid until {}", own.until),
            None => String::new(),
        }
    }

    /// What was seen, a sentence for each.
    pub(super) fn sentences(&self) -> Vec<String> {
        let which = |index| if index == 0 { "The server's certificate" } else { "A certificate that it sends along" };
        let mut sentences: Vec<String> =
            self.links.iter().enumerate().map(|(index, link)| link.sentence(which(index))).collect();
        match (self.count, self.count - self.links.len()) {
            (0, _) => sentences.push("Its certificates couldn't be looked at.".into()),
            (1, 0) => sentences.push("It sends no other certificate along.".into()),
            (_, 0) => {}
            (count, _) => sentences.push(format!("Not all of the {count} certificates that it sends can be read.")),
        }
        sentences
    }
}

/// Certificates of a chain that are looked at. Real chains have two to four.
const MOST_LINKS: usize = 8;

/// The finding where TLS failed with this code of Node's, because of the certificates; `None` for another code.
pub(super) fn finding(code: &str, chain: &Chain, expected: &Expected<'_>) -> Option<Finding> {
    let verdict = match code {
        "DEPTH_ZERO_SELF_SIGNED_CERT" => Cause::SelfSigned,
        "SELF_SIGNED_CERT_IN_CHAIN"
        | "UNABLE_TO_VERIFY_LEAF_SIGNATURE"
        | "UNABLE_TO_GET_ISSUER_CERT"
        | "UNABLE_TO_GET_ISSUER_CERT_LOCALLY"
        | "CERT_SIGNATURE_FAILURE" => Cause::RootNotTrusted,
        "CERT_HAS_EXPIRED" => Cause::CertificateExpired,
        "CERT_NOT_YET_VALID" => Cause::CertificateNotYetValid,
        "ERR_TLS_CERT_ALTNAME_INVALID" => Cause::CertificateName,
        _ => return None,
    };
    let cause = if is_intercepted(verdict, chain, expected) { Cause::Intercepted } else { verdict };
    let finding = begin(cause, chain, expected);
    Some(match cause {
        Cause::Intercepted => intercepted(finding, chain),
        Cause::CertificateExpired => expired(finding, chain, expected),
        Cause::CertificateNotYetValid => not_yet_valid(finding, chain, expected),
        Cause::CertificateName => other_name(finding, chain, expected),
        _ => untrusted(finding, chain, expected),
    })
}

/// The finding where a trusted certificate is for another name than the expected.
pub(super) fn of_name(chain: &Chain, expected: &Expected<'_>) -> Finding {
    other_name(begin(Cause::CertificateName, chain, expected), chain, expected)
}

fn begin(cause: Cause, chain: &Chain, expected: &Expected<'_>) -> Finding {
    let mut finding = Finding::new(cause).with("place", expected.place.shown());
    finding.evidence = chain.sentences();
    if is_host(expected.name) {
        finding = finding.with("host", expected.name);
    }
    match chain.authority() {
        Some(authority) => finding.with("issuer", &authority.issuer),
        None => finding,
    }
}

/// Whether another authority than Supabase's has signed for a host of Supabase's.
fn is_intercepted(verdict: Cause, chain: &Chain, expected: &Expected<'_>) -> bool {
    let is_supabase = Endpoint::of(expected.host).is_some() || Endpoint::of(expected.name).is_some();
    let Some(authority) = chain.authority().filter(|_| is_supabase) else { return false };
    if authority.issuer_organisation.as_deref() != Some(SUPABASE) {
        return true;
    }
    // It bears the name of a root that is trusted here, and isn't trusted: it isn't that root.
    let is_distrusted = matches!(verdict, Cause::RootNotTrusted | Cause::SelfSigned);
    is_distrusted && claims_root(chain) && expected.trusts_supabase
}

/// Whether it ends at "Supabase Root 2021 CA", by the name.
fn claims_root(chain: &Chain) -> bool {
    let root = SUPABASE_ROOT.as_ref();
    root.zip(chain.authority()).is_some_and(|((_, root), authority)| authority.issuer == root.subject)
}

/// Whether it ends with that very root.
fn has_root(chain: &Chain) -> bool {
    SUPABASE_ROOT.as_ref().is_some_and(|(der, _)| *der == chain.end)
}

fn intercepted(finding: Finding, chain: &Chain) -> Finding {
    let finding = finding.seen("The certificates of Supabase's hosts are issued by authorities of Supabase Inc.");
    if claims_root(chain) && !has_root(chain) {
        return finding.seen("An authority of the same name as Supabase's root has signed, and it isn't that root.");
    }
    finding
}

fn untrusted(mut finding: Finding, chain: &Chain, expected: &Expected<'_>) -> Finding {
    if expected.has_own_roots {
        finding = finding.seen("`ssl.ca` or `sslrootcert` is given, and nothing else is trusted.");
    }
    if !claims_root(chain) {
        return finding;
    }
    let advice = if expected.has_own_roots {
        "`ssl.ca` or `sslrootcert` takes the place of all other roots, and Supabase's isn't in it: leave it out, or put \
         the certificate of Supabase's root into it."
    } else {
        "Supabase's root is trusted by itself at Supabase's own host names alone: connect to one of them, or give the \
         certificate of Supabase's root as `ssl.ca`."
    };
    finding.with("advice", advice)
}

fn expired(mut finding: Finding, chain: &Chain, expected: &Expected<'_>) -> Finding {
    let over = chain.links.iter().filter(|link| link.until < expected.now).map(|link| link.until);
    finding = match over.min() {
        Some(until) => finding.with("date", until.to_string()),
        None if chain.links.is_empty() => finding,
        None => finding.seen(
            "None of the certificates that the server sends is over: it must be one of those that are trusted here.",
        ),
    };
    by_clock(finding, expected.now)
}

fn not_yet_valid(mut finding: Finding, chain: &Chain, expected: &Expected<'_>) -> Finding {
    let to_come = chain.links.iter().filter(|link| expected.now < link.from).map(|link| link.from);
    if let Some(from) = to_come.max() {
        finding = finding.with("date", from.to_string());
    }
    by_clock(finding, expected.now)
}

/// What the clock says, and what is known of the clock.
fn by_clock(finding: Finding, now: Moment) -> Finding {
    if now < MADE {
        return finding.seen(format!(
            "The clock of this machine says {now}, which was before this program was made: it is wrong."
        ));
    }
    finding.seen(format!("The clock of this machine says {now}; before the login there is nothing to hold it against."))
}

fn other_name(mut finding: Finding, chain: &Chain, expected: &Expected<'_>) -> Finding {
    if let Some(own) = chain.own() {
        finding = finding.with("names", own.shown_names());
        if own.until < expected.now {
            finding = finding.seen("It has expired as well, by the clock of this machine.");
        }
        if expected.now < own.from {
            finding = finding.seen("It isn't valid yet, either, by the clock of this machine.");
        }
    }
    if expected.name != expected.host {
        finding = finding.seen("The name that it has to have comes from `ssl.servername`.");
    }
    finding
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn supabases_own_root_is_known() {
        let (der, root) = SUPABASE_ROOT.as_ref().unwrap();
        let chain = Chain::read(std::slice::from_ref(der));
        assert!(claims_root(&chain) && has_root(&chain));
        assert_eq!(root.issuer_organisation.as_deref(), Some(SUPABASE));
        assert!(chain.validity(MADE).ends_with("2031-04-26 10:56 UTC"));
        assert!(chain.validity(Moment::since_1970(Duration::ZERO)).starts_with("which isn't valid yet"));
        assert!(chain.validity(Moment::since_1970(Duration::from_secs(4_000_000_000))).contains("has expired"));
    }

    #[test]
    fn a_clock_that_is_behind_the_making_of_this_program_is_wrong() {
        let seen = |now| by_clock(Finding::new(Cause::CertificateNotYetValid), now).evidence.concat();
        assert!(
            seen(Moment::since_1970(Duration::from_secs(86_400)))
                .ends_with("1970-01-02 00:00 UTC, which was before this program was made: it is wrong.")
        );
        assert!(seen(MADE).contains("nothing to hold it against"));
    }

    #[test]
    fn a_chain_that_cannot_be_read_says_so() {
        assert_eq!(Chain::read(&[]).sentences(), ["Its certificates couldn't be looked at."]);
        let unreadable = Chain::read(&[b"no certificate".to_vec()]);
        assert!(unreadable.own().is_none());
        assert!(unreadable.sentences().concat().contains("can be read"));
    }
}
