//! Tables of records in a text file: lines of a key and its words, an empty line between two records.

/// The lines of one record, each under its key.
#[derive(Debug, Default)]
pub struct Record(Vec<(&'static str, Vec<&'static str>)>);

/// The records of a table, without its comments.
///
/// # Errors
/// The line that has no key.
pub fn records(table: &'static str) -> Result<Vec<Record>, String> {
    let mut records = Vec::new();
    let mut record = Record::default();
    for line in table.lines().chain([""]) {
        if line.starts_with('#') {
            continue;
        }
        if !line.is_empty() {
            record.add(line)?;
        } else if !record.0.is_empty() {
            records.push(std::mem::take(&mut record));
        }
    }
    Ok(records)
}

impl Record {
    fn add(&mut self, line: &'static str) -> Result<(), String> {
        if let (Some(more), Some((_, parts))) = (line.strip_prefix("  "), self.0.last_mut()) {
            parts.push(more);
            return Ok(());
        }
        let (key, value) = line.split_once(": ").ok_or_else(|| format!("no key: {line}"))?;
        self.0.push((key, vec![value]));
        Ok(())
    }

    /// Its lines in order: each key, with the parts of its text.
    pub fn lines(&self) -> impl Iterator<Item = (&'static str, &[&'static str])> {
        self.0.iter().map(|(key, parts)| (*key, parts.as_slice()))
    }
}

/// The parts of a text as words, between which commas and blanks don't count.
pub fn words<'a>(parts: &'a [&'static str]) -> impl Iterator<Item = &'static str> + 'a {
    parts.iter().flat_map(|part| part.split([',', ' '])).filter(|word| !word.is_empty())
}
