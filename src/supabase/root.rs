//! The root of the certificates that Supabase's databases and poolers show, which no public list of roots has.

/// "Supabase Root 2021 CA", in PEM. It is public: each project's dashboard has it under *Database settings*, *SSL
/// configuration*.
pub const ROOT: &str = include_str!("root-2021.pem");

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use sha2::{Digest, Sha256};

    use super::*;

    /// As the dashboard's file has it.
    const SHA_256: [u8; 32] = [
        0x80, 0x70, 0x25, 0xad, 0x50, 0xd4, 0xed, 0x21, 0x9d, 0x2c, 0x9c, 0x7d, 0x29, 0x9c, 0x00, 0x4f, 0x82, 0x4e,
        0xb0, 0x0c, 0xf7, 0xf6, 0x5a, 0xfe, 0xf6, 0x07, 0xd0, 0x7b, 0x72, 0xe6, 0xca, 0xfa,
    ];

    fn der() -> Vec<u8> {
        let text: String = ROOT.lines().filter(|line| !line.starts_with("-----")).collect();
        STANDARD.decode(text).unwrap()
    }

    #[test]
    fn it_is_the_published_one_and_nothing_else() {
        assert_eq!(ROOT.matches("-----BEGIN CERTIFICATE-----").count(), 1);
        assert_eq!(Sha256::digest(der()).as_slice(), SHA_256);
    }

    #[test]
    fn it_is_valid_from_2021_to_2031() {
        let der = der();
        for date in [b"\x17\x0d210428105653Z", b"\x17\x0d310426105653Z"] {
            assert!(der.windows(date.len()).any(|part| part == date));
        }
    }
}
