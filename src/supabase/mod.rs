//! What is known about Supabase: the ways to a project, and what its poolers answer. Tables and rules, no I/O.

mod account;
mod advice;
mod answers;
mod endpoint;
mod facts;
mod regions;
mod root;
mod startup;
#[cfg(test)]
mod tests;
mod way;

pub use account::{Account, names_project};
pub use advice::{advice, answer};
pub use answers::Answer;
pub use endpoint::Endpoint;
pub use regions::{CLUSTERS, REGIONS, cluster_host, older_host};
pub use root::ROOT;
pub use startup::{LONGEST_PACKET, Startup};
pub use way::{TRANSACTION_PORT, Way};
