//! The task of a connection, and the reading that another thread may do in its place.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use tokio::io::{AsyncRead, ReadBuf};

use super::address::io_error;
use super::answer::{Answer, End, LONG_ANSWER};
use super::connection::Connection;
use super::read_buffer::ReadBuffer;
use super::scheduling::let_others_finish;
use super::state::{Turn, deliver_notes};
use super::stream::Stream;
use crate::error::Error;

/// Runs until the connection is closed.
pub(super) async fn run(driver: Arc<Mutex<Option<Driver>>>) {
    let end = poll_fn(|cx| match &mut *lock(&driver) {
        Some(driver) => driver.poll(cx),
        None => Poll::Ready(End::Lost(None)),
    })
    .await;
    let_others_finish(false);
    let ended = lock(&driver).take();
    if let Some(mut driver) = ended {
        driver.answer.close(end);
    }
}

/// The driver, for as long as a turn of it takes.
pub(super) fn lock(driver: &Mutex<Option<Driver>>) -> MutexGuard<'_, Option<Driver>> {
    driver.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a connection: on its task, or on the thread of whoever has detached it.
pub(super) struct Driver {
    reader: ReadBuffer,
    answer: Answer,
    /// What went wrong while the task was not the one who read.
    failure: Option<Error>,
    /// What comes behind the bytes that were read last.
    end: Option<End>,
}

impl Driver {
    pub(super) fn new(connection: Connection, received: &[u8]) -> Self {
        let answer = Answer::new(connection, received.len());
        Driver { reader: ReadBuffer::new(received), answer, failure: None, end: None }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        if let Some(error) = self.failure.take() {
            return Poll::Ready(End::Lost(Some(error)));
        }
        loop {
            if let Err(error) = self.answer.read(&mut self.reader) {
                return Poll::Ready(End::Lost(Some(error)));
            }
            let keeps_up = self.answer.poll_ready(cx).is_ready();
            let outcome = self.poll_socket(cx, keeps_up);
            let drained = self.answer.connection.lock().take_drained();
            deliver_notes(drained);
            match outcome {
                Poll::Pending => {
                    let_others_finish(self.answer.length > LONG_ANSWER);
                    return Poll::Pending;
                }
                Poll::Ready(ControlFlow::Continue(_)) => {}
                Poll::Ready(ControlFlow::Break(end)) => return Poll::Ready(end),
            }
        }
    }

    /// Reads what there is on a detached socket. False when the task has to go on: the answer is long, the connection is
    /// over, or it does not matter any more.
    pub(super) fn read_detached(&mut self) -> bool {
        let mut cx = Context::from_waker(Waker::noop());
        loop {
            self.reader.make_room();
            let mut inner = self.answer.connection.lock();
            let Some(stream) = inner.detached_stream() else { return false };
            let room = self.reader.bytes.get_mut(self.reader.end..).unwrap_or_default();
            let mut buffer = ReadBuf::new(room);
            match read(stream, &mut cx, &mut buffer) {
                Poll::Pending => return true,
                Poll::Ready(ControlFlow::Continue(())) => {}
                // The task finds the same, and knows what to make of it.
                Poll::Ready(ControlFlow::Break(_)) => return false,
            }
            let filled = buffer.filled().len();
            drop(inner);
            self.reader.end += filled;
            self.answer.length += filled;
            if let Err(error) = self.answer.read(&mut self.reader) {
                self.failure = Some(error);
                return false;
            }
            if self.answer.length > LONG_ANSWER {
                return false;
            }
        }
    }

    /// Writes and closes in any case, and reads if those who are told of it keep up.
    fn poll_socket(&mut self, cx: &mut Context<'_>, keeps_up: bool) -> Poll<ControlFlow<End>> {
        let mut inner = self.answer.connection.lock();
        let stream = match inner.turn(cx) {
            Turn::Wait => return Poll::Pending,
            Turn::Close(None) => return Poll::Ready(ControlFlow::Break(End::Terminated)),
            Turn::Close(Some(error)) => return Poll::Ready(ControlFlow::Break(End::Destroyed(error))),
            Turn::Read(_) if !keeps_up => return Poll::Pending,
            Turn::Read(stream) => stream,
        };
        if let Some(end) = self.end.take() {
            return Poll::Ready(ControlFlow::Break(end));
        }
        self.reader.make_room();
        let room = self.reader.bytes.get_mut(self.reader.end..).unwrap_or_default();
        let mut buffer = ReadBuf::new(room);
        let mut outcome = read(stream, cx, &mut buffer);
        if matches!(stream, Stream::Tls(_)) {
            // A read gives one record, and a server makes one of each answer: those that are there belong together.
            while matches!(outcome, Poll::Ready(ControlFlow::Continue(()))) && buffer.remaining() > 0 {
                outcome = read(stream, cx, &mut buffer);
            }
        }
        let filled = buffer.filled().len();
        self.reader.end += filled;
        self.answer.length += filled;
        match outcome {
            // First what came before.
            Poll::Ready(ControlFlow::Break(end)) if filled > 0 => self.end = Some(end),
            Poll::Pending if filled > 0 => {}
            outcome => return outcome,
        }
        Poll::Ready(ControlFlow::Continue(()))
    }
}

/// What a stream has to give now.
fn read(stream: &mut Stream, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<ControlFlow<End>> {
    let before = buffer.filled().len();
    Pin::new(stream).poll_read(cx, buffer).map(|outcome| match outcome {
        Err(error) => ControlFlow::Break(End::Lost(Some(io_error(&error, "read", "")))),
        Ok(()) if buffer.filled().len() == before => ControlFlow::Break(End::Lost(None)),
        Ok(()) => ControlFlow::Continue(()),
    })
}
