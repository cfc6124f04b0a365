//! The socket under a connection, in the clear or under TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::socket::{Socket, delegate};
use super::tls;

/// A socket, with TLS around it or not.
pub enum Stream {
    /// Without TLS.
    Plain(Socket),
    /// TLS.
    Tls(Box<tls::Session>),
}

delegate!(Stream, Plain, Tls);

#[cfg(unix)]
impl Stream {
    /// The socket below TLS.
    pub(super) fn socket(&mut self) -> &mut Socket {
        match self {
            Stream::Plain(socket) => socket,
            Stream::Tls(session) => tls::socket(session),
        }
    }
}
