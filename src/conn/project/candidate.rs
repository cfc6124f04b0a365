//! The hosts at which a project's pooler may be.

use crate::config::ProjectSettings;
use crate::supabase::{CLUSTERS, REGIONS, cluster_host, older_host};

/// Where the last known cluster of a region has an address, the next is looked for, too. No region has that many: this
/// ends here, whatever the resolver says.
const MOST_CLUSTERS: u8 = 10;

/// A host that may be the pooler of a project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) host: String,
    pub(super) region: String,
    /// Of the cluster, where a higher one may follow.
    number: Option<u8>,
}

impl Candidate {
    fn new(host: String, region: &str) -> Candidate {
        Candidate { host, region: region.to_owned(), number: None }
    }

    fn numbered(number: u8, region: &str) -> Candidate {
        Candidate { number: Some(number), ..Candidate::new(cluster_host(number, region), region) }
    }

    /// What to look for where this one has an address.
    pub(super) fn next(&self) -> Option<Candidate> {
        let next = self.number.filter(|number| CLUSTERS.iter().all(|known| known <= number))? + 1;
        (next < MOST_CLUSTERS).then(|| Candidate::numbered(next, &self.region))
    }
}

/// All hosts to be asked, those that most projects have first.
pub(super) fn candidates(project: &ProjectSettings) -> Vec<Candidate> {
    let own = project.region.as_deref();
    let regions = own.as_ref().map_or(&REGIONS[..], std::slice::from_ref);
    if let Some(cluster) = &project.cluster {
        let host = |region: &str| format!("{cluster}-{region}.pooler.supabase.com");
        return regions.iter().map(|region| Candidate::new(host(region), region)).collect();
    }
    let (usual, others) = CLUSTERS.split_at(2);
    let usual = regions.iter().flat_map(|region| usual.iter().map(|number| Candidate::numbered(*number, region)));
    let others = others.iter().flat_map(|number| regions.iter().map(|region| Candidate::numbered(*number, region)));
    let older = regions.iter().map(|region| Candidate::new(older_host(region), region));
    usual.chain(others).chain(older).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn project(region: Option<&str>, cluster: Option<&str>) -> ProjectSettings {
        ProjectSettings {
            reference: "abc".into(),
            region: region.map(Into::into),
            cluster: cluster.map(Into::into),
            prefers_direct: false,
        }
    }

    fn clusters(project: &ProjectSettings) -> Vec<String> {
        let host = |candidate: Candidate| candidate.host.replace(".pooler.supabase.com", "");
        candidates(project).into_iter().map(host).collect()
    }

    #[test]
    fn a_region_has_its_clusters_and_a_cluster_is_sought_in_its_region() {
        let all = ["aws-0-eu-west-1", "aws-1-eu-west-1", "aws-2-eu-west-1", "fly-0-eu-west-1"];
        assert_eq!(clusters(&project(Some("eu-west-1"), None)), all);
        assert_eq!(clusters(&project(Some("eu-west-1"), Some("aws-7"))), ["aws-7-eu-west-1"]);
    }

    #[test]
    fn without_a_region_all_are_sought_once_the_usual_clusters_first() {
        let mut all = clusters(&project(None, None));
        let usual = all.iter().take(2 * REGIONS.len());
        assert!(usual.clone().all(|name| name.starts_with("aws-0-") || name.starts_with("aws-1-")), "{all:?}");
        assert_eq!(all.len(), 4 * REGIONS.len());
        all.sort();
        all.dedup();
        assert_eq!(all.len(), 4 * REGIONS.len());
        assert_eq!(clusters(&project(None, Some("aws-3"))).len(), REGIONS.len());
    }

    #[test]
    fn behind_the_last_known_cluster_another_may_follow_and_there_is_an_end_to_it() {
        let first = candidates(&project(Some("eu-west-1"), None));
        assert_eq!(first.iter().filter_map(Candidate::next).count(), 1);
        let mut last = first.into_iter().find_map(|candidate| candidate.next()).unwrap();
        assert_eq!(last.host, "aws-3-eu-west-1.pooler.supabase.com");
        while let Some(next) = last.next() {
            last = next;
        }
        assert_eq!(last.host, "aws-9-eu-west-1.pooler.supabase.com");
    }
}
