//! Which columns are asked for in binary format.
//!
//! Those where that costs the server less and the text can't depend on anything unknown here:
//! `docs/decisions/0008-binary-results-of-named-statements.md` has the figures.

use super::column::ColumnKind;

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
    /// Types whose text depends on no setting.
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
    /// Not among them: `float4` and `float8`, whose text depends on `extra_float_digits`, which the server doesn't
    /// report; `numeric` and `jsonb`, which cost the server as much in either format; everything with parts.
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
}

#[cfg(test)]
mod tests {
    use super::*;

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
