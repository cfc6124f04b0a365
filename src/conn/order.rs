//! Which messages may come in the answer to a request.
//!
//! A message that can't come at some point breaks the protocol: to skip it would mean waiting for something that never
//! comes, or misreading the rest. Only certain violations are refused here; a missing message is not noticed.

use super::flow::Flow;

/// How far an answer has come, as far as that says what can't come any more.
#[derive(Debug, Default)]
pub(super) struct Order {
    parsed: bool,
    bound: bool,
    /// A result set has begun and is not complete.
    open: bool,
    /// Which response has opened a COPY.
    copy: Option<u8>,
}

impl Order {
    /// Notes a message; false when the protocol doesn't allow it at this point of the answer.
    #[inline]
    pub(super) fn admits(&mut self, tag: u8, flow: &Flow) -> bool {
        match tag {
            b'D' | b'T' => {
                self.open = true;
                true
            }
            b'C' | b'E' | b'I' | b'Z' => {
                self.open = false;
                self.copy = None;
                true
            }
            _ => self.admits_rare(tag, flow),
        }
    }

    fn admits_rare(&mut self, tag: u8, flow: &Flow) -> bool {
        let is_extended = matches!(flow, Flow::Extended { .. });
        let is_described_first = matches!(flow, Flow::Extended { unbound: Some(_), .. });
        let is_portal = matches!(flow, Flow::Portal { .. });
        // Two statements in one exchange: BEGIN and the script.
        let is_script = matches!(flow, Flow::Script { extended: true, .. });
        match tag {
            b'1' | b'2' if is_script => true,
            b'n' if is_script => !self.open,
            b'G' | b'H' | b'W' => {
                self.copy = Some(tag);
                !self.open
            }
            b'd' | b'c' => matches!(self.copy, Some(b'H' | b'W')),
            b'1' => {
                let is_asked = is_portal || matches!(flow, Flow::Extended { parse: true, .. });
                is_asked && !std::mem::replace(&mut self.parsed, true)
            }
            b'2' => (is_extended || is_portal) && !std::mem::replace(&mut self.bound, true),
            b'n' => (is_extended || is_portal) && !self.open && (self.bound || is_described_first),
            b't' => is_described_first,
            // A portal is closed at its end. As the first message it confirms an earlier Close, of the client's own or
            // of a submittable whose exchange was over by then.
            b'3' => is_portal || !(self.parsed || self.bound || self.open),
            b's' => is_portal,
            // All others are refused where the message is read.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frontend::Parameters;

    fn extended(parse: bool) -> Flow {
        Flow::Extended { name: "".into(), parse, describe: Some(false), unprepared: None, unbound: None }
    }

    fn described_first() -> Flow {
        let unbound = Some(Box::new(Parameters::default()));
        Flow::Extended { name: "".into(), parse: true, describe: None, unprepared: None, unbound }
    }

    /// The first message that isn't allowed, if there is one.
    fn first_refused(tags: &str, flow: &Flow) -> Option<char> {
        let mut order = Order::default();
        tags.bytes().find(|tag| !order.admits(*tag, flow)).map(char::from)
    }

    #[test]
    fn whole_answers_are_admitted() {
        let copy = Flow::Copy { each: false };
        let answers = [
            ("TDDCZ", Flow::Simple),
            ("TDCTDCEZ", Flow::Simple),
            ("HddcCZ", Flow::Simple),
            ("12TDCZ", extended(true)),
            ("12C12TDCZ", Flow::Script { hidden: 1, shift: 0, extended: true, parts: None }),
            ("12nCZ", Flow::Script { hidden: 0, shift: 0, extended: true, parts: None }),
            ("1tT2DCZ", described_first()),
            ("1tn2CZ", described_first()),
            ("2nCZ", extended(false)),
            ("33312TDCZ", extended(true)),
            ("12TDDsDDsDC3Z", Flow::Portal { left: 0 }),
            ("GCZ", Flow::Copy { each: false }),
            ("WddcCZ", Flow::Copy { each: true }),
            ("HdcCGCZ", copy),
        ];
        for (tags, flow) in answers {
            assert_eq!(first_refused(tags, &flow), None, "{tags}");
        }
    }

    #[test]
    fn what_was_not_asked_for_is_refused() {
        for tag in "123ntsdc".chars() {
            assert_eq!(first_refused(&format!("TD{tag}"), &Flow::Simple), Some(tag));
        }
        assert_eq!(first_refused("3TDCZ", &Flow::Simple), None);
        for tag in "GHWnt".chars() {
            assert_eq!(first_refused(&format!("12TD{tag}"), &extended(true)), Some(tag));
        }
        for (tags, refused) in [("1", '1'), ("22", '2'), ("n", 'n'), ("2Ts", 's'), ("2d", 'd'), ("23", '3')] {
            assert_eq!(first_refused(tags, &extended(false)), Some(refused), "{tags}");
        }
        assert_eq!(first_refused("11", &extended(true)), Some('1'));
        assert_eq!(first_refused("Gd", &Flow::Copy { each: false }), Some('d'));
        assert_eq!(first_refused("HdcCd", &Flow::Copy { each: false }), Some('d'));
    }
}
