//! Dates and times in PostgreSQL's ISO style, to what a JavaScript `Date` is made of.
//!
//! Only the plain form with a four-digit year from 0100 on is read here. Everything else (BC, five-digit years,
//! `infinity`, other DateStyles) goes to JavaScript as text, where `pg-types` reads it.

/// Milliseconds since the epoch of a timestamp with time zone.
///
/// The fraction is cut to milliseconds by the arithmetic of the `postgres-date` package (`1000 * parseFloat`), so that
/// the two never differ by one.
#[inline]
pub fn utc_millis(text: &[u8]) -> Option<f64> {
    let (days, rest) = date(text)?;
    let (millis, rest) = time(rest)?;
    let offset = offset_seconds(rest)?;
    Some((days * 86_400_000 + millis - offset * 1000) as f64)
}

/// Year, month and day as `y * 10000 + m * 100 + d`, and milliseconds since midnight, of a timestamp without time
/// zone or of a date.
#[inline]
pub fn local_parts(text: &[u8]) -> Option<(i32, i32)> {
    let (year, month, day, rest) = calendar(text)?;
    let ymd = i32::try_from(year * 10_000 + month * 100 + day).ok()?;
    if rest.is_empty() {
        return Some((ymd, 0));
    }
    let (millis, rest) = time(rest)?;
    rest.is_empty().then_some((ymd, i32::try_from(millis).ok()?))
}

#[inline]
fn digits<const N: usize>(text: &[u8]) -> Option<(i64, &[u8])> {
    let (head, rest) = text.split_first_chunk::<N>()?;
    let mut value = 0;
    for byte in head {
        if !byte.is_ascii_digit() {
            return None;
        }
        value = value * 10 + i64::from(byte - b'0');
    }
    Some((value, rest))
}

#[inline]
fn skip(text: &[u8], byte: u8) -> Option<&[u8]> {
    match text.split_first() {
        Some((first, rest)) if *first == byte => Some(rest),
        _ => None,
    }
}

#[inline]
fn calendar(text: &[u8]) -> Option<(i64, i64, i64, &[u8])> {
    let (year, rest) = digits::<4>(text)?;
    let (month, rest) = digits::<2>(skip(rest, b'-')?)?;
    let (day, rest) = digits::<2>(skip(rest, b'-')?)?;
    (year >= 100).then_some((year, month, day, rest))
}

/// Days since 1970-01-01 in the proleptic Gregorian calendar.
#[inline]
fn date(text: &[u8]) -> Option<(i64, &[u8])> {
    let (year, month, day, rest) = calendar(text)?;
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted / 400;
    let year_of_era = shifted - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    Some((era * 146_097 + day_of_era - 719_468, rest))
}

/// Milliseconds since midnight.
#[inline]
fn time(text: &[u8]) -> Option<(i64, &[u8])> {
    let (hour, rest) = digits::<2>(skip(text, b' ')?)?;
    let (minute, rest) = digits::<2>(skip(rest, b':')?)?;
    let (second, rest) = digits::<2>(skip(rest, b':')?)?;
    let (fraction, rest) = match skip(rest, b'.') {
        Some(rest) => fraction_millis(rest)?,
        None => (0, rest),
    };
    Some((((hour * 60 + minute) * 60 + second) * 1000 + fraction, rest))
}

#[inline]
fn fraction_millis(text: &[u8]) -> Option<(i64, &[u8])> {
    let length = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if length == 0 || length > 9 {
        return None;
    }
    let (head, rest) = text.split_at(length);
    let mut value = 0.0;
    let mut scale = 1.0;
    for byte in head {
        value = value * 10.0 + f64::from(byte - b'0');
        scale *= 10.0;
    }
    Some(((1000.0 * (value / scale)) as i64, rest))
}

/// `+HH`, `+HH:MM` or `+HH:MM:SS`, in seconds east of Greenwich.
#[inline]
fn offset_seconds(text: &[u8]) -> Option<i64> {
    let (sign, rest) = match text.split_first()? {
        (b'+', rest) => (1, rest),
        (b'-', rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = digits::<2>(rest)?;
    let (minutes, rest) = if rest.is_empty() { (0, rest) } else { digits::<2>(skip(rest, b':')?)? };
    let (seconds, rest) = if rest.is_empty() { (0, rest) } else { digits::<2>(skip(rest, b':')?)? };
    rest.is_empty().then_some(sign * (hours * 3600 + minutes * 60 + seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timestamps_with_time_zone_become_utc_milliseconds() {
        assert_eq!(utc_millis(b"1970-01-01 00:00:00+00"), Some(0.0));
        assert_eq!(utc_millis(b"2024-02-29 12:34:56.789123+05:30"), Some(1_709_190_296_789.0));
        assert_eq!(utc_millis(b"1969-12-31 23:59:59.9995+00"), Some(-1.0));
        assert_eq!(utc_millis(b"1900-01-01 00:00:00-00:44:30"), Some(-2_208_986_130_000.0));
        assert_eq!(utc_millis(b"0100-03-01 00:00:00+00"), Some(-59_006_361_600_000.0));
    }

    #[test]
    fn what_is_not_plain_is_left_to_javascript() {
        for text in [
            "infinity",
            "-infinity",
            "0044-03-15 00:00:00+00",
            "0044-03-15 00:00:00+00 BC",
            "10000-01-01 00:00:00+00",
            "01.02.2024 00:00:00 CET",
            "2024-02-29 12:34:56",
            "",
        ] {
            assert_eq!(utc_millis(text.as_bytes()), None, "{text}");
        }
        assert_eq!(local_parts(b"2024-02-29 BC"), None);
        assert_eq!(local_parts(b"2024-02-29 12:00:00+00"), None);
    }

    #[test]
    fn local_timestamps_and_dates_keep_their_parts() {
        assert_eq!(local_parts(b"2024-02-29"), Some((20_240_229, 0)));
        assert_eq!(local_parts(b"2024-02-29 01:02:03.004"), Some((20_240_229, 3_723_004)));
    }
}
