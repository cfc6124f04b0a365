//! The socket under a connection, in the clear or under TLS.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(unix)]
use super::detached::{Detached, Moving};
use super::tls;

/// A connected socket.
pub enum Socket {
    /// TCP over IPv4 or IPv6.
    Tcp(TcpStream),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
    /// Taken off the runtime: whoever took it looks for himself when there is something to read.
    #[cfg(unix)]
    Detached(Detached),
    /// On its way from one to the other, or lost on it.
    #[cfg(unix)]
    Moving(Moving),
}

/// A socket, with TLS around it or not.
pub enum Stream {
    /// In the clear.
    Plain(Socket),
    /// TLS.
    Tls(Box<tls::Session>),
}

macro_rules! delegate {
    ($type:ty, $($(#[$attribute:meta])* $variant:ident),+) => {
        impl AsyncRead for $type {
            fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($(#[$attribute])* Self::$variant(inner) => Pin::new(inner).poll_read(cx, buf),)+ }
            }
        }
        impl AsyncWrite for $type {
            fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
                match self.get_mut() { $($(#[$attribute])* Self::$variant(inner) => Pin::new(inner).poll_write(cx, buf),)+ }
            }
            fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($(#[$attribute])* Self::$variant(inner) => Pin::new(inner).poll_flush(cx),)+ }
            }
            fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
                match self.get_mut() { $($(#[$attribute])* Self::$variant(inner) => Pin::new(inner).poll_shutdown(cx),)+ }
            }
        }
    };
}

delegate!(
    Socket,
    Tcp,
    #[cfg(unix)]
    Unix,
    #[cfg(unix)]
    Detached,
    #[cfg(unix)]
    Moving
);
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
