//! Which statements change how the literals behind them are read.

use super::token::{Token, Tokens, Words};

const SETTING: &str = "standard_conforming_strings";

/// No statement that sets it is longer, in bytes; longer ones aren't looked at.
const LONGEST: usize = 200;

/// What `standard_conforming_strings` is after the statement with this first token and text; none if it sets nothing of
/// that kind.
///
/// That a transaction may roll it back isn't followed.
pub(super) fn set_by(first: Token<'_>, text: &str) -> Option<bool> {
    let is_set = first.is("set");
    if !is_set && !first.is("reset") || text.len() > LONGEST {
        return None;
    }
    let mut words = Words::new(Tokens::new(text));
    if words.eat("reset") {
        return (words.eat("all") || words.eat(SETTING)).then_some(true);
    }
    let _set = words.eat("set");
    let _scope = words.eat("session") || words.eat("local");
    if !words.eat(SETTING) {
        return None;
    }
    is_on(words)
}

/// The value as `parse_bool` of the server reads it.
fn is_on(mut words: Words<'_>) -> Option<bool> {
    let _to = words.eat("to") || words.eat_text("=");
    let value = words.text()?.trim_matches('\'').to_ascii_lowercase();
    let begins = |word: &str, least: usize| value.len() >= least && word.starts_with(&value);
    if value == "0" || begins("off", 2) || begins("false", 1) || begins("no", 1) {
        return Some(false);
    }
    let is_on = value == "1" || value == "default" || begins("on", 2) || begins("true", 1) || begins("yes", 1);
    is_on.then_some(true)
}

#[cfg(test)]
mod tests {
    use super::super::script::statements;

    #[test]
    fn the_setting_is_followed_in_all_its_spellings() {
        for (set, conforms) in [
            ("SET standard_conforming_strings = off", false),
            ("set session Standard_Conforming_Strings to 'False'", false),
            ("SET LOCAL standard_conforming_strings TO 0", false),
            ("SET standard_conforming_strings = /* no */ no", false),
            ("SET standard_conforming_strings = on", true),
            ("SET standard_conforming_strings TO DEFAULT", true),
            ("RESET standard_conforming_strings", true),
            ("RESET ALL", true),
            ("SET standard_conforming_strings = o", false),
            ("SET escape_string_warning = off", false),
            ("SELECT 'SET standard_conforming_strings = on'", false),
        ] {
            let script = format!("SET standard_conforming_strings = off; {set}; SELECT '\\'; x'");
            let found: Vec<_> = statements(&script).skip(2).map(|statement| statement.text).collect();
            assert_eq!(found.len() == 2, conforms, "{set}: {found:?}");
        }
    }
}
