//! Numbers as PostgreSQL and JSON write them.

/// Digits that fit a double without rounding.
const EXACT_DIGITS: usize = 15;

/// The double nearest to a decimal number; `None` when it is none.
///
/// Short plain numbers, which most are, take a way without the checks of the general one: up to 15 digits and the
/// powers of ten up to 10^22 are exact doubles, so that one division rounds once, as it should.
#[inline]
pub(super) fn parse(text: &[u8]) -> Option<f64> {
    plain(text).or_else(|| std::str::from_utf8(text).ok()?.parse().ok())
}

#[inline]
fn plain(text: &[u8]) -> Option<f64> {
    const POWERS: [f64; EXACT_DIGITS + 1] =
        [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || digits.len() > EXACT_DIGITS || !digits.first()?.is_ascii_digit() {
        return None;
    }
    let mut sum: u64 = 0;
    let mut fraction = None;
    for (at, byte) in digits.iter().enumerate() {
        match byte {
            b'0'..=b'9' => sum = sum * 10 + u64::from(byte - b'0'),
            b'.' if fraction.is_none() => fraction = Some(digits.len() - at - 1),
            _ => return None,
        }
    }
    // Below 10^15, so that the conversion is exact.
    let whole = sum as f64;
    let value = match fraction {
        None => whole,
        Some(places) => whole / POWERS.get(places)?,
    };
    Some(if digits.len() < text.len() { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_numbers_are_what_the_standard_library_makes_of_them() {
        let texts = [
            "0",
            "-0",
            "7",
            "-7",
            "1.25",
            "-1.25",
            "0.1",
            "0.3",
            "123456.789",
            "0.00000000001",
            "999999999999999",
            "12345678901234567890",
            "1e300",
            "1.5E-7",
            "4.9e-324",
            "3.",
            "99999999999.99",
            "0.000001",
        ];
        for text in texts {
            let expected: f64 = text.parse().unwrap();
            assert_eq!(parse(text.as_bytes()).unwrap().to_bits(), expected.to_bits(), "{text}");
        }
    }

    #[test]
    fn every_number_of_few_digits_is_rounded_as_it_should_be() {
        for n in (0..1_000_000u64).step_by(37) {
            for places in [1, 3, 6] {
                let scale = 10u64.pow(places);
                let text = format!("{}.{:0width$}", n / scale, n % scale, width = places as usize);
                assert_eq!(parse(text.as_bytes()), text.parse().ok(), "{text}");
            }
        }
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["", "-", ".", "1.2.3", "x", "1x", "--1", "+-1"] {
            assert_eq!(parse(text.as_bytes()), None, "{text}");
        }
    }
}
