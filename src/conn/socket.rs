//! A connected socket.

use std::io;
#[cfg(unix)]
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
#[cfg(unix)]
use tokio::net::UnixStream;

#[cfg(unix)]
use super::detached::{self, Detached, Moving};
#[cfg(unix)]
use super::runtime;
#[cfg(test)]
use super::scripted::Pipe;

/// A connected socket.
pub enum Socket {
    /// TCP over IPv4 or IPv6.
    Tcp(TcpStream),
    /// A Unix socket.
    #[cfg(unix)]
    Unix(UnixStream),
    /// Taken off the runtime: the thread that took it checks itself when there is something to read.
    #[cfg(unix)]
    Detached(Detached),
    /// On its way from one to the other, or lost on it.
    #[cfg(unix)]
    Moving(Moving),
    /// A test's.
    #[cfg(test)]
    Pipe(Pipe),
}

/// Reading and writing by whichever variant it is.
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
pub(super) use delegate;

delegate!(
    Socket,
    Tcp,
    #[cfg(unix)]
    Unix,
    #[cfg(unix)]
    Detached,
    #[cfg(unix)]
    Moving,
    #[cfg(test)]
    Pipe
);

#[cfg(unix)]
impl Socket {
    /// Takes the socket off the runtime. Its unread bytes stay unread.
    pub(super) fn detach(&mut self) -> io::Result<RawFd> {
        let socket = match std::mem::replace(self, Socket::Moving(Moving)) {
            Socket::Tcp(stream) => detached::Kind::Tcp(stream.into_std()?),
            Socket::Unix(stream) => detached::Kind::Unix(stream.into_std()?),
            Socket::Detached(detached) => detached.into_kind(),
            Socket::Moving(_) => return Err(detached::lost()),
            #[cfg(test)]
            pipe @ Socket::Pipe(_) => {
                *self = pipe;
                return Err(detached::lost());
            }
        };
        let descriptor = match &socket {
            detached::Kind::Tcp(stream) => stream.as_raw_fd(),
            detached::Kind::Unix(stream) => stream.as_raw_fd(),
        };
        *self = Socket::Detached(Detached::new(socket));
        Ok(descriptor)
    }

    /// Gives the socket back to the runtime, from whichever thread.
    pub(super) fn attach(&mut self) -> io::Result<()> {
        let _runtime = runtime::handle().enter();
        *self = match std::mem::replace(self, Socket::Moving(Moving)) {
            Socket::Detached(detached) => match detached.into_kind() {
                detached::Kind::Tcp(stream) => Socket::Tcp(TcpStream::from_std(stream)?),
                detached::Kind::Unix(stream) => Socket::Unix(UnixStream::from_std(stream)?),
            },
            attached => attached,
        };
        Ok(())
    }
}
