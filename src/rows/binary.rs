//! Values in PostgreSQL's binary format, to exactly what their text would have become.
//!
//! How the server writes each type: the `…send` functions of PostgreSQL's `src/backend/utils/adt`. Which columns come
//! in this format: [`super::formats`].

use super::batch::Batch;
use super::formats::Binary;
use super::moment::Moment;
use crate::error::{Error, texts};

/// Puts a value where its text would have been put; `int` and `float` are its places.
///
/// # Errors
/// `Protocol` when the value has not the length of its type.
#[inline]
pub(super) fn put(batch: &mut Batch, binary: Binary, value: &[u8], int: usize, float: usize) -> Result<(), Error> {
    match binary {
        Binary::Bool => match value {
            [flag] => batch.put_int(int, i32::from(*flag != 0)),
            _ => return Err(wrong_length()),
        },
        Binary::Int2 => batch.put_int(int, i32::from(i16::from_be_bytes(sized(value)?))),
        Binary::Int4 => batch.put_int(int, i32::from_be_bytes(sized(value)?)),
        Binary::Oid => batch.put_float(float, f64::from(u32::from_be_bytes(sized(value)?))),
        Binary::Int8 => put_decimal(batch, int, i64::from_be_bytes(sized(value)?)),
        Binary::Uuid => batch.put_text(int, &hyphenated(sized(value)?)),
        Binary::Bytes => batch.put_blob(int, value.len(), |out| out.extend_from_slice(value)),
        Binary::Text => batch.put_text(int, value),
        Binary::Date => put_local(batch, Moment::of_days(i32::from_be_bytes(sized(value)?)), int),
        Binary::Timestamp => put_local(batch, Moment::of_micros(i64::from_be_bytes(sized(value)?)), int),
        Binary::Timestamptz => match Moment::of_micros(i64::from_be_bytes(sized(value)?)) {
            Moment::Plain(day, time) => {
                batch.put_float(float, day.millis_at(time));
                batch.put_text_end(int);
            }
            other => {
                batch.put_float(float, f64::NAN);
                batch.put_text(int, other.text("+00").as_bytes());
            }
        },
    }
    Ok(())
}

/// A date or a timestamp without time zone.
#[inline]
fn put_local(batch: &mut Batch, moment: Moment, int: usize) {
    match moment {
        Moment::Plain(day, time) => {
            batch.put_int(int, day.parts());
            batch.put_int(int + 1, time.millis());
            batch.put_text_end(int + 2);
        }
        other => {
            batch.put_int(int, -1);
            batch.put_text(int + 2, other.text("").as_bytes());
        }
    }
}

#[inline]
fn sized<const N: usize>(value: &[u8]) -> Result<[u8; N], Error> {
    value.try_into().map_err(|_| wrong_length())
}

fn wrong_length() -> Error {
    Error::protocol(texts::WRONG_BINARY_LENGTH)
}

/// The most that an i64 takes: a sign and 19 digits.
const LONGEST_INTEGER: usize = 20;

/// Puts a number as its digits.
#[inline]
fn put_decimal(batch: &mut Batch, at: usize, number: i64) {
    let mut digits = [b'-'; LONGEST_INTEGER];
    let mut rest = number.unsigned_abs();
    let mut length = usize::from(number < 0);
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        length += 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    batch.put_text(at, digits.get(LONGEST_INTEGER - length..).unwrap_or_default());
}

/// Lower-case hexadecimal digits, in groups.
#[inline]
fn hyphenated(bytes: [u8; 16]) -> [u8; 36] {
    let mut out = [b'-'; 36];
    let mut places = out.iter_mut();
    for (n, byte) in bytes.into_iter().enumerate() {
        if matches!(n, 4 | 6 | 8 | 10) {
            places.next();
        }
        for (digit, place) in [byte >> 4, byte & 15].into_iter().zip(&mut places) {
            *place = hex_digit(digit);
        }
    }
    out
}

