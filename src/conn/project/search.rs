//! One search for a project's pooler, for all that need it.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;
#[cfg(not(test))]
use std::sync::LazyLock;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

use super::super::address::{look_up_error, resolve};
use super::super::key_ring::KeyRing;
use super::super::runtime;
use super::candidate::{Candidate, candidates};
use super::memory::{self, End, Key};
use super::probe::{Verdict, probe};
use super::waiting::{Outcome, Search};
use crate::clock;
use crate::config::ServerSettings;
use crate::error::{Advice, Error, ErrorKind, Phase, Reaction, texts};

/// Names that are looked up at a time. Each may take a thread.
const LOOK_UPS: usize = 8;
/// Poolers that are asked at a time, by all searches of the process.
const PROBES: usize = 6;
/// How long a look-up may take, in the place of the resolver's own patience.
const LOOK_UP_LIMIT: Duration = Duration::from_secs(5);

/// Places for those that ask.
fn places() -> Arc<Semaphore> {
    #[cfg(not(test))]
    {
        static PLACES: LazyLock<Arc<Semaphore>> = LazyLock::new(|| Arc::new(Semaphore::new(PROBES)));
        PLACES.clone()
    }
    // Each test has a clock of its own, which another one's probes must not stop.
    #[cfg(test)]
    {
        thread_local!(static PLACES: Arc<Semaphore> = Arc::new(Semaphore::new(PROBES)));
        PLACES.with(Clone::clone)
    }
}

/// Begins a search, for one that waits for it.
pub(super) fn begin(key: Key, settings: ServerSettings) -> Arc<Search> {
    let (sender, outcome) = watch::channel(None);
    let search = Arc::new(Search::new(outcome));
    let run = Run::new(key, settings, search.clone());
    runtime::spawn(async move {
        let outcome = run.search().await;
        // Nobody may be left to hear it.
        let _ = sender.send(Some(outcome));
    });
    search
}

/// A search's task.
struct Run {
    key: Key,
    settings: Arc<ServerSettings>,
    search: Arc<Search>,
    ring: Arc<KeyRing>,
    /// Names to be looked up.
    names: VecDeque<Candidate>,
    /// Hosts to be asked.
    hosts: VecDeque<(Candidate, Vec<SocketAddr>)>,
    look_ups: JoinSet<(Candidate, Result<Vec<SocketAddr>, Error>)>,
    probes: JoinSet<(Candidate, Verdict)>,
    /// Hosts that don't know the project, now or a while ago, and their regions.
    refusals: usize,
    regions: BTreeSet<String>,
    failures: Vec<Error>,
    /// The first host that may know the project and hasn't said so.
    unclear: Option<String>,
    /// The first of them, for a message.
    missing: Option<String>,
}

impl Run {
    fn new(key: Key, settings: ServerSettings, search: Arc<Search>) -> Run {
        let mut settings = settings.without_password(key.user());
        // A probe says no more than who wants to connect to which database.
        settings.startup.clear();
        Run {
            key,
            settings: Arc::new(settings),
            search,
            ring: Arc::default(),
            names: VecDeque::new(),
            hosts: VecDeque::new(),
            look_ups: JoinSet::new(),
            probes: JoinSet::new(),
            refusals: 0,
            regions: BTreeSet::new(),
            failures: Vec::new(),
            unclear: None,
            missing: None,
        }
    }

    async fn search(mut self) -> Outcome {
        let hints = memory::hints(&self.key);
        let (first, others) =
            candidates(&self.key.project).into_iter().partition(|candidate| hints.contains(&candidate.host));
        self.names = [first, others].into_iter().flat_map(Vec::into_iter).collect();
        let search = self.search.clone();
        let places = places();
        loop {
            self.begin_more();
            tokio::select! {
                Some(done) = self.look_ups.join_next() => match done {
                    Ok((candidate, found)) => self.looked_up(candidate, found),
                    Err(panic) => self.failures.push(Error::new(ErrorKind::Io, texts::dialing_failed(panic))),
                },
                Some(done) = self.probes.join_next() => match done {
                    Ok((candidate, Verdict::Known)) => {
                        memory::over(&self.key, &search, false, End::Found(candidate.host.clone()));
                        return Ok(candidate.host);
                    }
                    Ok((candidate, Verdict::Unknown)) => {
                        memory::refused(&self.key, &candidate.host);
                        self.refused(candidate);
                    }
                    Ok((candidate, Verdict::Unclear)) => {
                        self.unclear.get_or_insert(candidate.host);
                    }
                    Ok((_, Verdict::Failed(error))) => self.failures.push(error),
                    Err(panic) => self.failures.push(Error::new(ErrorKind::Io, texts::dialing_failed(panic))),
                },
                Ok(place) = places.clone().acquire_owned(), if self.has_host() => self.ask_next(place),
                () = search.joined.notified(), if self.is_busy() => {}
                else => {
                    let is_open = !self.names.is_empty() || !self.hosts.is_empty();
                    // The login there says the rest.
                    let outcome = self.unclear.clone().ok_or_else(|| self.nothing());
                    let end = match &outcome {
                        Err(error) if !is_open && self.failures.is_empty() => End::Nothing(error.clone()),
                        _ => End::Open,
                    };
                    if memory::over(&self.key, &search, is_open, end) {
                        return outcome;
                    }
                }
            }
        }
    }

