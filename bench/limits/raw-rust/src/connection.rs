//! One connection: enough of protocol 3.0 to log in, ask, and count the rows that come.

use crate::scram::Scram;
use std::io::{Read, Write};
use std::net::TcpStream;

pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

const PROTOCOL_3_0: i32 = 196_608;
const STATEMENT: &str = "s";
const READ_BUFFER: usize = 64 * 1024;

pub struct Server {
    pub host: String,
    pub port: u16,
    pub user: String,
    pub password: String,
    pub database: String,
}

pub struct Connection {
    socket: TcpStream,
    input: Vec<u8>,
    start: usize,
    end: usize,
    output: Vec<u8>,
}

/// A message's type and the place of its body in the input buffer.
struct Message {
    kind: u8,
    from: usize,
    to: usize,
}

impl Connection {
    pub fn open(server: &Server) -> Result<Self> {
        let socket = TcpStream::connect((server.host.as_str(), server.port))?;
        socket.set_nodelay(true)?;
        let mut connection =
            Self { socket, input: vec![0; READ_BUFFER], start: 0, end: 0, output: Vec::with_capacity(4096) };
        connection.log_in(server)?;
        Ok(connection)
    }

    pub fn close(mut self) -> Result<()> {
        self.put(b'X', |_| {});
        self.flush()
    }

    fn log_in(&mut self, server: &Server) -> Result<()> {
        let from = self.output.len();
        self.output.extend_from_slice(&[0; 4]);
        self.output.extend_from_slice(&PROTOCOL_3_0.to_be_bytes());
        for text in ["user", &server.user, "database", &server.database] {
            put_text(&mut self.output, text);
        }
        self.output.push(0);
        set_length(&mut self.output, from);
        self.flush()?;

        let mut scram = None;
        loop {
            let message = self.next()?;
            let body = self.input[message.from..message.to].to_vec();
            match message.kind {
                b'R' => self.authenticate(&body, server, &mut scram)?,
                b'E' => return Err(error_text(&body).into()),
                b'Z' => return Ok(()),
                _ => {}
            }
        }
    }

    fn authenticate(&mut self, body: &[u8], server: &Server, scram: &mut Option<Scram>) -> Result<()> {
        let (code, rest) = body.split_first_chunk::<4>().ok_or("a short authentication message")?;
        match i32::from_be_bytes(*code) {
            0 => Ok(()),
            3 => self.answer(|output| put_text(output, &server.password)),
            10 => {
                let (state, first) = Scram::start(&server.password)?;
                *scram = Some(state);
                self.answer(|output| {
                    put_text(output, "SCRAM-SHA-256");
                    output.extend_from_slice(&(first.len() as i32).to_be_bytes());
                    output.extend_from_slice(first.as_bytes());
                })
            }
            11 => {
                let state = scram.as_ref().ok_or("SCRAM goes on before it has begun")?;
                let last = state.answer(std::str::from_utf8(rest)?)?;
                self.answer(|output| output.extend_from_slice(last.as_bytes()))
            }
            12 => Ok(()), // the server's signature; this client trusts the server it was told to measure
            other => Err(format!("authentication method {other} isn't known here").into()),
        }
    }

    fn answer(&mut self, body: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        self.put(b'p', body);
        self.flush()
    }

    /// Parses `sql` as the named statement that `send_queries(named)` executes.
    pub fn prepare(&mut self, sql: &str) -> Result<()> {
        self.put_parse(STATEMENT, sql);
        self.put(b'S', |_| {});
        self.flush()?;
        self.read_until_ready().map(|_| ())
    }

    pub fn send_query(&mut self, sql: &str, values: &[String], named: bool) -> Result<()> {
        self.send_queries(sql, values, named, 1)
    }

