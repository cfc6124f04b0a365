//! Logins to Supabase in the whole process, so that wrong passwords never shut it out (docs/decisions/0069).
//!
//! The poolers and the projects' own machines count wrong passwords, and refuse the right one as well once there were
//! too many: for everybody behind the same address. So a password that hasn't logged in yet is tried by one connection
//! at a time, one that was refused isn't tried again for a while, and there are never more logins under way than wrong
//! passwords are left. Of passwords only keyed hashes are kept.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use once_cell::sync::Lazy;
use tokio::sync::watch;

use super::destination::Destination;
use super::scram_keys::{Hash, hmac};
use crate::clock;
use crate::error::{Error, ErrorKind};
use crate::supabase::Account;

/// How wrong passwords are counted.
struct Guard {
    /// How many of them this process may use up.
    most: usize,
    /// For how long each counts.
    window: Duration,
}

/// Ten in 150 seconds shut an address out.
const POOLER: Guard = Guard { most: 4, window: Duration::from_secs(150) };
/// Three do, of those in ten minutes; then for half an hour.
const MACHINE: Guard = Guard { most: 2, window: Duration::from_secs(600) };

/// How long a pooler isn't asked again that couldn't learn what a role's password is, after so many such answers. It
/// counts them for a project, whatever the reason, and five in its window shut everybody out.
const LOOK_UP_RESTS: [Duration; 3] = [Duration::from_secs(2), Duration::from_secs(20), Duration::from_secs(120)];
const LOOK_UP_WINDOW: Duration = Duration::from_secs(300);

/// More projects than a process knows; those without anything to remember are forgotten then.
const MOST_KNOWN: usize = 4096;

static LOGINS: Lazy<Mutex<HashMap<Counted, Logins>>> = Lazy::new(Mutex::default);

/// What is known of passwords is worth nothing outside of this process.
static KEY: Lazy<Hash> = Lazy::new(|| {
    let mut key = Hash::default();
    // Without random bytes SCRAM fails, too.
    let _ = getrandom::fill(&mut key);
    key
});

/// Wrong passwords are counted for a project, whoever's they are.
type Counted = (bool, String);

/// A password's hash.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Fingerprint(Hash);

impl Fingerprint {
    pub(super) fn of(password: &str) -> Fingerprint {
        Fingerprint(hmac(&KEY, password.as_bytes()))
    }
}

/// A failure that connections with the same destination share.
type Shared = Option<(Destination, Error)>;

struct Logins {
    /// When logins failed in a way that counts, and with which error.
    failures: VecDeque<(Instant, Error)>,
    /// When the pooler couldn't learn what a role's password is, and its answers.
    look_ups: VecDeque<(Instant, Error)>,
    /// Everybody is shut out until then.
    shut: Option<(Instant, Error)>,
    roles: HashMap<String, Role>,
    under_way: usize,
    /// A login has ended, in a failure that isn't about the password.
    ended: watch::Sender<Shared>,
}

#[derive(Default)]
struct Role {
    /// The last one that has logged in.
    proven: Option<Fingerprint>,
    refused: Vec<(Fingerprint, Instant, Error)>,
    tried: Vec<Fingerprint>,
}

impl Default for Logins {
    fn default() -> Logins {
        let ended = watch::Sender::new(None);
        Logins {
            failures: VecDeque::new(),
            look_ups: VecDeque::new(),
            shut: None,
            roles: HashMap::new(),
            under_way: 0,
            ended,
        }
    }
}

/// What is to be done with a password.
enum Verdict {
    Try,
    /// Another login decides.
    Wait(watch::Receiver<Shared>),
    /// It isn't tried until then.
    Refuse(Instant, Error),
}

impl Logins {
    fn forget_old(&mut self, guard: &Guard, now: Instant) {
        while self.failures.front().is_some_and(|(since, _)| *since + guard.window <= now) {
            self.failures.pop_front();
        }
        while self.look_ups.front().is_some_and(|(since, _)| *since + LOOK_UP_WINDOW <= now) {
            self.look_ups.pop_front();
        }
        self.shut.take_if(|(until, _)| *until <= now);
        for role in self.roles.values_mut() {
            role.refused.retain(|(_, until, _)| *until > now);
        }
    }

