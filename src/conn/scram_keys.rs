//! The keys that SCRAM-SHA-256 derives from a password (RFC 5802, section 3), kept for the next connection.
//!
//! Deriving them takes thousands of hashes on purpose, and the salt stays the same until the password is changed, so
//! that all connections of a pool need the same ones. The RFC lets clients keep them (decision 0016).

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use hmac::{Hmac, KeyInit, Mac};
use once_cell::sync::{Lazy, OnceCell};
use sha2::{Digest, Sha256};

/// A SHA-256 hash, or an HMAC with it.
pub type Hash = [u8; 32];

/// What proves that one side knows the password, without saying it.
#[derive(Clone, Copy)]
pub struct Keys {
    /// The client's.
    pub client: Hash,
    /// The server's.
    pub server: Hash,
}

/// More than this many in one process, and the oldest are forgotten.
const MOST_KEPT: usize = 256;

/// Keys that are there, or that somebody is deriving.
type Place = Arc<OnceCell<Keys>>;

/// Each with a hash of what it is derived from, so that no password is kept here.
static KEPT: Lazy<Mutex<VecDeque<(Hash, Place)>>> = Lazy::new(Mutex::default);

/// The keys of this password. Deriving those that are not known yet holds up nothing else of the runtime; who needs the
/// same ones meanwhile waits for them.
pub fn of(password: &str, salt: &[u8], iterations: u32) -> Keys {
    let place = place(origin(password, salt, iterations));
    match place.get() {
        Some(keys) => *keys,
        None => tokio::task::block_in_place(|| *place.get_or_init(|| derive(password, salt, iterations))),
    }
}

/// Where the keys of this origin are, or will be.
fn place(origin: Hash) -> Place {
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, place)) = kept.iter().find(|(known, _)| *known == origin) {
        return place.clone();
    }
    if kept.len() == MOST_KEPT {
        kept.pop_front();
    }
    let place = Place::default();
    kept.push_back((origin, Arc::clone(&place)));
    place
}

fn origin(password: &str, salt: &[u8], iterations: u32) -> Hash {
    let hash = Sha256::new_with_prefix(iterations.to_be_bytes());
    hash.chain_update(salt.len().to_be_bytes()).chain_update(salt).chain_update(password).finalize().into()
}

fn derive(password: &str, salt: &[u8], iterations: u32) -> Keys {
    // What SASLprep forbids PostgreSQL hashes as it is, and so do its clients.
    let prepared = stringprep::saslprep(password);
    let prepared = prepared.as_deref().unwrap_or(password);
    let salted = pbkdf2::pbkdf2_hmac_array::<Sha256, 32>(prepared.as_bytes(), salt, iterations);
    Keys { client: hmac(&salted, b"Client Key"), server: hmac(&salted, b"Server Key") }
}

/// HMAC-SHA-256.
pub fn hmac(key: &Hash, message: &[u8]) -> Hash {
    started(key, message).finalize().into_bytes().into()
}

/// Whether `code` is the HMAC of the message, in a time that doesn't tell how much of it is right.
pub fn is_hmac(key: &Hash, message: &[u8], code: &[u8]) -> bool {
    started(key, message).verify_slice(code).is_ok()
}

fn started(key: &Hash, message: &[u8]) -> Hmac<Sha256> {
    // HMAC itself fills a key up to the block of the hash with zeros (RFC 2104).
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    Hmac::<Sha256>::new(&block.into()).chain_update(message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_are_kept_are_those_of_the_same_password_salt_and_count() {
        let first = of("secret", b"salt", 2);
        assert_eq!(of("secret", b"salt", 2).client, first.client);
        for (password, salt, iterations) in
            [("secreT", &b"salt"[..], 2), ("secret", b"salT", 2), ("secret", b"salt", 3)]
        {
            assert_ne!(of(password, salt, iterations).client, first.client);
            assert_ne!(of(password, salt, iterations).server, first.server);
        }
        let is_kept = || KEPT.lock().unwrap().iter().any(|(known, _)| *known == origin("secret", b"salt", 2));
        assert!(is_kept());
        for count in 0..MOST_KEPT {
            of(&format!("other {count}"), b"salt", 1);
        }
        assert!(!is_kept());
        assert_eq!(of("secret", b"salt", 2).server, first.server);
    }
}
