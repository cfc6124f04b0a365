//! Who logs in where, as far as wrong passwords are counted.

use super::startup::reference;
use super::{Endpoint, Way};

/// A role of a project, and the guard that counts its wrong passwords.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Account {
    /// Whose count it is: that of the project's own machine, or of the shared pooler.
    pub direct: bool,
    /// What has one count: a project, at all clusters of Supabase's together, and elsewhere at one address.
    pub project: String,
    /// The role, without the ref.
    pub role: String,
}

impl Account {
    /// The account that a connection logs in to; `None` where it isn't a Supabase project's.
    pub fn of(way: &Way<'_>, startup: &[(String, String)]) -> Option<Account> {
        if !way.is_supabase() {
            return None;
        }
        let (role, project) = match reference(startup).filter(|_| !way.is_direct()) {
            Some(project) => (way.user, Some(project)),
            None => {
                let (role, project) = way.role_and_project();
                (role, project.map(str::to_owned))
            }
        };
        // Without a ref the pooler can tell the project by the name that TLS asks for.
        let project = project.unwrap_or_default();
        let project = match Endpoint::of(way.host) {
            Some(_) if !project.is_empty() => project,
            _ => format!("{project} at {}:{}", way.host, way.port),
        };
        Some(Account { direct: way.is_direct(), project, role: role.to_owned() })
    }
}

/// Whether a connection names a project where only Supabase's pooler looks for one, as `role.ref` or in `options`: so
/// its server is one, whatever its host is called.
pub fn names_project(user: &str, startup: &[(String, String)]) -> bool {
    user.rsplit_once('.').is_some_and(|(_, project)| is_ref(project))
        || reference(startup).is_some_and(|project| is_ref(&project))
}

/// In every ref.
pub const REF_LETTERS: usize = 20;

/// Whether a text has the form of a project's ref.
pub fn is_ref(text: &str) -> bool {
    text.len() == REF_LETTERS && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn account(host: &str, user: &str, options: &str) -> Option<(bool, String, String)> {
        let startup = [("options".to_owned(), options.to_owned())];
        let way = Way { by_ref: names_project(user, &startup), ..Way::new(host, 5432, user) };
        Account::of(&way, &startup).map(|account| (account.direct, account.project, account.role))
    }

    #[test]
    fn accounts_are_a_role_and_a_project_however_they_are_written() {
        let pooler = "aws-0-eu-central-1.pooler.supabase.com";
        let is = |direct, project: &str, role: &str| Some((direct, project.to_owned(), role.to_owned()));
        assert_eq!(account(pooler, "postgres.abc", ""), is(false, "abc", "postgres"));
        assert_eq!(account(pooler, "my.role.abc", ""), is(false, "abc", "my.role"));
        assert_eq!(account(pooler, "postgres", "--reference=abc -c jit=on"), is(false, "abc", "postgres"));
        assert_eq!(account(pooler, "postgres", ""), is(false, &format!(" at {pooler}:5432"), "postgres"));
        assert_eq!(account("db.abc.supabase.co", "postgres", ""), is(true, "abc", "postgres"));
        let project = "abcdefghijklmnopqrst";
        let here = format!("{project} at localhost:5432");
        assert_eq!(account("localhost", &format!("postgres.{project}"), ""), is(false, &here, "postgres"));
        assert_eq!(account("localhost", "me", &format!("reference={project}")), is(false, &here, "me"));
        for user in ["postgres", "first.last", "postgres.abcdefghijklmnopqrs", "postgres.ABCDEFGHIJKLMNOPQRST"] {
            assert_eq!(account("localhost", user, ""), None, "{user}");
        }
    }
}
