//! Keys and TLS connectors that are expensive to make, kept for the next connection as long as something needs them.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::scram_keys::{self, Keys};
use super::tls::{self, Connector};
use crate::clock;
use crate::config::TlsSettings;
use crate::error::Error;

/// Belongs to a pool, or for a while to a client that has connected. Rings with the same settings share what they hold,
/// and it goes with the last of them.
#[derive(Default)]
pub struct KeyRing {
    held: Mutex<Held>,
}

#[derive(Default)]
struct Held {
    tls: Option<Arc<Connector>>,
    scram: VecDeque<Arc<scram_keys::Place>>,
}

/// A pool has one password, and keys for it change when the password does, or with the server. Only a server that sends
/// another salt each time needs more than this many.
const MOST_KEYS: usize = 8;

/// Programs that make a client for each piece of work make the next one soon.
const LINGER: Duration = Duration::from_secs(10);

impl KeyRing {
    /// The TLS connector for these settings, which trusts a further root where there is one.
    ///
    /// # Errors
    /// `Config` for certificates, keys and options that can't be used.
    pub async fn connector(
        &self,
        settings: &TlsSettings,
        direct: bool,
        further_root: Option<&'static str>,
    ) -> Result<Arc<Connector>, Error> {
        let known = self.held().tls.clone().filter(|known| known.is_for(settings, direct, further_root));
        let connector = match known {
            Some(known) => known,
            None => {
                let found = tls::connector(settings, direct, further_root);
                self.held().tls = Some(found.clone());
                found
            }
        };
        connector.make_ready().await?;
        Ok(connector)
    }

    /// The keys that SCRAM makes of a password.
    pub async fn scram(&self, password: &str, salt: &[u8], iterations: u32) -> Keys {
        let place = scram_keys::place(password, salt, iterations);
        {
            let scram = &mut self.held().scram;
            scram.retain(|known| !Arc::ptr_eq(known, &place));
            scram.truncate(MOST_KEYS - 1);
            scram.push_front(place.clone());
        }
        scram_keys::of(&place, password, salt, iterations).await
    }

    /// Drops everything: later connections make it anew.
    pub fn clear(&self) {
        let held = std::mem::take(&mut *self.held());
        drop(held);
    }

    /// Keeps what it holds for connections that come soon.
    pub async fn linger(self) {
        let holds = {
            let held = self.held();
            held.tls.is_some() || !held.scram.is_empty()
        };
        if holds {
            clock::sleep(LINGER).await;
        }
    }

    fn held(&self) -> std::sync::MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use super::*;

    #[tokio::test]
    async fn what_two_rings_hold_is_shared_and_goes_with_the_last_of_them() {
        let settings = TlsSettings { server_name: Some("of this test alone".into()), ..TlsSettings::default() };
        let (first, second) = (KeyRing::default(), KeyRing::default());
        let connector = Arc::downgrade(&first.connector(&settings, false, None).await.unwrap());
        let again = second.connector(&settings, false, None).await.unwrap();
        assert!(Weak::ptr_eq(&connector, &Arc::downgrade(&again)));
        drop((first, again));
        assert!(connector.upgrade().is_some());
        second.clear();
        assert!(connector.upgrade().is_none());
    }

    #[tokio::test]
    async fn a_ring_keeps_the_keys_that_were_used_last_and_no_more_than_a_few() {
        let ring = KeyRing::default();
        let first = ring.scram("of this test alone", b"salt", 2).await;
        let place = Arc::downgrade(&scram_keys::place("of this test alone", b"salt", 2));
        for count in 0..u32::try_from(MOST_KEYS).unwrap() {
            assert!(place.upgrade().is_some());
            ring.scram("of this test alone", b"another", 2 + count).await;
        }
        assert!(place.upgrade().is_none());
        assert_eq!(ring.scram("of this test alone", b"salt", 2).await.server, first.server);
    }
}
