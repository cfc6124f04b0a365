//! What is wrong with a configuration before anything is sent.
//!
//! Some values can't be right. Others are most likely wrong, but a server may take them all the same: these are held
//! against the configuration only when the connection fails.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cause::Cause;
use super::connection_string::{self, ENDS_EARLY};
use super::finding::Finding;
use super::report::Stage;
use super::subject::{Given, TlsWish};
use crate::error::Error;
use crate::supabase::REF_LETTERS;

/// What a look at the configuration has shown.
pub(super) enum Verdict {
    /// No connection can come of it.
    Wrong(Finding),
    /// One may.
    Doubtful(Doubt),
}

/// What is most likely wrong: a connection that fails does so because of it, unless it comes so far that it can't be.
pub(super) struct Doubt {
    /// What is wrong then.
    pub(super) finding: Finding,
    /// It is worth a word of a connection that works, too.
    pub(super) is_worth_saying: bool,
}

/// What a server says of a login only once it has taken the password.
const BEHIND_PASSWORD: [Cause; 9] = [
    Cause::DatabaseNotFound,
    Cause::ConnectRevoked,
    Cause::DatabaseClosed,
    Cause::NoLogin,
    Cause::ConnectionLimit,
    Cause::ServerFull,
    Cause::StartupParameter,
    Cause::OutOfResources,
    Cause::NotReady,
];

impl Doubt {
    /// Whether a connection may have failed because of it at this stage and for this cause, `was_sent` saying that a
    /// password was.
    pub(super) fn may_explain(&self, stage: Stage, cause: Cause, was_sent: bool) -> bool {
        match self.finding.cause {
            // What can't be used is known for certain.
            _ if stage == Stage::Configuration => false,
            Cause::SslmodeConflict => {
                let is_about_tls = [Cause::TlsRequired, Cause::SslEnforced, Cause::ClientCertificate, Cause::Hba];
                stage <= Stage::Tls || is_about_tls.contains(&cause)
            }
            _ if stage == Stage::Session => false,
            _ if cause == Cause::DatabaseNotFound => self.may_be_about_database(),
            _ => stage < Stage::Authentication || !was_sent || !BEHIND_PASSWORD.contains(&cause),
        }
    }

    fn may_be_about_database(&self) -> bool {
        match self.finding.cause {
            Cause::UrlNotEncoded => self.finding.fact("how") == Some(ENDS_EARLY),
            _ => matches!(self.finding.fact("value"), Some("database" | "connectionString")),
        }
    }
}

fn doubtful(finding: Finding) -> Verdict {
    Verdict::Doubtful(Doubt { finding, is_worth_saying: false })
}

fn worth_saying(finding: Finding) -> Verdict {
    Verdict::Doubtful(Doubt { finding, is_worth_saying: true })
}

/// What may be wrong.
///
/// # Errors
/// The first thing that is wrong.
pub(super) fn check(given: &Given) -> Result<Vec<Doubt>, Finding> {
    let all = [
        placeholder(given),
        stray(given),
        given.password.as_deref().and_then(stray_password),
        api_host(given),
        given.password.as_deref().and_then(|password| api_key(password, given)),
        url(given),
        tls_conflict(given),
        given.refusal.as_ref().map(refused),
    ];
    let mut doubts = Vec::new();
    for verdict in all.into_iter().flatten() {
        match verdict {
            Verdict::Wrong(finding) => return Err(finding),
            Verdict::Doubtful(doubt) => doubts.push(doubt),
        }
    }
    Ok(doubts)
}

/// The same of a password that the program has supplied when it was asked.
pub(super) fn check_password(password: &str, given: &Given) -> Option<Verdict> {
    placeholder_password(password).or_else(|| stray_password(password)).or_else(|| api_key(password, given))
}

/// Where a value stands, as the program calls it.
fn value(name: &'static str) -> (&'static str, String) {
    ("value", name.to_owned())
}

