//! `tls-server-end-point`: what ties an exchange to the certificate of a TLS session (RFC 5929, section 4.1).
//!
//! It is a hash of the certificate, by the hash function of the certificate's own signature. TLS libraries don't say
//! which that is for RSASSA-PSS, so it is read from the certificate here (RFC 5280, section 4.1; RFC 4055, section
//! 3.1).

use sha2::{Digest, Sha224, Sha256, Sha384, Sha512, Sha512_224, Sha512_256};

const SEQUENCE: u8 = 0x30;
const OBJECT_ID: u8 = 0x06;
/// The hash function among the parameters of RSASSA-PSS.
const PSS_HASH: u8 = 0xa0;

/// RSASSA-PSS, whose hash function is one of its parameters.
const PSS: &[u8] = b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0a";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Hash {
    Sha224,
    Sha256,
    Sha384,
    Sha512,
    Sha512To224,
    Sha512To256,
}

/// Object identifiers of signatures and of hash functions, with the hash that is taken. MD5 and SHA-1 are replaced by
/// SHA-256.
const HASHES: [(&[u8], Hash); 26] = [
    // RSA.
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", Hash::Sha256), // MD5
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", Hash::Sha256), // SHA-1
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b", Hash::Sha256),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c", Hash::Sha384),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d", Hash::Sha512),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0e", Hash::Sha224),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0f", Hash::Sha512To224),
    (b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x10", Hash::Sha512To256),
    // ECDSA.
    (b"\x2a\x86\x48\xce\x3d\x04\x01", Hash::Sha256), // SHA-1
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x01", Hash::Sha224),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x02", Hash::Sha256),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x03", Hash::Sha384),
    (b"\x2a\x86\x48\xce\x3d\x04\x03\x04", Hash::Sha512),
    // DSA.
    (b"\x2a\x86\x48\xce\x38\x04\x03", Hash::Sha256), // SHA-1
    (b"\x60\x86\x48\x01\x65\x03\x04\x03\x01", Hash::Sha224),
    (b"\x60\x86\x48\x01\x65\x03\x04\x03\x02", Hash::Sha256),
    (b"\x60\x86\x48\x01\x65\x03\x04\x03\x03", Hash::Sha384),
    (b"\x60\x86\x48\x01\x65\x03\x04\x03\x04", Hash::Sha512),
    // The hash functions by themselves.
    (b"\x2a\x86\x48\x86\xf7\x0d\x02\x05", Hash::Sha256), // MD5
    (b"\x2b\x0e\x03\x02\x1a", Hash::Sha256),             // SHA-1
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x01", Hash::Sha256),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x02", Hash::Sha384),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x03", Hash::Sha512),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x04", Hash::Sha224),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x05", Hash::Sha512To224),
    (b"\x60\x86\x48\x01\x65\x03\x04\x02\x06", Hash::Sha512To256),
];

/// The hash of a certificate in DER; `None` for one whose signature has no hash function (Ed25519, Ed448), or whose
/// hash function is unknown: the RFC defines no binding to it, and neither libpq nor the server has one.
pub(super) fn of(certificate: &[u8]) -> Option<Vec<u8>> {
    Some(match signature_hash(certificate)? {
        Hash::Sha224 => Sha224::digest(certificate).to_vec(),
        Hash::Sha256 => Sha256::digest(certificate).to_vec(),
        Hash::Sha384 => Sha384::digest(certificate).to_vec(),
        Hash::Sha512 => Sha512::digest(certificate).to_vec(),
        Hash::Sha512To224 => Sha512_224::digest(certificate).to_vec(),
        Hash::Sha512To256 => Sha512_256::digest(certificate).to_vec(),
    })
}

fn signature_hash(certificate: &[u8]) -> Option<Hash> {
    let (whole, _) = element(certificate, SEQUENCE)?;
    let (_, behind_signed) = element(whole, SEQUENCE)?;
    let (algorithm, _) = element(behind_signed, SEQUENCE)?;
    let (name, parameters) = element(algorithm, OBJECT_ID)?;
    if name == PSS { pss_hash(parameters) } else { named(name) }
}

/// Without parameters RSASSA-PSS uses SHA-1.
fn pss_hash(parameters: &[u8]) -> Option<Hash> {
    let (parameters, _) = element(parameters, SEQUENCE)?;
    let Some((hash, _)) = element(parameters, PSS_HASH) else { return Some(Hash::Sha256) };
    let (algorithm, _) = element(hash, SEQUENCE)?;
    named(element(algorithm, OBJECT_ID)?.0)
}

fn named(name: &[u8]) -> Option<Hash> {
    HASHES.iter().find(|(known, _)| *known == name).map(|(_, hash)| *hash)
}

/// The content of the first element, which has to have this tag, and what stands behind it.
fn element(der: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&found, rest) = der.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        0x81..=0x84 => {
            let (bytes, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (bytes.iter().fold(0, |length, byte| (length << 8) | usize::from(*byte)), rest)
        }
        _ => return None,
    };
    if found == tag { rest.split_at_checked(length) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn der(tag: u8, content: &[u8]) -> Vec<u8> {
        let length = u8::try_from(content.len()).expect("short ones will do");
        let head = if length < 0x80 { vec![tag, length] } else { vec![tag, 0x81, length] };
        [head, content.to_vec()].concat()
    }

    /// A certificate as far as its signature's algorithm.
    fn certificate(name: &[u8], parameters: &[u8]) -> Vec<u8> {
        let algorithm = der(SEQUENCE, &[der(OBJECT_ID, name), parameters.to_vec()].concat());
        der(SEQUENCE, &[der(SEQUENCE, &[0; 150]), algorithm, der(3, b"signature")].concat())
    }

    #[test]
    fn a_signature_says_by_which_hash_its_certificate_is_known() {
        for (name, hash) in HASHES {
            assert_eq!(signature_hash(&certificate(name, b"\x05\x00")), Some(hash));
        }
        let ed25519 = certificate(b"\x2b\x65\x70", b"");
        assert_eq!(of(&ed25519), None);
        let sha1 = certificate(b"\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", b"");
        assert_eq!(of(&sha1), Some(Sha256::digest(&sha1).to_vec()));
    }

    #[test]
    fn pss_names_its_hash_among_its_parameters() {
        let sha512 = der(SEQUENCE, &der(OBJECT_ID, b"\x60\x86\x48\x01\x65\x03\x04\x02\x03"));
        let named = der(SEQUENCE, &der(PSS_HASH, &sha512));
        assert_eq!(signature_hash(&certificate(PSS, &named)), Some(Hash::Sha512));
        assert_eq!(signature_hash(&certificate(PSS, &der(SEQUENCE, b""))), Some(Hash::Sha256));
        assert_eq!(signature_hash(&certificate(PSS, b"")), None);
    }

    #[test]
    fn what_is_cut_off_or_lies_about_its_length_has_no_hash() {
        let whole = certificate(PSS, &der(SEQUENCE, b""));
        for length in 0..whole.len() {
            assert_eq!(of(&whole[..length]), None);
        }
        for bad in [&b"\x30\x85\x01\x01\x01\x01\x01"[..], b"\x30\x84\xff\xff\xff\xff", b"\x30\x80", b"\x31\x00"] {
            assert_eq!(of(bad), None);
        }
    }
}
