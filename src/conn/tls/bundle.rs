//! Bundles of certificates in PEM.

const END: &str = "-----END CERTIFICATE-----";

/// The certificates of a PEM bundle, one at a time.
pub(super) fn certificates(bundle: &str) -> impl Iterator<Item = &str> {
    bundle.split_inclusive(END).filter(|part| part.contains(END))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_is_cut_into_its_certificates() {
        let one = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----";
        assert_eq!(certificates(&format!("# root\n{one}\n{one}\n")).count(), 2);
        assert_eq!(certificates("nothing").count(), 0);
    }
}