fn at(cause: Cause, name: &'static str) -> Finding {
    let (key, name) = value(name);
    Finding::new(cause).with(key, name)
}

/// Values that are no secrets, and what they are called.
fn plain_values(given: &Given) -> impl Iterator<Item = (&'static str, &str)> {
    let all = [("host", &given.host), ("user", &given.user), ("database", &given.database), ("ref", &given.reference)];
    all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
}

/// What templates have where a value of the reader's own belongs, in lower case and with `-` for `_` and blanks.
const TEMPLATES: [&str; 12] = [
    "your-project",
    "your-ref",
    "your-password",
    "your-db-password",
    "your-database",
    "your-host",
    "your-user",
    "project-ref",
    "<password>",
    "<ref>",
    "<host>",
    "<user>",
];

fn has_template(text: &str) -> bool {
    let plain = with_dashes(text).to_ascii_lowercase();
    TEMPLATES.iter().any(|words| plain.contains(words)) || is_surely_template(text)
}

/// Whether nobody means it as it is. In small letters a name of somebody's own may have the same words.
fn is_surely_template(text: &str) -> bool {
    let plain = with_dashes(text);
    let has = |words: &str| words.starts_with('<') && plain.to_ascii_lowercase().contains(words);
    let is_loud = |words: &str| plain.contains(&words.to_ascii_uppercase());
    TEMPLATES.iter().any(|words| has(words) || is_loud(words)) || has_word_in_brackets(&plain) || is_variable(text)
}

fn with_dashes(text: &str) -> String {
    text.replace(['_', ' '], "-")
}

/// `${DB_PASSWORD}` and `{{ password }}`, which nobody has put a value in the place of.
fn is_variable(text: &str) -> bool {
    let inside = |start: &str, end: &str| text.trim().strip_prefix(start).and_then(|rest: &str| rest.strip_suffix(end));
    let is_name = |name: &str| {
        name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.'))
    };
    inside("${", "}").or_else(|| inside("{{", "}}")).is_some_and(|name| is_name(name.trim()))
}

/// `[your-region]`; an IPv6 address in brackets has colons.
fn has_word_in_brackets(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    let inside = text.split('[').skip(1).filter_map(|rest| rest.split_once(']')).map(|(inside, _)| inside);
    let is_letter = |character: char| character.is_ascii_alphabetic();
    inside.into_iter().any(|word| {
        word.starts_with(is_letter)
            && word.chars().all(|character| is_letter(character) || "-0123456789".contains(character))
    })
}

fn placeholder(given: &Given) -> Option<Verdict> {
    let login = given.connection_string.as_deref().and_then(connection_string::login);
    let mut doubt = None;
    if let Some((name, value)) = plain_values(given).find(|(_, value)| has_template(value)) {
        // No ref has a word in it.
        if is_surely_template(value) || name == "ref" {
            return Some(Verdict::Wrong(at(Cause::Placeholder, name)));
        }
        doubt = Some(doubtful(at(Cause::Placeholder, name)));
    }
    if let Some(url) = given.connection_string.as_deref() {
        // The password of a URL is looked at by itself.
        let rest = login.map_or_else(|| url.to_owned(), |login| url.replacen(login, "", 1));
        let user = login.and_then(|login| login.split(':').next()).unwrap_or("");
        for text in [rest.as_str(), user] {
            let finding = || at(Cause::Placeholder, "connectionString");
            if is_surely_template(text) {
                return Some(Verdict::Wrong(finding()));
            }
            if has_template(text) {
                doubt = doubt.or_else(|| Some(doubtful(finding())));
            }
        }
        let password = login.and_then(|login| login.split_once(':')).map(|(_, password)| password);
        if let Some(verdict) = password.and_then(placeholder_password) {
            return Some(verdict);
        }
    }
    given.password.as_deref().and_then(placeholder_password).or(doubt)
}

