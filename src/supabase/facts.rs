//! What a hint may repeat of a connection and of its failure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{Endpoint, Way};

/// Words for the hint. Each has a form that no password has passed for by mistake: a name of Supabase's, letters and
/// digits, a number, an address.
pub(super) struct Facts {
    role: Option<String>,
    project: Option<String>,
    host: Option<String>,
    limit: Option<String>,
    address: Option<String>,
}

impl Facts {
    pub(super) fn of(way: &Way<'_>, text: &str) -> Self {
        let (role, project) = way.role_and_project();
        Facts {
            role: Some(role).filter(|role| is_role(role)).map(str::to_owned),
            project: project.filter(|project| is_like_ref(project)).map(str::to_owned),
            host: Some(way.host).filter(|host| is_host(host)).map(str::to_owned),
            limit: limit(text),
            address: address(text).map(|address| address.to_string()),
        }
    }

    /// Those that are known, by name.
    pub(super) fn into_known(self) -> Vec<(&'static str, String)> {
        let Facts { role, project, host, limit, address } = self;
        let all = [("role", role), ("project", project), ("host", host), ("limit", limit), ("address", address)];
        all.into_iter().filter_map(|(name, fact)| Some((name, fact?))).collect()
    }

    /// The template with the facts in their places.
    pub(super) fn filled(&self, template: &str) -> String {
        fill(template, |fact| self.get(fact))
    }

    fn get(&self, fact: &str) -> Option<&str> {
        match fact {
            "role" => self.role.as_deref(),
            "project" => self.project.as_deref(),
            "host" => self.host.as_deref(),
            "limit" => self.limit.as_deref(),
            "address" => self.address.as_deref(),
            _ => None,
        }
    }
}

/// The template with `{fact|words}` replaced by the fact, or by the words where it isn't known.
pub fn fill<'a>(template: &'a str, get: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, behind)) = rest.split_once('{') {
        let Some(((fact, words), after)) =
            behind.split_once('}').and_then(|(inside, after)| Some((inside.split_once('|')?, after)))
        else {
            break;
        };
        filled.push_str(before);
        filled.push_str(get(fact).unwrap_or(words));
        rest = after;
    }
    filled + rest
}

/// As a role is spelled without quotes. What was pasted into the wrong place has other characters.
fn is_role(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= 63
        && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && text.bytes().all(is_plain)
}

/// Whether a text can be meant as a project's ref, so that it may be repeated.
pub fn is_like_ref(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn is_host(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-');
    Endpoint::of(text).is_some() && text.len() <= 253 && text.bytes().all(is_plain)
}

/// The number behind `pool_size: ` or `limit: `, unless it is one: the hints speak of several.
fn limit(text: &str) -> Option<String> {
    let (_, behind) = text.split_once("pool_size: ").or_else(|| text.split_once("limit: "))?;
    let digits: String = behind.chars().take_while(char::is_ascii_digit).take(6).collect();
    digits.parse().is_ok_and(|limit: u32| limit > 1).then_some(digits)
}

/// The address of an allow_list's refusal: a tuple of its 4 bytes, or of the 8 groups of IPv6.
fn address(text: &str) -> Option<IpAddr> {
    let (inside, _) = text.split_once('{')?.1.split_once('}')?;
    let parts = inside.split(',').map(|part| part.trim().parse::<u16>().ok());
    let parts: Vec<u16> = parts.take(9).collect::<Option<_>>()?;
    if let Ok(groups) = <[u16; 8]>::try_from(parts.as_slice()) {
        return Some(Ipv6Addr::from(groups).into());
    }
    let bytes: Vec<u8> = parts.into_iter().map(|part| u8::try_from(part).ok()).collect::<Option<_>>()?;
    <[u8; 4]>::try_from(bytes).ok().map(|bytes| Ipv4Addr::from(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fact_stands_in_for_the_words_of_a_template() {
        let facts = Facts::of(&Way::new("aws-0-eu-west-1.pooler.supabase.com", 5432, "my.role.abc"), "limit: 200");
        let filled = facts.filled("{host|a}, {project|b}, {role|c}, {limit|d}, {address|e} {unknown|f} {broken");
        assert_eq!(filled, "aws-0-eu-west-1.pooler.supabase.com, abc, c, 200, e f {broken");
    }

    #[test]
    fn what_was_pasted_into_the_wrong_place_is_not_repeated() {
        for odd in ["postgres://u:secret@h/d", "secret word", "s3cret!", "-secret", ""] {
            for user in [odd.to_owned(), format!("{odd}.{odd}")] {
                let facts = Facts::of(&Way::new(odd, 5432, &user), odd);
                assert_eq!(facts.filled("{host|}{project|}{role|}{limit|}{address|}"), "", "{user}");
            }
        }
        let facts = Facts::of(&Way::new("secret@aws-0-x.pooler.supabase.com", 5432, ""), "");
        assert_eq!(facts.filled("{host|the pooler}"), "the pooler");
    }

    #[test]
    fn numbers_and_addresses_are_read_from_a_text() {
        assert_eq!(limit("max clients are limited to pool_size: 15").as_deref(), Some("15"));
        assert_eq!(limit("limit: 123456789").as_deref(), Some("123456"));
        for one_or_none in ["limit: none", "pool_size: 1"] {
            assert_eq!(limit(one_or_none), None, "{one_or_none}");
        }
        assert_eq!(address("{1, 2, 3, 4}"), Some(IpAddr::from([1, 2, 3, 4])));
        assert_eq!(address("{8193, 3512, 0, 0, 0, 0, 0, 1}").unwrap().to_string(), "2001:db8::1");
        for wrong in ["{1, 2, 3}", "{1, 2, 3, 256}", "{}", "{1, 2, 3, 4", "{a, b, c, d}", "{1,2,3,4,5,6,7,8,9}"] {
            assert_eq!(address(wrong), None, "{wrong}");
        }
    }
}
