//! What a server says to the first bytes.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::join;
use tokio_postgres::config::SslNegotiation;

use super::attempt::PATIENCE as PATIENCE_TO_DIAL;
use super::cause::Cause;
use super::finding::Finding;
use super::first_bytes::{self, MOST, Speech};
use super::place::Place;
use super::refusal;
use crate::clock;
use crate::config::TlsSettings;
use crate::conn::address::{Address, dial_again};
use crate::conn::steps::{Secured, connector, wrap};
use crate::conn::{KeyRing, Socket};
use crate::error::Error;

/// How long a server may take for its first byte, and for all bytes that are read.
const PATIENCE: Duration = Duration::from_secs(2);

/// How long nothing may follow until an answer counts as whole: servers that speak first may still be speaking.
const QUIET: Duration = Duration::from_millis(200);

/// How long further tries may take, of a server that has said nothing.
const PATIENCE_AGAIN: Duration = Duration::from_millis(1500);

/// Ends a line, for servers that wait for one.
const LINE_END: &[u8] = b"\r\n\r\n";

/// What a server has said, and whether it has closed the connection.
struct Heard {
    bytes: Vec<u8>,
    has_closed: bool,
}

/// Asks for TLS, and reads what comes. `address` is for further tries.
pub(super) async fn ask(place: &Place, address: &Address, socket: &mut Socket) -> Result<String, Finding> {
    let heard = converse(socket, &ssl_request(), PATIENCE).await;
    match first_bytes::meaning(&heard.bytes) {
        Some(Speech::Tls) => Ok("the server agrees to TLS".to_owned()),
        Some(speech) => Err(said(place, address, speech, &heard).await),
        None => Err(unheard(place, address, &heard).await),
    }
}

/// What the server is, where TLS has failed without being asked for first. A server may wait for TLS, or close a
/// connection that begins in another way.
pub(super) async fn behind_tls(place: &Place, address: &Address, failure: Finding) -> Finding {
    if !matches!(failure.cause, Cause::TlsFailed | Cause::ClosesAtOnce) {
        return failure;
    }
    let Some(Ok(mut socket)) = clock::within(PATIENCE_TO_DIAL, dial_again(address)).await else { return failure };
    match ask(place, address, &mut socket).await {
        Err(finding) if matches!(finding.cause, Cause::HttpServer | Cause::OtherProtocol) => finding,
        _ => failure,
    }
}

fn ssl_request() -> Vec<u8> {
    let mut request = bytes::BytesMut::new();
    postgres_protocol::message::frontend::ssl_request(&mut request);
    request.to_vec()
}

/// Sends bytes, and reads the first ones that come.
async fn converse(stream: &mut (impl AsyncRead + AsyncWrite + Unpin), request: &[u8], patience: Duration) -> Heard {
    let mut heard = Heard { bytes: Vec::with_capacity(MOST), has_closed: false };
    let listening = async {
        // What a server said before it closed the connection can still be read.
        let _ = stream.write_all(request).await;
        let _ = stream.flush().await;
        while !first_bytes::is_settled(&heard.bytes) && !heard.has_closed {
            let pause = if first_bytes::may_be_all(&heard.bytes) { QUIET } else { patience };
            match clock::within(pause, hear(stream, &mut heard)).await {
                Some(()) => {}
                None => return,
            }
        }
    };
    clock::within(patience, listening).await;
    heard
}

async fn hear(stream: &mut (impl AsyncRead + Unpin), heard: &mut Heard) {
    let room = MOST.saturating_sub(heard.bytes.len());
    let mut limited = stream.take(u64::try_from(room).unwrap_or(0));
    heard.has_closed = !matches!(limited.read_buf(&mut heard.bytes).await, Ok(1..));
}

/// The finding for anything but an agreement.
async fn said(place: &Place, address: &Address, speech: Speech, heard: &Heard) -> Finding {
    match speech {
        Speech::Refusal(error) => refusal::finding(place, Error::from_server(error)),
        Speech::NoTls => of(place, Cause::TlsNotOffered).seen(format!("{}: answers that it has no TLS", place.shown())),
        Speech::Pushed => pushed(place, heard),
        Speech::TlsRecord => match by_direct_tls(place, address).await {
            Some(finding) => finding,
            None => other(place, "a server that begins with TLS, and isn't PostgreSQL", heard),
        },
        Speech::Http => quoting(of(place, Cause::HttpServer), place, heard),
        Speech::Other(kind) => other(place, kind, heard),
        Speech::Tls | Speech::Unknown => other(place, "", heard),
    }
}

