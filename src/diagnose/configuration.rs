//! What is wrong with a configuration before anything is sent.
//!
//! Some values can't be right. Others are most likely wrong, but a server may take them all the same: these are held
//! against the configuration only when the connection fails.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::cause::Cause;
use super::connection_string;
use super::finding::Finding;
use super::subject::{Given, TlsWish};
use crate::error::Error;
use crate::supabase::is_ref;

/// What a look at the configuration has shown.
pub(super) enum Verdict {
    /// No connection can come of it.
    Wrong(Finding),
    /// One may, but if it doesn't, this is why.
    Doubtful {
        /// What is wrong then.
        finding: Finding,
        /// It is worth a word of a connection that works, too.
        is_worth_saying: bool,
    },
}

fn doubtful(finding: Finding) -> Verdict {
    Verdict::Doubtful { finding, is_worth_saying: false }
}

/// The first thing that is wrong, or else the first that may be.
pub(super) fn check(given: &Given) -> Option<Verdict> {
    let others = [
        stray(given),
        api_host(given),
        given.password.as_deref().and_then(|password| api_key(password, given)),
        url(given),
        tls_conflict(given),
        given.refusal.as_ref().map(refused),
    ];
    let all = placeholders(given).into_iter().chain(others.into_iter().flatten());
    let (wrong, doubtful): (Vec<_>, Vec<_>) = all.partition(|verdict| matches!(verdict, Verdict::Wrong(_)));
    wrong.into_iter().chain(doubtful).next()
}

/// The same of a password that the program has supplied when it was asked.
pub(super) fn check_password(password: &str, given: &Given) -> Option<Verdict> {
    placeholder_password(password).or_else(|| stray_password(password)).or_else(|| api_key(password, given))
}

/// What is wrong with a value, which is named as the program calls it.
fn at(cause: Cause, name: &'static str) -> Finding {
    Finding::new(cause).with("value", name)
}

/// Values that are no secrets, and what they are called.
fn plain_values(given: &Given) -> impl Iterator<Item = (&'static str, &str)> {
    let all = [("host", &given.host), ("user", &given.user), ("database", &given.database), ("ref", &given.reference)];
    all.into_iter().filter_map(|(name, value)| Some((name, value.as_deref()?)))
}

/// What templates have where a value of the reader's own belongs, in small letters and with `-` for `_` and blanks.
const TEMPLATES: [&str; 8] = [
    "your-project",
    "your-ref",
    "your-password",
    "your-db-password",
    "your-database",
    "your-host",
    "your-user",
    "project-ref",
];

/// Whether a text has the words of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Template {
    /// In capitals or brackets: it is one.
    Certain,
    /// Somebody may have kept them as a name: a database is sometimes called `your_database`.
    Likely,
}

fn template(text: &str) -> Option<Template> {
    let plain = text.replace(['_', ' '], "-");
    let small = plain.to_ascii_lowercase();
    if has_word_between(&small, '[', ']') || has_word_between(&small, '<', '>') {
        return Some(Template::Certain);
    }
    let mut words = TEMPLATES.iter().filter(|words| small.contains(**words)).peekable();
    words.peek()?;
    let is_shouted = words.any(|words| plain.contains(&words.to_ascii_uppercase()));
    Some(if is_shouted { Template::Certain } else { Template::Likely })
}

/// `[your-region]`, `<ref>`; an IPv6 address in brackets has colons.
fn has_word_between(text: &str, start: char, end: char) -> bool {
    let inside = text.split(start).skip(1).filter_map(|rest| rest.split_once(end)).map(|(inside, _)| inside);
    let is_inner = |character: char| character.is_ascii_alphanumeric() || character == '-';
    inside
        .into_iter()
        .any(|word| word.starts_with(|first: char| first.is_ascii_alphabetic()) && word.chars().all(is_inner))
}

fn placeholders(given: &Given) -> Vec<Verdict> {
    let mut found = Vec::new();
    let mut look = |name, value: Option<&str>| {
        let verdict = |template| match template {
            Template::Certain => Verdict::Wrong(at(Cause::Placeholder, name)),
            Template::Likely => doubtful(at(Cause::Placeholder, name)),
        };
        found.extend(value.and_then(template).map(verdict));
    };
    for (name, value) in plain_values(given).filter(|(name, _)| *name != "ref") {
        look(name, Some(value));
    }
    let url = given.connection_string.as_deref();
    let login = url.and_then(connection_string::login);
    // The password of a URL is looked at by itself, and its parameters may have any text.
    let rest = url.map(|url| login.map_or_else(|| url.to_owned(), |login| url.replacen(login, "", 1)));
    look("connectionString", rest.as_deref().and_then(|rest| rest.split('?').next()));
    look("connectionString", login.and_then(|login| login.split(':').next()));
    // No ref has such words.
    let reference = given.reference.as_deref().and_then(template);
    found.extend(reference.map(|_| Verdict::Wrong(at(Cause::Placeholder, "ref"))));
    let in_url = login.and_then(|login| login.split_once(':')).map(|(_, password)| password);
    found.extend([in_url, given.password.as_deref()].into_iter().flatten().filter_map(placeholder_password));
    found
}

