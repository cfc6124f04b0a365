//! A project that a pooler doesn't know: whether another one does. No password is sent.

use std::time::Duration;

use super::cause::Cause;
use super::finding::Finding;
use super::place::Place;
use super::refusal;
use super::report::Stage;
use super::resolver::{Family, look_up};
use super::texts;
use crate::clock;
use crate::config::{ProjectSettings, ServerSettings};
use crate::conn::steps;
use crate::error::{Error, ErrorKind};
use crate::supabase::{CLUSTERS, Endpoint, REF_LETTERS, Way, cluster_host, is_ref, older_host, region_of};

/// How long the name of a project's machine is looked up.
const LOOK_UP: Duration = Duration::from_secs(2);

/// Whether a pooler's refusal says that it has no such project.
pub(super) fn is_unknown(place: &Place, error: &Error) -> bool {
    let answer = crate::supabase::answer(&place.way(), error);
    error.server.is_some() && answer.is_some_and(|answer| answer.codes.contains(&"ENOTFOUND"))
}

/// The finding for a pooler's refusal by which it has no such project: the one that has, or that there is none.
pub(super) async fn look(place: &Place, refused: Finding, left: Duration) -> Finding {
    let Some(project) = place.project() else { return refused };
    let mut finding = refused.of(Cause::ProjectNotFound);
    if finding.fact("project").is_none() {
        finding = finding.with("project", project.clone());
    }
    let search = clock::within(left, search(place, &project));
    let (found, machine) = tokio::join!(search, machine(&project));
    match found {
        Some(Search::Found(host)) => {
            finding.cause = Cause::WrongCluster;
            return finding
                .with("clusters", host.clone())
                .seen(format!("{host} knows the project: it goes on with the login (no password was sent)"));
        }
        Some(Search::Nowhere(asked)) => finding = finding.seen(asked),
        None => finding = finding.seen("Not all other poolers could be asked in the time"),
    }
    with_machine(finding, &project, machine)
}

enum Search {
    /// This host knows the project.
    Found(String),
    /// None does; who was asked, in a sentence.
    Nowhere(String),
}

/// Asks the other clusters of the region, and then those of all others.
async fn search(place: &Place, reference: &str) -> Search {
    let Some(region) = region_of(&place.host).filter(|_| Endpoint::of(&place.host) == Some(Endpoint::SharedPooler))
    else {
        return Search::Nowhere("The host isn't one of Supabase's own names, so that no other pooler was asked".into());
    };
    let settings = ServerSettings { connect_timeout: None, ..place.settings.clone() };
    let project = |region: Option<String>| ProjectSettings {
        reference: reference.to_owned(),
        region,
        cluster: None,
        prefers_direct: false,
    };
    let near = match steps::find_elsewhere(&settings, &project(Some(region.clone())), std::slice::from_ref(&place.host))
        .await
    {
        Ok(host) => return Search::Found(host),
        Err(error) => error,
    };
    // Who has failed to answer may have the project.
    if !near.attempts.is_empty() {
        let some = near.attempts.len();
        return Search::Nowhere(format!(
            "No other pooler of {region} knows the project, as far as they answer ({some} didn't)"
        ));
    }
    let own =
        CLUSTERS.iter().map(|number| cluster_host(*number, &region)).chain([older_host(&region), place.host.clone()]);
    let own: Vec<String> = own.collect();
    match steps::find_elsewhere(&settings, &project(None), &own).await {
        Ok(host) => Search::Found(host),
        Err(_) => Search::Nowhere(format!("No other pooler knows the project, in {region} or elsewhere")),
    }
}

/// What the name of a project's machine leads to.
enum Machine {
    Missing,
    There,
    Unknown,
}

async fn machine(project: &str) -> Machine {
    match look_up(&machine_name(project), Family::Any, LOOK_UP).await {
        Ok(_) => Machine::There,
        Err(miss) if miss.is_answer() => Machine::Missing,
        Err(_) => Machine::Unknown,
    }
}

/// What the address of its own machine tells of a project that no pooler knows.
const THERE_IS_ONE: &str =
    "There is such a project, since its own machine has an address: it may be too new for the poolers to know it.";

fn machine_name(project: &str) -> String {
    format!("db.{project}.supabase.co")
}

fn with_machine(finding: Finding, project: &str, machine: Machine) -> Finding {
    let name = machine_name(project);
    let finding = match machine {
        Machine::Missing => finding.seen(format!("{name} has no address either")),
        Machine::There => {
            finding.with("machine", THERE_IS_ONE).seen(format!("{name} has an address: a project with this ref exists"))
        }
        Machine::Unknown => finding.seen(format!("{name} could not be looked up")),
    };
    if is_ref(project) {
        return finding;
    }
    let length = project.len();
    finding.seen(format!("A ref has {REF_LETTERS} lower-case letters; this one has {length} characters"))
}

/// The finding where no pooler of a project was found, and the stage that each of them failed at.
pub(super) async fn of_search(settings: &ServerSettings, project: &ProjectSettings, error: Error) -> (Stage, Finding) {
    let reference = &project.reference;
    let is_unknown = error.supabase.as_ref().is_some_and(|advice| advice.code == "ENOTFOUND");
    if is_unknown && error.kind == ErrorKind::Refused {
        let finding = Finding::new(Cause::ProjectNotFound).with("project", reference.clone());
        let asked = match &project.region {
            Some(region) => format!("No pooler of {region} knows the project"),
            None => "No pooler of any region knows the project".into(),
        };
        let others = error.attempts.len();
        let finding = if others == 0 {
            finding.seen(asked)
        } else {
            finding.seen(format!("{asked}, as far as they answer ({others} didn't)"))
        };
        return (Stage::Startup, with_machine(finding.by(error), reference, machine(reference).await));
    }
    let way = Way { by_ref: true, ..settings.first_way() };
    let known = texts::cause_of(&error, &way);
    let (stage, cause) = match (error.kind, error.code.as_deref()) {
        (ErrorKind::Server | ErrorKind::Config, _) => (Stage::Startup, Cause::PoolerRefusal),
        (ErrorKind::Tls, _) => (Stage::Tls, Cause::TlsFailed),
        (_, Some("ENOTFOUND")) => (Stage::Resolve, Cause::HostNotFound),
        (_, Some("EAI_AGAIN")) => (Stage::Resolve, Cause::ResolverDown),
        (ErrorKind::Timeout(_), _) => (Stage::Connect, Cause::TimedOut),
        _ => (Stage::Connect, Cause::Unreachable),
    };
    // Names of the poolers that don't exist say nothing of the project.
    let known = known.filter(|_| stage != Stage::Resolve);
    let finding = Finding::new(known.unwrap_or(cause)).with("project", reference.clone());
    (stage, finding.seen(refusal::shown_code(&error)).by(error))
}