/// Of a number below 16.
#[inline]
fn hex_digit(number: u8) -> u8 {
    number + if number < 10 { b'0' } else { b'a' - 10 }
}

#[cfg(test)]
mod tests {
    use super::super::column::TypeMask;
    use super::super::formats::Formats;
    use super::super::row;
    use super::super::shape::ShapeTable;
    use super::super::shape::tests::description;
    use super::super::template::TemplateTable;
    use super::*;

    fn data_row(value: &[u8]) -> Vec<u8> {
        let mut body = vec![0, 1];
        body.extend_from_slice(&i32::try_from(value.len()).unwrap().to_be_bytes());
        body.extend_from_slice(value);
        body
    }

    /// Everything of a row that crosses.
    type Crossed = (Vec<i32>, Vec<f64>, Vec<Vec<u8>>, Vec<Vec<u8>>);

    fn read(oid: u32, value: &[u8], formats: Formats) -> Result<Crossed, Error> {
        let shape = ShapeTable::default().get(&description(&[("c", oid)]), TypeMask(0)).unwrap();
        let mut batch = Batch::default();
        row::append(&mut batch, 1, &shape, &data_row(value), formats, &TemplateTable::default())?;
        let floats = batch.floats.iter().map(|float| if float.is_nan() { f64::MIN } else { *float }).collect();
        Ok((batch.ints, floats, batch.texts.into_iter().map(|text| text.bytes).collect(), batch.blobs))
    }

    #[test]
    fn binary_values_cross_as_their_text_does() {
        let cases: &[(u32, &[u8], &str)] = &[
            (16, &[1], "t"),
            (16, &[0], "f"),
            (21, &[0x80, 0], "-32768"),
            (23, &[0xff; 4], "-1"),
            (26, &[0xff; 4], "4294967295"),
            (20, &i64::MIN.to_be_bytes(), "-9223372036854775808"),
            (20, &i64::MAX.to_be_bytes(), "9223372036854775807"),
            (20, &[0; 8], "0"),
            (20, &[0, 0, 0, 0, 0, 0, 0, 7], "7"),
            (17, &[0, 0xff, b'\\'], "\\x00ff5c"),
            (17, &[], "\\x"),
            (25, "é\u{10000}".as_bytes(), "é\u{10000}"),
            (1042, b"ab   ", "ab   "),
            (114, b"{\"a\": 1}", "{\"a\": 1}"),
            (1082, &(-730_120i32).to_be_bytes(), "0001-12-31 BC"),
            (1082, &0i32.to_be_bytes(), "2000-01-01"),
            (1114, &1_500_000i64.to_be_bytes(), "2000-01-01 00:00:01.5"),
            (1114, &i64::MAX.to_be_bytes(), "infinity"),
            (1184, &(-1i64).to_be_bytes(), "1999-12-31 23:59:59.999999+00"),
            (1184, &i64::MIN.to_be_bytes(), "-infinity"),
        ];
        for (oid, binary, text) in cases {
            let expected = read(*oid, text.as_bytes(), Formats::TEXT).unwrap();
            assert_eq!(read(*oid, binary, Formats::INSTANTS).unwrap(), expected, "{oid} {text}");
        }
        let uuid: Vec<u8> = (0..16u8).map(|n| n * 17).collect();
        let text = b"00112233-4455-6677-8899-aabbccddeeff";
        assert_eq!(read(2950, &uuid, Formats::PLAIN).unwrap(), read(2950, text, Formats::TEXT).unwrap());
    }

    #[test]
    fn a_value_of_another_length_is_refused() {
        for (oid, length) in [(16, 1), (21, 2), (23, 4), (26, 4), (20, 8), (2950, 16), (1082, 4), (1114, 8), (1184, 8)]
        {
            for wrong in [0, length - 1, length + 1] {
                assert!(read(oid, &vec![0; wrong], Formats::INSTANTS).is_err(), "{oid} {wrong}");
            }
        }
    }
}
