//! The task of a connection, and the reading that another thread may do in its place.

use std::future::poll_fn;
use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, ReadBuf};

use super::answer::{Answer, LONG_ANSWER};
use super::connection::Connection;
use super::connection_id::ConnectionId;
use super::end::End;
use super::established::Established;
use super::os_error::io_error;
use super::read_buffer::ReadBuffer;
#[cfg(unix)]
use super::reader::Detachable;
use super::runtime;
use super::scheduling::let_others_finish;
use super::state::Turn;
use super::stream::Stream;
use crate::error::{Error, contained};

/// Starts the task of an established connection; see [`Connection::new`]. Must be called on the runtime.
pub(super) fn start(id: ConnectionId, mut established: Established, pooler_asker: fn(Connection)) -> Connection {
    let received = std::mem::take(&mut established.received);
    let connection = Connection::new(id, established, pooler_asker);
    let driver = Arc::new(Mutex::new(Some(Driver::new(connection.clone(), &received))));
    #[cfg(unix)]
    connection.started(Arc::downgrade(&(driver.clone() as Arc<dyn Detachable>)));
    runtime::spawn(run(driver));
    connection
}

#[cfg(unix)]
impl Detachable for Mutex<Option<Driver>> {
    fn read_detached(&self) -> bool {
        lock(self).as_mut().is_some_and(Driver::read_detached)
    }
}

/// Runs until the connection is closed.
async fn run(driver: Arc<Mutex<Option<Driver>>>) {
    let end = poll_fn(|cx| match &mut *lock(&driver) {
        Some(driver) => driver.poll_contained(cx),
        None => Poll::Ready(End::Lost(None)),
    })
    .await;
    let_others_finish(false);
    let ended = lock(&driver).take();
    if let Some(mut driver) = ended {
        driver.answer.close(end);
    }
}

/// Locks the driver for one turn.
fn lock(driver: &Mutex<Option<Driver>>) -> MutexGuard<'_, Option<Driver>> {
    driver.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Reads a connection: on its task, or on the thread that has detached it.
struct Driver {
    reader: ReadBuffer,
    answer: Answer,
    /// What went wrong while another thread was reading.
    failure: Option<Error>,
    /// What comes behind the bytes that were read last.
    end: Option<End>,
}

impl Driver {
    fn new(connection: Connection, received: &[u8]) -> Self {
        let answer = Answer::new(connection, received.len());
        Driver { reader: ReadBuffer::new(received), answer, failure: None, end: None }
    }

