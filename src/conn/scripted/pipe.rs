//! The client's end of a connection in memory.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream, ReadBuf};

use super::Failpoint;

/// What a [`crate::conn::stream::Stream`] has in place of a socket.
pub struct Pipe {
    stream: DuplexStream,
    failpoint: Arc<Failpoint>,
    open: Arc<AtomicUsize>,
}

impl Pipe {
    /// One that counts as open until it is dropped, and passes the failpoint whenever it is read or written.
    pub fn new(stream: DuplexStream, failpoint: Arc<Failpoint>, open: Arc<AtomicUsize>) -> Pipe {
        open.fetch_add(1, Ordering::SeqCst);
        Pipe { stream, failpoint, open }
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::SeqCst);
    }
}

impl AsyncRead for Pipe {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.failpoint.step();
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        self.failpoint.step();
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.failpoint.step();
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.failpoint.step();
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
