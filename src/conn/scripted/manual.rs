//! A connection whose answers the test gives.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncWriteExt, DuplexStream, WriteHalf};
use tokio::sync::Notify;

use super::messages::{one_row, ready};
use super::script::{Incoming, Stop};
use crate::clock;

/// Holds the answers of a connection back, or answers queries after the simulated round trip.
pub struct Manual {
    way: Duration,
    holds: AtomicBool,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    /// Queries that are yet to be answered.
    asked: VecDeque<String>,
    /// What is to be sent, and when; nothing closes the connection.
    out: VecDeque<(Instant, Option<Vec<u8>>)>,
}

impl Manual {
    /// One that answers, each query this long after it came.
    pub fn new(way: Duration) -> Arc<Manual> {
        let (holds, state, changed) = (AtomicBool::new(false), Mutex::default(), Notify::new());
        Arc::new(Manual { way, holds, state, changed })
    }

    /// Whether answers to queries that come from now on are held back.
    pub fn hold(&self, holds: bool) {
        self.holds.store(holds, Ordering::SeqCst);
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let changed = change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
        self.changed.notify_one();
        changed
    }

    /// The queries that are yet to be answered.
    pub fn asked(&self) -> Vec<String> {
        self.with(|state| state.asked.iter().cloned().collect())
    }

    /// Answers the first one with these bytes.
    pub fn give(&self, bytes: Vec<u8>) {
        self.with(|state| {
            assert!(state.asked.pop_front().is_some(), "there is something to answer");
            state.out.push_back((clock::now(), Some(bytes)));
        });
    }

    /// Answers the first one with this value.
    pub fn answer(&self, value: &str) {
        self.give([one_row(value), ready(b'I')].concat());
    }

    /// Closes the connection.
    pub fn close(&self) {
        self.with(|state| state.out.push_back((clock::now(), None)));
    }

    /// Serves a connection.
    pub(super) async fn serve(
        &self,
        incoming: &mut Incoming,
        writer: &mut WriteHalf<DuplexStream>,
        hear: &impl Fn(u8, &[u8]),
    ) -> Result<(), Stop> {
        let reading = async {
            loop {
                let (tag, body) = incoming.receive().await?;
                hear(tag, &body);
                match tag {
                    b'Q' => self.take(&body),
                    b'X' => return Err(Stop::Closed),
                    other => {
                        return Err(Stop::Unexpected(format!("'Q' was expected, and '{}' came", char::from(other))));
                    }
                }
            }
        };
        let writing = async {
            loop {
                let changed = self.changed.notified();
                let next = self.state.lock().unwrap_or_else(PoisonError::into_inner).out.pop_front();
                match next {
                    Some((then, Some(bytes))) => {
                        clock::sleep_until(then).await;
                        writer.write_all(&bytes).await?;
                    }
                    Some((_, None)) => return Err(Stop::Closed),
                    None => changed.await,
                }
            }
        };
        tokio::select! {
            stop = reading => stop,
            stop = writing => stop,
        }
    }

    fn take(&self, body: &[u8]) {
        let text = String::from_utf8_lossy(body.strip_suffix(&[0]).unwrap()).into_owned();
        let holds = self.holds.load(Ordering::SeqCst);
        self.with(|state| {
            if holds {
                state.asked.push_back(text);
            } else {
                state.out.push_back((clock::now() + self.way, Some([one_row("quick"), ready(b'I')].concat())));
            }
        });
    }
}
