//! Text of many values, joined.

/// Joined text.
#[derive(Debug, Default, Clone)]
pub struct Text {
    /// UTF-8.
    pub bytes: Vec<u8>,
    /// Length in UTF-16 units.
    pub units: usize,
    /// More than ASCII is in it.
    pub wide: bool,
}

impl Text {
    /// Empty, but with its memory.
    pub(super) fn emptied(mut self) -> Self {
        self.bytes.clear();
        Text { bytes: self.bytes, ..Text::default() }
    }

    /// Appends a value; bytes that are not UTF-8 become U+FFFD, as in Node.
    #[inline]
    pub(super) fn push(&mut self, value: &[u8]) {
        if value.is_ascii() {
            self.bytes.extend_from_slice(value);
            self.units += value.len();
            return;
        }
        self.wide = true;
        match simdutf8::basic::from_utf8(value) {
            Ok(_) => self.push_utf8(value),
            Err(_) => self.push_utf8(String::from_utf8_lossy(value).as_bytes()),
        }
    }

    fn push_utf8(&mut self, value: &[u8]) {
        self.bytes.extend_from_slice(value);
        self.units += utf16_units(value);
    }
}

/// Of UTF-8: a unit for each character, and another one for each that has four bytes.
fn utf16_units(bytes: &[u8]) -> usize {
    let units_of = |byte: &u8| u8::from(byte & 0b1100_0000 != 0b1000_0000) + u8::from(*byte >= 0b1111_0000);
    // As many as can't overflow a byte, so that sixteen or more of them are added up at a time.
    bytes.chunks(127).map(|chunk| usize::from(chunk.iter().map(units_of).sum::<u8>())).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_those_of_utf_16() {
        for text in ["", "plain", "naïve café", "漢字", "🐘 and 🦀", "\u{fffd}\u{10ffff}\u{7ff}\u{800}"] {
            for text in [text, &text.repeat(200)] {
                assert_eq!(utf16_units(text.as_bytes()), text.encode_utf16().count(), "{text}");
            }
        }
    }
}
