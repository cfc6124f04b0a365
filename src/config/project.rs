//! A Supabase project whose pooler is still to be found.

/// What is known of the way to a project.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ProjectSettings {
    /// The project's ref.
    pub reference: String,
    /// Its region, where that is known.
    pub region: Option<String>,
    /// Its cluster of a region, such as `aws-1`, where that is known.
    pub cluster: Option<String>,
    /// Whether the settings' own host, the project's machine, is to be tried first.
    pub prefers_direct: bool,
}

impl ProjectSettings {
    /// The user by whom the pooler tells the project: `role.ref`.
    pub fn user(&self, role: &str) -> String {
        let suffix = format!(".{}", self.reference);
        if role.ends_with(&suffix) { role.to_owned() } else { format!("{role}{suffix}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_poolers_user_ends_in_the_ref_once() {
        let project = ProjectSettings { reference: "abc".into(), region: None, cluster: None, prefers_direct: false };
        for (role, user) in [
            ("postgres", "postgres.abc"),
            ("postgres.abc", "postgres.abc"),
            ("my.role", "my.role.abc"),
            ("xabc", "xabc.abc"),
        ] {
            assert_eq!(project.user(role), user);
        }
    }
}
