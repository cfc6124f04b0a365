//! The host names of the shared poolers.

/// The regions that a project can be in, the most used ones of each continent first.
pub const REGIONS: [&str; 18] = [
    "us-east-1",
    "eu-central-1",
    "ap-southeast-1",
    "eu-west-1",
    "us-west-1",
    "ap-south-1",
    "sa-east-1",
    "us-east-2",
    "eu-west-2",
    "ap-northeast-1",
    "us-west-2",
    "ca-central-1",
    "eu-west-3",
    "ap-southeast-2",
    "eu-central-2",
    "eu-north-1",
    "ap-northeast-2",
    "ap-east-1",
];

/// The numbers of clusters that have been seen in a region, the most used ones first.
pub const CLUSTERS: [u8; 3] = [0, 1, 2];

/// The host of a cluster of the shared pooler, such as `aws-0-eu-central-1.pooler.supabase.com`.
pub fn cluster_host(cluster: u8, region: &str) -> String {
    format!("aws-{cluster}-{region}.pooler.supabase.com")
}

/// The older host of a region, which some projects still have.
pub fn older_host(region: &str) -> String {
    format!("fly-0-{region}.pooler.supabase.com")
}

/// The region in the name of a shared pooler's host, in small letters.
pub fn region_of(host: &str) -> Option<String> {
    let host = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let name = host.strip_suffix(".pooler.supabase.com")?;
    let (_, behind) = name.split_once('-')?;
    let (number, region) = behind.split_once('-')?;
    let is_plain = region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    (number.bytes().all(|byte| byte.is_ascii_digit()) && !region.is_empty() && is_plain).then(|| region.to_owned())
}

#[cfg(test)]
mod tests {
    use super::super::Endpoint;
    use super::*;

    #[test]
    fn each_host_is_one_of_the_shared_pooler_and_comes_once() {
        let mut hosts: Vec<String> = REGIONS
            .iter()
            .flat_map(|region| {
                CLUSTERS.map(|cluster| cluster_host(cluster, region)).into_iter().chain([older_host(region)])
            })
            .collect();
        assert!(hosts.iter().all(|host| Endpoint::of(host) == Some(Endpoint::SharedPooler)));
        assert!(hosts.contains(&"aws-1-us-east-1.pooler.supabase.com".to_owned()));
        let all = hosts.len();
        hosts.sort();
        hosts.dedup();
        assert_eq!(hosts.len(), all);
    }

    #[test]
    fn the_region_stands_in_the_hosts_name() {
        assert_eq!(region_of("aws-1-eu-central-1.pooler.supabase.com").as_deref(), Some("eu-central-1"));
        assert_eq!(region_of("AWS-0-us-east-1.Pooler.supabase.com.").as_deref(), Some("us-east-1"));
        for other in ["db.abc.supabase.co", "eu-central-1.pooler.supabase.com", "aws-0-.pooler.supabase.com", ""] {
            assert_eq!(region_of(other), None, "{other}");
        }
    }
}