    /// Sends the same query `count` times in one write, each with a Sync of its own.
    pub fn send_queries(&mut self, sql: &str, values: &[String], named: bool, count: usize) -> Result<()> {
        for _ in 0..count {
            let statement = if named { STATEMENT } else { "" };
            if !named {
                self.put_parse("", sql);
            }
            self.put(b'B', |output| {
                put_text(output, "");
                put_text(output, statement);
                output.extend_from_slice(&0i16.to_be_bytes()); // parameters as text
                output.extend_from_slice(&(values.len() as i16).to_be_bytes());
                for value in values {
                    output.extend_from_slice(&(value.len() as i32).to_be_bytes());
                    output.extend_from_slice(value.as_bytes());
                }
                output.extend_from_slice(&0i16.to_be_bytes()); // results as text
            });
            self.put(b'D', |output| {
                output.push(b'P');
                put_text(output, "");
            });
            self.put(b'E', |output| {
                put_text(output, "");
                output.extend_from_slice(&0i32.to_be_bytes());
            });
            self.put(b'S', |_| {});
        }
        self.flush()
    }

    pub fn send_simple(&mut self, sql: &str) -> Result<()> {
        self.put(b'Q', |output| put_text(output, sql));
        self.flush()
    }

    /// Reads to the next ReadyForQuery and returns how many rows came before it.
    pub fn read_until_ready(&mut self) -> Result<u64> {
        let mut rows = 0;
        loop {
            let message = self.next()?;
            match message.kind {
                b'D' | b'd' => rows += 1, // COPY sends a message for each row, too
                b'Z' => return Ok(rows),
                b'E' => return Err(error_text(&self.input[message.from..message.to]).into()),
                _ => {}
            }
        }
    }

    fn next(&mut self) -> Result<Message> {
        self.fill(5)?;
        let header = &self.input[self.start..self.start + 5];
        let kind = header[0];
        let length = i32::from_be_bytes([header[1], header[2], header[3], header[4]]);
        let length = usize::try_from(length)?;
        self.fill(1 + length)?;
        let message = Message { kind, from: self.start + 5, to: self.start + 1 + length };
        self.start = message.to;
        Ok(message)
    }

    /// Makes sure that so many bytes are in the buffer.
    fn fill(&mut self, wanted: usize) -> Result<()> {
        while self.end - self.start < wanted {
            if self.start > 0 {
                self.input.copy_within(self.start..self.end, 0);
                self.end -= self.start;
                self.start = 0;
            }
            if self.input.len() < wanted {
                self.input.resize(wanted.next_power_of_two(), 0);
            }
            let read = self.socket.read(&mut self.input[self.end..])?;
            if read == 0 {
                return Err("the server closed the connection".into());
            }
            self.end += read;
        }
        Ok(())
    }

    fn put_parse(&mut self, name: &str, sql: &str) {
        self.put(b'P', |output| {
            put_text(output, name);
            put_text(output, sql);
            output.extend_from_slice(&0i16.to_be_bytes());
        });
    }

    fn put(&mut self, kind: u8, body: impl FnOnce(&mut Vec<u8>)) {
        self.output.push(kind);
        let from = self.output.len();
        self.output.extend_from_slice(&[0; 4]);
        body(&mut self.output);
        set_length(&mut self.output, from);
    }

    fn flush(&mut self) -> Result<()> {
        self.socket.write_all(&self.output)?;
        self.output.clear();
        Ok(())
    }
}

fn set_length(output: &mut [u8], from: usize) {
    let length = (output.len() - from) as i32;
    output[from..from + 4].copy_from_slice(&length.to_be_bytes());
}

fn put_text(output: &mut Vec<u8>, text: &str) {
    output.extend_from_slice(text.as_bytes());
    output.push(0);
}

/// The message of an ErrorResponse.
fn error_text(body: &[u8]) -> String {
    body.split(|&byte| byte == 0)
        .find(|field| field.first() == Some(&b'M'))
        .map(|field| String::from_utf8_lossy(&field[1..]).into_owned())
        .unwrap_or_else(|| "an error without a message".into())
}
