//! The checks in their order: the first layer that fails ends them.

use std::sync::Arc;
use std::time::Duration;

use super::cause::Cause;
use super::certificates::{self, Guarded};
use super::configuration::{self, Doubt, Verdict};
use super::finding::Finding;
use super::names::{self, Addresses};
use super::place::Place;
use super::reach::{self, Reached};
use super::report::{Diagnosis, Report, Stage};
use super::seat::Seat;
use super::startup::{Door, Introduced};
use super::subject::{Limits, Subject};
use super::{elsewhere, greeting, login, refusal, session, socket_file};
use crate::clock;
use crate::config::{ProjectSettings, ServerSettings, SessionTarget};
use crate::conn::address::Address;
use crate::conn::caller::{Caller, Question, ask};
use crate::conn::handshake::Wanted;
use crate::conn::stream::Stream;
use crate::conn::{KeyRing, Socket, steps};
use crate::error::{Error, ErrorKind};

/// Passwords that one diagnosis may send.
const MOST_ATTEMPTS: u32 = 2;
/// To a project's own machine, which shuts an address out after few wrong ones.
const MOST_ATTEMPTS_DIRECT: u32 = 1;
/// What is left of the time when the last of the probes ends.
const MARGIN: Duration = Duration::from_millis(500);

const NO_TLS: &str = "the configuration wants no TLS";

/// Looks at one database's connection. Must be called on the runtime.
pub async fn diagnose(subject: Subject, limits: Limits, caller: Option<Arc<dyn Caller>>) -> Diagnosis {
    let mut report = Report::begin();
    let mut examination = Examination {
        subject: &subject,
        limits,
        caller: caller.as_ref(),
        report: &mut report,
        doubts: Vec::new(),
        sourceless: None,
    };
    if clock::within(limits.timeout, examination.run()).await.is_none() {
        report.fail_next(Finding::timed_out(limits.timeout));
    }
    report.finish()
}

struct Examination<'a> {
    subject: &'a Subject,
    limits: Limits,
    caller: Option<&'a Arc<dyn Caller>>,
    report: &'a mut Report,
    /// What may be wrong with the configuration.
    doubts: Vec<Doubt>,
    /// Why there is no password from where it should come.
    sourceless: Option<Finding>,
}

