//! JSON documents as a template and its leaves.
//!
//! Documents of one column mostly have the same keys. Such a document crosses as the number of its template and its
//! leaf values; JavaScript has compiled each template to a function with one object literal, which costs a sixth of
//! `JSON.parse`. Whatever is not plain (deep or long documents, `__proto__`, lone surrogates, templates that come up
//! rarely) crosses as text.

use super::batch::{Batch, LONG};
use super::decimal;
use super::template::TemplateTable;

/// The deepest nesting that counts as plain.
const MOST_DEPTH: usize = 8;
/// The most leaves that count as plain.
const MOST_LEAVES: usize = 64;

/// Appends a document to a batch by its template, and returns that; `None` when it has to cross as text.
pub fn append(batch: &mut Batch, document: &[u8], table: &TemplateTable) -> Option<i32> {
    if document.len() >= LONG || batch.has_all_leaves() || table.is_off() {
        return None;
    }
    if !matches!(document.first(), Some(b'{' | b'[')) {
        return None;
    }
    let mut skeleton = std::mem::take(&mut batch.skeleton);
    skeleton.clear();
    let mark = batch.mark();
    let mut scan = Scan { rest: document, skeleton, leaves: 0, batch };
    let whole = scan.value(0).is_some() && scan.ends();
    let Scan { skeleton, batch, .. } = scan;
    let template = if whole { batch.last_template(&skeleton).or_else(|| table.find(&skeleton)) } else { None };
    batch.skeleton = skeleton;
    match template {
        Some(template) => {
            batch.use_template(&template);
            Some(template.id)
        }
        None => {
            batch.take_back(mark);
            None
        }
    }
}

/// Walks a document; its leaves go to the batch meanwhile, and are removed when it turns out not to be plain.
struct Scan<'a, 'b> {
    rest: &'a [u8],
    skeleton: Vec<u8>,
    leaves: usize,
    batch: &'b mut Batch,
}

