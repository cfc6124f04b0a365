//! What the shared pooler makes of startup parameters: it passes on a few, and drops all others without a word.
//!
//! <https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-OPTIONS> has the form of `options`.

/// Parameters that it passes on to the server, as parameters of their own.
const PASSED_ON: [&str; 3] = ["application_name", "client_encoding", "search_path"];
/// Those in `options` that it reads, or passes on.
const READ_IN_OPTIONS: [&str; 4] = ["reference", "jit", "log_level", "search_path"];

/// What every pooler takes.
const COMMONEST: [&str; 2] = ["application_name", "client_encoding"];

/// The most bytes of a startup packet that it reads.
pub const LONGEST_PACKET: usize = 1024;

/// The startup parameters of a connection, by what becomes of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Startup {
    /// They are in the startup packet.
    pub sent: Vec<(String, String)>,
    /// They have to be set in the session, in this order, since they don't arrive there otherwise.
    pub set: Vec<(String, String)>,
}

impl Startup {
    /// All in the packet, as for a server.
    pub fn plain(given: &[(String, String)]) -> Startup {
        Startup { sent: given.to_vec(), set: Vec::new() }
    }

    /// For the shared pooler.
    pub fn pooled(given: &[(String, String)]) -> Startup {
        Startup::sorted(given, &PASSED_ON, &READ_IN_OPTIONS)
    }

    /// For a pooler that takes no parameter but the commonest ones.
    pub fn bare(given: &[(String, String)]) -> Startup {
        Startup::sorted(given, &COMMONEST, &[])
    }

    /// For a pooler that passes on these, and reads those in `options`; one that reads none isn't sent `options` at all.
    fn sorted(given: &[(String, String)], passed_on: &[&str], read_in_options: &[&str]) -> Startup {
        let mut startup = Startup::default();
        for (name, value) in given {
            if name.eq_ignore_ascii_case("options") {
                let options = Options::read(value);
                if !read_in_options.is_empty() {
                    startup.sent.push((name.clone(), options.readable(value)));
                }
                startup.set.extend(options.settings.into_iter().filter(|(name, _)| !is_one_of(read_in_options, name)));
            } else if is_one_of(passed_on, name) || is_protocol_option(name) {
                startup.sent.push((name.clone(), value.clone()));
            } else {
                startup.set.push((name.clone(), value.clone()));
            }
        }
        startup
    }

    /// Those by which a pooler tells its tenants and pools, without any that would have to be set in the session.
    pub fn identifying(given: &[(String, String)]) -> Vec<(String, String)> {
        let mut startup = Startup::pooled(given).sent;
        for (name, value) in &mut startup {
            if name.eq_ignore_ascii_case("options") {
                *value = Options::read(value).read_by_pooler();
            }
        }
        startup.retain(|(_, value)| !value.is_empty());
        startup
    }

    /// The one with the longest value: what to shorten first in a packet that is too large.
    pub fn longest(&self) -> Option<&str> {
        self.sent.iter().max_by_key(|(name, value)| name.len() + value.len()).map(|(name, _)| name.as_str())
    }
}

/// The project that `options` names to the pooler.
pub fn reference(given: &[(String, String)]) -> Option<String> {
    let (_, text) = given.iter().find(|(name, _)| name.eq_ignore_ascii_case("options"))?;
    let options = Options::read(text);
    let named = options.settings.into_iter().find(|(name, _)| name == "reference").map(|(_, value)| value);
    named.or(options.reference).filter(|reference| !reference.is_empty())
}

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|known| known.eq_ignore_ascii_case(name))
}

/// Options of the protocol are negotiated and set nothing.
fn is_protocol_option(name: &str) -> bool {
    name.starts_with("_pq_.")
}

/// The parameter `options`.
#[derive(Default)]
struct Options {
    /// `-c name=value` and `--name=value`.
    settings: Vec<(String, String)>,
    /// What stands behind a bare `reference=`.
    reference: Option<String>,
}

impl Options {
    fn read(text: &str) -> Options {
        let mut options = Options::default();
        let mut words = words(text).into_iter();
        while let Some(word) = words.next() {
            let setting = match word.strip_prefix("--") {
                Some(long) => Some(long.to_owned()),
                None => match word.strip_prefix("-c") {
                    Some("") => words.next(),
                    Some(glued) => Some(glued.to_owned()),
                    None => None,
                },
            };
            match setting.as_deref().and_then(|setting| setting.split_once('=')) {
                Some((name, value)) => options.settings.push((name.replace('-', "_"), value.to_owned())),
                None => options.reference = options.reference.or(word.strip_prefix("reference=").map(str::to_owned)),
            }
        }
        options
    }