impl Examination<'_> {
    async fn run(&mut self) {
        match configuration::check(&self.subject.given) {
            Ok(doubts) => self.doubts = doubts,
            Err(finding) => return self.report.fail(Stage::Configuration, finding),
        }
        self.go_on().await;
        self.settle_doubts();
    }

    /// A doubt about the configuration is what a failure is put down to, unless what went well speaks against it.
    fn settle_doubts(&mut self) {
        let failure = self.report.failure();
        if let Some(finding) = self.sourceless.take()
            && failure.is_some()
        {
            return self.report.blame(Stage::Configuration, finding);
        }
        let doubts = std::mem::take(&mut self.doubts);
        let was_sent = self.report.attempts() > 0;
        let may_explain =
            |doubt: &&Doubt| failure.is_some_and(|(stage, cause)| doubt.may_explain(stage, cause, was_sent));
        if let Some(doubt) = doubts.iter().find(may_explain) {
            return self.report.blame(Stage::Configuration, doubt.finding.clone());
        }
        // A configuration that can't be used is all that there is to say of it.
        if failure.is_some_and(|(stage, _)| stage == Stage::Configuration) {
            return;
        }
        if let Some(doubt) = doubts.into_iter().find(|doubt| doubt.is_worth_saying) {
            self.report.add_warning(Stage::Configuration, doubt.finding);
        }
    }

    async fn go_on(&mut self) {
        let Some(settings) = &self.subject.settings else {
            return self.report.fail(Stage::Configuration, Finding::new(Cause::Configuration));
        };
        if self.subject.given.has_own_way {
            return self.tell_of_own_way(settings);
        }
        let settings = match self.with_password(settings).await {
            Ok(settings) => settings,
            Err(finding) => return self.report.fail(Stage::Configuration, finding),
        };
        if let Some(error) = certificates::unusable(&settings).await {
            return self.report.fail(Stage::Configuration, error);
        }
        self.report.pass(Stage::Configuration, "the configuration can be read");
        let found = match self.found(&settings).await {
            Ok(found) => found,
            Err((stage, finding)) => return self.fail_search(&settings, stage, finding),
        };
        if prefers_direct(&settings) && !found.by_ref {
            self.examine_machine(settings, &found).await;
        } else {
            self.examine_all(&found).await;
        }
    }

    /// The project's own machine is only preferred: a connection goes to the pooler where it can't be reached.
    async fn examine_machine(&mut self, given: ServerSettings, machine: &ServerSettings) {
        let Some(place) = Place::all(machine).into_iter().next() else { return };
        let Err((stage, finding)) = self.examine(&place).await else { return };
        if !matches!(finding.cause, Cause::HostNotFound | Cause::Ipv6Only | Cause::Unreachable) {
            return self.report.fail(stage, finding);
        }
        let project = given.project.clone().map(|project| ProjectSettings { prefers_direct: false, ..project });
        match self.found(&ServerSettings { project, ..given }).await {
            Ok(pooler) => {
                self.report.start_over(&place.shown(), &finding);
                self.examine_all(&pooler).await;
            }
            // That the machine can't be reached is what the caller has to know.
            Err(_) => self.report.fail(stage, finding),
        }
    }

    /// One host after the other, until one works.
    async fn examine_all(&mut self, settings: &ServerSettings) {
        let places = Place::all(settings);
        for (index, place) in places.iter().enumerate() {
            let Err((stage, finding)) = self.examine(place).await else { return };
            let is_last = index + 1 == places.len();
            if is_last || is_hopeless(stage, &finding) || is_final(settings, finding.cause) {
                return self.report.fail(stage, finding);
            }
            self.report.start_over(&place.shown(), &finding);
        }
    }

    /// The search for a project's pooler has failed: at this stage at each of them.
    fn fail_search(&mut self, settings: &ServerSettings, at: Stage, finding: Finding) {
        for stage in Stage::ALL.into_iter().skip(1).take_while(|stage| *stage != at) {
            match stage {
                Stage::SslRequest | Stage::Tls if settings.tls.is_none() => self.report.skip(stage, NO_TLS),
                _ => self.report.pass(stage, "as a pooler of Supabase's was looked for"),
            }
        }
        self.report.fail(at, finding);
    }

    /// Of a way that the program makes nothing is known but what a server has answered on it.
    fn tell_of_own_way(&mut self, settings: &ServerSettings) {
        let answered = self.subject.failure.as_ref().filter(|error| error.server.is_some());
        let Some((error, place)) = answered.zip(Place::all(settings).into_iter().next()) else {
            let seen = "The program makes the connection itself, by `stream`, `connection` or `Client`.";
            return self.report.fail(Stage::Configuration, Finding::new(Cause::OwnWay).seen(seen));
        };
        self.report.pass(Stage::Configuration, "the configuration can be read");
        for stage in [Stage::Resolve, Stage::Connect, Stage::SslRequest, Stage::Tls, Stage::Startup] {
            self.report.skip(stage, "the way to the server is the program's own");
        }
        self.report.fail(Stage::Authentication, refusal::finding(&place, error.clone()));
    }

    /// How much time is left, but for what it takes to say so.
    fn left(&self) -> Duration {
        let margin = MARGIN.min(self.limits.timeout / 4);
        self.limits.timeout.saturating_sub(self.report.age()).saturating_sub(margin)
    }

    /// The settings with the password that the program supplies. A function of its own isn't called where no password may
    /// be sent; where it gives none, that is wrong only if the server wants one.
    async fn with_password(&mut self, settings: &ServerSettings) -> Result<ServerSettings, Finding> {
        let mut settings = settings.clone();
        let is_vain = self.subject.given.supplies_password && self.may_send(false) == 0;
        if !settings.asks_for_password || self.caller.is_none() || is_vain {
            return Ok(settings);
        }
        settings.asks_for_password = false;
        let question = ask(self.caller, Question::password(), "supply the password");
        let answer = match clock::within(self.left(), question).await {
            Some(Ok(answer)) => answer,
            Some(Err(error)) => {
                self.sourceless = Some(Finding::new(Cause::PasswordSource).by(error));
                return Ok(settings);
            }
            None => return Err(Finding::new(Cause::PasswordSource).seen("The password has not come in the time")),
        };
        let Some(password) = answer.into_text() else { return Ok(settings) };
        match configuration::check_password(&password, &self.subject.given) {
            Some(Verdict::Wrong(finding)) => return Err(finding),
            Some(Verdict::Doubtful(doubt)) => self.doubts.push(doubt),
            None => {}
        }
        settings.server.password(password);
        Ok(settings)
    }

    /// How many passwords may still be sent.
    fn may_send(&self, to_machine: bool) -> u32 {
        let rule = if to_machine { MOST_ATTEMPTS_DIRECT } else { MOST_ATTEMPTS };
        let most = if self.subject.failure.is_some() { 0 } else { self.limits.auth_attempts.unwrap_or(rule).min(rule) };
        most.saturating_sub(self.report.attempts())
    }

    /// The settings for the host that leads to their project, where they name one.
    async fn found(&self, settings: &ServerSettings) -> Result<ServerSettings, (Stage, Finding)> {
        let Some(project) = &settings.project else { return Ok(settings.clone()) };
        let settings = ServerSettings { connect_timeout: Some(self.left()), ..settings.clone() };
        match steps::find(&settings, project).await {
            Ok(settled) => Ok(settled),
            Err(error) => Err(elsewhere::of_search(&settings, project, error).await),
        }
    }

    async fn examine(&mut self, place: &Place) -> Result<(), (Stage, Finding)> {
        let ring = KeyRing::default();
        let Reached { socket, address, seen, warnings } = self.connect(place).await?;
        self.report.end_well(Stage::Connect, seen, warnings);
        let guarded = place.tls().map(|tls| Guarded { place, tls, address: &address, ring: &ring });
        let stream = self.secure(socket, guarded.as_ref()).await?;
        let door = Door { place, address: &address, ring: &ring, left: self.left() };
        let introduced = match door.say(stream).await {
            Ok(introduced) => introduced,
            Err(finding) => {
                let complaint = match &guarded {
                    Some(guarded) => guarded.complaint(&finding).await,
                    None => None,
                };
                return Err((Stage::Startup, complaint.unwrap_or(finding)));
            }
        };
        self.report.end_well(Stage::Startup, "the server goes on with the login", introduced.warnings.clone());
        self.log_in(place, &address, &introduced, &ring).await
    }

    /// What goes on over the socket: TLS, where that is wanted.
    async fn secure(&mut self, mut socket: Socket, guarded: Option<&Guarded<'_>>) -> Result<Stream, (Stage, Finding)> {
        let Some(guarded) = guarded else {
            self.report.skip(Stage::SslRequest, NO_TLS);
            self.report.skip(Stage::Tls, NO_TLS);
            return Ok(Stream::Plain(socket));
        };
        let Guarded { place, address, .. } = *guarded;
        if place.is_direct_tls() {
            self.report.skip(Stage::SslRequest, "TLS begins without it");
        } else {
            let detail = greeting::ask(place, address, &mut socket).await.map_err(at(Stage::SslRequest))?;
            self.report.pass(Stage::SslRequest, detail);
        }
        match guarded.secure(socket, self.caller).await {
            Ok((stream, detail)) => {
                self.report.pass(Stage::Tls, detail);
                Ok(stream)
            }
            Err(failure) if place.is_direct_tls() => {
                Err((Stage::Tls, greeting::behind_tls(place, address, failure).await))
            }
            Err(failure) => Err((Stage::Tls, failure)),
        }
    }

    /// What the error of a connection means that has just failed.
    fn of_failure(&mut self, place: &Place, error: &Error) -> Finding {
        let finding = refusal::of_failure(place, error.clone());
        if finding.cause != Cause::PasswordSource {
            return finding;
        }
        self.sourceless = Some(finding);
        not_tried(place)
    }

    async fn connect(&mut self, place: &Place) -> Result<Reached, (Stage, Finding)> {
        if place.is_unix {
            self.report.skip(Stage::Resolve, "the host is the folder of a Unix socket");
            return socket_file::open(place).await.map_err(at(Stage::Connect));
        }
        let addresses: Addresses = names::look_up(place).await.map_err(at(Stage::Resolve))?;
        self.report.pass(Stage::Resolve, addresses.seen.as_str());
        reach::reach(place, &addresses).await.map_err(at(Stage::Connect))
    }

    async fn log_in(
        &mut self,
        place: &Place,
        address: &Address,
        introduced: &Introduced,
        ring: &KeyRing,
    ) -> Result<(), (Stage, Finding)> {
        let wanted = &introduced.wanted;
        login::check(place, wanted).map_err(at(Stage::Authentication))?;
        if *wanted == Wanted::Nothing {
            // Nobody has missed it.
            self.sourceless = None;
            if self.subject.failure.is_some() {
                self.report.note("The connection has failed before; since it needs no password, it was tried anew.");
            }
        } else {
            if self.sourceless.is_none() {
                login::check_password(place, wanted).map_err(at(Stage::Authentication))?;
            }
            if let Some(error) = &self.subject.failure {
                return Err((Stage::Authentication, self.of_failure(place, error)));
            }
            if self.sourceless.is_some() || self.may_send(refusal::is_machine(place)) == 0 {
                return Err((Stage::Authentication, not_tried(place)));
            }
        }
        let (outcome, proofs) = login::log_in(place, address, &introduced.parameters, ring, self.left()).await;
        self.report.count_attempts(proofs);
        let session = outcome.map_err(at(Stage::Authentication))?;
        self.report.pass(Stage::Authentication, "the login is taken");
        let is_free = *wanted == Wanted::Nothing;
        let seat = Seat {
            place,
            session: &session,
            address,
            ring,
            parameters: &introduced.parameters,
            may_log_in: is_free || self.may_send(refusal::is_machine(place)) > 0,
            takes_standby: self.subject.given.takes_standby,
            lost_idle: &self.subject.lost_idle,
            end: clock::now() + self.left(),
        };
        let seen = session::look(&seat).await.map_err(at(Stage::Session))?;
        self.report.count_attempts(seen.proofs);
        seen.notes.into_iter().for_each(|note| self.report.note(note));
        self.report.end_well(Stage::Session, "the session can be used", seen.warnings);
        Ok(())
    }
}

/// A finding, with the stage that it is of.
fn at(stage: Stage) -> impl Fn(Finding) -> (Stage, Finding) {
    move |finding| (stage, finding)
}

fn not_tried(place: &Place) -> Finding {
    let seen = format!("{} waits for a password, and none was sent", place.shown());
    Finding::new(Cause::NotTried).with("place", place.shown()).seen(seen)
}

fn prefers_direct(settings: &ServerSettings) -> bool {
    settings.project.as_ref().is_some_and(|project| project.prefers_direct)
}

/// Whether a connection ends there, and doesn't go on to the next host: to a caller who wants any server a standby is one.
fn is_final(settings: &ServerSettings, cause: Cause) -> bool {
    cause == Cause::Standby && settings.session == SessionTarget::Any
}

/// Whether a connection gives up here, without trying its other hosts.
fn is_hopeless(stage: Stage, finding: &Finding) -> bool {
    let is_final = finding.error.as_ref().is_some_and(|error| {
        matches!(error.kind, ErrorKind::Config | ErrorKind::Auth) || error.code.as_deref() == Some("28P01")
    });
    is_final || (stage == Stage::Authentication && finding.error.is_none())
}