fn of(place: &Place, cause: Cause) -> Finding {
    Finding::new(cause).with("place", place.shown())
}

/// `kind` is empty where it isn't known.
fn other(place: &Place, kind: &str, heard: &Heard) -> Finding {
    let finding = of(place, Cause::OtherProtocol);
    let finding = if kind.is_empty() { finding } else { finding.with("server", kind) };
    quoting(finding, place, heard)
}

fn pushed(place: &Place, heard: &Heard) -> Finding {
    let more = heard.bytes.len().saturating_sub(1);
    let seen = format!("{}: agrees to TLS, and sends {more} bytes more before it has begun", place.shown());
    of(place, Cause::PlaintextBeforeTls).seen(seen)
}

fn quoting(finding: Finding, place: &Place, heard: &Heard) -> Finding {
    match first_bytes::shown(&heard.bytes) {
        Some(text) => finding.seen(format!("{}: says \"{text}\"", place.shown())).with("reason", text),
        None => finding.seen(format!("{}: says {} bytes that are no text", place.shown(), heard.bytes.len())),
    }
}

/// The finding where nothing was said. A server may wait for the end of a line, or for TLS.
async fn unheard(place: &Place, address: &Address, heard: &Heard) -> Finding {
    if heard.has_closed {
        if let Some(finding) = by_direct_tls(place, address).await {
            return finding;
        }
        let seen = format!("{}: takes the connection, and closes it without a word", place.shown());
        return of(place, Cause::ClosesAtOnce).seen(seen);
    }
    let (line, tls) = join!(by_line(place, address), by_direct_tls(place, address));
    line.or(tls).unwrap_or_else(|| {
        let seen = format!("{}: takes the connection, and says nothing within {} s", place.shown(), PATIENCE.as_secs());
        of(place, Cause::SilentServer).seen(seen)
    })
}

/// What a server that waits for a line answers to one.
async fn by_line(place: &Place, address: &Address) -> Option<Finding> {
    let mut socket = clock::within(PATIENCE_TO_DIAL, dial_again(address)).await?.ok()?;
    let heard = converse(&mut socket, &[&ssl_request(), LINE_END].concat(), PATIENCE_AGAIN).await;
    foreign(place, &heard)
}

/// What a server that isn't PostgreSQL has said.
fn foreign(place: &Place, heard: &Heard) -> Option<Finding> {
    match first_bytes::meaning(&heard.bytes)? {
        Speech::Http => Some(quoting(of(place, Cause::HttpServer), place, heard)),
        Speech::Other(kind) => Some(other(place, kind, heard)),
        _ => None,
    }
}

/// Begins with TLS, without asking, and without a look at the certificate: nothing is said in it that is anyone's secret.
async fn by_direct_tls(place: &Place, address: &Address) -> Option<Finding> {
    let seen = format!("{}: speaks TLS where it begins without being asked for", place.shown());
    // A web server refuses TLS for a protocol that it doesn't know, so that it is asked for none then.
    for negotiation in [SslNegotiation::Direct, SslNegotiation::Postgres] {
        let Ok(Secured { mut stream, .. }) =
            clock::within(PATIENCE_AGAIN, begin_tls(place, address, negotiation)).await?
        else {
            continue;
        };
        // It has something to say to what isn't HTTP.
        let heard = converse(&mut stream, &[&ssl_request(), LINE_END].concat(), PATIENCE_AGAIN).await;
        let finding = foreign(place, &heard).unwrap_or_else(|| match negotiation {
            SslNegotiation::Direct => of(place, Cause::DirectTlsOnly),
            _ => other(place, "a server that begins with TLS, and isn't PostgreSQL", &heard),
        });
        return Some(finding.seen(seen));
    }
    None
}

async fn begin_tls(place: &Place, address: &Address, negotiation: SslNegotiation) -> Result<Secured, Error> {
    let mut settings = place.settings.clone();
    settings.server.ssl_negotiation(negotiation);
    let server_name = settings.tls.as_ref().and_then(|tls| tls.server_name.clone());
    let tls = TlsSettings { server_name, ..TlsSettings::default() };
    let connector = connector(&tls, &settings, &place.host, &KeyRing::default()).await?;
    wrap(dial_again(address).await?, &connector, &place.host).await.map_err(|refusal| refusal.error)
}
