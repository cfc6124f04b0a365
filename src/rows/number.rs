//! Numbers that PostgreSQL wrote as text.

use super::decimal;

/// An `int2` or `int4`; `None` when it is no such number.
#[inline]
pub(super) fn integer(value: &[u8]) -> Option<i32> {
    let (negative, digits) = match value.split_first()? {
        (b'-', rest) => (true, rest),
        _ => (false, value),
    };
    if digits.is_empty() || digits.len() > 10 {
        return None;
    }
    let mut sum: i64 = 0;
    for byte in digits {
        if !byte.is_ascii_digit() {
            return None;
        }
        sum = sum * 10 + i64::from(byte - b'0');
    }
    i32::try_from(if negative { -sum } else { sum }).ok()
}

/// What JavaScript's `parseFloat` makes of a number that PostgreSQL wrote.
#[inline]
pub(super) fn float(value: &[u8]) -> f64 {
    decimal::parse(value).unwrap_or(f64::NAN)
}
