//! What a script has besides its text: data for COPY, and the mapping from positions in the sent text to positions in
//! it.

use std::collections::VecDeque;
use std::sync::Arc;

use bytes::BytesMut;

use crate::error::ServerError;
use crate::wire::frontend;

/// COPY data goes in messages of no more than this, as psql's does.
const COPY_CHUNK: usize = 64 * 1024;

/// A part of the caller's text that isn't in what is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cut {
    /// Characters of the sent text before it.
    pub at: usize,
    /// Characters that were left out.
    pub length: usize,
}

/// What a script has besides its text.
#[derive(Default)]
pub struct Parts {
    copies: VecDeque<Arc<str>>,
    cuts: Vec<Cut>,
}

impl Parts {
    /// None where there is nothing of the kind.
    pub(super) fn of(copies: Vec<Arc<str>>, cuts: Vec<Cut>) -> Option<Box<Parts>> {
        let is_any = !copies.is_empty() || !cuts.is_empty();
        is_any.then(|| Box::new(Parts { copies: copies.into(), cuts }))
    }

    /// Data for the COPY that the server has begun.
    pub(super) fn next_copy(&mut self) -> Option<Arc<str>> {
        self.copies.pop_front()
    }
}

/// Writes the data of one COPY, and its end.
pub(super) fn send_copy(data: &str, out: &mut BytesMut) {
    for chunk in data.as_bytes().chunks(COPY_CHUNK) {
        // No chunk is larger than a message may be, which is all that could be refused.
        let _ = frontend::copy_data(&[chunk], out);
    }
    frontend::copy_done(out);
}

/// The position of an error in the caller's text.
pub(super) fn shift_position(error: &mut ServerError, shift: usize, parts: Option<&Parts>) {
    for (key, value) in &mut error.fields {
        if *key == b'P'
            && let Ok(position) = value.parse::<usize>()
        {
            let place = position.saturating_sub(shift).max(1);
            let cuts = parts.into_iter().flat_map(|parts| &parts.cuts);
            let left_out: usize = cuts.filter(|cut| cut.at < place).map(|cut| cut.length).sum();
            *value = place.saturating_add(left_out).to_string();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(position: &str, shift: usize, cuts: &[Cut]) -> String {
        let mut error = ServerError { length: 0, fields: vec![(b'P', position.into()), (b'C', "42601".into())] };
        let parts = Parts { copies: VecDeque::new(), cuts: cuts.to_vec() };
        shift_position(&mut error, shift, Some(&parts));
        error.field(b'P').unwrap().to_owned()
    }

    #[test]
    fn positions_count_from_the_start_of_the_script() {
        assert_eq!(place("14", 6, &[]), "8");
        assert_eq!(place("2", 6, &[]), "1");
    }

    #[test]
    fn positions_count_what_was_left_out_before_them() {
        let cuts = [Cut { at: 0, length: 100 }, Cut { at: 20, length: 7 }];
        assert_eq!(place("20", 0, &cuts), "120");
        assert_eq!(place("21", 0, &cuts), "128");
    }
}
