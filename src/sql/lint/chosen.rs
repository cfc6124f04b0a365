//! Which of the rules that are on by option alone are on.

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
        let names = rules::meant(name);
        let places = rules::all().enumerate().filter(|(_, rule)| names.contains(&rule.name));
        let bits = places.fold(self.bits, |bits, (place, _)| bits | 1 << place);
        (!names.is_empty()).then_some(Chosen { bits })
    }

    /// Squawk's rules of these.
    pub(super) fn of_squawk(self) -> Vec<squawk_linter::Rule> {
        let chosen = rules::all().enumerate().filter(|(place, _)| self.bits >> place & 1 == 1);
        chosen.filter_map(|(_, rule)| squawk::rule(rule.name)).collect()
    }
}
