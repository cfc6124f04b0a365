//! Where something stands in a text, as JavaScript and editors count.

use memchr::memchr_iter;

/// A place in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// UTF-16 units before it.
    pub offset: usize,
    /// From 1. A line feed, a carriage return, or both together end a line.
    pub line: usize,
    /// From 1, in UTF-16 units.
    pub column: usize,
}

/// Turns bytes into positions. A place behind the last one asked for costs only the way there; one before it begins
/// anew, so ask in order.
#[derive(Debug, Clone)]
pub struct Positions<'a> {
    text: &'a str,
    byte: usize,
    position: Position,
}

impl<'a> Positions<'a> {
    pub fn new(text: &'a str) -> Positions<'a> {
        Positions { text, byte: 0, position: Position { offset: 0, line: 1, column: 1 } }
    }

    /// The position of a byte of the text at which a character begins, or of its end.
    pub fn at(&mut self, byte: usize) -> Position {
        if byte < self.byte {
            *self = Positions::new(self.text);
        }
        let between = self.text.get(self.byte..byte).unwrap_or_default();
        let bytes = between.as_bytes();
        let returns = memchr_iter(b'\r', bytes).filter(|at| bytes.get(at + 1) != Some(&b'\n')).count();
        let lines = memchr_iter(b'\n', bytes).count() + returns;
        let units = utf16_length(bytes);
        self.position.offset += units;
        if lines > 0 {
            self.position.line += lines;
            let line = memchr::memrchr2(b'\n', b'\r', bytes).map_or(0, |at| at + 1);
            self.position.column = 1 + utf16_length(bytes.get(line..).unwrap_or_default());
        } else {
            self.position.column += units;
        }
        self.byte = byte;
        self.position
    }
}

/// How many UTF-16 units this UTF-8 is: one for each character, two for those of four bytes.
fn utf16_length(bytes: &[u8]) -> usize {
    bytes.iter().map(|byte| usize::from(*byte as i8 >= -64) + usize::from(*byte >= 0xf0)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offsets_and_columns_are_utf16_units_and_every_line_end_is_one() {
        let text = "\u{feff}a\r\né🐘b\rc\n\nd";
        let mut positions = Positions::new(text);
        let found: Vec<_> = ["a", "é", "b", "c", "d"]
            .map(|wanted| text.find(wanted).unwrap_or_default())
            .map(|byte| positions.at(byte))
            .map(|Position { offset, line, column }| (offset, line, column))
            .into();
        assert_eq!(found, [(1, 1, 2), (4, 2, 1), (7, 2, 4), (9, 3, 1), (12, 5, 1)]);
    }

    #[test]
    fn a_place_before_the_last_one_is_found_too() {
        let mut positions = Positions::new("a\nb\nc");
        assert_eq!(positions.at(4), Position { offset: 4, line: 3, column: 1 });
        assert_eq!(positions.at(2), Position { offset: 2, line: 2, column: 1 });
    }
}
