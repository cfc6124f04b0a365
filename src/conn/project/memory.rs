//! What is known of the poolers of projects, in the whole process.

use std::collections::HashMap;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use once_cell::sync::Lazy;
use tokio_postgres::config::SslNegotiation;

use super::waiting::Search;
use crate::clock;
use crate::config::{ProjectSettings, ServerSettings, TlsSettings};
use crate::error::Error;

/// How long a pooler that doesn't know a project isn't asked again. Each time that no pooler knows it this doubles, up
/// to [`LONGEST_REFUSAL`]: poolers themselves keep such an answer, and a project that is being made may be lost to them
/// for as long.
const REFUSAL: Duration = Duration::from_secs(60);
/// As long as the poolers may take to learn of a new project.
const LONGEST_REFUSAL: Duration = Duration::from_secs(15 * 60);
/// How long a project's machine that can't be reached from this network isn't tried again. A network may change.
const UNREACHABLE: Duration = Duration::from_secs(5 * 60);

static MEMORY: Lazy<Mutex<Memory>> = Lazy::new(Mutex::default);

#[derive(Default)]
struct Memory {
    records: HashMap<Key, Record>,
    /// Until when a host isn't tried.
    unreachable: HashMap<String, Instant>,
}

/// What decides which pooler is found, and whether it can be: settings with the same share what is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Key {
    pub(super) project: ProjectSettings,
    user: String,
    port: u16,
    tls: Option<TlsSettings>,
    negotiation: SslNegotiation,
}

impl Key {
    /// The key of a project, for a user by whom its pooler tells it.
    pub(super) fn new(project: &ProjectSettings, user: &str, settings: &ServerSettings) -> Key {
        Key {
            project: ProjectSettings { prefers_direct: false, ..project.clone() },
            user: user.to_owned(),
            port: settings.port(),
            tls: settings.tls.clone(),
            negotiation: settings.server.get_ssl_negotiation(),
        }
    }

    pub(super) fn user(&self) -> &str {
        &self.user
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn is_direct(&self) -> bool {
        self.negotiation == SslNegotiation::Direct
    }
}

/// TLS has a part in what is equal, and adds little to telling keys apart.
impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (&self.project, &self.user, self.port).hash(state);
    }
}

#[derive(Default)]
struct Record {
    /// The pooler that knows the project.
    found: Option<String>,
    /// Poolers that don't, and when they said it.
    refusals: HashMap<String, Instant>,
    /// What there is to say where none does, and until when.
    nothing: Option<(Error, Instant)>,
    /// Searches in a row in which none did.
    in_vain: u32,
    search: Option<Arc<Search>>,
}

impl Record {
    /// How long a refusal counts.
    fn lasts(&self) -> Duration {
        REFUSAL.saturating_mul(1 << self.in_vain.saturating_sub(1).min(10)).min(LONGEST_REFUSAL)
    }

    fn is_empty(&self, now: Instant) -> bool {
        let is_old = |at: &Instant| now.saturating_duration_since(*at) >= LONGEST_REFUSAL;
        let is_searched = self.search.as_ref().is_some_and(|search| !search.is_over());
        self.found.is_none() && !is_searched && self.refusals.values().all(is_old)
    }
}

/// What is known of a project's pooler.
pub(super) enum Knowledge {
    /// This host.
    Found(String),
    /// It is being searched for.
    Searching(Arc<Search>),
    /// No pooler knew it, a while ago.
    Nothing(Error),
}

fn lock() -> MutexGuard<'static, Memory> {
    // Each change is complete before anything that could panic.
    MEMORY.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    fn record(&mut self, key: &Key) -> &mut Record {
        self.records.entry(key.clone()).or_default()
    }

    /// Drops what no longer counts: a program may ask for any number of projects that don't exist.
    fn prune(&mut self, now: Instant) {
        self.records.retain(|_, record| !record.is_empty(now));
        self.unreachable.retain(|_, until| now < *until);
    }
}

/// What is known of a project's pooler; where nothing is, `begin` begins a search. Whoever is given a search counts as waiting
/// for it.
pub(super) fn ask(key: &Key, begin: impl FnOnce(Key) -> Arc<Search>) -> Knowledge {
    let now = clock::now();
    let mut memory = lock();
    let record = memory.record(key);
    if let Some(host) = &record.found {
        return Knowledge::Found(host.clone());
    }
    if let Some((error, _)) = record.nothing.as_ref().filter(|(_, until)| now < *until) {
        return Knowledge::Nothing(error.clone());
    }
    if let Some(search) = record.search.as_ref().filter(|search| !search.is_over()) {
        search.join();
        return Knowledge::Searching(search.clone());
    }
    memory.prune(now);
    let search = begin(key.clone());
    memory.record(key).search = Some(search.clone());
    Knowledge::Searching(search)
}

/// Hosts where the same project was found by other settings.
pub(super) fn hints(key: &Key) -> Vec<String> {
    let memory = lock();
    let same = memory.records.iter().filter(|(other, _)| other.project.reference == key.project.reference);
    same.filter_map(|(_, record)| record.found.clone()).collect()
}

/// Whether this pooler has said of late that it doesn't know the project.
pub(super) fn has_refused(key: &Key, host: &str) -> bool {
    let now = clock::now();
    let mut memory = lock();
    let record = memory.record(key);
    let lasts = record.lasts();
    record.refusals.get(host).is_some_and(|at| now.saturating_duration_since(*at) < lasts)
}

/// A pooler doesn't know the project, or doesn't any more.
pub(super) fn refused(key: &Key, host: &str) {
    let now = clock::now();
    let mut memory = lock();
    let record = memory.record(key);
    record.found.take_if(|found| found == host);
    record.refusals.insert(host.to_owned(), now);
}

/// A pooler that was found can't be reached any more.
pub(super) fn forget(key: &Key, host: &str) {
    lock().record(key).found.take_if(|found| found == host);
}

/// How a search has ended.
pub(super) enum End {
    /// This host knows the project.
    Found(String),
    /// None does.
    Nothing(Error),
    /// Some could not be asked, or were not, or didn't say.
    Open,
}

/// A search is over, unless somebody wants to know more and `goes_on` says that there is more to ask.
pub(super) fn over(key: &Key, search: &Search, goes_on: bool, end: End) -> bool {
    let now = clock::now();
    let mut memory = lock();
    if goes_on && search.is_wanted() {
        return false;
    }
    let record = memory.record(key);
    record.search = None;
    match end {
        End::Found(host) => {
            record.refusals.clear();
            record.in_vain = 0;
            record.nothing = None;
            record.found = Some(host);
        }
        End::Nothing(error) => {
            record.in_vain = record.in_vain.saturating_add(1);
            record.nothing = Some((error, now + record.lasts()));
        }
        End::Open => {}
    }
    true
}

/// Whether this host, a project's machine, can be expected to be reachable.
pub(super) fn is_reachable(host: &str) -> bool {
    lock().unreachable.get(host).is_none_or(|until| clock::now() >= *until)
}

/// This host can't be reached from this network.
pub(super) fn unreachable(host: &str) {
    let until = clock::now() + UNREACHABLE;
    lock().unreachable.insert(host.to_owned(), until);
}
