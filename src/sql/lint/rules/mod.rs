//! The words of the rules, by what they are about.

mod clients;
mod locks;
mod optional;
pub(super) mod own;
mod transactions;
mod types;

use super::rule::Rule;

const FAMILIES: [&[Rule]; 6] =
    [locks::RULES, clients::RULES, types::RULES, transactions::RULES, own::RULES, optional::RULES];

/// All rules, squawk's and our own.
pub(in crate::sql::lint) fn all() -> impl Iterator<Item = &'static Rule> {
    FAMILIES.into_iter().flatten()
}

pub(in crate::sql::lint) fn named(name: &str) -> Option<&'static Rule> {
    all().find(|rule| rule.name == name)
}
