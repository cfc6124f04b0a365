//! Arrays of one dimension as the number of their elements and the elements themselves.
//!
//! The text is that of PostgreSQL's `array_out` (<https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO>).
//! Whatever is not plain (several dimensions, bounds, nulls, backslashes, very many elements) crosses as text, for the
//! parser that JavaScript has for it.

use memchr::{memchr, memchr3};

use super::batch::{Batch, SEGMENT};
use super::column::ColumnKind;
use super::number;

/// The most elements that count as plain.
const MOST_ELEMENTS: usize = 1024;

/// Appends the elements to the leaves of a batch and returns how many there are; `None` leaves the batch as it was.
pub(super) fn append(batch: &mut Batch, value: &[u8], kind: ColumnKind) -> Option<i32> {
    let inner = value.strip_prefix(b"{")?.strip_suffix(b"}")?;
    // Elements are cut out of their segment, and keep it alive.
    if inner.len() > SEGMENT || batch.has_all_leaves() || memchr3(b'{', b'}', b'\\', inner).is_some() {
        return None;
    }
    let mark = batch.mark();
    let count = elements(batch, inner, kind);
    if count.is_none() {
        batch.take_back(mark);
    }
    count
}

fn elements(batch: &mut Batch, mut rest: &[u8], kind: ColumnKind) -> Option<i32> {
    let mut count = 0;
    while !rest.is_empty() {
        let (element, behind) = next(rest)?;
        match kind {
            ColumnKind::IntList => batch.leaf_ints.push(number::integer(element)?),
            ColumnKind::NumberList => batch.leaf_floats.push(number::float(element)),
            _ => {
                let end = batch.text(element);
                batch.leaf_ints.push(end);
            }
        }
        count += 1;
        if count > MOST_ELEMENTS {
            return None;
        }
        rest = behind;
    }
    i32::try_from(count).ok()
}

/// The first element, and what stands behind its comma.
#[inline]
fn next(rest: &[u8]) -> Option<(&[u8], &[u8])> {
    if let Some(quoted) = rest.strip_prefix(b"\"") {
        let end = memchr(b'"', quoted)?;
        let (element, behind) = (quoted.get(..end)?, quoted.get(end + 1..)?);
        return if behind.is_empty() { Some((element, behind)) } else { Some((element, behind.strip_prefix(b",")?)) };
    }
    let end = rest.iter().position(|byte| *byte == b',').unwrap_or(rest.len());
    let element = rest.get(..end)?;
    if element.is_empty() || element == b"NULL" {
        return None;
    }
    Some((element, rest.get(end + 1..).unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(value: &str) -> Option<Vec<String>> {
        let mut batch = Batch::default();
        batch.text(b"before");
        let count = append(&mut batch, value.as_bytes(), ColumnKind::TextList)?;
        assert_eq!(batch.leaf_ints.len(), usize::try_from(count).unwrap());
        let mut start = 6;
        let cut = batch.leaf_ints.iter().map(|end| {
            let end = usize::try_from(*end).unwrap();
            let text = String::from_utf8(batch.texts[0].bytes[start..end].to_vec()).unwrap();
            start = end;
            text
        });
        Some(cut.collect())
    }

    #[test]
    fn plain_lists_are_cut_into_their_elements() {
        assert_eq!(texts("{}").unwrap(), Vec::<String>::new());
        assert_eq!(texts("{a}").unwrap(), ["a"]);
        assert_eq!(texts(r#"{a,"b c","","NULL","d,e",f}"#).unwrap(), ["a", "b c", "", "NULL", "d,e", "f"]);
    }

    #[test]
    fn what_is_not_plain_leaves_the_batch_as_it_was() {
        for value in [
            "{{a},{b}}",
            "[2:3]={a,b}",
            "{a,NULL}",
            r#"{a,"b\"c"}"#,
            r#"{a,"}"}"#,
            "{a",
            "a",
            "",
            r#"{"a}"#,
            r#"{"a"b}"#,
            "{a,,b}",
        ] {
            let mut batch = Batch::default();
            batch.text(b"before");
            assert_eq!(append(&mut batch, value.as_bytes(), ColumnKind::TextList), None, "{value}");
            assert_eq!((batch.text_end(), batch.leaf_ints.len(), batch.weight), (6, 0, 6), "{value}");
        }
        let mut batch = Batch::default();
        for (value, kind) in [("{1,x}", ColumnKind::IntList), ("{1,2147483648}", ColumnKind::IntList)] {
            assert_eq!(append(&mut batch, value.as_bytes(), kind), None, "{value}");
            assert!(batch.leaf_ints.is_empty());
        }
        let many = format!("{{{}}}", vec!["1"; MOST_ELEMENTS + 1].join(","));
        assert_eq!(append(&mut batch, many.as_bytes(), ColumnKind::NumberList), None);
        assert!(batch.leaf_floats.is_empty());
    }

    #[test]
    fn the_lists_of_one_batch_have_so_many_elements_together() {
        let list = format!("{{{}}}", vec!["1"; MOST_ELEMENTS].join(","));
        for kind in [ColumnKind::IntList, ColumnKind::NumberList] {
            let mut batch = Batch::default();
            let taken = (0..1000).filter(|_| append(&mut batch, list.as_bytes(), kind).is_some()).count();
            assert!((8..20).contains(&taken), "{taken}");
        }
    }

    #[test]
    fn numbers_are_leaves() {
        let mut batch = Batch::default();
        assert_eq!(append(&mut batch, b"{1,-2147483648,7}", ColumnKind::IntList), Some(3));
        assert_eq!(append(&mut batch, b"{1.5,-1e300}", ColumnKind::NumberList), Some(2));
        assert_eq!((batch.leaf_ints, batch.leaf_floats), (vec![1, i32::MIN, 7], vec![1.5, -1e300]));
    }
}
