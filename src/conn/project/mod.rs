//! Finding the pooler of a Supabase project of which only the ref is known.
//!
//! A project lives on one of several clusters of its region, which its ref doesn't tell. A pooler says whether it knows
//! the user and project of a startup message before it asks for the password, so each is asked in turn, no password is
//! sent, and nothing counts against the project's limits for failed logins (docs/decisions/0067).

mod approach;
mod candidate;
mod memory;
mod probe;
mod search;
mod waiting;

pub(super) use approach::Approach;