    /// A panic ends the connection, while the requests that wait for it can still be told.
    fn poll_contained(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        contained(|| self.poll(cx)).unwrap_or_else(|| Poll::Ready(End::Lost(Some(self.answer.break_off()))))
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
            self.answer.connection.tell_all(drained);
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

    /// See [`Detachable::read_detached`].
    #[cfg(unix)]
    fn read_detached(&mut self) -> bool {
        contained(|| self.read_all_detached()).unwrap_or_else(|| {
            self.failure = Some(self.answer.break_off());
            false
        })
    }

    #[cfg(unix)]
    fn read_all_detached(&mut self) -> bool {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        loop {
            self.reader.make_room();
            let mut inner = self.answer.connection.lock();
            let Some(stream) = inner.detached_stream() else { return false };
            let room = self.reader.bytes.get_mut(self.reader.end..).unwrap_or_default();
            let mut buffer = ReadBuf::new(room);
            match read(stream, &mut cx, &mut buffer) {
                Poll::Pending => return true,
                Poll::Ready(ControlFlow::Continue(())) => {}
                // The task gets the same error, and handles it.
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

    /// Writes and closes in any case, and reads if the receivers keep up.
    fn poll_socket(&mut self, cx: &mut Context<'_>, keeps_up: bool) -> Poll<ControlFlow<End>> {
        let mut inner = self.answer.connection.lock();
        let stream = match inner.turn(cx) {
            Turn::Wait => return Poll::Pending,
            Turn::Broken => {
                drop(inner);
                return Poll::Ready(ControlFlow::Break(End::Lost(Some(self.answer.break_off()))));
            }
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
            // A read returns one TLS record, and a server sends each answer as one: all that are there are read
            // together.
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use bytes::BytesMut;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

    use super::super::address::Address;
    use super::super::event::Event;
    use super::super::meaning::Meaning;
    use super::super::message::Message;
    use super::super::observer::Observer;
    use super::super::pooling::Way;
    use super::super::reply::Reply;
    use super::super::request::Request;
    use super::super::route::Route;
    use super::super::scripted::Pipe;
    use super::super::sink::{Sink, Tables};
    use super::super::socket::Socket;
    use super::*;
    use crate::rows::TypeMask;
    use crate::rows::{Batch, Extra};

    /// Hears everything, unless it is busy, and panics where it is asked for shapes once that is wanted.
    struct Listener {
        tables: Tables,
        panics: AtomicBool,
        is_busy: AtomicBool,
        heard: UnboundedSender<String>,
    }

    impl Sink for Listener {
        fn deliver(&self, batch: Batch) {
            let told = batch.addressees();
            let is_event = |extra: &Extra| matches!(extra, Extra::News(_));
            batch
                .extras
                .iter()
                .filter(|extra| is_event(extra))
                .for_each(|_| self.heard.send("event".to_owned()).unwrap());
            let mut extras = batch.extras.into_iter().filter(|extra| !is_event(extra));
            for request in told.into_keys() {
                let error = match extras.next() {
                    Some(Extra::Error(error)) => error.message,
                    _ => "done".to_owned(),
                };
                self.heard.send(format!("{request}: {error}")).unwrap();
            }
        }

        fn tables(&self) -> &Tables {
            assert!(!self.panics.load(Ordering::Relaxed), "as the test wants it");
            &self.tables
        }

        fn id(&self) -> u64 {
            1
        }

        fn poll_ready(&self, _: &mut Context<'_>) -> Poll<()> {
            if self.is_busy.load(Ordering::Relaxed) { Poll::Pending } else { Poll::Ready(()) }
        }
    }

    struct Watcher(Arc<Listener>);

    impl Observer for Watcher {
        fn answered(&self, _: bool) {}

        fn event(&self, _: ConnectionId, event: Event) {
            if let Event::Lost(error) = event {
                self.0.heard.send(format!("lost: {}", error.message)).unwrap();
            }
        }

        fn listener(&self) -> Option<Arc<dyn Sink>> {
            Some(self.0.clone())
        }

        fn closed(&self) {
            self.0.heard.send("closed".to_owned()).unwrap();
        }
    }

    fn connected() -> (DuplexStream, Connection, Arc<Listener>, UnboundedReceiver<String>) {
        let (client, server) = tokio::io::duplex(16 * 1024);
        let established = Established {
            stream: Stream::Plain(Socket::Pipe(Pipe::new(client, Arc::default(), Arc::default()))),
            received: BytesMut::new(),
            process_id: 0,
            secret_key: 0,
            parameters: Vec::new(),
            notices: Vec::new(),
            status: b'I',
            route: Route {
                address: Address::Tcp(([192, 0, 2, 1], 5432).into()),
                host: String::new(),
                tls: None,
                certificate: None,
                connect_timeout: None,
            },
            meaning: Meaning::default(),
            way: Way::without_pooler(),
            auto_prepare: false,
            busy_wait: false,
            round_trip: None,
        };
        let (sender, heard) = unbounded_channel();
        let sink = Arc::new(Listener {
            tables: Tables::default(),
            panics: AtomicBool::new(false),
            is_busy: AtomicBool::new(false),
            heard: sender,
        });
        let connection = start(1, established, |_| {});
        connection.watch(Arc::new(Watcher(sink.clone())));
        (server, connection, sink, heard)
    }

    fn query(sink: &Arc<Listener>, request: i32) -> Request {
        let sink: Arc<dyn Sink> = sink.clone();
        let reply = Reply { sink, request, mask: TypeMask(0), eager: false, unordered: false, race: None };
        Request { message: Message::Simple("SELECT".into()), reply, may_prepare: false, known: None }
    }

    const COMPLETE: &[u8] = b"C\0\0\0\x0dSELECT 0\0Z\0\0\0\x05I";
    const DESCRIPTION: &[u8] = b"T\0\0\0\x06\0\0";
    const NOTICE: &[u8] = b"N\0\0\0\x08Mx\0\0";

    #[tokio::test(start_paused = true)]
    async fn a_panic_rejects_everything_that_waits_for_the_connection_and_closes_it() {
        let (mut server, connection, sink, mut heard) = connected();
        connection.set_depth(3);
        connection.submit_all((1..=4).map(|request| query(&sink, request)));
        connection.end(Some(query(&sink, 5).reply));
        sink.panics.store(true, Ordering::Relaxed);
        // The end of the first stands in the batch that the second's description cuts off.
        server.write_all(&[COMPLETE, DESCRIPTION].concat()).await.unwrap();
        let mut all = Vec::new();
        while let Some(line) = heard.recv().await
            && line != "closed"
        {
            all.push(line);
        }
        let rejected = |request| format!("{request}: Connection terminated");
        assert_eq!(all, [rejected(1), rejected(2), rejected(3), rejected(4), "5: done".to_owned()]);
        assert!(connection.is_closed());
        let mut rest = Vec::new();
        assert!(server.read_to_end(&mut rest).await.is_ok(), "the socket is closed");
    }

    #[tokio::test(start_paused = true)]
    async fn its_error_says_that_pgfleet_failed_and_the_next_connection_works() {
        let (mut server, connection, sink, mut heard) = connected();
        connection.submit(query(&sink, 1));
        sink.panics.store(true, Ordering::Relaxed);
        server.write_all(DESCRIPTION).await.unwrap();
        let failed = "pgfleet failed while it read an answer; the connection was closed.";
        assert_eq!(heard.recv().await, Some(format!("1: {failed}")));
        assert_eq!(heard.recv().await, Some(format!("lost: {failed}")));

        let (mut server, connection, sink, mut heard) = connected();
        connection.submit(query(&sink, 1));
        server.write_all(&[DESCRIPTION, COMPLETE].concat()).await.unwrap();
        assert_eq!(heard.recv().await, Some("1: done".to_owned()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_reads_no_further_than_its_listeners_keep_up_and_closes_all_the_same() {
        let (mut server, connection, sink, mut heard) = connected();
        server.write_all(NOTICE).await.unwrap();
        assert_eq!(heard.recv().await.as_deref(), Some("event"));
        sink.is_busy.store(true, Ordering::Relaxed);
        // The read under way when the listener got busy may still bring one.
        server.write_all(NOTICE).await.unwrap();
        connection.submit(query(&sink, 1));
        server.read_exact(&mut [0; 12]).await.unwrap();
        server.write_all(&NOTICE.repeat(100)).await.unwrap();
        connection.destroy(Error::closed("as the test wants it"));
        let mut events = 0;
        while let Some(line) = heard.recv().await
            && line != "closed"
        {
            events += usize::from(line == "event");
        }
        assert!(events <= 1, "{events}");
        assert!(connection.is_closed());
    }
}
