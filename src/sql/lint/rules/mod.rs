//! The words of the rules, by what they are about.

mod clients;
mod locks;
mod optional;
pub(super) mod own;
mod transactions;
mod types;

use super::rule::Rule;

pub(super) const FAMILIES: [&[Rule]; 6] =
    [locks::RULES, clients::RULES, types::RULES, transactions::RULES, own::RULES, optional::RULES];