    fn judge(&mut self, role: &str, password: Fingerprint, guard: &Guard, now: Instant) -> Verdict {
        if let Some((until, error)) = &self.shut {
            return Verdict::Refuse(*until, error.clone());
        }
        let known = self.roles.entry(role.to_owned()).or_default();
        if let Some((_, until, error)) = known.refused.iter().find(|(refused, ..)| *refused == password) {
            return Verdict::Refuse(*until, error.clone());
        }
        // A role that has logged in is known to the pooler.
        if known.proven != Some(password)
            && let Some((until, error)) = rest(&self.look_ups).filter(|(until, _)| *until > now)
        {
            return Verdict::Refuse(until, error.clone());
        }
        let is_tried = known.proven != Some(password) && known.tried.contains(&password);
        let is_used_up = self.failures.len() + self.under_way >= guard.most;
        match self.failures.front() {
            Some((since, error)) if is_used_up && self.under_way == 0 => {
                Verdict::Refuse(*since + guard.window, error.clone())
            }
            _ if is_tried || is_used_up => Verdict::Wait(self.ended.subscribe()),
            _ => {
                known.tried.push(password);
                self.under_way += 1;
                Verdict::Try
            }
        }
    }

    fn is_forgettable(&self) -> bool {
        self.under_way == 0 && self.failures.is_empty() && self.look_ups.is_empty() && self.shut.is_none()
    }
}

/// Until when the pooler isn't asked, after these answers.
fn rest(look_ups: &VecDeque<(Instant, Error)>) -> Option<(Instant, &Error)> {
    let (last, error) = look_ups.back()?;
    match LOOK_UP_RESTS.get(look_ups.len() - 1) {
        Some(rest) => Some((*last + *rest, error)),
        None => look_ups.front().map(|(first, _)| (*first + LOOK_UP_WINDOW, error)),
    }
}

fn lock() -> MutexGuard<'static, HashMap<Counted, Logins>> {
    LOGINS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A login under way.
pub(super) struct Login<'a> {
    account: &'a Account,
    password: Fingerprint,
    /// Another password has logged in before.
    follows_another: bool,
    has_ended: AtomicBool,
}

/// Why a password isn't tried.
pub(super) enum Refusal {
    /// It was refused with this error, and won't be tried for so long.
    Known(Error, Duration),
    /// The login that was waited for has failed with this error.
    Failed(Error),
}

impl<'a> Login<'a> {
    /// Waits until the password may be tried.
    pub(super) async fn begin(
        account: &'a Account,
        password: Fingerprint,
        destination: &Destination,
    ) -> Result<Login<'a>, Refusal> {
        loop {
            let mut ended = match judge(account, password) {
                (Verdict::Try, follows_another) => {
                    return Ok(Login { account, password, follows_another, has_ended: AtomicBool::new(false) });
                }
                (Verdict::Refuse(until, error), _) => {
                    return Err(Refusal::Known(error, until.saturating_duration_since(clock::now())));
                }
                (Verdict::Wait(ended), _) => ended,
            };
            // The sender lives as long as a login is under way.
            if ended.changed().await.is_ok()
                && let Some((failed, error)) = &*ended.borrow()
                && failed == destination
            {
                return Err(Refusal::Failed(error.clone()));
            }
        }
    }

    /// Whether a password that was refused may be tried once more, since it is newer than the one before and may not be
    /// known everywhere yet. The refusal counts.
    pub(super) fn may_be_early(&self, refusal: &Error) -> bool {
        if self.account.direct || !self.follows_another {
            return false;
        }
        let mut all = lock();
        let logins = all.entry(counted(self.account)).or_default();
        // This login is one of those under way.
        let is_left = logins.failures.len() + logins.under_way < guard(self.account).most;
        if is_left {
            logins.failures.push_back((clock::now(), refusal.clone()));
        }
        is_left
    }

    /// The password is right, whatever becomes of the connection.
    pub(super) fn succeed(&self) {
        self.end(|role, password| role.proven = Some(password), |_| None);
    }

    /// The password is wrong.
    pub(super) fn refuse(&self, error: &Error) {
        let (now, guard) = (clock::now(), guard(self.account));
        let note = |role: &mut Role, password| {
            role.proven.take_if(|proven| *proven == password);
            role.refused.push((password, now + guard.window, error.clone()));
        };
        self.end(note, |logins| {
            logins.failures.push_back((now, error.clone()));
            None
        });
    }

    /// Everybody is shut out for so long.
    pub(super) fn shut_out(&self, error: &Error, rest: Duration) {
        self.end(
            |_, _| {},
            |logins| {
                logins.shut = Some((clock::now() + rest, error.clone()));
                None
            },
        );
    }

    /// The pooler couldn't learn what the role's password is. It counts that like a wrong one, too.
    pub(super) fn look_up_failed(&self, error: &Error, destination: &Destination) {
        let shared = Some((destination.clone(), error.clone()));
        self.end(
            |_, _| {},
            |logins| {
                let now = clock::now();
                logins.look_ups.push_back((now, error.clone()));
                logins.failures.push_back((now, error.clone()));
                shared
            },
        );
    }

    /// It has failed for another reason, which says nothing about the password and counts like a wrong one.
    pub(super) fn fail_counted(&self, error: &Error, destination: &Destination) {
        let shared = Some((destination.clone(), error.clone()));
        self.end(
            |_, _| {},
            |logins| {
                logins.failures.push_back((clock::now(), error.clone()));
                shared
            },
        );
    }

    /// It has failed for another reason, which says nothing about the password.
    pub(super) fn fail(&self, error: &Error, destination: &Destination) {
        let is_everybodys = error.server.is_some() || error.kind == ErrorKind::Io;
        let shared = is_everybodys.then(|| (destination.clone(), error.clone()));
        self.end(|_, _| {}, |_| shared);
    }

    fn end(&self, note: impl FnOnce(&mut Role, Fingerprint), share: impl FnOnce(&mut Logins) -> Shared) {
        if !self.has_ended.swap(true, Ordering::Relaxed) {
            self.conclude(note, share);
        }
    }

    fn conclude(&self, note: impl FnOnce(&mut Role, Fingerprint), share: impl FnOnce(&mut Logins) -> Shared) {
        let ended = {
            let mut all = lock();
            let logins = all.entry(counted(self.account)).or_default();
            logins.under_way = logins.under_way.saturating_sub(1);
            let role = logins.roles.entry(self.account.role.clone()).or_default();
            if let Some(place) = role.tried.iter().position(|tried| *tried == self.password) {
                role.tried.swap_remove(place);
            }
            note(role, self.password);
            let shared = share(logins);
            (logins.ended.clone(), shared)
        };
        ended.0.send_replace(ended.1);
    }
}

