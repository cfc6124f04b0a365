//! The server's side of SCRAM-SHA-256, with no more iterations than it takes to have some.

use std::sync::{Arc, Mutex};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::messages::message;
use super::script::{STARTUP, Script, Step, greeting};
use crate::conn::scram_keys::{Hash, hmac};

const ITERATIONS: usize = 2;
const SALT: &[u8] = b"salt";

/// A server that wants this password, of fewer bytes than a hash has.
pub fn scram(password: &'static str) -> Script {
    let said = Arc::new(Mutex::new(String::new()));
    let first = said.clone();
    let challenge = move |body: &[u8]| {
        // The mechanism and its end, the length, and the header of the first message.
        let bare = std::str::from_utf8(&body["SCRAM-SHA-256".len() + 5..]).unwrap().trim_start_matches("n,,");
        let nonce = bare.split_once(",r=").unwrap().1;
        let answer = format!("r={nonce}server,s={},i={ITERATIONS}", STANDARD.encode(SALT));
        *first.lock().unwrap() = format!("{bare},{answer}");
        authentication(11, answer.as_bytes())
    };
    let proof = move |body: &[u8]| {
        let (unproved, _) = std::str::from_utf8(body).unwrap().rsplit_once(",p=").unwrap();
        let exchange = format!("{},{unproved}", said.lock().unwrap());
        let signature = hmac(&hmac(&salted(password), b"Server Key"), exchange.as_bytes());
        authentication(12, format!("v={}", STANDARD.encode(signature)).as_bytes())
    };
    vec![
        Step::Expect(STARTUP),
        Step::Send(authentication(10, b"SCRAM-SHA-256\0\0")),
        Step::Answer(b'p', Arc::new(challenge)),
        Step::Answer(b'p', Arc::new(proof)),
        Step::Send(authentication(0, b"")),
        Step::Send(greeting()),
    ]
}

fn authentication(method: i32, body: &[u8]) -> Vec<u8> {
    message(b'R', &[&method.to_be_bytes(), body].concat())
}

/// PBKDF2. HMAC fills a short key up with zeros.
fn salted(password: &str) -> Hash {
    let mut key: Hash = [0; 32];
    key[..password.len()].copy_from_slice(password.as_bytes());
    let mut last = hmac(&key, &[SALT, &1_u32.to_be_bytes()].concat());
    let mut sum = last;
    for _ in 1..ITERATIONS {
        last = hmac(&key, &last);
        sum.iter_mut().zip(last).for_each(|(sum, byte)| *sum ^= byte);
    }
    sum
}
