//! The doctor: looks at a connection layer by layer, and says which of them is broken, what was seen, and what to do.
//!
//! It changes nothing, and sends a password only where nothing else can tell. What is wrong is named by the first layer
//! that fails; the words are in `causes.txt`.

mod asked_parameters;
mod attempt;
mod cause;
mod certificate;
mod certificates;
mod configuration;
mod connection_string;
mod elsewhere;
mod examination;
mod finding;
mod first_bytes;
mod greeting;
mod idle_cut;
mod login;
mod names;
mod neighbours;
mod place;
mod plain;
mod pooler;
mod quote;
mod reach;
mod refusal;
mod report;
mod resolver;
mod search_path;
mod seat;
mod session;
mod sinkhole;
mod socket_file;
mod startup;
mod subject;
mod texts;
mod trust;
mod version;

pub use cause::Cause;
pub use examination::diagnose;
pub use report::{Check, Diagnosis, Stage, State};
pub use subject::{Given, Limits, Subject, TlsWish};
