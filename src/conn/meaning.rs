//! What the errors of an open connection mean where its server is a Supabase project's.

use super::address::Address;
use super::route::Route;
use crate::config::ServerSettings;
use crate::error::Error;
use crate::supabase::{Way, advice};

/// What has to be known of a connection to tell. Nothing is looked up before an error comes.
#[derive(Default)]
pub(super) struct Meaning {
    host: Box<str>,
    port: u16,
    user: Box<str>,
    by_ref: bool,
    transaction_mode: bool,
}

impl Meaning {
    pub(super) fn of(settings: &ServerSettings, route: &Route) -> Self {
        let port = match &route.address {
            Address::Tcp(address) => address.port(),
            Address::Unix(_) => 0,
        };
        let Way { host, port, user, by_ref, transaction_mode } = settings.way(&route.host, port);
        Meaning { host: host.into(), port, user: user.into(), by_ref, transaction_mode }
    }

    /// The error, with what it means.
    pub(super) fn explained(&self, error: Error) -> Error {
        let Meaning { host, port, user, by_ref, transaction_mode } = self;
        let way = Way { host, port: *port, user, by_ref: *by_ref, transaction_mode: *transaction_mode };
        match advice(&way, &error) {
            Some(advice) => error.with_advice(advice),
            None => error,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::message::Message;
    use super::super::request::Request;
    use super::super::scripted::{Receiver, message, ready, start};
    use super::super::{KeyRing, Session, next_id, open};
    use super::*;

    const NO_PREPARE: &[u8] = b"SERROR\0CXX000\0M(EPSSIMPLEQUERY) no PREPARE\0\0";

    fn code(error: &Error) -> Option<&'static str> {
        error.supabase.as_ref().map(|advice| advice.code)
    }

    #[tokio::test(start_paused = true)]
    async fn an_error_of_a_query_says_what_it_means() {
        let answer = |_: u8, _: &[u8]| Some([message(b'E', NO_PREPARE), ready(b'I')].concat());
        let connection = open(next_id(), &start(answer), &KeyRing::default(), None).await.unwrap();
        let receiver = Receiver::new();
        let message = Message::Simple("prepare".into());
        connection.submit(Request { message, reply: receiver.reply(1), may_prepare: false, known: None });
        assert_eq!(code(&receiver.ended(1).await.unwrap_err()), Some("EPSSIMPLEQUERY"));
        let session = Session::open(&start(answer), None).await.unwrap();
        assert_eq!(code(&session.simple("prepare").await.unwrap_err()), Some("EPSSIMPLEQUERY"));
    }

    #[test]
    fn a_lost_connection_means_something_on_the_way_to_supabase_alone() {
        let to = |host: &str| Meaning { host: host.into(), port: 5432, ..Meaning::default() };
        assert_eq!(code(&to("db.abc.supabase.co").explained(Error::lost())), Some("ECONNECTIONLOST"));
        assert_eq!(code(&to("db.example.com").explained(Error::lost())), None);
    }
}
