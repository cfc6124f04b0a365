//! Who gets which connection for how long: limits, waiting, idle time and lifetime.
//!
//! `deadpool`'s managed pool holds the connections and their count. The queue of those who wait is ours, because
//! queries wait in it as well as clients: the next query leaves the moment a connection is free, without a trip
//! through JavaScript.

mod care;
mod departure;
mod depth;
pub mod handle;
mod home;
mod lane;
mod loan;
pub mod maker;
mod making;
pub mod member;
pub mod reaper;
mod shared;
mod sharing;
pub mod waiting;

pub use handle::{Acquired, Pool, PoolId};
pub use loan::Loan;
pub use member::Member;
pub use waiting::Work;
