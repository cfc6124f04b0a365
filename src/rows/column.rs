//! How the values of a column cross to JavaScript.

/// Types that are decoded in Rust; bit `i` of a [`TypeMask`] stands for the `i`-th of them.
///
/// All other types cross as text, for the parser that JavaScript has for them.
pub const DECODED: [(u32, ColumnKind); 23] = [
    (16, ColumnKind::Bool),
    (21, ColumnKind::Int),
    (23, ColumnKind::Int),
    (26, ColumnKind::Number),
    (700, ColumnKind::Number),
    (701, ColumnKind::Number),
    (1082, ColumnKind::Local),
    (1114, ColumnKind::Local),
    (1184, ColumnKind::Instant),
    (17, ColumnKind::Bytes),
    (114, ColumnKind::Json),
    (3802, ColumnKind::Json),
    // int2[], int4[]; oid[], float4[], float8[], numeric[]; bpchar[], varchar[], text[], uuid[], int8[].
    (1005, ColumnKind::IntList),
    (1007, ColumnKind::IntList),
    (1028, ColumnKind::NumberList),
    (1021, ColumnKind::NumberList),
    (1022, ColumnKind::NumberList),
    (1231, ColumnKind::NumberList),
    (1014, ColumnKind::TextList),
    (1015, ColumnKind::TextList),
    (1009, ColumnKind::TextList),
    (2951, ColumnKind::TextList),
    (1016, ColumnKind::TextList),
];

/// Which of the [`DECODED`] types the program parses itself, so that their raw text has to cross.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct TypeMask(pub u32);

/// How the values of a column are laid out in a batch (see [`super::batch`]).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ColumnKind {
    /// Text: one int, where it ends.
    Text = 0,
    /// One int.
    Int = 1,
    /// One float.
    Number = 2,
    /// One int, 0 or 1.
    Bool = 3,
    /// One float, milliseconds since the epoch; NaN sends JavaScript to the text, whose end is the one int.
    Instant = 4,
    /// Three ints: year-month-day, milliseconds of the day, end of text; -1 for the first sends JavaScript to the text.
    Local = 5,
    /// Decoded bytes: one int, where they end.
    Bytes = 6,
    /// A JSON document: the number of its template plus one, or 0 (see [`super::json`]); and where its text ends.
    Json = 7,
    /// The bytes of a value in binary format, for a binary parser: one int, where they end.
    Raw = 8,
    /// An array of ints, which are leaves (see [`super::list`]): how many, or -1 to send JavaScript to the text; and
    /// where its text ends.
    IntList = 9,
    /// As `IntList`, of floats.
    NumberList = 10,
    /// As `IntList`, of texts: a leaf says where each ends.
    TextList = 11,
}

impl ColumnKind {
    /// How a column of this type crosses, in the format in which it comes.
    pub fn of(type_id: u32, format: i16, mask: TypeMask) -> ColumnKind {
        if format != 0 {
            return ColumnKind::Raw;
        }
        match DECODED.iter().enumerate().find(|(_, (oid, _))| *oid == type_id) {
            Some((index, (_, kind))) if mask.0 & (1 << index) == 0 => *kind,
            _ => ColumnKind::Text,
        }
    }

    /// Ints that a value takes.
    pub fn ints(self) -> usize {
        match self {
            ColumnKind::Number => 0,
            ColumnKind::Local => 3,
            ColumnKind::Json | ColumnKind::IntList | ColumnKind::NumberList | ColumnKind::TextList => 2,
            _ => 1,
        }
    }

    /// Floats that a value takes.
    pub fn floats(self) -> usize {
        usize::from(matches!(self, ColumnKind::Number | ColumnKind::Instant))
    }
}
