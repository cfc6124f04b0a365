//! A text without a name whose last result was large is described first when it comes again, so that its columns can be
//! asked for in binary format: Parse, Describe, Flush, and then Bind, Execute, Sync.

use std::sync::{Arc, Mutex};

use super::super::Connection;
use super::super::message::{Extended, Message};
use super::super::request::Request;
use super::super::scripted::{
    End, Receiver, Script, Server, Step, complete, description, message, one_row, ready, refusal, row, trust,
};
use super::{assert_clean, is_loss, opened};
use crate::error::ErrorKind;
use crate::wire::frontend::Parameters;

const TEXT: &str = "SELECT value FROM large";

fn wide() -> String {
    "x".repeat(200_000)
}

fn expect(tags: &[u8]) -> Script {
    tags.iter().map(|tag| Step::Expect(*tag)).collect()
}

fn described() -> Step {
    Step::Send([message(b'1', b""), message(b't', &[0, 0]), description()].concat())
}

fn rows(value: &str) -> Step {
    Step::Send([message(b'2', b""), row(value), complete("SELECT 1"), ready(b'I')].concat())
}

fn nothing() -> Step {
    Step::Send([complete("SELECT 0"), ready(b'I')].concat())
}

/// A described read with this value.
fn read(value: &str) -> Script {
    [expect(b"PDH"), vec![described()], expect(b"BES"), vec![rows(value)]].concat()
}

/// As [`read`] up to Bind, which has to have this body.
fn bound(body: &'static [u8]) -> Script {
    let check = move |bind: &[u8]| {
        assert_eq!(bind, body);
        Vec::new()
    };
    [expect(b"PDH"), vec![described(), Step::Answer(b'B', Arc::new(check))], expect(b"ES")].concat()
}

struct Client {
    server: Server,
    connection: Connection,
    receiver: Arc<Receiver>,
    requests: Mutex<i32>,
}

impl Client {
    /// One that has found out about TEXT; its server plays the script from there on.
    async fn knowing(script: Script) -> Client {
        let first = [expect(b"Q"), vec![Step::Send([one_row(&wide()), ready(b'I')].concat())], read(&wide())].concat();
        let server = Server::playing(move |_| [trust(), first.clone(), script.clone()].concat());
        let connection = opened(&server.settings()).await.unwrap();
        let receiver = Receiver::new();
        receiver.watch(&connection);
        let client = Client { server, connection, receiver, requests: Mutex::default() };
        for _ in 0..2 {
            assert_eq!(client.query(TEXT).await, Ok(b'I'));
        }
        assert_eq!([1, 2].map(|number| client.receiver.rows(number)), [[wide()], [wide()]]);
        client
    }

    /// Submits a request, and gives its number.
    fn submit(&self, message: Message) -> i32 {
        let number = {
            let mut requests = self.requests.lock().unwrap();
            *requests += 1;
            *requests
        };
        let reply = self.receiver.reply(number);
        self.connection.submit(Request { message, reply, may_prepare: true, known: None });
        number
    }

    async fn query(&self, text: &str) -> End {
        self.receiver.ended(self.submit(Message::Simple(text.into()))).await
    }

    async fn query_with(&self, value: &str) -> End {
        self.receiver.ended(self.submit(with(value, "", false))).await
    }

    async fn end(self) {
        self.connection.end(None);
        assert_clean(&self.server, "a large read").await;
    }
}

fn with(value: &str, name: &str, binary: bool) -> Message {
    let mut parameters = Parameters::with_capacity(1);
    parameters.put(value.as_bytes());
    Message::Extended(Extended { name: name.into(), text: TEXT.into(), parameters, binary })
}

