//! How the session writes dates and times, as reported by the server.

use crate::rows::Formats;

/// The parameters that the text of dates and times depends on. The server reports each change of them before its next
/// ReadyForQuery (<https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-ASYNC>).
#[derive(Debug, Default)]
pub struct Styles {
    iso: bool,
    utc: bool,
    integers: bool,
}

impl Styles {
    /// ParameterStatus.
    pub fn learn(&mut self, name: &str, value: &str) {
        match name {
            "DateStyle" => self.iso = value.starts_with("ISO"),
            // In other zones the text of 29 February of 1 BC is misread by `postgres-date`, and which instants those
            // are depends on the zone.
            "TimeZone" => self.utc = matches!(value, "UTC" | "Etc/UTC" | "GMT"),
            "integer_datetimes" => self.integers = value == "on",
            _ => {}
        }
    }

    /// The columns that may come in binary format now.
    pub fn formats(&self) -> Formats {
        match (self.iso && self.integers, self.utc) {
            (false, _) => Formats::PLAIN,
            (true, false) => Formats::DATES,
            (true, true) => Formats::INSTANTS,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_come_in_binary_format_only_while_their_text_is_known() {
        let mut styles = Styles::default();
        assert_eq!(styles.formats(), Formats::PLAIN);
        styles.learn("DateStyle", "ISO, MDY");
        assert_eq!(styles.formats(), Formats::PLAIN);
        styles.learn("integer_datetimes", "on");
        assert_eq!(styles.formats(), Formats::DATES);
        styles.learn("TimeZone", "UTC");
        assert_eq!(styles.formats(), Formats::INSTANTS);
        styles.learn("TimeZone", "Europe/Amsterdam");
        assert_eq!(styles.formats(), Formats::DATES);
        styles.learn("DateStyle", "German, DMY");
        assert_eq!(styles.formats(), Formats::PLAIN);
    }
}