/// In brackets nobody's password says that it is one; without them it may.
fn placeholder_password(password: &str) -> Option<Verdict> {
    let trimmed = password.trim();
    let is_enclosed =
        (trimmed.starts_with('[') && trimmed.ends_with(']')) || (trimmed.starts_with('<') && trimmed.ends_with('>'));
    let plain = trimmed.to_ascii_lowercase();
    let has_words = plain.contains("password") || plain.contains("your");
    let is_template = is_variable(trimmed) || has_words && (is_enclosed || has_template(trimmed));
    if !is_template {
        return None;
    }
    let finding = at(Cause::Placeholder, "password");
    Some(if is_enclosed || is_surely_template(trimmed) { Verdict::Wrong(finding) } else { doubtful(finding) })
}

fn stray(given: &Given) -> Option<Verdict> {
    if let Some(name) = empty(given) {
        let finding = at(Cause::StrayCharacters, name).with("how", EMPTY);
        // Nothing else says where the server is.
        return Some(if given.refusal.is_some() && name != "user" {
            Verdict::Wrong(finding)
        } else {
            doubtful(finding)
        });
    }
    let plain = plain_values(given).chain(given.connection_string.as_deref().map(|url| ("connectionString", url)));
    for (name, value) in plain {
        if let Some(how) = stray_in(value) {
            return Some(doubtful(at(Cause::StrayCharacters, name).with("how", how)));
        }
    }
    None
}

const EMPTY: &str = "is empty";

/// A value without which nothing says where the server is, or who logs in, and that is an empty text.
fn empty(given: &Given) -> Option<&'static str> {
    let is_empty = |value: &Option<String>| value.as_deref() == Some("");
    let is_missing = |value: &Option<String>| value.as_deref().unwrap_or("").is_empty();
    let has_place = !is_missing(&given.connection_string) || !is_missing(&given.reference);
    if !has_place && is_empty(&given.connection_string) && is_missing(&given.host) {
        Some("connectionString")
    } else if !has_place && is_empty(&given.host) {
        Some("host")
    } else if !has_place && is_empty(&given.user) {
        Some("user")
    } else {
        None
    }
}

/// A password may have any character, but hardly one that no keyboard adds by intention.
fn stray_password(password: &str) -> Option<Verdict> {
    // A server that wants none takes that as well.
    if password.is_empty() {
        return Some(doubtful(at(Cause::StrayCharacters, "password").with("how", EMPTY)));
    }
    let how = stray_in(password)?;
    let finding = at(Cause::StrayCharacters, "password").with("how", how);
    let is_certain = password.starts_with(['\r', '\n']) || password.ends_with(['\r', '\n']);
    Some(if is_certain { Verdict::Wrong(finding) } else { doubtful(finding) })
}

fn stray_in(value: &str) -> Option<&'static str> {
    let is_quoted = |quote: char| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
    if value.starts_with(['\r', '\n']) || value.ends_with(['\r', '\n']) {
        Some("has a line break at an end")
    } else if value.trim() != value {
        Some("has blanks at an end")
    } else if is_quoted('"') || is_quoted('\'') || is_quoted('`') {
        Some("stands in quotes")
    } else {
        None
    }
}

fn api_host(given: &Given) -> Option<Verdict> {
    // An entry of a ref and a URL of the API alone is one that the pooler is found for.
    let host = given.host.as_deref()?;
    let bare = host.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
    let bare = bare.to_ascii_lowercase();
    let is_api = [".supabase.co", ".supabase.in", ".supabase.net"].iter().any(|end| {
        let project = bare.strip_suffix(end);
        project.is_some_and(|project| {
            project.len() == REF_LETTERS && project.bytes().all(|byte| byte.is_ascii_alphanumeric())
        })
    });
    is_api.then(|| Verdict::Wrong(Finding::new(Cause::ApiHost).with("host", bare)))
}

