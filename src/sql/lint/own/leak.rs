//! Settings that outlive the script on a pooled connection.

use std::collections::HashMap;

use squawk_syntax::SyntaxNode;

use super::found::Found;
use crate::sql::lint::rules::own::SESSION_SETTING_LEAKS;
use crate::sql::lint::setting::{Change, Scope, Setting};
use crate::sql::lint::state::State;
use crate::sql::script::Statement;
use crate::sql::token::Token;

/// Where the script sets settings back.
#[derive(Debug, Default)]
pub(in crate::sql::lint) struct Resets {
    /// The last statement that does, by name.
    last: HashMap<String, usize>,
}

impl Resets {
    pub(in crate::sql::lint) fn note(&mut self, index: usize, statement: &SyntaxNode) {
        let setting = Setting::of(statement);
        if let Some(reset) =
            setting.filter(|setting| setting.change == Change::Reset && setting.scope == Scope::Session)
        {
            self.last.insert(reset.name, index);
        }
    }

    fn come_behind(&self, index: usize, name: &str) -> bool {
        ["all", name].iter().any(|name| self.last.get(*name).is_some_and(|last| *last > index))
    }
}

pub(super) fn set(
    index: usize,
    part: &Statement<'_>,
    statement: &SyntaxNode,
    state: &State,
    resets: &Resets,
) -> Option<Found> {
    let setting = Setting::of(statement)?;
    let stays = setting.change == Change::Set && setting.scope == Scope::Session;
    if !stays || resets.come_behind(index, &setting.name) {
        return None;
    }
    let mut tokens = part.tokens().skip(1);
    let first = tokens.next()?;
    let is_scope = first.is("session") && setting.name != "session_authorization";
    let begin = if is_scope { tokens.next()? } else { first };
    let rest = part.text.get(begin.start..).unwrap_or_default();
    let remedy = if state.in_transaction() {
        format!("SET LOCAL {rest};")
    } else {
        let name = match setting.name.as_str() {
            "session_authorization" => "SESSION AUTHORIZATION".to_owned(),
            "timezone" => "TIME ZONE".to_owned(),
            name => name.to_owned(),
        };
        format!("{};\n-- The statements that need it.\nRESET {name};", part.text)
    };
    Some(Found { part: Some(setting.name), remedy: Some(remedy), ..Found::about(SESSION_SETTING_LEAKS, part) })
}

/// `set_config('name', 'value', false)`, as pg_dump writes it.
pub(super) fn set_config(part: &Statement<'_>, state: &State) -> Option<Found> {
    memchr::memmem::find(part.text.as_bytes(), b"set_config")?;
    let tokens: Vec<_> = part.tokens().collect();
    let at = tokens.iter().position(|token| token.is("set_config"))?;
    let call = tokens.get(at..)?;
    let mut depth = 0_usize;
    let mut last: Option<&Token<'_>> = None;
    for token in call.iter().skip(1) {
        match token.text {
            "(" => depth += 1,
            ")" if depth == 1 => break,
            ")" => depth = depth.checked_sub(1)?,
            _ => last = Some(token),
        }
    }
    let last = last.filter(|last| last.is("false"))?;
    let name = call.get(2)?.text.trim_matches('\'').to_owned();
    let mut text = part.text.to_owned();
    text.replace_range(last.start..last.end(), "true");
    let remedy = if state.in_transaction() { format!("{text};") } else { format!("BEGIN;\n{text};\nCOMMIT;") };
    Some(Found { part: Some(name), remedy: Some(remedy), ..Found::about(SESSION_SETTING_LEAKS, part) })
}
