//! Which of the rules that are on by option alone are on.

use super::rule;
use super::rules;
use super::squawk;

/// A set of rules. Those that are on by default are on in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Chosen {
    /// A bit for each rule, in their order.
    bits: u128,
}

impl Chosen {
    /// No rule more.
    pub const NONE: Chosen = Chosen { bits: 0 };

    /// Every rule that there is.
    pub const ALL: Chosen = Chosen { bits: u128::MAX };

    /// With the rule of this name, or squawk's other name for it; none if there is no such rule.
    pub fn with(self, name: &str) -> Option<Chosen> {
        let canonical = rule::canonical(name);
        let mut names = canonical.to_vec();
        if canonical.is_empty() {
            names.push(name);
        }
        names.into_iter().try_fold(self, |chosen, name| {
            let place = rules::all().position(|rule| rule.name == name)?;
            Some(Chosen { bits: chosen.bits | 1 << place })
        })
    }

    /// Squawk's rules of these.
    pub(super) fn of_squawk(self) -> Vec<squawk_linter::Rule> {
        let chosen = rules::all().enumerate().filter(|(place, _)| self.bits >> place & 1 == 1);
        chosen.filter_map(|(_, rule)| squawk::rule(rule.name)).collect()
    }
}
