//! Events of a connection that answer no request.

use super::connection_id::ConnectionId;
use crate::error::{Error, ServerError};
use crate::rows::News;
use crate::rows::memory::text_size;
use crate::wire::server_message::Notification;

/// An event of a connection that answers no request.
#[derive(Debug, Clone)]
pub enum Event {
    /// NoticeResponse.
    Notice(Box<ServerError>),
    /// NotificationResponse.
    Notification(Box<Notification>),
    /// ParameterStatus.
    Parameter(String, String),
    /// The connection broke while no request was under way.
    Lost(Box<Error>),
    /// The socket is closed; nothing follows.
    Closed,
}

/// An event, and the connection that it happened on.
pub struct ConnectionEvent(pub ConnectionId, pub Event);

impl News for ConnectionEvent {
    fn memory(&self) -> usize {
        size_of::<Self>()
            + match &self.1 {
                Event::Notice(notice) => notice.memory(),
                Event::Notification(notification) => {
                    size_of_val(&**notification) + text_size(&notification.channel) + text_size(&notification.payload)
                }
                Event::Parameter(name, value) => text_size(name) + text_size(value),
                Event::Lost(error) => error.memory(),
                Event::Closed => 0,
            }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Extra;
    use crate::rows::batch::{Batch, FULL_BYTES};

    #[test]
    fn events_weigh_what_they_take() {
        let text = "x".repeat(1000);
        let notice = ServerError { length: 0, fields: vec![(b'M', text.clone()), (b'D', text.clone())] };
        let notification = Notification { process_id: 1, channel: text.clone(), payload: text.clone(), length: 0 };
        for event in [
            Event::Notice(Box::new(notice.clone())),
            Event::Notification(Box::new(notification)),
            Event::Parameter(text.clone(), text),
            Event::Lost(Box::new(Error::from_server(notice))),
        ] {
            let mut batch = Batch::default();
            batch.news(ConnectionEvent(1, event));
            assert!((2000..6000).contains(&batch.weight), "{}", batch.weight);
            while !batch.is_full() {
                batch.news(ConnectionEvent(1, Event::Closed));
            }
            assert!(batch.extras.len() < FULL_BYTES / size_of::<Extra>());
        }
    }
}
