//! Values in PostgreSQL's binary format, to exactly what their text would have become.
//!
//! A column is asked for in binary format where that costs the server less and nothing of the text could depend on
//! what is not known here: `docs/decisions/0008-binary-results-of-named-statements.md` has the figures. How the
//! server writes each type: the `…send` functions of PostgreSQL's `src/backend/utils/adt`.

use super::batch::Batch;
use super::moment::Moment;
use super::shape::ColumnKind;
use crate::error::Error;

/// How a column that comes in binary format is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Binary {
    /// `bool`: one byte.
    Bool,
    /// `int2`.
    Int2,
    /// `int4`.
    Int4,
    /// `oid`.
    Oid,
    /// `int8`; a string in JavaScript, or what the caller's parser makes of it.
    Int8,
    /// `uuid`: 16 bytes.
    Uuid,
    /// `bytea`: the bytes.
    Bytes,
    /// Types whose binary format is their text.
    Text,
    /// `date`: days since 2000-01-01.
    Date,
    /// `timestamp`: microseconds since 2000-01-01.
    Timestamp,
    /// `timestamptz`: microseconds since 2000-01-01, UTC.
    Timestamptz,
}

/// The columns that are asked for in binary format, by what has to be known of the session for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Formats(u8);

impl Formats {
    /// None: everything comes as text.
    pub const TEXT: Formats = Formats(0);
    /// Types whose text hangs on no setting.
    pub const PLAIN: Formats = Formats(1);
    /// Also those whose text is as expected under `DateStyle` ISO.
    pub const DATES: Formats = Formats(3);
    /// Also those for which the time zone has to be UTC besides.
    pub const INSTANTS: Formats = Formats(7);

    /// Whether a column that is read in this way is among them.
    #[inline]
    pub fn include(self, binary: Option<Binary>) -> bool {
        let needed = match binary {
            None => return false,
            Some(Binary::Date | Binary::Timestamp) => 2,
            Some(Binary::Timestamptz) => 4,
            Some(_) => 1,
        };
        self.0 & needed != 0
    }
}

impl Binary {
    /// How a column of this type is read in binary format, when its text would cross as this kind of column.
    ///
    /// Not among them: `float4` and `float8`, whose text hangs on `extra_float_digits`, of which the server tells
    /// nothing; `numeric` and `jsonb`, which cost the server as much in either format; everything with parts.
    pub fn of(type_id: u32, kind: ColumnKind) -> Option<Binary> {
        Some(match (type_id, kind) {
            (16, ColumnKind::Bool) => Binary::Bool,
            (21, ColumnKind::Int) => Binary::Int2,
            (23, ColumnKind::Int) => Binary::Int4,
            (26, ColumnKind::Number) => Binary::Oid,
            (20, ColumnKind::Text) => Binary::Int8,
            (2950, ColumnKind::Text) => Binary::Uuid,
            (17, ColumnKind::Bytes) => Binary::Bytes,
            // text, varchar, bpchar, name, json.
            (25 | 1043 | 1042 | 19, ColumnKind::Text) | (114, ColumnKind::Text | ColumnKind::Json) => Binary::Text,
            (1082, ColumnKind::Local) => Binary::Date,
            (1114, ColumnKind::Local) => Binary::Timestamp,
            (1184, ColumnKind::Instant) => Binary::Timestamptz,
            _ => return None,
        })
    }