/// One that is given up decides nothing.
impl Drop for Login<'_> {
    fn drop(&mut self) {
        self.end(|_, _| {}, |_| None);
    }
}

fn counted(account: &Account) -> Counted {
    (account.direct, account.project.clone())
}

fn guard(account: &Account) -> &'static Guard {
    if account.direct { &MACHINE } else { &POOLER }
}

/// The verdict, and whether another password has logged in before.
fn judge(account: &Account, password: Fingerprint) -> (Verdict, bool) {
    let mut all = lock();
    if all.len() >= MOST_KNOWN && !all.contains_key(&counted(account)) {
        all.retain(|_, logins| !logins.is_forgettable());
    }
    let logins = all.entry(counted(account)).or_default();
    let guard = guard(account);
    let now = clock::now();
    logins.forget_old(guard, now);
    let proven = logins.roles.get(&account.role).and_then(|role| role.proven);
    (logins.judge(&account.role, password, guard, now), proven.is_some_and(|proven| proven != password))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::scripted::Server;

    fn account(direct: bool, project: &str) -> Account {
        Account { direct, project: project.to_owned(), role: "postgres".into() }
    }

    fn destination() -> Destination {
        Destination::of(&Server::playing(|_| Vec::new()).settings())
    }

    fn wrong() -> Error {
        Error::new(ErrorKind::Server, "no").with_code("28P01")
    }

    /// Whether a password is tried, and refused then.
    async fn is_tried(account: &Account, password: &str) -> bool {
        match Login::begin(account, Fingerprint::of(password), &destination()).await {
            Ok(login) => {
                login.refuse(&wrong());
                true
            }
            Err(_) => false,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_projects_own_machine_gets_a_second_wrong_password_in_ten_minutes_only_if_it_is_another() {
        let account = account(true, "of this test alone");
        assert!(is_tried(&account, "first").await);
        assert!(!is_tried(&account, "first").await);
        assert!(is_tried(&account, "second").await);
        assert!(!is_tried(&account, "third").await);
        clock::sleep(Duration::from_secs(600)).await;
        assert!(is_tried(&account, "first").await);
    }

    #[tokio::test(start_paused = true)]
    async fn roles_of_a_project_share_its_count_and_projects_have_their_own() {
        let of = |role: &str| Account { role: role.to_owned(), ..account(false, "of that test alone") };
        for role in ["a", "b", "c", "d"] {
            assert!(is_tried(&of(role), "wrong").await, "{role}");
        }
        assert!(!is_tried(&of("e"), "wrong").await);
        assert!(is_tried(&account(false, "another, of that test alone"), "wrong").await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_has_logged_in_is_used_by_as_many_at_a_time_as_could_be_wrong() {
        let account = account(false, "of the third test alone");
        let begin = async || Login::begin(&account, Fingerprint::of("right"), &destination()).await.ok();
        begin().await.unwrap().succeed();
        let mut under_way = Vec::new();
        for _ in 0..4 {
            under_way.push(begin().await.unwrap());
        }
        assert!(clock::within(Duration::from_secs(1), begin()).await.is_none());
        under_way.pop();
        assert!(clock::within(Duration::from_secs(1), begin()).await.is_some());
    }
}