fn api_key(password: &str, given: &Given) -> Option<Verdict> {
    let finding = || Finding::new(Cause::ApiKeyAsPassword);
    let has_prefix = |prefixes: &[&str]| prefixes.iter().any(|prefix| password.starts_with(prefix));
    if has_prefix(&["sb_secret_", "sb_publishable_"]) {
        return Some(Verdict::Wrong(finding().with("kind", "an API key")));
    }
    // With temporary access a token is the password.
    if has_prefix(&["sbp_"]) && !given.has_jit {
        return Some(Verdict::Wrong(finding().with("kind", "a personal access token")));
    }
    let mut parts = password.split('.');
    let payload = parts.nth(1).filter(|_| password.starts_with("eyJ") && parts.clone().count() == 1)?;
    if given.has_jit {
        return None;
    }
    let claims = URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).unwrap_or_default();
    let says = |words: &[u8]| claims.windows(words.len()).any(|part| part == words);
    let finding = finding().with("kind", "an API key");
    // Tokens of other clouds are passwords.
    let is_supabase = says(b"supabase") || says(b"service_role") || says(b"\"anon\"");
    Some(if is_supabase { Verdict::Wrong(finding) } else { doubtful(finding) })
}

fn url(given: &Given) -> Option<Verdict> {
    let url = given.connection_string.as_deref()?;
    let is_unreadable = given.refusal.as_ref().and_then(|error| error.code.as_deref()) == Some("ERR_INVALID_URL");
    let how = connection_string::unencoded(url);
    match how {
        Some(how) if is_unreadable => Some(Verdict::Wrong(Finding::new(Cause::UrlNotEncoded).with("how", how))),
        Some(how) => Some(worth_saying(Finding::new(Cause::UrlNotEncoded).with("how", how))),
        None => is_unreadable.then(|| Verdict::Wrong(Finding::new(Cause::UrlNotEncoded).with("how", "can't be read"))),
    }
}

fn tls_conflict(given: &Given) -> Option<Verdict> {
    let wish = given.tls?;
    let url = given.connection_string.as_deref()?;
    let mode = connection_string::sslmode(url)?;
    let is_compatible = url.contains("uselibpqcompat=true");
    let differs = match mode {
        // As in libpq none of them verifies the certificate then, unless there is a root to verify it by.
        "allow" | "prefer" | "require" | "verify-ca" if is_compatible => wish == TlsWish::Off,
        "disable" => wish != TlsWish::Off,
        "no-verify" => wish != TlsWish::Unverified,
        // In node-postgres all of them verify the certificate.
        "allow" | "prefer" | "require" | "verify-ca" | "verify-full" => wish != TlsWish::Verified,
        _ => false,
    };
    differs.then(|| worth_saying(Finding::new(Cause::SslmodeConflict).with("mode", mode)))
}

/// Of files that a configuration names. Those of references have a code of their own.
const FILE_CODES: [&str; 6] = ["ENOENT", "EACCES", "EISDIR", "ENOTDIR", "EPERM", "ELOOP"];

