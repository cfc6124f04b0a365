//! The shape of a result: its columns, and how each crosses to JavaScript.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::column::{ColumnKind, TypeMask};
use super::formats::{Binary, Formats};
use crate::error::{Error, texts};
use crate::wire::Reader;

/// One column of a RowDescription.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// Column name.
    pub name: String,
    /// OID of the table it comes from, or 0.
    pub table_id: u32,
    /// Attribute number in that table, or 0.
    pub column_id: i16,
    /// OID of its type.
    pub type_id: u32,
    /// `pg_type.typlen`.
    pub type_size: i16,
    /// `atttypmod`.
    pub type_modifier: i32,
    /// 0 text, 1 binary.
    pub format: i16,
    /// How it crosses.
    pub kind: ColumnKind,
}

/// Bytes that a RowDescription has for a column at least: a name of nothing but its end, and six numbers.
const LEAST_FIELD: usize = 19;

/// The columns of a result, as one environment knows them.
#[derive(Debug)]
pub struct Shape {
    /// Unique in its table, never used twice.
    pub id: u32,
    /// Columns from left to right.
    pub fields: Vec<Field>,
    /// The kinds alone, for the row loop.
    pub kinds: Vec<ColumnKind>,
    /// How each is read when it comes in binary format although the caller asked for text; `None` always comes as text.
    pub binary: Vec<Option<Binary>>,
    /// Int32 words that hold one null bit for each column.
    pub null_words: usize,
    /// Ints a row takes, null words included.
    pub ints: usize,
    /// Floats a row takes.
    pub floats: usize,
    /// The generation of JavaScript's table that has this shape; 0 = none.
    pub told: AtomicU32,
}

impl Shape {
    /// Reads a RowDescription.
    pub fn parse(id: u32, body: &[u8], mask: TypeMask) -> Result<Shape, Error> {
        let mut reader = Reader::new(body);
        let count = usize::try_from(reader.i16()?).map_err(|_| Error::protocol(texts::NEGATIVE_COLUMNS))?;
        let mut fields = Vec::with_capacity(count.min(body.len() / LEAST_FIELD));
        for _ in 0..count {
            let name = reader.text()?;
            let (table_id, column_id) = (reader.u32()?, reader.i16()?);
            let (type_id, type_size, type_modifier) = (reader.u32()?, reader.i16()?, reader.i32()?);
            let format = reader.i16()?;
            let kind = ColumnKind::of(type_id, format, mask);
            fields.push(Field { name, table_id, column_id, type_id, type_size, type_modifier, format, kind });
        }
        let kinds: Vec<ColumnKind> = fields.iter().map(|field| field.kind).collect();
        let binary = fields.iter().map(|field| Binary::of(field.type_id, field.kind)).collect();
        let null_words = count.div_ceil(32);
        Ok(Shape {
            id,
            binary,
            null_words,
            ints: null_words + kinds.iter().map(|kind| kind.ints()).sum::<usize>(),
            floats: kinds.iter().map(|kind| kind.floats()).sum(),
            kinds,
            fields,
            told: AtomicU32::new(0),
        })
    }

    /// The result format codes of a Bind that asks for these columns in binary format; none at all when there is no
    /// such column.
    pub fn format_codes(&self, formats: Formats) -> impl Iterator<Item = i16> {
        let asks = self.binary.iter().any(|binary| formats.include(*binary));
        let columns = if asks { self.binary.as_slice() } else { &[] };
        columns.iter().map(move |binary| i16::from(formats.include(*binary)))
    }
}

/// How many shapes a table holds before it starts afresh: programs that make up column names without end stay bounded.
const CAPACITY: usize = 512;
/// As [`CAPACITY`], for the bytes of their descriptions, since a server can make up columns as well. A description that
/// is larger than this by itself is not kept.
const CAPACITY_BYTES: usize = 2 * 1024 * 1024;

/// By description, and by what of it the caller parses: most programs have one such set, or two.
type Shapes = HashMap<Arc<[u8]>, Vec<(TypeMask, Arc<Shape>)>>;

#[derive(Debug, Default)]
struct Known {
    shapes: Shapes,
    /// Bytes of the descriptions, each counted for every set of parsers.
    bytes: usize,
    /// The last shape, which many answers in a row have.
    last: Option<(Arc<[u8]>, TypeMask, Arc<Shape>)>,
}

/// The shapes of an environment's results, so that equal results share one decoder.
#[derive(Debug, Default)]
pub struct ShapeTable {
    known: Mutex<Known>,
    next_id: AtomicU32,
}

