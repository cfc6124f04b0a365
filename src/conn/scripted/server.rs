//! A server with an address, and its connections.

use std::collections::HashMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use once_cell::sync::Lazy;
use tokio_postgres::Config;

use super::script::{Answering, Backend, CANCEL, STARTUP, Script, Step, Stop, trust};
use super::{Failpoint, Pipe};
use crate::config::{PoolMode, ServerSettings, SessionTarget};
use crate::conn::address::Address;
use crate::conn::socket::Socket;
use crate::error::{Error, ErrorKind};

/// Bytes that a connection holds in each direction: so few that longer messages leave in several writes.
const CAPACITY: usize = 512;

/// Addresses that no network has (RFC 5737); each server has a port.
const HOST: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

static SERVERS: Lazy<Mutex<HashMap<SocketAddr, Arc<Shared>>>> = Lazy::new(Mutex::default);

/// What happens to connection attempts.
#[derive(Clone, Copy, PartialEq)]
pub enum Door {
    /// They are accepted.
    Open,
    /// They are refused.
    Refused,
    /// They are not answered.
    Silent,
    /// They are accepted, and get no answer.
    Mute,
}

/// A server that plays a script on each of its connections. It exists as long as the process.
#[derive(Clone)]
pub struct Server {
    shared: Arc<Shared>,
}

struct Shared {
    address: SocketAddr,
    script: Box<dyn Fn(usize) -> Script + Send + Sync>,
    failpoint: Arc<Failpoint>,
    open: Arc<AtomicUsize>,
    serving: AtomicUsize,
    state: Mutex<State>,
}

struct State {
    door: Door,
    accepted: usize,
    /// Messages by their types and bodies, with the connection that brought them.
    heard: Vec<(usize, u8, Vec<u8>)>,
    cancels: Vec<Vec<u8>>,
    complaints: Vec<String>,
}

impl Server {
    /// Plays `script` on each connection, which is told how many were there before. Cancel requests are noted, and
    /// closed.
    pub fn playing(script: impl Fn(usize) -> Script + Send + Sync + 'static) -> Server {
        let mut servers = SERVERS.lock().unwrap_or_else(PoisonError::into_inner);
        let port = u16::try_from(servers.len() + 1).unwrap();
        let address = SocketAddr::new(HOST.into(), port);
        let state =
            State { door: Door::Open, accepted: 0, heard: Vec::new(), cancels: Vec::new(), complaints: Vec::new() };
        let shared = Arc::new(Shared {
            address,
            script: Box::new(script),
            failpoint: Arc::default(),
            open: Arc::default(),
            serving: AtomicUsize::new(0),
            state: Mutex::new(state),
        });
        servers.insert(address, shared.clone());
        Server { shared }
    }

    /// Settings that reach it.
    pub fn settings(&self) -> ServerSettings {
        let mut server = Config::new();
        let SocketAddr::V4(address) = self.shared.address else { unreachable!("it has such an address") };
        server.host(address.ip().to_string()).port(address.port());
        server.user("somebody").dbname("somewhere").password("secret");
        ServerSettings {
            server,
            project: None,
            by_ref: false,
            tls: None,
            session: SessionTarget::Any,
            startup: Vec::new(),
            asks_for_password: false,
            required_auth: None,
            scram_max_iterations: None,
            pool_mode: Some(PoolMode::Session),
            auto_prepare: false,
            connect_timeout: None,
            keepalive: None,
            busy_wait: false,
        }
    }

    /// Where it is.
    pub fn address(&self) -> SocketAddr {
        self.shared.address
    }

    /// What happens to connection attempts from now on.
    pub fn set_door(&self, door: Door) {
        self.shared.lock().door = door;
    }

    /// Panics in the client's reading and writing.
    pub fn failpoint(&self) -> &Failpoint {
        &self.shared.failpoint
    }

    /// How many sockets clients hold.
    pub fn open(&self) -> usize {
        self.shared.open.load(Ordering::SeqCst)
    }

    /// How many tasks it has: one for each connection that it hasn't seen the end of.
    pub fn serving(&self) -> usize {
        self.shared.serving.load(Ordering::SeqCst)
    }

    /// How many connections there were, cancel requests aside.
    pub fn accepted(&self) -> usize {
        self.shared.lock().accepted
    }

    /// The types of the messages that this connection has brought so far, from 0 on.
    pub fn heard(&self, connection: usize) -> Vec<u8> {
        self.shared.lock().heard.iter().filter(|(from, ..)| *from == connection).map(|(_, tag, _)| *tag).collect()
    }

    /// What this connection has brought first.
    pub fn startup(&self, connection: usize) -> String {
        let first = |(from, tag, _): &&(usize, u8, Vec<u8>)| (*from, *tag) == (connection, STARTUP);
        let body = self.shared.lock().heard.iter().find(first).map(|(_, _, body)| body.clone());
        String::from_utf8_lossy(&body.unwrap_or_default()).into_owned()
    }

    /// The bodies of cancel requests.
    pub fn cancels(&self) -> Vec<Vec<u8>> {
        self.shared.lock().cancels.clone()
    }

    /// What came that the scripts did not expect.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.lock().complaints.clone()
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(&self, stream: tokio::io::DuplexStream) {
        let is_mute = self.lock().door == Door::Mute;
        // A client that goes away is the end of its connection.
        let Ok((mut backend, tag, body)) = Backend::accept(stream).await else { return };
        if is_mute {
            return backend.until_closed().await;
        }
        if tag == CANCEL {
            self.lock().cancels.push(body);
            return;
        }
        let number = {
            let mut state = self.lock();
            state.accepted += 1;
            state.accepted - 1
        };
        let hear = |tag, body: &[u8]| self.lock().heard.push((number, tag, body.to_vec()));
        if let Err(Stop::Unexpected(what)) = backend.play((self.script)(number), hear).await {
            self.lock().complaints.push(format!("connection {number}: {what}"));
        }
    }
}

/// A task of a server.
struct Serving(Arc<Shared>);

impl Serving {
    fn new(server: Arc<Shared>) -> Serving {
        server.serving.fetch_add(1, Ordering::SeqCst);
        Serving(server)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.serving.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Connects to the server of this address, if there is one.
pub async fn dial(address: SocketAddr) -> Option<Result<(Socket, Address), Error>> {
    let server = SERVERS.lock().unwrap_or_else(PoisonError::into_inner).get(&address).cloned()?;
    server.failpoint.step();
    let door = server.lock().door;
    match door {
        Door::Open | Door::Mute => {}
        Door::Refused => {
            return Some(Err(Error::new(ErrorKind::Io, "connect ECONNREFUSED").with_code("ECONNREFUSED")));
        }
        Door::Silent => std::future::pending().await,
    }
    let (client, backend) = tokio::io::duplex(CAPACITY);
    let pipe = Pipe::new(client, server.failpoint.clone(), server.open.clone());
    let serving = Serving::new(server);
    tokio::spawn(async move { serving.0.serve(backend).await });
    Some(Ok((Socket::Pipe(pipe), Address::Tcp(address))))
}

/// The settings of a server that asks for no password. `answer` gets the type and the body of each message, and gives
/// what is sent back, or nothing to close the connection.
pub fn start(answer: impl Fn(u8, &[u8]) -> Option<Vec<u8>> + Send + Sync + 'static) -> ServerSettings {
    let answer: Answering = Arc::new(answer);
    Server::playing(move |_| [trust(), vec![Step::Serve(answer.clone())]].concat()).settings()
}
