//! Any bytes at all are rows or an error, never a panic; and what is well-formed comes out as it went in.

use std::sync::Arc;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

use super::shape::tests::description;
use super::{Batch, Formats, Shape, ShapeTable, TemplateTable, TypeMask, datetime, json, row};

/// OIDs of every kind of column, and one that is unknown.
const OIDS: [u32; 11] = [25, 23, 701, 16, 1184, 1114, 17, 3802, 20, 2950, 99_999];

fn shape_of(oids: &[u32]) -> Arc<Shape> {
    let names: Vec<String> = (0..oids.len()).map(|n| format!("c{n}")).collect();
    let columns: Vec<(&str, u32)> = names.iter().map(String::as_str).zip(oids.iter().copied()).collect();
    ShapeTable::default().get(&description(&columns), TypeMask(0)).unwrap()
}

fn data_row(values: &[Option<String>]) -> Vec<u8> {
    let mut body = i16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        let length = value.as_ref().map_or(-1, |text| i32::try_from(text.len()).unwrap());
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(value.as_deref().unwrap_or("").as_bytes());
    }
    body
}

/// The text values of a batch of one text column, read as JavaScript reads them.
fn read_texts(batch: &Batch, rows: usize) -> Vec<Option<String>> {
    let units: Vec<u16> =
        batch.texts.iter().flat_map(|t| String::from_utf8_lossy(&t.bytes).encode_utf16().collect::<Vec<_>>()).collect();
    let mut start = 0;
    let row = |n: usize| &batch.ints[4 + n * 2..6 + n * 2];
    (0..rows)
        .map(|n| match row(n) {
            [1, _] => None,
            [_, end] => {
                let end = usize::try_from(*end).unwrap();
                let text = String::from_utf16(&units[start..end]).unwrap();
                start = end;
                Some(text)
            }
            _ => unreachable!(),
        })
        .collect()
}

proptest! {
    #[test]
    fn any_bytes_are_understood_or_refused(bytes in vec(any::<u8>(), 0..200), oids in vec(0usize..OIDS.len(), 0..6)) {
        let _ = Shape::parse(0, &bytes, TypeMask(0));
        let _ = datetime::utc_millis(&bytes);
        let _ = datetime::local_parts(&bytes);
        let oids: Vec<u32> = oids.into_iter().map(|index| OIDS[index]).collect();
        for formats in [Formats::TEXT, Formats::INSTANTS] {
            let _ = row::append(&mut Batch::default(), 1, &shape_of(&oids), &bytes, formats, &TemplateTable::default());
        }
    }

    #[test]
    fn text_comes_out_as_it_went_in(values in vec(option::of(".{0,40}"), 1..20)) {
        let shape = shape_of(&[25]);
        let mut batch = Batch::default();
        for value in &values {
            row::append(&mut batch, 1, &shape, &data_row(std::slice::from_ref(value)), Formats::TEXT, &TemplateTable::default()).unwrap();
        }
        prop_assert_eq!(read_texts(&batch, values.len()), values);
    }

    #[test]
    fn integers_come_out_as_they_went_in(values in vec(any::<i32>(), 1..20)) {
        let shape = shape_of(&[23]);
        let mut batch = Batch::default();
        for value in &values {
            row::append(&mut batch, 1, &shape, &data_row(&[Some(value.to_string())]), Formats::TEXT, &TemplateTable::default()).unwrap();
        }
        let read: Vec<i32> = batch.ints[4..].chunks(2).map(|row| row[1]).collect();
        prop_assert_eq!(read, values);
    }

    #[test]
    fn a_document_that_is_refused_leaves_no_trace(document in "[\\[\\]{}\",:0-9a-z\\\\ ]{0,60}") {
        let table = TemplateTable::default();
        let mut batch = Batch::default();
        for _ in 0..20 {
            let before = (batch.leaf_ints.len(), batch.leaf_floats.len(), batch.weight);
            if json::append(&mut batch, document.as_bytes(), &table).is_none() {
                prop_assert_eq!(before, (batch.leaf_ints.len(), batch.leaf_floats.len(), batch.weight));
            }
        }
    }
}
