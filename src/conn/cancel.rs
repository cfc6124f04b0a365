//! Cancel requests: one message on a socket of its own, which asks the server to stop what another one is doing.

use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::address;
use super::os_error::io_error;
use super::route::{Route, secure};
use super::stream::Stream;
use super::tls;
use crate::clock;
use crate::error::{Error, ErrorKind, Phase, texts};
use crate::supabase::Endpoint;

/// How long a cancel request may take when connecting has no time limit. The work goes on either way, and a server that
/// is that late is unlikely to cancel it any more.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a request may be on its way after its sender was let go, where that comes first. Afterwards the connection has
/// had nothing under way for so long, and a pooler passes nothing on to one without.
pub(super) const LATE: Duration = Duration::from_millis(300);

/// Whether a sender is let go before its request is passed on, as Supavisor does. It gives all sessions its own name, and
/// has known hosts.
pub(super) fn comes_late(route: &Route, parameters: &[(String, String)]) -> bool {
    let is_named = parameters.iter().any(|(name, value)| name == "application_name" && value == "Supavisor");
    is_named || Endpoint::of(&route.host) == Some(Endpoint::SharedPooler)
}

/// Asks the server of this route to cancel what it is doing for a session; done when the server has closed the socket,
/// which it does when it has passed the request on. Nothing that it sends is kept.
///
/// # Errors
/// `Timeout` when that takes longer than connecting may, and five seconds without such a limit; the request may still
/// arrive then. `Io` or `Tls` when the server can't be reached.
pub(super) async fn cancel(route: &Route, process_id: i32, secret_key: i32) -> Result<(), Error> {
    let limit = route.connect_timeout.unwrap_or(PATIENCE);
    let asking = ask(route, process_id, secret_key);
    clock::within(limit, asking).await.unwrap_or_else(|| Err(unanswered(limit)))
}

async fn ask(route: &Route, process_id: i32, secret_key: i32) -> Result<(), Error> {
    let socket = address::dial_again(&route.address).await?;
    let mut stream = match &route.tls {
        Some(connector) => Stream::Tls(secure(socket, connector, &route.host).await?),
        None => Stream::Plain(socket),
    };
    if let (Stream::Tls(session), Some(accepted)) = (&stream, &route.certificate)
        && tls::certificate(session).as_ref() != Some(accepted)
    {
        return Err(Error::new(ErrorKind::Tls, texts::OTHER_CERTIFICATE));
    }
    let mut out = BytesMut::new();
    frontend::cancel_request(process_id, secret_key, &mut out);
    let exchange = async {
        stream.write_all(&out).await?;
        stream.flush().await?;
        // The server closes without an answer. If it sends one it has received the request as well, and the answer is
        // ignored.
        stream.read(&mut [0]).await
    };
    match exchange.await {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => Ok(()),
        // What OpenSSL makes of a server that closes without close_notify.
        Err(error) if error.kind() == std::io::ErrorKind::UnexpectedEof => Ok(()),
        Err(error) => Err(io_error(&error, "read", "")),
    }
}

fn unanswered(limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout(Phase::Connect), texts::cancel_unanswered(limit)).with_code("ETIMEDOUT")
}
