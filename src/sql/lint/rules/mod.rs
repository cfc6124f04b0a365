//! The words of the rules, by what they are about.

mod clients;
mod locks;
mod optional;
pub(super) mod own;
mod transactions;
mod types;

use super::rule::{self, Rule};

const FAMILIES: [&[Rule]; 6] =
    [locks::RULES, clients::RULES, types::RULES, transactions::RULES, own::RULES, optional::RULES];

/// All rules, squawk's and our own.
pub(in crate::sql::lint) fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.into_iter().flatten()
}

pub(in crate::sql::lint) fn named(name: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.name == name)
}

/// The names of the rules that a name in a comment or an option stands for; empty for one that is unknown.
pub(in crate::sql::lint) fn meant(name: &str) -> Vec<&'static str> {
    match rule::canonical(name) {
        [] => named(name).map(|rule| rule.name).into_iter().collect(),
        canonical => canonical.to_vec(),
    }
}
