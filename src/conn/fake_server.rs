//! A server for tests: it lets every user in, without a password, and answers as it is told.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use tokio_postgres::Config;

use crate::config::{ServerSettings, SessionTarget};

const SSL_REQUEST: i32 = 80_877_103;
const CANCEL_REQUEST: i32 = 80_877_102;

/// In place of a message's type: a cancel request, whose body is its code and the keys of a session.
pub const CANCEL: u8 = 0;

/// The keys of every session.
pub const KEYS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 2];

/// A message of the server.
pub fn message(tag: u8, body: &[u8]) -> Vec<u8> {
    let length = i32::try_from(body.len() + 4).unwrap();
    [&[tag], &length.to_be_bytes()[..], body].concat()
}

/// ReadyForQuery.
pub fn ready(status: u8) -> Vec<u8> {
    message(b'Z', &[status])
}

/// CommandComplete.
pub fn complete(tag: &str) -> Vec<u8> {
    message(b'C', format!("{tag}\0").as_bytes())
}

/// A result of one column of text and one row, with its CommandComplete.
pub fn one_row(value: &str) -> Vec<u8> {
    let column = [b"value\0".as_slice(), &[0; 6], &25_i32.to_be_bytes(), &[0xff; 6], &[0; 2]].concat();
    let description = [&1_i16.to_be_bytes()[..], &column].concat();
    let length = i32::try_from(value.len()).unwrap();
    let row = [&1_i16.to_be_bytes()[..], &length.to_be_bytes(), value.as_bytes()].concat();
    [message(b'T', &description), message(b'D', &row), complete("SELECT 1")].concat()
}

/// ErrorResponse or NoticeResponse.
pub fn refusal(tag: u8, code: &str) -> Vec<u8> {
    message(tag, format!("SERROR\0VERROR\0C{code}\0Mno\0\0").as_bytes())
}

/// Starts one, for as long as the process lives. `answer` gets the type and the body of each message, and gives what is
/// sent back, or nothing to close the connection.
pub fn start(answer: impl Fn(u8, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> ServerSettings {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let answer = answer.clone();
            // A client that goes away is the end of its connection.
            std::thread::spawn(move || serve(stream?, &*answer));
        }
    });
    let mut server = Config::new();
    server.host("127.0.0.1").port(port).user("somebody").dbname("somewhere");
    ServerSettings {
        server,
        tls: None,
        session: SessionTarget::Any,
        startup: Vec::new(),
        asks_for_password: false,
        required_auth: None,
        scram_max_iterations: None,
        auto_prepare: false,
        connect_timeout: None,
        keepalive: None,
    }
}

/// What is answered to a message of this type and body; nothing closes the connection.
type Answering = dyn Fn(u8, &[u8]) -> Option<Vec<u8>>;

fn serve(mut stream: TcpStream, answer: &Answering) -> io::Result<()> {
    loop {
        let packet = body(&mut stream)?;
        match packet.first_chunk().map(|code| i32::from_be_bytes(*code)) {
            Some(SSL_REQUEST) => stream.write_all(b"N")?,
            Some(CANCEL_REQUEST) => {
                answer(CANCEL, &packet);
                return Ok(());
            }
            _ => break,
        }
    }
    let keys = message(b'K', &KEYS);
    stream.write_all(&[message(b'R', &[0; 4]), keys, ready(b'I')].concat())?;
    loop {
        let mut tag = [0];
        stream.read_exact(&mut tag)?;
        let body = body(&mut stream)?;
        match answer(tag[0], &body) {
            Some(bytes) => stream.write_all(&bytes)?,
            None => return Ok(()),
        }
    }
}

fn body(stream: &mut TcpStream) -> io::Result<Vec<u8>> {
    let mut length = [0; 4];
    stream.read_exact(&mut length)?;
    let mut body = vec![0; usize::try_from(i32::from_be_bytes(length) - 4).unwrap()];
    stream.read_exact(&mut body)?;
    Ok(body)
}
