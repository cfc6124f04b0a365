//! What a server's certificate says of itself. It is another party's word: its texts are cut and made printable.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use x509_cert::certificate::{CertificateInner, Raw};
use x509_cert::der::asn1::ObjectIdentifier;
use x509_cert::der::{DateTime, Decode};
use x509_cert::ext::pkix::SubjectAltName;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::Name;
use x509_cert::time::Time;

use super::plain::cut;

/// No certificate that a server can show in a handshake is longer.
const LONGEST: usize = 100 * 1024;
/// Characters of a text that are shown.
const SHOWN: usize = 100;
/// Names that are kept, and how many of them are shown.
const MOST_NAMES: usize = 1000;
const SHOWN_NAMES: usize = 8;

/// One certificate of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Certificate {
    /// Whose it is.
    pub(super) subject: String,
    /// Who has signed it.
    pub(super) issuer: String,
    /// The organisation of who has signed it.
    pub(super) issuer_organisation: Option<String>,
    /// The names and addresses that it is for.
    pub(super) names: Vec<String>,
    /// Valid from, and until when.
    pub(super) from: Moment,
    pub(super) until: Moment,
    /// Its issuer bears its own name.
    pub(super) is_self_issued: bool,
}

/// A moment of the calendar, by what has passed since 1970 began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(Duration);

impl Certificate {
    /// Reads one in DER; `None` for what can't be read.
    pub(super) fn read(der: &[u8]) -> Option<Certificate> {
        if der.len() > LONGEST {
            return None;
        }
        // Serial numbers and dates of any form: servers show worse than the RFC allows, and work.
        let whole = CertificateInner::<Raw>::from_der(der).ok()?;
        let signed = whole.tbs_certificate();
        let validity = signed.validity();
        let names = signed.get_extension::<SubjectAltName>().ok().flatten();
        let names = names.iter().flat_map(|(_, names)| &names.0).filter_map(name).take(MOST_NAMES).collect();
        Some(Certificate {
            subject: named(signed.subject()),
            issuer: named(signed.issuer()),
            issuer_organisation: part(signed.issuer(), ORGANISATION),
            names,
            from: Moment::of(&validity.not_before),
            until: Moment::of(&validity.not_after),
            is_self_issued: signed.subject() == signed.issuer(),
        })
    }

    /// What it is for, for a text.
    pub(super) fn shown_names(&self) -> String {
        let shown: Vec<&str> = self.names.iter().take(SHOWN_NAMES).map(String::as_str).collect();
        match (shown.len(), self.names.len() - shown.len()) {
            (0, _) => format!("no name but its subject, {}", self.subject),
            (_, 0) => shown.join(", "),
            (_, more) => format!("{} and {more} more", shown.join(", ")),
        }
    }

    /// A sentence of it; `which` begins it.
    pub(super) fn sentence(&self, which: &str) -> String {
        let names = match self.names.len() {
            0 => String::new(),
            _ => format!(" for {}", self.shown_names()),
        };
        let signer =
            if self.is_self_issued { "signed by itself".to_owned() } else { format!("issued by {}", self.issuer) };
        let Certificate { subject, from, until, .. } = self;
        format!("{which} is of {subject}{names}, {signer}, and valid from {from} until {until}.")
    }
}

impl Moment {
    /// So long after the beginning of 1970.
    pub(super) const fn since_1970(passed: Duration) -> Moment {
        Moment(passed)
    }

    /// What the system's clock says.
    pub(super) fn at(time: SystemTime) -> Moment {
        Moment(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    fn of(time: &Time) -> Moment {
        Moment(time.to_unix_duration())
    }
}

impl std::fmt::Display for Moment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match DateTime::from_unix_duration(self.0) {
            Ok(date) => {
                let (year, month, day) = (date.year(), date.month(), date.day());
                write!(f, "{year:04}-{month:02}-{day:02} {:02}:{:02} UTC", date.hour(), date.minutes())
            }
            Err(_) => f.write_str("a day after the year 9999"),
        }
    }
}

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const ORGANISATION: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.10");

/// The common name and the organisation, else the whole.
fn named(name: &Name) -> String {
    match (part(name, COMMON_NAME), part(name, ORGANISATION)) {
        (Some(name), Some(organisation)) => format!("{name} ({organisation})"),
        (Some(name), None) | (None, Some(name)) => name,
        (None, None) if name.is_empty() => "nobody".into(),
        (None, None) => printable(&name.to_string()),
    }
}

fn part(name: &Name, wanted: ObjectIdentifier) -> Option<String> {
    name.iter().find(|part| part.oid == wanted).and_then(|part| text(part.value.value()))
}

fn text(value: &[u8]) -> Option<String> {
    let text = printable(&String::from_utf8_lossy(value));
    (!text.is_empty()).then_some(text)
}

fn name(name: &GeneralName) -> Option<String> {
    match name {
        GeneralName::DnsName(name) => text(name.as_bytes()),
        GeneralName::IpAddress(octets) => {
            let octets = octets.as_bytes();
            let v4 = <[u8; 4]>::try_from(octets).map(IpAddr::from);
            v4.or_else(|_| <[u8; 16]>::try_from(octets).map(IpAddr::from)).ok().map(|ip| ip.to_string())
        }
        _ => None,
    }
}

/// The beginning of a text of another party, of letters, digits and signs that show and change nothing else.
pub(super) fn printable(text: &str) -> String {
    let is_shown = |letter: char| letter.is_alphanumeric() || letter.is_ascii_graphic() || letter == ' ';
    cut(text.trim().chars().map(|letter| if is_shown(letter) { letter } else { '?' }), SHOWN)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;
    use crate::supabase::ROOT;

    fn root() -> Vec<u8> {
        let lines: String = ROOT.lines().filter(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(lines).unwrap()
    }

    #[test]
    fn a_certificate_says_whose_it_is_and_how_long_it_is_valid() {
        let root = Certificate::read(&root()).unwrap();
        assert_eq!(root.subject, "Supabase Root 2021 CA (Supabase Inc)");
        assert_eq!(root.issuer_organisation.as_deref(), Some("Supabase Inc"));
        assert!(root.is_self_issued);
        assert_eq!(root.until.to_string(), "2031-04-26 10:56 UTC");
        assert_eq!(root.shown_names(), "no name but its subject, Supabase Root 2021 CA (Supabase Inc)");
    }

    #[test]
    fn what_is_cut_off_changed_or_too_long_is_read_or_not_and_harms_nobody() {
        let whole = root();
        for length in 0..whole.len() {
            assert_eq!(Certificate::read(&whole[..length]), None);
        }
        for at in 0..whole.len() {
            for value in [0, 0x7f, 0x80, 0x84, 0xff] {
                let mut changed = whole.clone();
                changed[at] = value;
                if let Some(certificate) = Certificate::read(&changed) {
                    assert!(certificate.sentence("It").chars().count() < 1000);
                }
            }
        }
        assert_eq!(Certificate::read(&[whole, vec![0; LONGEST]].concat()), None);
    }

    #[test]
    fn a_text_of_another_party_is_cut_and_printable() {
        assert_eq!(printable(" a\u{1b}b\u{202e}\nü "), "a?b??ü");
        assert_eq!(printable(&"x".repeat(SHOWN + 1)).chars().count(), SHOWN + 1);
        assert_eq!(Moment::since_1970(Duration::MAX).to_string(), "a day after the year 9999");
    }
}
