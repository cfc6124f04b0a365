//! What is known about Supabase: the ways to a project, and what its poolers answer. Tables and rules, no I/O.

mod endpoint;

pub use endpoint::Endpoint;
