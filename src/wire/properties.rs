//! Any bytes at all are a message or an error, never a panic.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{command, frame, server_message};

proptest! {
    #[test]
    fn any_bytes_are_understood_or_refused(bytes in vec(any::<u8>(), 0..200)) {
        let _ = frame::next(&bytes, frame::MESSAGE_LIMIT);
        let _ = server_message::error_fields(&bytes);
        let _ = server_message::notification(&bytes);
        let _ = server_message::parameter(&bytes);
        let _ = server_message::ready(&bytes);
        let _ = command::parse(&bytes);
    }
}