#[tokio::test(start_paused = true)]
async fn it_asks_for_its_plain_columns_in_binary_format_and_its_fields_are_those_of_text() {
    let client = Client::knowing([bound(&[0, 0, 0, 0, 0, 0, 0, 1, 0, 1]), vec![rows("y")]].concat()).await;
    assert_eq!(client.query(TEXT).await, Ok(b'I'));
    assert_eq!((client.receiver.rows(3), client.receiver.formats()), (vec!["y".to_owned()], vec![0]));
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn with_values_and_without_it_is_the_same_text() {
    let bind = &[0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 55, 0, 1, 0, 1];
    let client = Client::knowing([bound(bind), vec![rows("y")]].concat()).await;
    assert_eq!(client.query_with("7").await, Ok(b'I'));
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_a_simple_query_again_after_a_small_result() {
    let client = Client::knowing([read("small"), expect(b"Q"), vec![nothing()]].concat()).await;
    assert_eq!([client.query(TEXT).await, client.query(TEXT).await], [Ok(b'I'), Ok(b'I')]);
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_is_sent_as_it_is_when_it_has_a_name_wants_binary_format_or_is_another_one() {
    let nothing_prepared = [message(b'1', b""), message(b'2', b""), message(b'n', b"")].concat();
    let answer = Step::Send([nothing_prepared, complete("SELECT 0"), ready(b'I')].concat());
    let script =
        [expect(b"PBDES"), vec![answer.clone()], expect(b"PBDES"), vec![answer], expect(b"Q"), vec![nothing()]];
    let client = Client::knowing(script.concat()).await;
    for message in [with("1", "named", false), with("1", "", true), Message::Simple(format!("{TEXT} ").into())] {
        assert_eq!(client.receiver.ended(client.submit(message)).await, Ok(b'I'));
    }
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_fails_with_what_the_server_says_of_its_text() {
    let refused = Step::Send(refusal(b'E', "42P01"));
    let script =
        [expect(b"PDH"), vec![refused], expect(b"S"), vec![Step::Send(ready(b'I'))], expect(b"Q"), vec![nothing()]];
    let client = Client::knowing(script.concat()).await;
    assert_eq!(client.query(TEXT).await.unwrap_err().code.as_deref(), Some("42P01"));
    assert_eq!(client.query("SELECT").await, Ok(b'I'));
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_fails_with_what_the_server_says_of_its_values() {
    let refused = Step::Send([refusal(b'E', "22P02"), ready(b'I')].concat());
    let script = [expect(b"PDH"), vec![described()], expect(b"BES"), vec![refused], read(&wide())];
    let client = Client::knowing(script.concat()).await;
    assert_eq!(client.query_with("x").await.unwrap_err().code.as_deref(), Some("22P02"));
    assert_eq!(client.query(TEXT).await, Ok(b'I'));
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_may_have_no_columns_any_more() {
    let described = Step::Send([message(b'1', b""), message(b't', &[0, 0]), message(b'n', b"")].concat());
    let check = |bind: &[u8]| {
        assert_eq!(bind, [0; 8]);
        Vec::new()
    };
    let updated = Step::Send([message(b'2', b""), complete("UPDATE 3"), ready(b'I')].concat());
    let bind = Step::Answer(b'B', Arc::new(check));
    let script = [expect(b"PDH"), vec![described, bind], expect(b"ES"), vec![updated]].concat();
    let client = Client::knowing(script).await;
    assert_eq!(client.query(TEXT).await, Ok(b'I'));
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_has_the_connection_exclusively_until_it_is_answered() {
    let client = Client::knowing([read(&wide()), expect(b"Q"), vec![nothing()]].concat()).await;
    client.connection.set_depth(2);
    let (large, other) = (client.submit(Message::Simple(TEXT.into())), client.submit(Message::Simple("SELECT".into())));
    assert_eq!([client.receiver.ended(large).await, client.receiver.ended(other).await], [Ok(b'I'), Ok(b'I')]);
    client.end().await;
}

#[tokio::test(start_paused = true)]
async fn it_fails_when_the_connection_is_lost_at_any_step() {
    let script = read("y");
    for at in 0..script.len() {
        let client = Client::knowing([&script[..at], &[Step::Close]].concat()).await;
        let error = client.query(TEXT).await.unwrap_err();
        assert!(is_loss(&error) || error.kind == ErrorKind::Closed, "lost at step {at}: {error:?}");
        client.end().await;
    }
}