/// In brackets nobody's password says that it is one; without them it may.
fn placeholder_password(password: &str) -> Option<Verdict> {
    let trimmed = password.trim();
    let is_enclosed =
        (trimmed.starts_with('[') && trimmed.ends_with(']')) || (trimmed.starts_with('<') && trimmed.ends_with('>'));
    let plain = trimmed.to_ascii_lowercase().replace(['_', ' '], "-");
    if !plain.contains("password") && !plain.contains("your") || !(is_enclosed || template(trimmed).is_some()) {
        return None;
    }
    let finding = at(Cause::Placeholder, "password");
    Some(if is_enclosed { Verdict::Wrong(finding) } else { doubtful(finding) })
}

fn stray(given: &Given) -> Option<Verdict> {
    let plain = plain_values(given).chain(given.connection_string.as_deref().map(|url| ("connectionString", url)));
    for (name, value) in plain {
        if let Some(how) = stray_in(value) {
            return Some(doubtful(at(Cause::StrayCharacters, name).with("how", how)));
        }
    }
    given.password.as_deref().and_then(stray_password)
}

/// A password may have any character, but hardly one that no keyboard adds by intention.
fn stray_password(password: &str) -> Option<Verdict> {
    if password.is_empty() {
        return Some(Verdict::Wrong(at(Cause::StrayCharacters, "password").with("how", "is empty")));
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
    let mut ends = [".supabase.co", ".supabase.in", ".supabase.net"].into_iter();
    let is_api = ends.any(|end| bare.strip_suffix(end).is_some_and(is_ref));
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
        Some(how) => Some(Verdict::Doubtful {
            finding: Finding::new(Cause::UrlNotEncoded).with("how", how),
            is_worth_saying: true,
        }),
        None => is_unreadable.then(|| Verdict::Wrong(Finding::new(Cause::UrlNotEncoded).with("how", "can't be read"))),
    }
}

fn tls_conflict(given: &Given) -> Option<Verdict> {
    let wish = given.tls?;
    let url = given.connection_string.as_deref()?;
    let mode = connection_string::sslmode(url)?;
    let differs = match mode {
        "disable" => wish != TlsWish::Off,
        "no-verify" => wish != TlsWish::Unverified,
        // In node-postgres all of them verify the certificate.
        "allow" | "prefer" | "require" | "verify-ca" | "verify-full" => wish != TlsWish::Verified,
        _ => false,
    };
    let finding = || Finding::new(Cause::SslmodeConflict).with("mode", mode);
    differs.then(|| Verdict::Doubtful { finding: finding(), is_worth_saying: true })
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
        check(given).map(|verdict| match verdict {
            Verdict::Wrong(finding) => (finding.cause.code(), true),
            Verdict::Doubtful { finding, .. } => (finding.cause.code(), false),
        })
    }

    fn of_url(url: &str) -> Option<(&'static str, bool)> {
        named(&Given { connection_string: Some(url.into()), ..Given::default() })
    }

    fn of_password(password: &str) -> Option<(&'static str, bool)> {
        named(&Given { password: Some(password.into()), ..Given::default() })
    }

    #[test]
    fn a_url_that_is_not_encoded_is_certainly_wrong_only_where_it_can_not_be_read() {
        assert_eq!(of_url("postgres://u:p%40ss@h/d"), None);
        assert_eq!(of_url("postgres://u:p#s@h/d"), Some(("url-not-encoded", false)));
        let refusal = Error::config("Invalid").with_code("ERR_INVALID_URL");
        let given =
            Given { connection_string: Some("postgres://u:1 2@h".into()), refusal: Some(refusal), ..Given::default() };
        assert_eq!(named(&given), Some(("url-not-encoded", true)));
    }

    #[test]
    fn words_of_templates_are_seen_wherever_they_stand_and_certain_where_nobody_is_called_so() {
        for url in [
            "postgres://postgres:[YOUR-PASSWORD]@h/d",
            "postgres://postgres.[YOUR_PROJECT_REF]:x@h/d",
            "postgres://postgres:x@db.YOUR_PROJECT_REF.supabase.co/d",
        ] {
            assert_eq!(of_url(url), Some(("placeholder", true)), "{url}");
        }
        assert_eq!(of_password("<password>"), Some(("placeholder", true)));
        assert_eq!(of_password("your_password"), Some(("placeholder", false)));
        for password in ["[hunter2]", "s3cret", "<3"] {
            assert_eq!(of_password(password), None, "{password}");
        }
        // A name may have been kept.
        for url in
            ["postgres://u:p@h/your_database", "postgres://your_user:p@h/d", "postgres://u:p@h/project_references"]
        {
            assert_eq!(of_url(url), Some(("placeholder", false)), "{url}");
        }
        assert_eq!(of_url("postgres://your_user:[YOUR-PASSWORD]@h/d"), Some(("placeholder", true)));
        assert_eq!(of_url("postgres://u:p@[::1]/d?application_name=app[web]"), None);
        let given = Given { reference: Some("your-project-ref".into()), ..Given::default() };
        assert_eq!(named(&given), Some(("placeholder", true)));
    }

    #[test]
    fn stray_characters_are_certain_where_nobody_types_them() {
        assert_eq!(of_password(""), Some(("stray-characters", true)));
        assert_eq!(of_password("secret\r\n"), Some(("stray-characters", true)));
        assert_eq!(of_password("secret "), Some(("stray-characters", false)));
        assert_eq!(of_password("\"secret\""), Some(("stray-characters", false)));
        let given = Given { host: Some(" localhost".into()), ..Given::default() };
        assert_eq!(named(&given), Some(("stray-characters", false)));
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
