//! The ways in which a script goes wrong.

use std::time::Duration;

use super::messages::{fatal, message};
use super::script::{Script, Step};

/// What a server does in place of a step, and of those behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Refuses, as one that is about to close the connection, and does so.
    Fatal,
    /// Closes the connection.
    Close,
    /// Sends a malformed message.
    Garbage,
    /// The server's task panics.
    Panic,
    /// Sends nothing any more.
    Never,
    /// Does what the script says, byte by byte.
    Slow,
}

impl Fault {
    const ALL: [Fault; 6] = [Fault::Fatal, Fault::Close, Fault::Garbage, Fault::Panic, Fault::Never, Fault::Slow];
    /// The SQLSTATE of [`Fault::Fatal`].
    pub const CODE: &str = "57P01";

    fn steps(self, rest: &[Step]) -> Script {
        match self {
            Fault::Fatal => vec![Step::Send(fatal(Fault::CODE)), Step::Close],
            Fault::Close => vec![Step::Close],
            Fault::Garbage => vec![Step::Send(message(b'?', b"what")), Step::Never],
            Fault::Panic => vec![Step::Panic],
            Fault::Never => vec![Step::Never],
            Fault::Slow => slow(rest),
        }
    }
}

/// The same, byte by byte, with a minute between two of them.
pub fn slow(script: &[Step]) -> Script {
    let slow = |step: &Step| match step {
        Step::Send(bytes) => Step::Dribble(bytes.clone(), Duration::from_secs(60)),
        other => other.clone(),
    };
    script.iter().map(slow).collect()
}

/// The script with each fault in place of each step.
pub fn faults(script: &Script) -> Vec<(usize, Fault, Script)> {
    let at_step = |at: usize| {
        let (before, rest) = script.split_at(at);
        Fault::ALL.map(|fault| (at, fault, [before.to_vec(), fault.steps(rest)].concat()))
    };
    (0..script.len()).flat_map(at_step).collect()
}
