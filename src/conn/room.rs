//! Waiting for room at a pooler: one of those who wait tries, and the others stand behind it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::MutexGuard;

use super::backoff::Backoff;
use super::destination::Destination;
use super::register::Register;
use crate::clock;
use crate::error::Error;

/// The first pause before another try.
const FIRST: Duration = Duration::from_millis(250);
/// No pause is longer, unless the pooler's answer asks for that.
const LONGEST: Duration = Duration::from_secs(5);

/// Exists as long as somebody waits for room at this destination.
pub(super) struct Room {
    destination: Destination,
    /// The pooler's last answer.
    answer: Mutex<Error>,
    turn: tokio::sync::Mutex<Pace>,
}

/// When whoever has the turn may try.
pub(super) struct Pace {
    backoff: Backoff,
    /// Not before.
    pub(super) next: Instant,
}

static ROOMS: Register<Room> = Register::new();

impl Room {
    /// Where others wait already.
    pub(super) fn awaited(destination: &Destination) -> Option<Arc<Room>> {
        ROOMS.known(|room| room.destination == *destination)
    }

    /// The pooler has answered that there is none, and wants to be left alone for so long.
    pub(super) fn lacking(destination: &Destination, answer: &Error, rest: Duration) -> Arc<Room> {
        let make = || {
            let mut pace = Pace { backoff: Backoff::new(FIRST, LONGEST), next: clock::now() };
            pace.slow_down(rest, None);
            let (answer, turn) = (Mutex::new(answer.clone()), tokio::sync::Mutex::new(pace));
            Room { destination: destination.clone(), answer, turn }
        };
        let room = ROOMS.find(|room| room.destination == *destination, make);
        room.note(answer);
        room
    }

    /// The pooler's last answer.
    pub(super) fn answer(&self) -> Error {
        self.answer.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, answer: &Error) {
        *self.answer.lock().unwrap_or_else(PoisonError::into_inner) = answer.clone();
    }

    /// Waits until it is the caller's turn to try, which it is until the guard is dropped.
    pub(super) async fn turn(&self) -> MutexGuard<'_, Pace> {
        self.turn.lock().await
    }
}

impl Pace {
    /// A try was in vain: the next one is later, and if possible in the time that is left.
    pub(super) fn slow_down(&mut self, rest: Duration, left: Option<Duration>) {
        let pause = self.backoff.pause();
        let pause = left.map_or(pause, |left| pause.min((left * 3 / 4).max(FIRST / 2)));
        self.next = clock::now() + pause.max(rest);
    }

    /// There was room: the next one tries at once.
    pub(super) fn speed_up(&mut self) {
        *self = Pace { backoff: Backoff::new(FIRST, LONGEST), next: clock::now() };
    }
}
