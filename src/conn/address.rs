//! Finding a server: names to addresses, addresses to sockets.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio_postgres::config::Host;

use super::os_error::{Shortage, io_code, io_error};
use super::socket::Socket;
use crate::clock;
use crate::error::{Error, ErrorKind, SystemCall, texts};

/// Where a connection went, so that a cancel request goes to the same server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// TCP.
    Tcp(SocketAddr),
    /// The path of a Unix socket.
    Unix(PathBuf),
}

/// How the sockets of servers are called in their folder, before the port.
pub const SOCKET: &str = ".s.PGSQL.";

/// The Unix socket of the server on a port that has this folder.
pub fn socket_path(folder: &Path, port: u16) -> PathBuf {
    folder.join(format!("{SOCKET}{port}"))
}

/// How long the next address waits for the one before it. RFC 8305 recommends 250 ms, and Node does the same.
const STAGGER: Duration = Duration::from_millis(250);

/// Connects to one host: the path of a Unix socket, or all addresses of a name, staggered.
///
/// # Errors
/// `Io` with the code that Node has (`ECONNREFUSED`, `ENOTFOUND`, …); with several addresses, `attempts` has one error
/// for each.
pub async fn dial(host: &Host, port: u16) -> Result<(Socket, Address), Error> {
    match host {
        Host::Tcp(name) => {
            let addresses = resolve(name, port).await?;
            dial_any(addresses).await
        }
        #[cfg(unix)]
        Host::Unix(directory) => dial_path(socket_path(directory, port)).await,
    }
}

/// Connects to the very address that another connection has.
pub async fn dial_again(address: &Address) -> Result<Socket, Error> {
    match address {
        Address::Tcp(address) => dial_one(*address).await.map(|(socket, _)| socket),
        #[cfg(unix)]
        Address::Unix(path) => dial_path(path.clone()).await.map(|(socket, _)| socket),
        #[cfg(not(unix))]
        Address::Unix(_) => Err(Error::config(texts::NO_UNIX_SOCKETS)),
    }
}

#[cfg(unix)]
async fn dial_path(path: PathBuf) -> Result<(Socket, Address), Error> {
    match tokio::net::UnixStream::connect(&path).await {
        Ok(stream) => Ok((Socket::Unix(stream), Address::Unix(path))),
        Err(error) => {
            let shown = path.display().to_string();
            Err(io_error(&error, "connect", &shown).with_call(SystemCall {
                name: "connect",
                address: Some(shown),
                port: None,
                hostname: None,
            }))
        }
    }
}

/// The addresses of a name, in the order in which they are to be tried.
///
/// # Errors
/// `Io` with the code that Node has: `ENOTFOUND` where there is no such name, `EAI_AGAIN` where that isn't known.
pub(super) async fn resolve(name: &str, port: u16) -> Result<Vec<SocketAddr>, Error> {
    if let Ok(ip) = name.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    #[cfg(test)]
    if let Some(found) = super::scripted::look_up(name).await {
        return found;
    }
    // A task of its own: where no thread can be had for the look-up, tokio panics.
    let asked = (name.to_owned(), port);
    let found = tokio::spawn(async move { tokio::net::lookup_host(asked).await.map(Vec::from_iter) }).await;
    let addresses: Vec<SocketAddr> = match found {
        Ok(Ok(addresses)) => addresses,
        Ok(Err(error)) => return Err(not_found(name, &error)),
        Err(_) => return Err(look_up_error("EAGAIN", name, texts::NO_THREAD_FOR_LOOKUP)),
    };
    if addresses.is_empty() { Err(look_up_error("ENOTFOUND", name, "")) } else { Ok(interleave(addresses)) }
}

/// Families take turns, in the order of the resolver, so that a dead route of one does not starve the other.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (mut first, mut second): (Vec<_>, Vec<_>) =
        addresses.into_iter().partition(|address| address.is_ipv6() == first_is_v6);
    first.reverse();
    second.reverse();
    let mut order = Vec::with_capacity(first.len() + second.len());
    while !(first.is_empty() && second.is_empty()) {
        order.extend(first.pop());
        order.extend(second.pop());
    }
    order.dedup();
    order
}

