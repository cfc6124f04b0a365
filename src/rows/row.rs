//! DataRow messages into a batch.

use std::sync::Arc;

use super::batch::Batch;
use super::column::ColumnKind;
use super::datetime::{local_parts, utc_millis};
use super::formats::Formats;
use super::shape::Shape;
use super::template::TemplateTable;
use super::{binary, json, list, number};
use crate::error::{Error, texts};
use crate::wire::Reader;

/// Appends the row of a DataRow body to `batch`. `formats` are the columns that were asked for in binary format.
///
/// # Errors
/// `Protocol` when the row does not have the columns that were announced, or a value is not of its type.
pub fn append(
    batch: &mut Batch,
    request: i32,
    shape: &Arc<Shape>,
    body: &[u8],
    formats: Formats,
    templates: &TemplateTable,
) -> Result<(), Error> {
    let mut reader = Reader::new(body);
    if usize::try_from(reader.i16()?).ok() != Some(shape.kinds.len()) {
        return Err(Error::protocol(texts::OTHER_COLUMNS));
    }
    let (row, floats) = batch.open_row(request, shape);
    let mut int = row + shape.null_words;
    let mut float = floats;
    for (column, (kind, binary)) in shape.kinds.iter().zip(&shape.binary).enumerate() {
        match reader.value()? {
            Some(value) if *kind == ColumnKind::Json => {
                let template = json::append(batch, value, templates);
                batch.put_int(int, template.map_or(0, |id| id + 1));
                match template {
                    Some(_) => batch.put_text_end(int + 1),
                    None => batch.put_text(int + 1, value),
                }
            }
            Some(value) => match binary {
                Some(binary) if formats.include(Some(*binary)) => binary::put(batch, *binary, value, int, float)?,
                _ => put(batch, *kind, value, int, float)?,
            },
            None => {
                batch.put_null(row, column);
                put_null(batch, *kind, int);
            }
        }
        int += kind.ints();
        float += kind.floats();
    }
    if !reader.rest().is_empty() {
        return Err(Error::protocol(texts::BYTES_BEHIND_ROW));
    }
    Ok(())
}

#[inline]
fn put(batch: &mut Batch, kind: ColumnKind, value: &[u8], int: usize, float: usize) -> Result<(), Error> {
    match kind {
        ColumnKind::Text => batch.put_text(int, value),
        // Needs the templates, and is put by `append`.
        ColumnKind::Json => {}
        ColumnKind::Int => batch.put_int(int, number::integer(value).ok_or_else(|| not_of_type("an integer"))?),
        ColumnKind::Number => batch.put_float(float, number::float(value)),
        ColumnKind::Bool => batch.put_int(int, i32::from(is_true(value))),
        ColumnKind::Instant => match utc_millis(value) {
            Some(millis) => {
                batch.put_float(float, millis);
                batch.put_text_end(int);
            }
            None => {
                batch.put_float(float, f64::NAN);
                batch.put_text(int, value);
            }
        },
        ColumnKind::Local => match local_parts(value) {
            Some((day, millis)) => {
                batch.put_int(int, day);
                batch.put_int(int + 1, millis);
                batch.put_text_end(int + 2);
            }
            None => {
                batch.put_int(int, -1);
                batch.put_text(int + 2, value);
            }
        },
        ColumnKind::IntList | ColumnKind::NumberList | ColumnKind::TextList => {
            let count = list::append(batch, value, kind);
            batch.put_int(int, count.unwrap_or(-1));
            match count {
                Some(_) => batch.put_text_end(int + 1),
                None => batch.put_text(int + 1, value),
            }
        }
        ColumnKind::Bytes => batch.put_blob(int, value.len() / 2, |out| bytea(value, out)),
        ColumnKind::Raw => batch.put_blob(int, value.len(), |out| out.extend_from_slice(value)),
    }
    Ok(())
}

/// A null leaves the ends where they are, so that the next value starts where the last one ended.
#[inline]
fn put_null(batch: &mut Batch, kind: ColumnKind, int: usize) {
    match kind {
        ColumnKind::Text | ColumnKind::Instant => batch.put_text_end(int),
        ColumnKind::Json | ColumnKind::IntList | ColumnKind::NumberList | ColumnKind::TextList => {
            batch.put_text_end(int + 1);
        }
        ColumnKind::Local => batch.put_text_end(int + 2),
        ColumnKind::Bytes | ColumnKind::Raw => batch.put_int(int, batch.blob_end()),
        ColumnKind::Int | ColumnKind::Number | ColumnKind::Bool => {}
    }
}

fn not_of_type(expected: &str) -> Error {
    Error::protocol(texts::not_of_type(expected))
}

