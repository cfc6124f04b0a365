//! What is known about Supabase: the ways to a project, and what its poolers answer. Tables and rules, no I/O.

mod account;
mod advice;
mod answers;
mod endpoint;
mod facts;
mod form;
mod record;
mod regions;
mod root;
mod startup;
#[cfg(test)]
mod tests;
mod way;

pub use account::{Account, REF_LETTERS, is_ref, names_project};
pub use advice::{advice, answer, answer_with, facts};
pub use answers::Answer;
pub use endpoint::Endpoint;
pub use facts::{fill, is_like_ref};
pub use form::{Form, Sight, What};
pub use record::{Record, records, words};
pub use regions::{CLUSTERS, REGIONS, cluster_host, older_host, region_of};
pub use root::ROOT;
pub use startup::{LONGEST_PACKET, Startup, reference};
pub use way::{TRANSACTION_PORT, Way};
