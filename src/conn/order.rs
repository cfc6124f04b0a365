//! Which messages may come in the answer to a request.
//!
//! What has no place in an answer is no answer of PostgreSQL's: who passed over it would wait for what never comes, or
//! take the rest for something else. Only what is certain is refused here; a message that is missing is passed over.

use super::course::Course;

/// How far an answer has come, as far as that says what can't come any more.
#[derive(Debug, Default)]
pub struct Order {
    parsed: bool,
    bound: bool,
    /// A result set has begun and is not complete.
    open: bool,
    /// Which response has opened a COPY.
    copy: Option<u8>,
}

impl Order {
    /// Takes note of a message; false when no server sends it at this place of this answer.
    #[inline]
    pub(super) fn admits(&mut self, tag: u8, course: &Course) -> bool {
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
            _ => self.admits_rare(tag, course),
        }
    }

    fn admits_rare(&mut self, tag: u8, course: &Course) -> bool {
        let is_extended = matches!(course, Course::Extended { .. });
        let is_described_first = matches!(course, Course::Extended { unbound: Some(_), .. });
        let is_portal = matches!(course, Course::Portal { .. });
        // Two statements in one exchange: BEGIN and the script.
        let is_script = matches!(course, Course::Script { extended: true, .. });
        match tag {
            b'1' | b'2' if is_script => true,
            b'n' if is_script => !self.open,
            b'G' | b'H' | b'W' => {
                self.copy = Some(tag);
                !self.open
            }
            b'd' | b'c' => matches!(self.copy, Some(b'H' | b'W')),
            b'1' => {
                let is_asked = is_portal || matches!(course, Course::Extended { parse: true, .. });
                is_asked && !std::mem::replace(&mut self.parsed, true)
            }
            b'2' => (is_extended || is_portal) && !std::mem::replace(&mut self.bound, true),
            b'n' => (is_extended || is_portal) && !self.open && (self.bound || is_described_first),
            b't' => is_described_first,
            // A portal is closed at its end. Before anything else it is about what was closed before, by this side or by a
            // submittable whose exchange was over by then.
            b'3' => is_portal || !(self.parsed || self.bound || self.open),
            b's' => is_portal,
            // Whoever reads the message refuses what is left.
            _ => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::frontend::Parameters;

    fn extended(parse: bool) -> Course {
        Course::Extended { name: "".into(), parse, describe: Some(false), unprepared: None, unbound: None }
    }

    fn described_first() -> Course {
        let unbound = Some(Box::new(Parameters::default()));
        Course::Extended { name: "".into(), parse: true, describe: None, unprepared: None, unbound }
    }

    /// The first message that has no place, if there is one.
    fn first_refused(tags: &str, course: &Course) -> Option<char> {
        let mut order = Order::default();
        tags.bytes().find(|tag| !order.admits(*tag, course)).map(char::from)
    }

    #[test]
    fn whole_answers_are_admitted() {
        let copy = Course::Copy { each: false };
        let answers = [
            ("TDDCZ", Course::Simple),
            ("TDCTDCEZ", Course::Simple),
            ("HddcCZ", Course::Simple),
            ("12TDCZ", extended(true)),
            ("12C12TDCZ", Course::Script { begins: true, shift: 0, extended: true }),
            ("12nCZ", Course::Script { begins: false, shift: 0, extended: true }),
            ("1tT2DCZ", described_first()),
            ("1tn2CZ", described_first()),
            ("2nCZ", extended(false)),
            ("33312TDCZ", extended(true)),
            ("12TDDsDDsDC3Z", Course::Portal { left: 0 }),
            ("GCZ", Course::Copy { each: false }),
            ("WddcCZ", Course::Copy { each: true }),
            ("HdcCGCZ", copy),
        ];
        for (tags, course) in answers {
            assert_eq!(first_refused(tags, &course), None, "{tags}");
        }
    }

    #[test]
    fn what_nobody_asked_for_is_refused() {
        for tag in "123ntsdc".chars() {
            assert_eq!(first_refused(&format!("TD{tag}"), &Course::Simple), Some(tag));
        }
        assert_eq!(first_refused("3TDCZ", &Course::Simple), None);
        for tag in "GHWnt".chars() {
            assert_eq!(first_refused(&format!("12TD{tag}"), &extended(true)), Some(tag));
        }
        for (tags, refused) in [("1", '1'), ("22", '2'), ("n", 'n'), ("2Ts", 's'), ("2d", 'd'), ("23", '3')] {
            assert_eq!(first_refused(tags, &extended(false)), Some(refused), "{tags}");
        }
        assert_eq!(first_refused("11", &extended(true)), Some('1'));
        assert_eq!(first_refused("Gd", &Course::Copy { each: false }), Some('d'));
        assert_eq!(first_refused("HdcCd", &Course::Copy { each: false }), Some('d'));
    }
}