fn not_found(name: &str, error: &io::Error) -> Error {
    if let Some((shortage, cause)) = Shortage::now() {
        return look_up_error(io_code(&cause), name, shortage.advice());
    }
    // EAI_AGAIN says that the resolver did not answer; the standard library only gives its text.
    let is_temporary = error.to_string().contains("emporary failure");
    look_up_error(if is_temporary { "EAI_AGAIN" } else { "ENOTFOUND" }, name, "")
}

/// The error of a look-up, in Node's words.
pub fn look_up_error(code: &'static str, name: &str, advice: &str) -> Error {
    Error::new(ErrorKind::Io, texts::system_call("getaddrinfo", code, name, advice))
        .with_code(code)
        .with_call(SystemCall { name: "getaddrinfo", address: None, port: None, hostname: Some(name.to_owned()) })
}

/// Connects to the first of several addresses that answers.
///
/// # Errors
/// As [`dial`].
pub(super) async fn dial_any(addresses: Vec<SocketAddr>) -> Result<(Socket, Address), Error> {
    let mut waiting = addresses.into_iter();
    let mut running = JoinSet::new();
    let mut attempts = Vec::new();
    loop {
        match waiting.next() {
            Some(address) => {
                running.spawn(dial_one(address));
            }
            None if running.is_empty() => return Err(all_failed(attempts)),
            None => {}
        }
        let more = waiting.len() > 0;
        tokio::select! {
            Some(result) = running.join_next() => match result {
                Ok(Ok(connected)) => return Ok(connected),
                Ok(Err(error)) => attempts.push(error),
                Err(panic) => attempts.push(Error::new(ErrorKind::Io, texts::dialing_failed(panic))),
            },
            () = clock::sleep(STAGGER), if more => {}
        }
    }
}

fn all_failed(mut attempts: Vec<Error>) -> Error {
    if attempts.len() == 1 {
        return attempts.remove(0);
    }
    let message = texts::all_of(attempts.iter().map(|error| error.message.as_str()));
    let code = attempts.first().and_then(|error| error.code.clone());
    Error { code, attempts: attempts.into(), ..Error::new(ErrorKind::Io, message) }
}

async fn dial_one(address: SocketAddr) -> Result<(Socket, Address), Error> {
    #[cfg(test)]
    if let Some(dialled) = super::scripted::dial(address).await {
        return dialled;
    }
    match TcpStream::connect(address).await {
        Ok(stream) => {
            // Requests are written whole; waiting for more would only add delay.
            let _ = stream.set_nodelay(true);
            Ok((Socket::Tcp(stream), Address::Tcp(address)))
        }
        Err(error) => Err(io_error(&error, "connect", &address.to_string()).with_call(SystemCall {
            name: "connect",
            address: Some(address.ip().to_string()),
            port: Some(address.port()),
            hostname: None,
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn families_take_turns() {
        let parse = |text: &str| text.parse::<SocketAddr>().unwrap();
        let given = ["[::1]:1", "[::2]:1", "1.1.1.1:1", "2.2.2.2:1", "3.3.3.3:1"].map(parse).to_vec();
        let wanted = ["[::1]:1", "1.1.1.1:1", "[::2]:1", "2.2.2.2:1", "3.3.3.3:1"].map(parse).to_vec();
        assert_eq!(interleave(given), wanted);
    }

    #[test]
    fn one_failed_address_is_reported_as_itself_and_several_together() {
        let refused = || Error::new(ErrorKind::Io, "connect ECONNREFUSED 127.0.0.1:1").with_code("ECONNREFUSED");
        assert_eq!(all_failed(vec![refused()]), refused());
        let both = all_failed(vec![refused(), refused()]);
        assert_eq!((both.attempts.len(), both.code.as_deref()), (2, Some("ECONNREFUSED")));
    }
}
