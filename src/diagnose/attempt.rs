//! Attempts to connect to addresses.

use std::net::SocketAddr;
use std::time::Duration;

use tokio::task::JoinSet;

use crate::clock;
use crate::conn::Socket;
use crate::conn::address::{Address, dial_again};
use crate::error::Error;

/// How long an address may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(2);

/// What became of the connection to an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It was taken.
    Taken,
    /// It was refused at once.
    Refused,
    /// Nothing came.
    Silent,
    /// This machine knows no way there.
    NoWay,
    /// Anything else.
    Failed,
}

/// An address, and what became of it.
pub(super) struct Attempt {
    pub(super) address: SocketAddr,
    pub(super) outcome: Outcome,
    took: Duration,
    /// None where the time was over.
    pub(super) result: Option<Result<Socket, Error>>,
}

impl Attempt {
    /// Tries one address.
    pub(super) async fn make(address: SocketAddr) -> Attempt {
        let began = clock::now();
        let result = clock::within(PATIENCE, dial_again(&Address::Tcp(address))).await;
        let outcome = match &result {
            None => Outcome::Silent,
            Some(Ok(_)) => Outcome::Taken,
            Some(Err(error)) => Outcome::of(error),
        };
        Attempt { address, outcome, took: clock::now().saturating_duration_since(began), result }
    }

    /// What was seen, in a sentence.
    pub(super) fn shown(&self) -> String {
        let Attempt { address, took, .. } = self;
        let millis = took.as_millis();
        match self.outcome {
            Outcome::Taken => format!("{address}: takes the connection, after {millis} ms"),
            Outcome::Refused => format!("{address}: refuses the connection, after {millis} ms"),
            Outcome::Silent => format!("{address}: no answer within {} s", PATIENCE.as_secs()),
            Outcome::NoWay => format!("{address}: no route from this machine ({})", self.code()),
            Outcome::Failed => format!("{address}: {}", self.code()),
        }
    }

    fn code(&self) -> &str {
        match &self.result {
            Some(Err(error)) => error.code.as_deref().unwrap_or("no connection"),
            _ => "no connection",
        }
    }
}

impl Outcome {
    fn of(error: &Error) -> Outcome {
        match error.code.as_deref() {
            Some("ECONNREFUSED") => Outcome::Refused,
            Some("ETIMEDOUT") => Outcome::Silent,
            Some("ENETUNREACH" | "EHOSTUNREACH" | "EADDRNOTAVAIL" | "EAFNOSUPPORT") => Outcome::NoWay,
            _ => Outcome::Failed,
        }
    }
}

/// Tries all of them at once.
pub(super) async fn attempts(addresses: impl IntoIterator<Item = SocketAddr>) -> Vec<Attempt> {
    let mut running = JoinSet::new();
    for (index, address) in addresses.into_iter().enumerate() {
        running.spawn(async move { (index, Attempt::make(address).await) });
    }
    let mut made: Vec<(usize, Attempt)> = Vec::with_capacity(running.len());
    while let Some(attempt) = running.join_next().await {
        made.extend(attempt);
    }
    made.sort_by_key(|(index, _)| *index);
    made.into_iter().map(|(_, attempt)| attempt).collect()
}
