//! The bytes of a connection between the socket and the messages.

/// Bytes that were read and not yet processed.
pub(super) struct ReadBuffer {
    pub(super) bytes: Vec<u8>,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A new connection's buffer; most answers fit.
const SMALL: usize = 8 * 1024;
/// Where doubling stops unless one message is larger than that.
const LARGE: usize = 64 * 1024;

impl ReadBuffer {
    pub(super) fn new(received: &[u8]) -> Self {
        let mut bytes = vec![0; SMALL.max(received.len() * 2)];
        if let Some(head) = bytes.get_mut(..received.len()) {
            head.copy_from_slice(received);
        }
        ReadBuffer { bytes, start: 0, end: received.len() }
    }

    pub(super) fn unread(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Room for the next read: what is left of a message moves to the front, and a full buffer doubles.
    pub(super) fn make_room(&mut self) {
        let left = self.end - self.start;
        let filled = self.end == self.bytes.len();
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, left);
        }
        let size = self.bytes.len();
        if left == 0 && size > LARGE {
            self.bytes = vec![0; LARGE];
        } else if filled && (size < LARGE || left * 2 > size) {
            self.bytes.resize(size * 2, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_that_outgrows_the_buffer_makes_it_grow() {
        let mut buffer = ReadBuffer::new(b"");
        buffer.end = buffer.bytes.len();
        buffer.make_room();
        assert_eq!(buffer.bytes.len(), SMALL * 2);
        (buffer.start, buffer.end) = (SMALL, SMALL + 3);
        buffer.make_room();
        assert_eq!((buffer.start, buffer.end), (0, 3));
    }
}