impl<'a> Scan<'a, '_> {
    fn space(&mut self) {
        while let [b' ' | b'\t' | b'\n' | b'\r', rest @ ..] = self.rest {
            self.rest = rest;
        }
    }

    fn ends(&mut self) -> bool {
        self.space();
        self.rest.is_empty()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        let (first, rest) = self.rest.split_first()?;
        if *first != byte {
            return None;
        }
        self.rest = rest;
        self.skeleton.push(byte);
        Some(())
    }

    fn leaf(&mut self, mark: u8) -> Option<()> {
        self.skeleton.push(mark);
        self.leaves += 1;
        (self.leaves <= MOST_LEAVES).then_some(())
    }

    fn value(&mut self, depth: usize) -> Option<()> {
        self.space();
        match self.rest.first()? {
            b'{' if depth < MOST_DEPTH => self.object(depth),
            b'[' if depth < MOST_DEPTH => self.array(depth),
            b'"' => {
                let end = match self.string()? {
                    (text, false) => self.batch.text(text),
                    (text, true) => self.batch.text(unescape(text)?.as_bytes()),
                };
                self.batch.leaf_ints.push(end);
                self.leaf(b'$')
            }
            b't' => self.boolean(b"true", 1),
            b'f' => self.boolean(b"false", 0),
            b'n' => {
                self.word(b"null")?;
                self.skeleton.extend_from_slice(b"null");
                Some(())
            }
            b'-' | b'0'..=b'9' => self.number(),
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest = self.rest.strip_prefix(word)?;
        Some(())
    }

    fn boolean(&mut self, word: &[u8], value: i32) -> Option<()> {
        self.word(word)?;
        self.batch.leaf_ints.push(value);
        self.leaf(b'?')
    }

    fn number(&mut self) -> Option<()> {
        let is_part = |b: &&u8| matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E');
        let length = self.rest.iter().take_while(is_part).count();
        let (digits, rest) = self.rest.split_at(length);
        if !is_number(digits) {
            return None;
        }
        self.batch.leaf_floats.push(decimal::parse(digits)?);
        self.rest = rest;
        self.leaf(b'#')
    }

    /// The inside of a string, and whether it has escapes. Control characters have to be escaped.
    fn string(&mut self) -> Option<(&'a [u8], bool)> {
        let inside = self.rest.strip_prefix(b"\"")?;
        let mut escaped = false;
        let mut end = 0;
        loop {
            end += memchr::memchr2(b'"', b'\\', inside.get(end..)?)?;
            match inside.get(end)? {
                b'"' => break,
                _ => {
                    escaped = true;
                    end += 2;
                }
            }
        }
        let (text, rest) = inside.split_at_checked(end)?;
        self.rest = rest.get(1..)?;
        (!text.iter().any(|byte| *byte < b' ')).then_some((text, escaped))
    }

    fn object(&mut self, depth: usize) -> Option<()> {
        self.take(b'{')?;
        self.space();
        if self.rest.first() == Some(&b'}') {
            return self.take(b'}');
        }
        loop {
            self.space();
            let (key, escaped) = self.string()?;
            // In a literal, `__proto__` would set the prototype.
            if escaped || key == b"__proto__" {
                return None;
            }
            self.skeleton.push(b'"');
            self.skeleton.extend_from_slice(key);
            self.skeleton.push(b'"');
            self.space();
            self.take(b':')?;
            self.value(depth + 1)?;
            self.space();
            match self.rest.first()? {
                b',' => self.take(b',')?,
                _ => return self.take(b'}'),
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        self.take(b'[')?;
        self.space();
        if self.rest.first() == Some(&b']') {
            return self.take(b']');
        }
        loop {
            self.value(depth + 1)?;
            self.space();
            match self.rest.first()? {
                b',' => self.take(b',')?,
                _ => return self.take(b']'),
            }
        }
    }
}

/// Whether it is a number in JSON: <https://www.rfc-editor.org/rfc/rfc8259#section-6>.
fn is_number(text: &[u8]) -> bool {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text.first() == Some(&b'0')) {
        return false;
    }
    let mut rest = text.get(whole..).unwrap_or_default();
    if let Some(fraction) = rest.strip_prefix(b".") {
        let places = digits(fraction);
        if places == 0 {
            return false;
        }
        rest = fraction.get(places..).unwrap_or_default();
    }
    if let [b'e' | b'E', exponent @ ..] = rest {
        let exponent = exponent.strip_prefix(b"+").or_else(|| exponent.strip_prefix(b"-")).unwrap_or(exponent);
        let places = digits(exponent);
        return places > 0 && places == exponent.len();
    }
    rest.is_empty()
}

/// Undoes the escapes of a string; `None` for a lone surrogate, which no UTF-8 can carry.
fn unescape(text: &[u8]) -> Option<String> {
    let mut rest = std::str::from_utf8(text).ok()?;
    let mut out = String::with_capacity(rest.len());
    while let Some(at) = rest.find('\\') {
        out.push_str(rest.get(..at)?);
        let code = rest.as_bytes().get(at + 1)?;
        rest = rest.get(at + 2..)?;
        match code {
            b'"' | b'\\' | b'/' => out.push(char::from(*code)),
            b'b' => out.push('\u{8}'),
            b'f' => out.push('\u{c}'),
            b'n' => out.push('\n'),
            b'r' => out.push('\r'),
            b't' => out.push('\t'),
            b'u' => {
                let first = unit(&mut rest)?;
                let units = if (0xd800..0xdc00).contains(&first) {
                    rest = rest.strip_prefix("\\u")?;
                    vec![first, unit(&mut rest)?]
                } else {
                    vec![first]
                };
                out.push_str(&String::from_utf16(&units).ok()?);
            }
            _ => return None,
        }
    }
    out.push_str(rest);
    Some(out)
}

fn unit(rest: &mut &str) -> Option<u16> {
    let digits = rest.get(..4)?;
    if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    *rest = rest.get(4..)?;
    u16::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn skeleton(document: &str) -> Option<(String, usize)> {
        let mut batch = Batch::default();
        let mut scan = Scan { rest: document.as_bytes(), skeleton: Vec::new(), leaves: 0, batch: &mut batch };
        scan.value(0)?;
        scan.rest.is_empty().then(|| (String::from_utf8(scan.skeleton).unwrap(), scan.leaves))
    }

    #[test]
    fn a_document_is_cut_into_skeleton_and_leaves() {
        let (text, leaves) = skeleton(r#"{"a": 1, "b": ["x", true, null, {}], "c": -1.5e3}"#).unwrap();
        assert_eq!(text, r##"{"a":#,"b":[$,?,null,{}],"c":#}"##);
        assert_eq!(leaves, 4);
    }

    #[test]
    fn what_is_not_plain_crosses_as_text() {
        let deep = "[".repeat(9) + &"]".repeat(9);
        let wide = format!("[{}1]", "1,".repeat(64));
        for document in [r#"{"__proto__": 1}"#, r#"{"a\u0062": 1}"#, r#"["\ud800"]"#, &deep, &wide, "[1", "[1]x", "{,}"]
        {
            assert_eq!(skeleton(document), None, "{document}");
        }
    }

    #[test]
    fn what_is_no_json_crosses_as_text() {
        let numbers = ["01", "-01", "1.", ".5", "-", "-.5", "1e", "1e+", "1.e5", "--1", "1-1", "1e5.5", "+1"];
        for number in numbers {
            assert_eq!(skeleton(&format!("[{number}]")), None, "{number}");
        }
        for number in ["0", "-0", "0.5", "10", "1e400", "-1.25E-7", "1e+5", "123456789012345678901234567890"] {
            assert!(skeleton(&format!("[{number}]")).is_some(), "{number}");
        }
        for document in ["[\"a\nb\"]", "{\"a\tb\":1}", "[\x0c1]", "[\u{a0}1]", "[tru]", "[nulls]", "[1,]", "{\"a\":1,}"]
        {
            assert_eq!(skeleton(document), None, "{document:?}");
        }
    }

    #[test]
    fn escapes_are_undone() {
        assert_eq!(unescape(br#"a\n\u00e9\ud83d\ude00\"\\"#).unwrap(), "a\né😀\"\\");
        assert_eq!(unescape(br"\ud83d\u0041"), None);
        assert_eq!(unescape(br"\x"), None);
    }

    #[test]
    fn a_shape_becomes_a_template_when_it_comes_often() {
        let table = TemplateTable::default();
        let mut batch = Batch::default();
        let used = (0..40).filter(|n| append(&mut batch, format!(r#"{{"n": {n}}}"#).as_bytes(), &table).is_some());
        assert_eq!(used.count(), 40 - 15);
        assert_eq!(batch.leaf_floats.len(), 25);
        let (floats, text) = (batch.leaf_floats.len(), batch.text_end());
        assert_eq!(append(&mut batch, br#"{"n": 1, "text": "x", "more": [1, 2"#, &table), None);
        assert_eq!((batch.leaf_floats.len(), batch.text_end()), (floats, text), "leaves are taken back");
        table.switch_off();
        assert_eq!(append(&mut batch, br#"{"n": 1}"#, &table), None);
    }
}