    fn is_busy(&self) -> bool {
        !self.look_ups.is_empty() || !self.probes.is_empty()
    }

    /// Begins what may be under way at a time, as long as somebody wants to know.
    fn begin_more(&mut self) {
        if !self.search.is_wanted() {
            return;
        }
        while self.look_ups.len() < LOOK_UPS
            && self.hosts.len() < PROBES
            && let Some(candidate) = self.names.pop_front()
        {
            if memory::has_refused(&self.key, &candidate.host) {
                self.names.extend(candidate.next());
                self.refused(candidate);
                continue;
            }
            let port = self.key.port();
            self.look_ups.spawn(async move {
                let found = clock::within(LOOK_UP_LIMIT, resolve(&candidate.host, port)).await;
                let found = found.unwrap_or_else(|| Err(look_up_error("EAI_AGAIN", &candidate.host, "")));
                (candidate, found)
            });
        }
    }

    /// Whether a host waits for a place.
    fn has_host(&self) -> bool {
        !self.hosts.is_empty() && self.search.is_wanted()
    }

    fn ask_next(&mut self, place: OwnedSemaphorePermit) {
        // They may have gone while a place was waited for.
        if !self.search.is_wanted() {
            return;
        }
        let Some((candidate, addresses)) = self.hosts.pop_front() else { return };
        let (settings, ring, direct) = (self.settings.clone(), self.ring.clone(), self.key.is_direct());
        self.probes.spawn(async move {
            let verdict = probe(&candidate.host, addresses, &settings, &ring, direct).await;
            drop(place);
            (candidate, verdict)
        });
    }

    fn looked_up(&mut self, candidate: Candidate, found: Result<Vec<SocketAddr>, Error>) {
        match found {
            Ok(addresses) => {
                self.names.extend(candidate.next());
                self.hosts.push_back((candidate, addresses));
            }
            Err(error) if error.code.as_deref() == Some("ENOTFOUND") => {
                self.missing.get_or_insert(candidate.host);
            }
            Err(error) => self.failures.push(error),
        }
    }

    fn refused(&mut self, candidate: Candidate) {
        self.refusals += 1;
        self.regions.insert(candidate.region);
    }

    /// The error where no pooler was found.
    fn nothing(&self) -> Error {
        let project = &self.key.project;
        if self.refusals > 0 {
            let failed = self.failures.first().map(|error| (self.failures.len(), error.message.as_str()));
            let message = texts::project_unknown(self.key.user(), self.refusals, self.regions.len(), failed);
            let hint = texts::project_unknown_hint(&project.reference, project.region.as_deref());
            let advice = Advice { code: "ENOTFOUND", reaction: Reaction::Fix, hint };
            // The state that the poolers have for this answer.
            let error = Error::new(ErrorKind::Refused, message).with_code("XX000").with_advice(advice);
            return Error { attempts: self.failures.clone().into(), ..error };
        }
        // What is wrong with the settings is wrong everywhere.
        let is_answer = |error: &&Error| matches!(error.kind, ErrorKind::Server | ErrorKind::Config);
        if let Some(error) = self.failures.iter().find(is_answer) {
            return error.clone();
        }
        // A certificate that doesn't hold says more than a host that can't be reached.
        let is_tls = |error: &&Error| error.kind == ErrorKind::Tls;
        match (self.failures.iter().find(is_tls).or(self.failures.first()), &self.missing) {
            (Some(first), _) => {
                let message = texts::no_pooler_reached(&project.reference, self.failures.len(), &first.message);
                let kind = match first.kind {
                    ErrorKind::Timeout(_) => ErrorKind::Timeout(Phase::Connect),
                    kind => kind,
                };
                Error { code: first.code.clone(), attempts: self.failures.clone().into(), ..Error::new(kind, message) }
            }
            (None, Some(host)) => {
                let hint = texts::no_pooler_hint(project.region.as_deref(), project.cluster.as_deref());
                let advice = Advice { code: "ENOTFOUND", reaction: Reaction::Fix, hint };
                look_up_error("ENOTFOUND", host, texts::NO_POOLER_HAS_AN_ADDRESS).with_advice(advice)
            }
            (None, None) => Error::closed(texts::SEARCH_GIVEN_UP),
        }
    }
}
