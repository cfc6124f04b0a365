//! From a project's ref to settings that name a host.

use std::time::Instant;

use tokio_postgres::config::Host;

use super::memory::{self, Key, Knowledge};
use super::probe::is_unknown;
use super::search;
use super::waiting::Waiting;
use crate::clock;
use crate::config::{ProjectSettings, ServerSettings};
use crate::error::{Error, ErrorKind, Phase, texts};

/// The hosts that one attempt to reach a project tries: its machine, where it is preferred, and the pooler that is
/// found.
pub(in super::super) struct Approach<'a> {
    settings: &'a ServerSettings,
    project: &'a ProjectSettings,
    key: Key,
    /// When the caller's time is over.
    until: Option<Instant>,
    /// What is to be tried or was tried last.
    stage: Stage,
    /// A remembered pooler turned out to be another one's, or is gone.
    has_forgotten: bool,
    /// Why a remembered pooler could not be reached.
    lost: Option<Error>,
    /// The project's machine that could not be reached, and why.
    unreached: Option<(String, Error)>,
}

#[derive(Clone, PartialEq)]
enum Stage {
    Direct(String),
    /// The pooler, once it is found.
    Pooler(Option<String>),
}

impl<'a> Approach<'a> {
    pub(in super::super) fn new(settings: &'a ServerSettings, project: &'a ProjectSettings) -> Approach<'a> {
        let user = project.user(settings.server.get_user().unwrap_or(""));
        let direct = match settings.server.get_hosts().first() {
            Some(Host::Tcp(name)) if project.prefers_direct && memory::is_reachable(name) => Some(name.clone()),
            _ => None,
        };
        Approach {
            settings,
            project,
            key: Key::new(project, &user, settings),
            until: settings.connect_timeout.map(|limit| clock::now() + limit),
            stage: direct.map_or(Stage::Pooler(None), Stage::Direct),
            has_forgotten: false,
            lost: None,
            unreached: None,
        }
    }

    /// One for a project that these poolers don't know.
    pub(in super::super) fn elsewhere(
        settings: &'a ServerSettings,
        project: &'a ProjectSettings,
        hosts: &[String],
    ) -> Approach<'a> {
        let approach = Approach::new(settings, project);
        for host in hosts {
            memory::refused(&approach.key, host);
        }
        approach
    }

    /// The settings to be tried next, with the time that is left.
    ///
    /// # Errors
    /// Why no pooler was found. `Timeout` when the time was over before one was; the search goes on then, and the next
    /// caller has what it finds.
    pub(in super::super) async fn next(&mut self) -> Result<ServerSettings, Error> {
        let settled = match &self.stage {
            Stage::Direct(host) => self.settings.at(host, self.settings.server.get_user().unwrap_or("")),
            Stage::Pooler(_) => match self.find().await {
                Ok(host) => {
                    if let Some((machine, _)) = &self.unreached {
                        memory::unreachable(machine);
                    }
                    // The caller hasn't named this host.
                    let settled = ServerSettings { by_ref: true, ..self.settings.at(&host, self.key.user()) };
                    self.stage = Stage::Pooler(Some(host));
                    settled
                }
                // That the machine, or the pooler, can't be reached is what the caller has to know.
                Err(error) => {
                    let machine = self.unreached.take().map(|(_, error)| error);
                    return Err(machine.or_else(|| self.lost.take()).unwrap_or(error));
                }
            },
        };
        let left = self.until.map(|until| until.saturating_duration_since(clock::now()));
        if left.is_some_and(|left| left.is_zero()) {
            return Err(self.timed_out());
        }
        Ok(ServerSettings { connect_timeout: left, ..settled })
    }

    async fn find(&self) -> Result<String, Error> {
        let search = match memory::ask(&self.key, |key| search::begin(key, self.settings.clone())) {
            Knowledge::Found(host) => return Ok(host),
            Knowledge::Nothing(error) => return Err(error),
            Knowledge::Searching(search) => search,
        };
        let waiting = Waiting::new(search, self.until);
        let Some(until) = self.until else { return waiting.outcome().await };
        tokio::select! {
            biased;
            outcome = waiting.outcome() => outcome,
            () = clock::sleep_until(until) => Err(self.timed_out()),
        }
    }

    fn timed_out(&self) -> Error {
        let limit = self.settings.connect_timeout.unwrap_or_default();
        let text = texts::search_timeout(&self.project.reference, limit);
        Error::new(ErrorKind::Timeout(Phase::Connect), text).with_code("ETIMEDOUT")
    }

    /// Whether there is something else to be tried after this failure.
    ///
    /// # Errors
    /// The failure itself where there is not.
    pub(in super::super) fn failed(&mut self, error: Error) -> Result<(), Error> {
        match &self.stage {
            Stage::Direct(host) if is_unreachable(&error) => {
                self.unreached = Some((host.clone(), error));
                self.stage = Stage::Pooler(None);
                Ok(())
            }
            Stage::Pooler(Some(host)) if is_unknown(host, self.settings, &error) => {
                memory::refused(&self.key, host);
                if std::mem::replace(&mut self.has_forgotten, true) {
                    return Err(error);
                }
                self.stage = Stage::Pooler(None);
                Ok(())
            }
            Stage::Pooler(Some(host)) if is_gone(&error) => {
                memory::forget(&self.key, host);
                let is_late = self.until.is_some_and(|until| clock::now() >= until);
                if is_late || std::mem::replace(&mut self.has_forgotten, true) {
                    return Err(error);
                }
                self.lost = Some(error);
                self.stage = Stage::Pooler(None);
                Ok(())
            }
            _ => Err(error),
        }
    }
}

/// Whether nothing answers where a pooler was: the project may have been moved, and its pooler's address, too.
fn is_gone(error: &Error) -> bool {
    let is_refused = error.kind == ErrorKind::Io
        && error.server.is_none()
        && matches!(error.code.as_deref(), Some("ECONNREFUSED" | "ETIMEDOUT"));
    is_unreachable(error) || is_refused || error.kind == ErrorKind::Timeout(Phase::Connect)
}

/// Whether the way there ends before the other machine: most networks have no IPv6, and a project's machine has no
/// other address. A connection that is refused has reached it, which may have banned the caller.
fn is_unreachable(error: &Error) -> bool {
    const CODES: [&str; 5] = ["ENOTFOUND", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"];
    error.kind == ErrorKind::Io
        && error.server.is_none()
        && error.code.as_deref().is_some_and(|code| CODES.contains(&code))
        && error.attempts.iter().all(is_unreachable)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_ends_before_the_machine_makes_it_unreachable() {
        let io = |code: &str| Error::new(ErrorKind::Io, "no").with_code(code);
        for code in ["ENOTFOUND", "ENETUNREACH", "EHOSTUNREACH", "EADDRNOTAVAIL", "EAFNOSUPPORT"] {
            assert!(is_unreachable(&io(code)), "{code}");
        }
        for code in ["ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_AGAIN", "EMFILE"] {
            assert!(!is_unreachable(&io(code)), "{code}");
        }
        assert!(!is_unreachable(&Error::new(ErrorKind::Timeout(Phase::Connect), "late").with_code("ETIMEDOUT")));
        let both = |second: &str| {
            let attempts = [io("ENETUNREACH"), io(second)].into();
            Error { attempts, ..io("ENETUNREACH") }
        };
        assert!(is_unreachable(&both("EHOSTUNREACH")));
        assert!(!is_unreachable(&both("ECONNREFUSED")));
    }
}
