//! A socket that the runtime does not watch: its owner reads when another event loop reports that it is readable.
//!
//! A lone query pays for two thread hops when the runtime reads its answer, and for none when the thread that asked
//! does it in its own event loop (docs/decisions/0010).

use std::io::{self, ErrorKind, Read, Write};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::texts;

/// A non-blocking socket that the runtime doesn't watch.
pub struct Detached {
    socket: Kind,
    /// The last read took all there was: the next read can be skipped, once.
    is_drained: bool,
}

/// Which socket it is.
pub enum Kind {
    /// TCP.
    Tcp(std::net::TcpStream),
    /// A Unix socket.
    Unix(std::os::unix::net::UnixStream),
}

impl Detached {
    /// Unread bytes may be there already.
    pub fn new(socket: Kind) -> Self {
        Detached { socket, is_drained: false }
    }

    /// The socket itself.
    pub fn into_kind(self) -> Kind {
        self.socket
    }
}

/// No socket: reading and writing fail.
pub struct Moving;

/// Reading and writing fail with this on the way.
pub fn lost() -> io::Error {
    io::Error::new(ErrorKind::NotConnected, texts::SOCKET_LOST)
}

/// `Pending` wakes no task: the owner comes back by itself.
fn now<T>(mut attempt: impl FnMut() -> io::Result<T>) -> Poll<io::Result<T>> {
    loop {
        match attempt() {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Poll::Pending,
            outcome => return Poll::Ready(outcome),
        }
    }
}

impl AsyncRead for Detached {
    fn poll_read(mut self: Pin<&mut Self>, _: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.is_drained) {
            return Poll::Pending;
        }
        let room = buf.initialize_unfilled();
        let most = room.len();
        let read = now(|| match &self.socket {
            Kind::Tcp(stream) => (&*stream).read(room),
            Kind::Unix(stream) => (&*stream).read(room),
        });
        read.map_ok(|count| {
            // Later bytes, and the end, are reported by the event loop that watches.
            self.is_drained = count > 0 && count < most;
            buf.advance(count);
        })
    }
}

impl AsyncWrite for Detached {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        now(|| match &self.socket {
            Kind::Tcp(stream) => (&*stream).write(bytes),
            Kind::Unix(stream) => (&*stream).write(bytes),
        })
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let half = std::net::Shutdown::Write;
        Poll::Ready(match &self.socket {
            Kind::Tcp(stream) => stream.shutdown(half),
            Kind::Unix(stream) => stream.shutdown(half),
        })
    }
}

impl AsyncRead for Moving {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(lost()))
    }
}

impl AsyncWrite for Moving {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(lost()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(lost()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Err(lost()))
    }
}