fn refused(error: &Error) -> Verdict {
    let is_file = error.code.as_deref().is_some_and(|code| FILE_CODES.contains(&code));
    let cause = if is_file { Cause::CaFile } else { Cause::Configuration };
    Verdict::Wrong(Finding::new(cause).with("reason", error.message.clone()).by(error.clone()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(given: &Given) -> Option<(&'static str, bool)> {
        match check(given) {
            Err(finding) => Some((finding.cause.code(), true)),
            Ok(doubts) => doubts.first().map(|doubt| (doubt.finding.cause.code(), false)),
        }
    }

    fn of_url(url: &str) -> Option<(&'static str, bool)> {
        named(&Given { connection_string: Some(url.into()), ..Given::default() })
    }

    fn of_password(password: &str) -> Option<(&'static str, bool)> {
        named(&Given { password: Some(password.into()), ..Given::default() })
    }

    #[test]
    fn reserved_characters_of_a_url_are_seen_and_encoded_ones_are_not() {
        for url in [
            "postgres://u:p%40ss@h/d",
            "postgresql://u:p@h:5432/d?options=-c%20a=b@c",
            "postgres://h/d",
            "postgres://[::1]:5432/d",
        ] {
            assert_eq!(of_url(url), None, "{url}");
        }
        for url in [
            "postgres://u:p@ss@h/d",
            "postgres://u:p#s@h/d",
            "postgres://u:p/s@h/d",
            "postgres://u:p?s@h/d",
            "postgres://u:p%s@h/d",
            "postgres://u:p%zz@h/d",
        ] {
            assert_eq!(of_url(url), Some(("url-not-encoded", false)), "{url}");
        }
        let refusal = Error::config("Invalid").with_code("ERR_INVALID_URL");
        let given =
            Given { connection_string: Some("postgres://u:1 2@h".into()), refusal: Some(refusal), ..Given::default() };
        assert_eq!(named(&given), Some(("url-not-encoded", true)));
    }

    #[test]
    fn words_of_templates_are_seen_wherever_they_stand() {
        for url in [
            "postgres://postgres:[YOUR-PASSWORD]@h/d",
            "postgres://postgres.[YOUR_PROJECT_REF]:x@h/d",
            "postgres://postgres:x@db.YOUR_PROJECT_REF.supabase.co/d",
        ] {
            assert_eq!(of_url(url), Some(("placeholder", true)), "{url}");
        }
        assert_eq!(of_password("<password>"), Some(("placeholder", true)));
        assert_eq!(of_password("your_password"), Some(("placeholder", false)));
        for password in ["YOUR_PASSWORD", "${DB_PASSWORD}", "{{ password }}", "<your-password>"] {
            assert_eq!(of_password(password), Some(("placeholder", true)), "{password}");
        }
        for (value, is_sure) in [("your_database", false), ("YOUR_DATABASE", true), ("${DB_NAME}", true)] {
            let given = Given { database: Some(value.into()), ..Given::default() };
            assert_eq!(named(&given), Some(("placeholder", is_sure)), "{value}");
        }
        for password in ["[hunter2]", "s3cret", "<3", "$ecret", "${not a name}"] {
            assert_eq!(of_password(password), None, "{password}");
        }
    }

    #[test]
    fn stray_characters_are_certain_where_nobody_types_them() {
        assert_eq!(of_password(""), Some(("stray-characters", false)));
        assert_eq!(of_password("secret\r\n"), Some(("stray-characters", true)));
        assert_eq!(of_password("secret "), Some(("stray-characters", false)));
        assert_eq!(of_password("\"secret\""), Some(("stray-characters", false)));
        let given = Given { host: Some(" localhost".into()), ..Given::default() };
        assert_eq!(named(&given), Some(("stray-characters", false)));
    }

    #[test]
    fn an_empty_value_is_told_where_nothing_else_stands_for_it() {
        let refusal = || Some(Error::config("no server"));
        let empty = || Some(String::new());
        let given = Given { connection_string: empty(), refusal: refusal(), ..Given::default() };
        assert_eq!(named(&given), Some(("stray-characters", true)));
        let given = Given { connection_string: Some("postgres://u:p@h/d".into()), host: empty(), ..Given::default() };
        assert_eq!(named(&given), None);
        let given = Given { host: Some("h".into()), user: empty(), refusal: refusal(), ..Given::default() };
        assert_eq!(named(&given), Some(("configuration", true)));
    }

    #[test]
    fn a_doubt_explains_no_failure_that_comes_behind_what_it_doubts() {
        let doubt = |given: &Given| check(given).ok().and_then(|doubts| doubts.into_iter().next()).unwrap();
        let url = "postgres://u:p@h/d?sslmode=require".to_owned();
        let conflict = Given { connection_string: Some(url), tls: Some(TlsWish::Unverified), ..Given::default() };
        let conflict = doubt(&conflict);
        assert!(conflict.may_explain(Stage::Connect, Cause::Refused, false));
        assert!(conflict.may_explain(Stage::Tls, Cause::RootNotTrusted, false));
        assert!(conflict.may_explain(Stage::Startup, Cause::TlsRequired, false));
        assert!(!conflict.may_explain(Stage::Authentication, Cause::WrongPassword, true));
        let quoted = doubt(&Given { password: Some("'x'".into()), ..Given::default() });
        assert!(quoted.may_explain(Stage::Authentication, Cause::WrongPassword, true));
        assert!(quoted.may_explain(Stage::Startup, Cause::ServerFull, false));
        assert!(!quoted.may_explain(Stage::Authentication, Cause::DatabaseNotFound, true));
        assert!(!quoted.may_explain(Stage::Authentication, Cause::ServerFull, true));
        assert!(!quoted.may_explain(Stage::Session, Cause::Standby, true));
        assert!(!quoted.may_explain(Stage::Configuration, Cause::CaFile, false));
        let database = doubt(&Given { database: Some("'x'".into()), ..Given::default() });
        assert!(database.may_explain(Stage::Authentication, Cause::DatabaseNotFound, true));
    }

    #[test]
    fn keys_of_the_api_are_no_passwords_but_with_temporary_access_tokens_are() {
        let key =
            format!("eyJhbGciOiJIUzI1NiJ9.{}.sig", URL_SAFE_NO_PAD.encode(br#"{"iss":"supabase","role":"anon"}"#));
        assert_eq!(of_password(&key), Some(("api-key-as-password", true)));
        let other = format!("eyJhbGciOiJIUzI1NiJ9.{}.sig", URL_SAFE_NO_PAD.encode(br#"{"aud":"ossrdbms-aad"}"#));
        assert_eq!(of_password(&other), Some(("api-key-as-password", false)));
        assert_eq!(of_password("sbp_0123456789abcdef"), Some(("api-key-as-password", true)));
        let given = Given { password: Some("sbp_0123456789abcdef".into()), has_jit: true, ..Given::default() };
        assert_eq!(named(&given), None);
    }

    #[test]
    fn the_address_of_an_api_is_no_databases() {
        let of = |host: &str| named(&Given { host: Some(host.into()), ..Given::default() });
        for host in ["abcdefghijklmnopqrst.supabase.co", "https://abcdefghijklmnopqrst.supabase.co/"] {
            assert_eq!(of(host), Some(("api-host", true)), "{host}");
        }
        for host in ["db.abcdefghijklmnopqrst.supabase.co", "aws-0-eu-west-1.pooler.supabase.com", "localhost"] {
            assert_eq!(of(host), None, "{host}");
        }
    }

    #[test]
    fn a_mode_of_the_url_and_an_object_conflict_where_they_say_different_things() {
        let of = |mode: &str, wish| {
            let url = format!("postgres://u:p@h/d?application_name=a&sslmode={mode}");
            named(&Given { connection_string: Some(url), tls: Some(wish), ..Given::default() })
        };
        assert_eq!(of("require", TlsWish::Unverified), Some(("sslmode-conflict", false)));
        assert_eq!(of("disable", TlsWish::Verified), Some(("sslmode-conflict", false)));
        assert_eq!(of("verify-full", TlsWish::Verified), None);
        assert_eq!(of("no-verify", TlsWish::Unverified), None);
        assert_eq!(of("disable", TlsWish::Off), None);
    }

    #[test]
    fn a_file_that_is_not_there_is_told_from_other_refusals() {
        let of = |code: &str| named(&Given { refusal: Some(Error::config("no").with_code(code)), ..Given::default() });
        assert_eq!(of("ENOENT"), Some(("ca-file", true)));
        assert_eq!(of("ERR_OTHER"), Some(("configuration", true)));
    }
}