impl ShapeTable {
    /// The shape of a RowDescription body, made at its first appearance.
    pub fn get(&self, body: &[u8], mask: TypeMask) -> Result<Arc<Shape>, Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((description, parsed, shape)) = &known.last
            && *parsed == mask
            && **description == *body
        {
            return Ok(shape.clone());
        }
        let (description, shape) = self.look_up(&mut known, body, mask)?;
        if description.len() <= CAPACITY_BYTES {
            known.last = Some((description, mask, shape.clone()));
        }
        Ok(shape)
    }

    fn look_up(&self, known: &mut Known, body: &[u8], mask: TypeMask) -> Result<(Arc<[u8]>, Arc<Shape>), Error> {
        if let Some((description, shapes)) = known.shapes.get_key_value(body)
            && let Some((_, shape)) = shapes.iter().find(|(parsed, _)| *parsed == mask)
        {
            return Ok((description.clone(), shape.clone()));
        }
        let shape = Arc::new(Shape::parse(self.next_id.fetch_add(1, Ordering::Relaxed), body, mask)?);
        if known.shapes.len() >= CAPACITY || known.bytes + body.len() > CAPACITY_BYTES {
            known.shapes.clear();
            known.bytes = 0;
        }
        let description: Arc<[u8]> = body.into();
        if body.len() <= CAPACITY_BYTES {
            known.bytes += body.len();
            known.shapes.entry(description.clone()).or_default().push((mask, shape.clone()));
        }
        Ok((description, shape))
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A RowDescription body with the given names and type OIDs.
    pub(crate) fn description(columns: &[(&str, u32)]) -> Vec<u8> {
        let mut body = i16::try_from(columns.len()).unwrap().to_be_bytes().to_vec();
        for (name, oid) in columns {
            body.extend_from_slice(name.as_bytes());
            body.push(0);
            body.extend_from_slice(&[0; 6]);
            body.extend_from_slice(&oid.to_be_bytes());
            body.extend_from_slice(&[0, 4, 0xff, 0xff, 0xff, 0xff, 0, 0]);
        }
        body
    }

    #[test]
    fn equal_descriptions_share_a_shape_unless_parsers_differ() {
        let table = ShapeTable::default();
        let body = description(&[("a", 23), ("b", 25)]);
        let first = table.get(&body, TypeMask(0)).unwrap();
        assert_eq!(first.id, table.get(&body, TypeMask(0)).unwrap().id);
        let masked = table.get(&body, TypeMask(1 << 2)).unwrap();
        assert_ne!(first.id, masked.id);
        assert_eq!(first.kinds, [ColumnKind::Int, ColumnKind::Text]);
        assert_eq!(masked.kinds, [ColumnKind::Text, ColumnKind::Text]);
    }

    #[test]
    fn format_codes_name_each_column_or_none_at_all() {
        let codes = |oids: &[u32], formats: Formats| -> Vec<i16> {
            let columns: Vec<(&str, u32)> = oids.iter().map(|oid| ("c", *oid)).collect();
            Shape::parse(0, &description(&columns), TypeMask(0)).unwrap().format_codes(formats).collect()
        };
        assert_eq!(codes(&[23, 701, 1082], Formats::PLAIN), [1, 0, 0]);
        assert_eq!(codes(&[23, 701, 1082], Formats::DATES), [1, 0, 1]);
        assert_eq!(codes(&[23, 701], Formats::TEXT), []);
        assert_eq!(codes(&[701, 1700], Formats::INSTANTS), []);
    }

    #[test]
    fn a_cut_description_is_refused() {
        let body = description(&[("a", 23)]);
        for end in 0..body.len() {
            assert!(Shape::parse(0, &body[..end], TypeMask(0)).is_err(), "{end}");
        }
    }

    #[test]
    fn the_table_stays_bounded() {
        let table = ShapeTable::default();
        for n in 0..CAPACITY * 2 {
            table.get(&description(&[(&format!("c{n}"), 25)]), TypeMask(0)).unwrap();
        }
        assert!(table.known.lock().unwrap().shapes.len() <= CAPACITY);
    }

    #[test]
    fn a_table_of_long_or_differently_parsed_descriptions_stays_bounded() {
        let table = ShapeTable::default();
        let long = description(&[(&"c".repeat(CAPACITY_BYTES / 8), 25)]);
        for mask in 0..64 {
            table.get(&long, TypeMask(mask)).unwrap();
            let known = table.known.lock().unwrap();
            assert!(known.shapes.values().map(Vec::len).sum::<usize>() <= 8);
        }
        table.get(&description(&[(&"c".repeat(CAPACITY_BYTES), 25)]), TypeMask(0)).unwrap();
        assert!(table.known.lock().unwrap().shapes.is_empty());
    }
}