    /// Those that the pooler reads, in a text of their own.
    fn read_by_pooler(&self) -> String {
        let named = self.settings.iter().filter(|(name, _)| is_one_of(&READ_IN_OPTIONS, name));
        let named = named.map(|(name, value)| (name.as_str(), value));
        let bare = self.reference.iter().map(|reference| ("reference", reference));
        let escaped = |value: &str| value.replace('\\', r"\\").replace(' ', r"\ ");
        named.chain(bare).map(|(name, value)| format!("--{name}={}", escaped(value))).collect::<Vec<_>>().join(" ")
    }

    /// The same text as the pooler understands it: beside any `-c` it overlooks a bare `reference=`.
    fn readable(&self, text: &str) -> String {
        if self.settings.is_empty() || self.reference.is_none() {
            return text.to_owned();
        }
        let bare = |word: &str| word.starts_with("reference=");
        let word = |word: &str| if bare(word) { format!("--{word}") } else { word.to_owned() };
        text.split(' ').map(word).collect::<Vec<_>>().join(" ")
    }
}

/// Words between blanks; a backslash takes the next character for itself.
fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.get_or_insert_default().extend(characters.next()),
            blank if blank.is_whitespace() => words.extend(word.take()),
            other => word.get_or_insert_default().push(other),
        }
    }
    words.extend(word);
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        list.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn what_the_pooler_drops_is_to_be_set_and_the_rest_is_sent() {
        let given = pairs(&[
            ("application_name", "app"),
            ("statement_timeout", "5000"),
            ("search_path", "a, b"),
            ("options", "-c lock_timeout=2s --work-mem=64MB -cjit=on -c search_path=c"),
            ("client_encoding", "UTF8"),
        ]);
        let startup = Startup::pooled(&given);
        let names: Vec<&str> = startup.sent.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["application_name", "search_path", "options", "client_encoding"]);
        assert_eq!(startup.set, pairs(&[("statement_timeout", "5000"), ("lock_timeout", "2s"), ("work_mem", "64MB")]));
        assert_eq!(Startup::plain(&given).set, []);
    }

    #[test]
    fn options_go_as_they_are_unless_the_pooler_would_overlook_the_reference() {
        for (given, sent) in [
            ("reference=abc", "reference=abc"),
            ("--reference=abc -c jit=on", "--reference=abc -c jit=on"),
            ("-c reference=abc", "-c reference=abc"),
            ("reference=abc -c jit=on", "--reference=abc -c jit=on"),
            ("-c geqo=off reference=abc", "-c geqo=off --reference=abc"),
        ] {
            let given = pairs(&[("options", given)]);
            assert_eq!(Startup::pooled(&given).sent, pairs(&[("options", sent)]));
            assert_eq!(reference(&given).as_deref(), sent.contains("reference").then_some("abc"));
        }
        assert_eq!(reference(&pairs(&[("options", "-c geqo=off")])), None);
    }

    #[test]
    fn a_connection_that_only_asks_names_its_tenant_and_its_pool() {
        let given = pairs(&[
            ("statement_timeout", "5000"),
            ("search_path", "a"),
            ("options", r"-c geqo=off reference=abc -c search_path=a,\ b"),
        ]);
        let identifying = pairs(&[("search_path", "a"), ("options", r"--reference=abc --search_path=a,\ b")]);
        assert_eq!(Startup::identifying(&given), identifying);
        assert_eq!(Startup::identifying(&pairs(&[("options", "-c geqo=off")])), []);
        assert_eq!(Startup::pooled(&identifying).set, []);
    }

    #[test]
    fn blanks_in_values_stand_behind_a_backslash() {
        let given = pairs(&[("options", r"-c search_path=a,\ b -c  app.text=a\\b\ c -c")]);
        assert_eq!(Startup::bare(&given).set, pairs(&[("search_path", "a, b"), ("app.text", r"a\b c")]));
    }

    #[test]
    fn a_pooler_that_takes_nothing_else_gets_the_name_of_the_application() {
        let given = pairs(&[("application_name", "app"), ("search_path", "a"), ("_pq_.x", "1"), ("geqo", "off")]);
        let startup = Startup::bare(&given);
        assert_eq!(startup.sent, pairs(&[("application_name", "app"), ("_pq_.x", "1")]));
        assert_eq!(startup.set, pairs(&[("search_path", "a"), ("geqo", "off")]));
    }
}