    /// Puts a value where its text would have been put; `int` and `float` are its places.
    ///
    /// # Errors
    /// `Protocol` when the value has not the length of its type.
    #[inline]
    pub(super) fn put(self, batch: &mut Batch, value: &[u8], int: usize, float: usize) -> Result<(), Error> {
        match self {
            Binary::Bool => match value {
                [flag] => batch.ints[int] = i32::from(*flag != 0),
                _ => return Err(wrong_length()),
            },
            Binary::Int2 => batch.ints[int] = i32::from(i16::from_be_bytes(sized(value)?)),
            Binary::Int4 => batch.ints[int] = i32::from_be_bytes(sized(value)?),
            Binary::Oid => batch.floats[float] = f64::from(u32::from_be_bytes(sized(value)?)),
            Binary::Int8 => batch.ints[int] = decimal(i64::from_be_bytes(sized(value)?), batch),
            Binary::Uuid => batch.ints[int] = batch.text(&hyphenated(sized(value)?)),
            Binary::Bytes => batch.ints[int] = batch.blob(value.len(), |out| out.extend_from_slice(value)),
            Binary::Text => batch.ints[int] = batch.text(value),
            Binary::Date => put_local(batch, Moment::of_days(i32::from_be_bytes(sized(value)?)), int),
            Binary::Timestamp => put_local(batch, Moment::of_micros(i64::from_be_bytes(sized(value)?)), int),
            Binary::Timestamptz => match Moment::of_micros(i64::from_be_bytes(sized(value)?)) {
                Moment::Plain(day, time) => {
                    batch.floats[float] = day.millis_at(time);
                    batch.ints[int] = batch.text_end();
                }
                other => {
                    batch.floats[float] = f64::NAN;
                    batch.ints[int] = batch.text(other.text("+00").as_bytes());
                }
            },
        }
        Ok(())
    }
}

/// A date or a timestamp without time zone.
#[inline]
fn put_local(batch: &mut Batch, moment: Moment, int: usize) {
    match moment {
        Moment::Plain(day, time) => {
            batch.ints[int] = day.parts();
            batch.ints[int + 1] = time.millis();
            batch.ints[int + 2] = batch.text_end();
        }
        other => {
            batch.ints[int] = -1;
            batch.ints[int + 2] = batch.text(other.text("").as_bytes());
        }
    }
}

#[inline]
fn sized<const N: usize>(value: &[u8]) -> Result<[u8; N], Error> {
    value.try_into().map_err(|_| wrong_length())
}

fn wrong_length() -> Error {
    Error::protocol("The server sent a binary value that has not the length of its type.")
}

/// The most that an i64 takes: a sign and 19 digits.
const LONGEST_INTEGER: usize = 20;

#[inline]
fn decimal(number: i64, batch: &mut Batch) -> i32 {
    let mut digits = [b'-'; LONGEST_INTEGER];
    let mut start = LONGEST_INTEGER;
    let mut rest = number.unsigned_abs();
    loop {
        start -= 1;
        digits[start] = b"0123456789"[(rest % 10) as usize];
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    start -= usize::from(number < 0);
    batch.text(digits.get(start..).unwrap_or_default())
}

/// Lower-case hexadecimal digits, in groups.
#[inline]
fn hyphenated(bytes: [u8; 16]) -> [u8; 36] {
    const DIGITS: [u8; 16] = *b"0123456789abcdef";
    let mut out = [b'-'; 36];
    let mut at = 0;
    for (n, byte) in bytes.into_iter().enumerate() {
        at += usize::from(matches!(n, 4 | 6 | 8 | 10));
        out[at] = DIGITS[usize::from(byte >> 4)];
        out[at + 1] = DIGITS[usize::from(byte & 15)];
        at += 2;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::super::json::TemplateTable;
    use super::super::row;
    use super::super::shape::tests::description;
    use super::super::shape::{ShapeTable, TypeMask};
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

    #[test]
    fn dates_stay_text_unless_their_style_is_known() {
        assert!(!Formats::TEXT.include(Some(Binary::Int4)));
        assert!(Formats::PLAIN.include(Some(Binary::Uuid)));
        assert!(!Formats::PLAIN.include(Some(Binary::Date)));
        assert!(Formats::DATES.include(Some(Binary::Timestamp)));
        assert!(!Formats::DATES.include(Some(Binary::Timestamptz)));
        assert!(Formats::INSTANTS.include(Some(Binary::Timestamptz)));
        assert!(!Formats::INSTANTS.include(None));
    }

    #[test]
    fn a_type_that_the_caller_parses_stays_text() {
        assert_eq!(Binary::of(23, ColumnKind::Text), None);
        assert_eq!(Binary::of(23, ColumnKind::Raw), None);
        assert_eq!(Binary::of(1184, ColumnKind::Text), None);
        assert_eq!(Binary::of(701, ColumnKind::Number), None);
    }
}
