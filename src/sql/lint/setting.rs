//! SET and RESET: which setting, for how long.

use squawk_syntax::{SyntaxKind, SyntaxNode};

use super::names::{child, first, plain, text};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scope {
    Session,
    /// Until the transaction ends.
    Local,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    Set,
    Reset,
}

/// A SET, RESET or DISCARD ALL.
#[derive(Debug)]
pub(super) struct Setting {
    /// Folded, with its dots; `all` for all settings.
    pub(super) name: String,
    /// As it is written.
    pub(super) value: String,
    pub(super) scope: Scope,
    pub(super) change: Change,
}

impl Setting {
    /// None for what isn't a setting, such as SET TRANSACTION.
    pub(super) fn of(statement: &SyntaxNode) -> Option<Setting> {
        use SyntaxKind::*;
        let session = |name: &str, change| {
            Some(Setting { name: name.to_owned(), value: String::new(), scope: Scope::Session, change })
        };
        match statement.kind() {
            SET => Setting::set(statement),
            SET_ROLE | SET_SESSION_AUTH => {
                let name = if statement.kind() == SET_ROLE { "role" } else { "session_authorization" };
                let is_back = has(statement, NONE_KW) || has(statement, DEFAULT_KW);
                let set = session(name, if is_back { Change::Reset } else { Change::Set })?;
                Some(Setting { scope: if has(statement, LOCAL_KW) { Scope::Local } else { Scope::Session }, ..set })
            }
            RESET_ROLE => session("role", Change::Reset),
            RESET_SESSION_AUTH => session("session_authorization", Change::Reset),
            RESET => {
                let name = first(statement, PATH_REF).map(|path| folded(&path));
                session(name.as_deref().unwrap_or("all"), Change::Reset)
            }
            DISCARD if has(statement, ALL_KW) => session("all", Change::Reset),
            _ => None,
        }
    }

    fn set(statement: &SyntaxNode) -> Option<Setting> {
        let is_local = statement.children().any(|scope| scope.kind() == SyntaxKind::LOCAL_SCOPE);
        let scope = if is_local { Scope::Local } else { Scope::Session };
        let Some(config) = child(statement, SyntaxKind::SET_CONFIG) else {
            let zone = child(statement, SyntaxKind::SET_TIME_ZONE)?;
            let is_back = has(&zone, SyntaxKind::DEFAULT_KW) || has(&zone, SyntaxKind::LOCAL_KW);
            let change = if is_back { Change::Reset } else { Change::Set };
            return Some(Setting { name: "timezone".to_owned(), value: text(&zone), scope, change });
        };
        let parameter = child(&config, SyntaxKind::CONFIG_PARAMETER_REF)?;
        let behind = config.text().to_string();
        let behind = behind.trim_start().strip_prefix(text(&parameter).as_str()).unwrap_or_default().trim().to_owned();
        // NAMES has nothing between.
        let behind_to = || behind.split_at_checked(2).filter(|(word, _)| word.eq_ignore_ascii_case("to"));
        let value = behind.strip_prefix('=').or_else(|| behind_to().map(|(_, value)| value)).unwrap_or(&behind);
        let value = value.trim().to_owned();
        let change = if value.eq_ignore_ascii_case("default") { Change::Reset } else { Change::Set };
        Some(Setting { name: folded(&parameter), value, scope, change })
    }
}

fn has(node: &SyntaxNode, keyword: SyntaxKind) -> bool {
    node.descendants_with_tokens().any(|element| element.kind() == keyword)
}

fn folded(node: &SyntaxNode) -> String {
    text(node).split('.').map(|part| plain(part.trim())).collect::<Vec<_>>().join(".").to_lowercase()
}
