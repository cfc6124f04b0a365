//! The route to a server, which a cancel request takes again.

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use postgres_protocol::message::frontend;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::address::Address;
use super::os_error::io_error;
use super::socket::Socket;
use super::tls::{self, Connector};
use crate::error::{Error, ErrorKind, texts};

/// How to reach the same server again, for a cancel request.
#[derive(Debug, Clone)]
pub struct Route {
    /// Its address.
    pub address: Address,
    /// The host that was asked for, for the certificate.
    pub host: String,
    /// TLS, when the connection speaks it.
    pub tls: Option<Arc<Connector>>,
    /// The certificate that the program was asked about and accepted. Nothing is sent to a server that shows another
    /// one.
    pub certificate: Option<Vec<u8>>,
    /// How long reaching it may take.
    pub connect_timeout: Option<Duration>,
}

/// Asks for TLS and wraps it around the socket.
///
/// # Errors
/// `Tls` when the server has none, or the two sides don't come together; see [`Connector::wrap`].
pub async fn secure(mut socket: Socket, connector: &Arc<Connector>, host: &str) -> Result<Box<tls::Session>, Error> {
    if !connector.is_direct() {
        let mut request = BytesMut::new();
        frontend::ssl_request(&mut request);
        let mut answer = [0];
        let exchange = async {
            socket.write_all(&request).await?;
            socket.read_exact(&mut answer).await
        };
        exchange.await.map_err(|error| broken(&error))?;
        match answer {
            [b'S'] => {}
            [b'N'] => {
                return Err(Error::new(ErrorKind::Tls, texts::NO_TLS));
            }
            _ => return Err(Error::new(ErrorKind::Tls, texts::TLS_REQUEST_FAILED)),
        }
    }
    connector.wrap(socket, host).await.map(Box::new)
}

/// The error of a socket that ends or fails while something is to be read.
pub(super) fn broken(error: &std::io::Error) -> Error {
    if error.kind() == std::io::ErrorKind::UnexpectedEof {
        return Error::lost().with_code("ECONNRESET");
    }
    io_error(error, "read", "")
}
