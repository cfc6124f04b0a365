//! An error of the server in the terms of the statement that the caller wrote.

use super::connection::Connection;
use super::flow::Flow;
use super::message::Message;
use super::pending_request::PendingRequest;
use super::request::Request;
use super::script_parts::shift_position;
use super::transaction_settings::Preamble;
use crate::error::Error;

/// The query of a prepared statement that the server would not take any more, as it came. Nothing of it has run;
/// in a transaction, which is lost, there is no second try.
pub(super) fn second_try(connection: &Connection, failed: &mut PendingRequest, status: u8) -> Option<Request> {
    let PendingRequest { flow: Flow::Extended { name, parse, unprepared, .. }, error: Some(error), reply, .. } = failed
    else {
        return None;
    };
    let query = unprepared.take()?;
    let mut inner = connection.lock();
    if !inner.statements.lost(name, *parse, error) || status != b'I' {
        hide_name(error, name);
        return None;
    }
    Some(Request { message: Message::Extended(*query), reply: reply.clone(), may_prepare: false, known: None })
}

/// An error as the caller should see it: the position counts from the start of the caller's text, and a statement that
/// was never prepared is forgotten.
pub(super) fn explain(connection: &Connection, flow: &Flow, preamble: Preamble, error: &mut Error) {
    if let Some(server) = &mut error.server {
        preamble.place(server);
    }
    match flow {
        Flow::Extended { name, parse, .. } if !name.is_empty() => {
            let gone = error.code.as_deref() == Some("26000");
            let mut inner = connection.lock();
            if gone || (*parse && inner.statements.is_pending(name)) {
                inner.statements.forget(name);
            }
        }
        Flow::Script { shift, parts, .. } => {
            if let Some(server) = &mut error.server {
                shift_position(server, *shift, parts.as_deref());
            }
        }
        _ => {}
    }
}

/// The server's error about an automatically named statement, as it would be for one without a name.
fn hide_name(error: &mut Error, name: &str) {
    let quoted = format!("\"{name}\"");
    let Some(server) = &mut error.server else { return };
    for (_, value) in server.fields.iter_mut().filter(|(key, value)| *key == b'M' && value.contains(&quoted)) {
        *value = value.replace(&quoted, "\"\"");
        error.message.clone_from(value);
        server.length = server.length.saturating_sub(u32::try_from(name.len()).unwrap_or(0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ServerError;

    fn server_error(fields: &[(u8, &str)]) -> ServerError {
        ServerError { length: 100, fields: fields.iter().map(|(key, value)| (*key, (*value).to_owned())).collect() }
    }

    #[test]
    fn an_automatic_name_does_not_reach_the_caller() {
        let said = "prepared statement \"pgfleet_1\" does not exist";
        let mut error = Error::from_server(server_error(&[(b'M', said), (b'C', "26000")]));
        hide_name(&mut error, "pgfleet_1");
        let server = error.server.unwrap();
        assert_eq!(error.message, "prepared statement \"\" does not exist");
        assert_eq!((server.field(b'M'), server.length), (Some(error.message.as_str()), 91));
    }
}
