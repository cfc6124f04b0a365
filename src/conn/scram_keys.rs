//! The keys that SCRAM-SHA-256 derives from a password (RFC 5802, section 3).
//!
//! Deriving them takes thousands of hashes on purpose, and the salt stays the same until the password is changed, so
//! that all connections of a pool need the same ones. The RFC lets clients keep them (decision 0016), which
//! `key_ring.rs` does.

use std::panic::resume_unwind;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use once_cell::sync::Lazy;
use sha2::{Digest, Sha256};
use tokio::sync::{OnceCell, Semaphore};

use super::register::Register;

/// A SHA-256 hash, or an HMAC with it.
pub type Hash = [u8; 32];

/// The keys that prove knowledge of the password.
#[derive(Clone, Copy)]
pub struct Keys {
    /// The client's.
    pub client: Hash,
    /// The server's.
    pub server: Hash,
}

/// Keys that are derived or being derived, with a hash of their inputs: no password is kept.
pub struct Place {
    origin: Hash,
    keys: OnceCell<Keys>,
}

static PLACES: Register<Place> = Register::new();

/// The place of this password's keys, as long as something holds it.
pub fn place(password: &str, salt: &[u8], iterations: u32) -> Arc<Place> {
    let origin = origin(password, salt, iterations);
    PLACES.find(|place| place.origin == origin, || Place { origin, keys: OnceCell::new() })
}

/// The keys of this place. A task that needs the same ones meanwhile waits for them; one that gives up waiting stops
/// the work.
pub async fn of(place: &Place, password: &str, salt: &[u8], iterations: u32) -> Keys {
    *place.keys.get_or_init(|| derive(password, salt, iterations)).await
}

fn origin(password: &str, salt: &[u8], iterations: u32) -> Hash {
    let hash = Sha256::new_with_prefix(iterations.to_be_bytes());
    hash.chain_update(salt.len().to_be_bytes()).chain_update(salt).chain_update(password).finalize().into()
}

/// A server decides how much work this is. It is done in pieces of a few milliseconds, on threads that nothing else
/// waits for, so that a time limit ends it and all derivations get on.
const PIECE: u32 = 1 << 14;

/// At most so many of the machine's cores hash at a time.
const MOST_AT_ONCE: usize = 4;

static TURNS: Lazy<Semaphore> = Lazy::new(|| {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    Semaphore::new(cores.min(MOST_AT_ONCE))
});

async fn derive(password: &str, salt: &[u8], iterations: u32) -> Keys {
    let mut derivation = Derivation::begin(password, salt, iterations);
    while derivation.left > 0 {
        // It is never closed; without a permit the work would be done all the same.
        let turn = TURNS.acquire().await;
        derivation = match tokio::task::spawn_blocking(move || derivation.advanced(PIECE)).await {
            Ok(advanced) => advanced,
            Err(error) if error.is_panic() => resume_unwind(error.into_panic()),
            // The runtime is shutting down, and with it what waits for the keys.
            Err(_) => std::future::pending().await,
        };
        drop(turn);
    }
    let salted = &derivation.sum;
    Keys { client: hmac(salted, b"Client Key"), server: hmac(salted, b"Server Key") }
}

/// PBKDF2 with HMAC-SHA-256 for one block, which is `Hi` of RFC 5802, under way.
struct Derivation {
    /// HMAC with the password as its key.
    keyed: Hmac<Sha256>,
    last: Hash,
    sum: Hash,
    left: u32,
}

impl Derivation {
    fn begin(password: &str, salt: &[u8], iterations: u32) -> Self {
        // What SASLprep forbids PostgreSQL hashes as it is, and so do its clients.
        let prepared = stringprep::saslprep(password);
        let prepared = prepared.as_deref().unwrap_or(password).as_bytes();
        // HMAC hashes a key that is longer than its block (RFC 2104).
        let keyed = if prepared.len() > BLOCK { begun(&Sha256::digest(prepared)) } else { begun(prepared) };
        let last: Hash =
            keyed.clone().chain_update(salt).chain_update(1u32.to_be_bytes()).finalize().into_bytes().into();
        Derivation { keyed, last, sum: last, left: iterations.saturating_sub(1) }
    }

    fn advanced(mut self, most: u32) -> Self {
        let count = self.left.min(most);
        for _ in 0..count {
            self.last = self.keyed.clone().chain_update(self.last).finalize().into_bytes().into();
            self.sum.iter_mut().zip(self.last).for_each(|(sum, byte)| *sum ^= byte);
        }
        self.left -= count;
        self
    }
}

/// HMAC-SHA-256.
pub fn hmac(key: &Hash, message: &[u8]) -> Hash {
    begun(key).chain_update(message).finalize().into_bytes().into()
}

/// Whether `code` is the HMAC of the message, in constant time.
pub fn is_hmac(key: &Hash, message: &[u8], code: &[u8]) -> bool {
    begun(key).chain_update(message).verify_slice(code).is_ok()
}

/// Bytes of a block of SHA-256.
const BLOCK: usize = 64;

/// HMAC with a key of no more than a block, which HMAC itself fills up with zeros (RFC 2104).
fn begun(key: &[u8]) -> Hmac<Sha256> {
    let mut block = [0; BLOCK];
    block.iter_mut().zip(key).for_each(|(byte, key)| *byte = *key);
    Hmac::<Sha256>::new(&block.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;

    async fn keys(password: &str, salt: &[u8], iterations: u32) -> Keys {
        of(&place(password, salt, iterations), password, salt, iterations).await
    }

    #[tokio::test]
    async fn another_password_salt_or_count_has_other_keys() {
        let first = keys("secret", b"salt", 2).await;
        assert_eq!(keys("secret", b"salt", 2).await.client, first.client);
        for (password, salt, iterations) in
            [("secreT", &b"salt"[..], 2), ("secret", b"salT", 2), ("secret", b"salt", 3)]
        {
            assert_ne!(keys(password, salt, iterations).await.client, first.client);
            assert_ne!(keys(password, salt, iterations).await.server, first.server);
        }
    }

    /// Of OpenSSL's `PKCS5_PBKDF2_HMAC` for the salt "salt".
    const KNOWN: [(&str, usize, u32, &str); 4] = [
        ("secret", 1, 1, "38df428b309308e48c3687e7f90bda0e9cf253568c21ec754a0e076ab4ab6423"),
        ("secret", 1, 2, "f92f45f9df4c2aeabae1ed3c16f7b64660c1f8e377fa9b4699b23c2c3a29f569"),
        ("secret", 1, 1000, "a8df899f3c4f204d967e0ad63c092987c10055ebb017b3d9d28add218d4f7aad"),
        ("long", 20, 7, "4a49c7b7aec5bfd8d90a25940164b8560c34c96623bde41e0b8cee40044b3db2"),
    ];

    #[test]
    fn a_derivation_in_pieces_is_pbkdf2() {
        for (word, times, iterations, expected) in KNOWN {
            let mut derivation = Derivation::begin(&word.repeat(times), b"salt", iterations);
            while derivation.left > 0 {
                derivation = derivation.advanced(64);
            }
            let hex: String = derivation.sum.iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(hex, expected);
        }
    }

    #[tokio::test]
    async fn giving_up_waiting_stops_the_work_and_the_next_one_begins_anew() {
        let place = place("given up", b"salt", u32::MAX);
        let endless = of(&place, "given up", b"salt", u32::MAX);
        let waited = clock::within(std::time::Duration::from_millis(20), endless).await;
        assert!(waited.is_none());
        assert!(place.keys.get().is_none());
        // A permit is free again.
        keys("given up", b"salt", 2).await;
    }
}
