//! Names for tests: what a look-up finds.

use std::cell::RefCell;
use std::collections::HashMap;
use std::net::SocketAddr;

use crate::conn::address::look_up_error;
use crate::error::Error;

/// The names of one test, which runs on one thread, and what was asked for.
#[derive(Default)]
struct Names {
    known: HashMap<String, Result<Vec<SocketAddr>, Error>>,
    asked: Vec<String>,
    /// Those that are never answered.
    silent: Vec<String>,
}

thread_local! {
    static NAMES: RefCell<Option<Names>> = const { RefCell::new(None) };
}

/// From now on this test's look-ups find these names and no others, each with the port of its server.
pub fn name(host: &str, found: Result<Vec<SocketAddr>, Error>) {
    with(|names| names.known.insert(host.to_owned(), found));
}

/// Look-ups of this name are never answered.
pub fn silence(host: &str) {
    with(|names| names.silent.push(host.to_owned()));
}

/// The names that were looked up so far, in order.
pub fn looked_up() -> Vec<String> {
    with(|names| names.asked.clone())
}

fn with<T>(what: impl FnOnce(&mut Names) -> T) -> T {
    NAMES.with_borrow_mut(|names| what(names.get_or_insert_default()))
}

/// What the test says about a name; nothing when it says nothing about any.
pub async fn look_up(host: &str) -> Option<Result<Vec<SocketAddr>, Error>> {
    let (found, is_silent) = NAMES.with_borrow_mut(|names| {
        let names = names.as_mut()?;
        names.asked.push(host.to_owned());
        let found = names.known.get(host).cloned();
        Some((
            found.unwrap_or_else(|| Err(look_up_error("ENOTFOUND", host, ""))),
            names.silent.iter().any(|name| name == host),
        ))
    })?;
    if is_silent {
        std::future::pending::<()>().await;
    }
    Some(found)
}