fn is_true(value: &[u8]) -> bool {
    matches!(value, b"t" | b"true" | b"TRUE" | b"y" | b"yes" | b"on" | b"1")
}

/// Both output formats of bytea: <https://www.postgresql.org/docs/current/datatype-binary.html>.
fn bytea(value: &[u8], out: &mut Vec<u8>) {
    match value.strip_prefix(b"\\x") {
        Some(hex) => {
            let pairs = hex.chunks_exact(2).map_while(|pair| match pair {
                [high, low] => Some(hex_digit(*high)? << 4 | hex_digit(*low)?),
                _ => None,
            });
            out.extend(pairs);
        }
        None => unescape(value, out),
    }
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn unescape(mut value: &[u8], out: &mut Vec<u8>) {
    while let Some((&byte, rest)) = value.split_first() {
        value = rest;
        match (byte, rest) {
            (b'\\', [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', tail @ ..]) => {
                out.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                value = tail;
            }
            (b'\\', [b'\\', tail @ ..]) => {
                out.push(b'\\');
                value = tail;
            }
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::column::TypeMask;
    use super::super::shape::ShapeTable;
    use super::super::shape::tests::description;
    use super::*;

    fn data_row(values: &[Option<&str>]) -> Vec<u8> {
        let mut body = i16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
        for value in values {
            match value {
                None => body.extend_from_slice(&(-1i32).to_be_bytes()),
                Some(text) => {
                    body.extend_from_slice(&i32::try_from(text.len()).unwrap().to_be_bytes());
                    body.extend_from_slice(text.as_bytes());
                }
            }
        }
        body
    }

    fn batch_of(columns: &[(&str, u32)], rows: &[&[Option<&str>]]) -> Batch {
        let shape = ShapeTable::default().get(&description(columns), TypeMask(0)).unwrap();
        let mut batch = Batch::default();
        for row in rows {
            append(&mut batch, 7, &shape, &data_row(row), Formats::TEXT, &TemplateTable::default()).unwrap();
        }
        batch
    }

    #[test]
    fn rows_of_one_result_share_a_record() {
        let rows: &[&[Option<&str>]] = &[&[Some("5"), Some("ab")], &[None, Some("c")]];
        let batch = batch_of(&[("n", 23), ("t", 25)], rows);
        assert_eq!(batch.ints, [4, 7, 0, 2, 0, 5, 2, 1, 0, 3]);
        assert_eq!(batch.texts[0].bytes, b"abc");
    }

    #[test]
    fn ends_count_utf16_units() {
        let batch = batch_of(&[("a", 25), ("b", 25)], &[&[Some("é€"), Some("😀x")]]);
        assert_eq!(batch.ints[5..], [2, 5]);
        assert!(batch.texts[0].wide);
    }

    #[test]
    fn long_values_get_a_string_of_their_own() {
        let long = "x".repeat(5000);
        let batch = batch_of(&[("a", 25), ("b", 25)], &[&[Some(&long), Some("y")]]);
        assert_eq!(batch.ints[5..], [!0, 1]);
        assert_eq!(batch.long_texts[0].units, 5000);
        assert_eq!(batch.texts[0].bytes, b"y");
    }

    #[test]
    fn bytea_is_read_in_both_formats() {
        let batch = batch_of(&[("a", 17), ("b", 17)], &[&[Some("\\x00ff10"), Some("a\\\\\\000b")]]);
        assert_eq!(batch.blobs[0], b"\x00\xff\x10a\\\0b");
        assert_eq!(batch.ints[5..], [3, 7]);
    }

    #[test]
    fn values_that_are_not_of_their_type_are_refused() {
        let shape = ShapeTable::default().get(&description(&[("n", 23)]), TypeMask(0)).unwrap();
        for bad in ["", "x", "12x", "2147483648", "-", "99999999999"] {
            assert!(
                append(
                    &mut Batch::default(),
                    1,
                    &shape,
                    &data_row(&[Some(bad)]),
                    Formats::TEXT,
                    &TemplateTable::default()
                )
                .is_err(),
                "{bad}"
            );
        }
        for good in ["-2147483648", "2147483647", "0", "-0"] {
            append(
                &mut Batch::default(),
                1,
                &shape,
                &data_row(&[Some(good)]),
                Formats::TEXT,
                &TemplateTable::default(),
            )
            .unwrap();
        }
    }

    #[test]
    fn a_cut_row_is_refused() {
        let shape = ShapeTable::default().get(&description(&[("n", 23), ("t", 25)]), TypeMask(0)).unwrap();
        let body = data_row(&[Some("1"), Some("abc")]);
        for end in 0..body.len() {
            assert!(
                append(&mut Batch::default(), 1, &shape, &body[..end], Formats::TEXT, &TemplateTable::default())
                    .is_err(),
                "{end}"
            );
        }
    }
}
