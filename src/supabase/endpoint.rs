//! The hosts of Supabase.

/// Where a host name of Supabase's leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint<'a> {
    /// A cluster of the shared pooler, which many projects use: `aws-0-eu-central-1.pooler.supabase.com`.
    SharedPooler,
    /// A project's own machine, with the database on port 5432, and on 6543 its own pooler where it has one.
    Direct {
        /// The project's ref.
        project: &'a str,
    },
}

impl<'a> Endpoint<'a> {
    /// The endpoint behind a host name, in any case of letters; `None` where it isn't Supabase's.
    pub fn of(host: &'a str) -> Option<Endpoint<'a>> {
        let host = host.strip_suffix('.').unwrap_or(host);
        if before(host, ".pooler.supabase.com").is_some_and(|cluster| !cluster.is_empty()) {
            return Some(Endpoint::SharedPooler);
        }
        let project = before(host, ".supabase.co")?;
        let project =
            project.get(.."db.".len()).filter(|start| start.eq_ignore_ascii_case("db.")).and(project.get(3..))?;
        (!project.is_empty() && !project.contains('.')).then_some(Endpoint::Direct { project })
    }
}

/// What stands before an end, which is ASCII and may be written in any case.
fn before<'a>(host: &'a str, end: &str) -> Option<&'a str> {
    let cut = host.len().checked_sub(end.len())?;
    host.get(cut..).filter(|rest| rest.eq_ignore_ascii_case(end)).and(host.get(..cut))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn poolers_and_direct_hosts_are_told_from_any_other() {
        for host in [
            "aws-0-eu-central-1.pooler.supabase.com",
            "AWS-1-us-east-1.Pooler.supabase.com",
            "fly-0-fra.pooler.supabase.com.",
        ] {
            assert_eq!(Endpoint::of(host), Some(Endpoint::SharedPooler), "{host}");
        }
        assert_eq!(Endpoint::of("db.abc.supabase.co"), Some(Endpoint::Direct { project: "abc" }));
        assert_eq!(Endpoint::of("DB.abc.SUPABASE.CO"), Some(Endpoint::Direct { project: "abc" }));
        for other in [
            "",
            "localhost",
            "abc.supabase.co",
            "db..supabase.co",
            "db.a.b.supabase.co",
            "supabase.co",
            ".pooler.supabase.com",
            "db.abc.supabase.co.example.com",
            "xpooler.supabase.com",
            "dbé.supabase.co",
        ] {
            assert_eq!(Endpoint::of(other), None, "{other}");
        }
    }
}
