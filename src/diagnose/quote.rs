//! What a server says, as far as it may be repeated.

use super::place::Place;
use super::plain::{is_name, line};

/// The beginning of a server's text. Nothing where it repeats something of the caller's that may be a secret.
pub(super) fn quote(said: &str, place: &Place) -> Option<String> {
    if said.is_empty() || given(place).any(|value| !value.is_empty() && said.contains(&value)) {
        return None;
    }
    Some(line(said))
}

/// The password, and whatever else of the connection hasn't the form of a name or a number.
fn given(place: &Place) -> impl Iterator<Item = String> {
    let server = &place.settings.server;
    let password = server.get_password().map(|password| String::from_utf8_lossy(password).into_owned());
    let names = [server.get_user(), server.get_dbname()].into_iter().flatten();
    let values = place.settings.startup.iter().map(|(_, value)| value.as_str());
    let odd = names.chain(values).filter(|value| !is_name(value) && !is_number(value));
    let odd: Vec<String> = odd.map(str::to_owned).collect();
    password.into_iter().chain(odd)
}

fn is_number(text: &str) -> bool {
    text.len() <= 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conn::scripted::Server;

    fn place(user: &str, password: &str) -> Place {
        let mut settings = Server::playing(|_| Vec::new()).settings();
        settings.server.user(user).password(password);
        Place::all(&settings).remove(0)
    }

    #[test]
    fn a_text_is_cut_and_loses_what_a_terminal_would_obey() {
        let place = place("me", "hunter2");
        assert_eq!(quote("no\u{1b}[2J\r\nway", &place).as_deref(), Some("no [2J  way"));
        let long = quote(&"é".repeat(300), &place).unwrap();
        assert_eq!(long.chars().count(), 201);
        assert_eq!(quote("", &place), None);
    }

    #[test]
    fn a_text_with_something_secret_in_it_is_not_repeated() {
        assert_eq!(quote("wrong password hunter2", &place("me", "hunter2")), None);
        assert_eq!(quote("no role \"p@ss word\"", &place("p@ss word", "x1")), None);
        assert_eq!(quote("no role \"sbp_0123\"", &place("sbp_0123", "x1")), None);
        assert_eq!(quote("no role \"my.role-2\"", &place("my.role-2", "x1")).as_deref(), Some("no role \"my.role-2\""));
    }
}
