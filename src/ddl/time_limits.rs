//! The server's own limits for a transaction, so that it ends by itself when the client can't end it.

use std::time::Duration;

use crate::error::{Error, ErrorKind, texts};
use crate::wire::ResultSet;

/// A transaction that waits for its client for this long has lost it.
const IDLE: Duration = Duration::from_secs(60);
/// How often the server looks, in mid-statement, whether its client is still there.
const CLIENT_CHECK: Duration = Duration::from_secs(2);

/// Settings for one transaction alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TimeLimits {
    /// Names and values in milliseconds.
    pub(super) settings: Vec<(&'static str, String)>,
}

impl TimeLimits {
    /// `checks_client` where the server can (14 and later, but for some systems).
    pub(super) fn new(lock: Option<Duration>, statement: Option<Duration>, checks_client: bool) -> TimeLimits {
        let check = checks_client.then_some(CLIENT_CHECK);
        let limits = [
            ("lock_timeout", lock),
            ("statement_timeout", statement),
            ("idle_in_transaction_session_timeout", Some(IDLE)),
            ("client_connection_check_interval", check),
        ];
        let settings = limits.into_iter().filter_map(|(name, limit)| Some((name, millis(limit?)))).collect();
        TimeLimits { settings }
    }

    /// The statements that set them. SHOW and SET need no snapshot, so SET TRANSACTION may still follow.
    pub(super) fn statements(&self) -> Vec<String> {
        self.settings.iter().map(|(name, value)| format!("SET LOCAL {name} = {value}")).collect()
    }

    /// The statements that ask whether they hold.
    pub(super) fn questions(&self) -> Vec<String> {
        self.settings.iter().map(|(name, _)| format!("SHOW {name}")).collect()
    }

    /// Compares the answers to the questions.
    ///
    /// # Errors
    /// One of them has another value, although it was set without an error.
    pub(super) fn verify(&self, sets: &[ResultSet]) -> Result<(), Error> {
        for (name, wanted) in &self.settings {
            let set = sets.iter().find(|set| set.columns == [*name]);
            let is = set.and_then(|set| set.value(0)).unwrap_or_default();
            if shown_millis(is) != wanted.parse().ok() {
                return Err(Error::new(ErrorKind::Refused, texts::limit_not_held(name, wanted, is)));
            }
        }
        Ok(())
    }
}

/// At least one, since 0 means no limit.
fn millis(limit: Duration) -> String {
    limit.as_millis().clamp(1, i32::MAX.unsigned_abs().into()).to_string()
}

/// A time as SHOW words it: `500ms`, `2s`, `1min`, `1h`, `1d`, `0`.
fn shown_millis(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = match unit {
        "" | "ms" => 1,
        "s" => 1000,
        "min" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(name: &str, value: &str) -> ResultSet {
        let rows = vec![vec![Some(value.to_owned())]];
        ResultSet { columns: vec![name.to_owned()], rows, tag: "SHOW".into() }
    }

    #[test]
    fn limits_are_set_for_the_transaction_alone() {
        let limits = TimeLimits::new(Some(Duration::from_millis(500)), None, true);
        assert_eq!(
            limits.statements(),
            [
                "SET LOCAL lock_timeout = 500",
                "SET LOCAL idle_in_transaction_session_timeout = 60000",
                "SET LOCAL client_connection_check_interval = 2000",
            ]
        );
        let short = TimeLimits::new(Some(Duration::from_micros(10)), None, false);
        assert_eq!(short.settings.first(), Some(&("lock_timeout", "1".to_owned())));
    }

    #[test]
    fn what_the_server_says_is_compared() {
        let limits = TimeLimits::new(Some(Duration::from_millis(90_000)), None, false);
        let idle = || shown("idle_in_transaction_session_timeout", "1min");
        assert_eq!(limits.verify(&[shown("lock_timeout", "90s"), idle()]), Ok(()));
        let error = limits.verify(&[shown("lock_timeout", "0"), idle()]).unwrap_err();
        assert!(error.message.starts_with("lock_timeout was set to 90000 ms"), "{}", error.message);
        assert!(limits.verify(&[idle()]).is_err());
    }

    #[test]
    fn times_are_read_in_all_units() {
        let millis = ["0", "500ms", "2s", "3min", "1h", "2d"].map(shown_millis);
        assert_eq!(millis, [0, 500, 2000, 180_000, 3_600_000, 172_800_000].map(Some));
        assert_eq!(shown_millis("soon"), None);
    }
}
