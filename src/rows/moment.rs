//! Dates and times in PostgreSQL's binary format, to what [`super::datetime`] makes of their text.

use std::fmt::Write;

const MICROS_A_DAY: i64 = 86_400_000_000;
/// From 1970-01-01, where days are counted from here, to 2000-01-01, where PostgreSQL counts from.
const EPOCH_DAYS: i64 = 10_957;

/// A date or timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// In the years whose text is read natively.
    Plain(Day, Time),
    /// In other years: JavaScript reads its text.
    Far(Day, Option<Time>),
    /// `infinity`.
    Infinity,
    /// `-infinity`.
    MinusInfinity,
}

/// A day of the proleptic Gregorian calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Day {
    /// Days since 1970-01-01.
    number: i64,
    /// 0 is 1 BC.
    year: i64,
    month: i64,
    day: i64,
}

/// Microseconds since midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Time(i64);

impl Moment {
    /// A `date`.
    #[inline]
    pub(super) fn of_days(days: i32) -> Moment {
        match days {
            i32::MAX => Moment::Infinity,
            i32::MIN => Moment::MinusInfinity,
            days => Moment::on(Day::of(i64::from(days) + EPOCH_DAYS), None),
        }
    }

    /// A `timestamp` or `timestamptz`.
    #[inline]
    pub(super) fn of_micros(micros: i64) -> Moment {
        match micros {
            i64::MAX => Moment::Infinity,
            i64::MIN => Moment::MinusInfinity,
            micros => {
                let day = Day::of(micros.div_euclid(MICROS_A_DAY) + EPOCH_DAYS);
                Moment::on(day, Some(Time(micros.rem_euclid(MICROS_A_DAY))))
            }
        }
    }

    #[inline]
    fn on(day: Day, time: Option<Time>) -> Moment {
        if (100..10_000).contains(&day.year) {
            Moment::Plain(day, time.unwrap_or(Time(0)))
        } else {
            Moment::Far(day, time)
        }
    }

    /// The text that the server writes under `DateStyle` ISO, with `zone` behind the time.
    pub(super) fn text(self, zone: &str) -> String {
        let (day, time) = match self {
            Moment::Infinity => return "infinity".to_owned(),
            Moment::MinusInfinity => return "-infinity".to_owned(),
            Moment::Plain(day, time) => (day, Some(time)),
            Moment::Far(day, time) => (day, time),
        };
        let (year, era) = if day.year > 0 { (day.year, "") } else { (1 - day.year, " BC") };
        let mut text = format!("{year:04}-{:02}-{:02}", day.month, day.day);
        if let Some(Time(micros)) = time {
            let (seconds, fraction) = (micros / 1_000_000, micros % 1_000_000);
            // Writing to a String does not fail.
            let _ = write!(text, " {:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60);
            if fraction > 0 {
                let _ = write!(text, ".{fraction:06}");
                text.truncate(text.trim_end_matches('0').len());
            }
            text.push_str(zone);
        }
        text.push_str(era);
        text
    }
}

impl Day {
    /// Howard Hinnant's `civil_from_days`: <https://howardhinnant.github.io/date_algorithms.html>.
    #[inline]
    fn of(number: i64) -> Day {
        let shifted = number + 719_468;
        let era = shifted.div_euclid(146_097);
        let day_of_era = shifted.rem_euclid(146_097);
        let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        Day { number, year, month, day }
    }

    /// `y * 10000 + m * 100 + d`, as [`super::datetime::local_parts`] has it.
    #[inline]
    pub(super) fn parts(self) -> i32 {
        i32::try_from(self.year * 10_000 + self.month * 100 + self.day).unwrap_or(-1)
    }

    /// Milliseconds since 1970-01-01 at the given time.
    #[inline]
    pub(super) fn millis_at(self, time: Time) -> f64 {
        (self.number * 86_400_000 + i64::from(time.millis())) as f64
    }
}

impl Time {
    /// Milliseconds since midnight, cut off by the arithmetic of the `postgres-date` package: a quotient of the same
    /// two numbers is the same float, whichever zeros the text leaves out.
    #[inline]
    pub(super) fn millis(self) -> i32 {
        let fraction = (1000.0 * ((self.0 % 1_000_000) as f64 / 1_000_000.0)) as i64;
        i32::try_from(self.0 / 1_000_000 * 1000 + fraction).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::datetime::{local_parts, utc_millis};
    use super::*;

    #[test]
    fn far_years_and_infinities_are_written_as_the_server_does() {
        assert_eq!(Moment::of_days(i32::MAX).text(""), "infinity");
        assert_eq!(Moment::of_micros(i64::MIN).text("+00"), "-infinity");
        assert_eq!(Moment::of_days(-2_451_507).text(""), "4713-01-01 BC");
        assert_eq!(Moment::of_days(2_145_031_948).text(""), "5874897-12-31");
        assert_eq!(Moment::of_days(-730_119).text(""), "0001-01-01");
        assert_eq!(Moment::of_days(-730_120).text(""), "0001-12-31 BC");
        assert_eq!(Moment::of_micros(-730_120 * MICROS_A_DAY + 60_500_000).text("+00"), "0001-12-31 00:01:00.5+00 BC");
        assert_eq!(Moment::of_micros(9_223_371_331_199_999_999).text(""), "294276-12-31 23:59:59.999999");
    }

    proptest! {
        #[test]
        fn what_is_plain_is_what_its_text_is_read_as(micros in -60_000_000_000_000_000i64..252_000_000_000_000_000) {
            let moment = Moment::of_micros(micros);
            let (local, utc) = (moment.text(""), moment.text("+00"));
            match moment {
                Moment::Plain(day, time) => {
                    prop_assert_eq!(local_parts(local.as_bytes()), Some((day.parts(), time.millis())));
                    prop_assert_eq!(utc_millis(utc.as_bytes()), Some(day.millis_at(time)));
                }
                _ => {
                    prop_assert_eq!(local_parts(local.as_bytes()), None);
                    prop_assert_eq!(utc_millis(utc.as_bytes()), None);
                }
            }
        }

        #[test]
        fn dates_are_what_their_text_is_read_as(days in -800_000i32..3_000_000) {
            let moment = Moment::of_days(days);
            let expected = match moment {
                Moment::Plain(day, time) => Some((day.parts(), time.millis())),
                _ => None,
            };
            prop_assert_eq!(local_parts(moment.text("").as_bytes()), expected);
        }

        #[test]
        fn any_number_is_a_moment(micros in any::<i64>(), days in any::<i32>()) {
            let _ = Moment::of_micros(micros).text("+00");
            let _ = Moment::of_days(days).text("");
        }
    }
}
