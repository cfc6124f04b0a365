//! The client's side of SCRAM-SHA-256 (RFC 7677), as far as PostgreSQL asks for it.

use crate::connection::Result;
use crate::sha256::{hmac, sha256};
use std::fs::File;
use std::io::Read;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub struct Scram {
    password: String,
    first_bare: String,
}

impl Scram {
    /// The state, and the first message to send.
    pub fn start(password: &str) -> Result<(Self, String)> {
        let mut nonce = [0; 18];
        File::open("/dev/urandom")?.read_exact(&mut nonce)?;
        let first_bare = format!("n=,r={}", encode(&nonce));
        let first = format!("n,,{first_bare}");
        Ok((Self { password: password.to_owned(), first_bare }, first))
    }

    /// The last message, for what the server answered to the first.
    pub fn answer(&self, challenge: &str) -> Result<String> {
        let field = |name: &str| {
            challenge
                .split(',')
                .find_map(|part| part.strip_prefix(name))
                .ok_or_else(|| format!("no {name} in the server's challenge"))
        };
        let salt = decode(field("s=")?)?;
        let iterations: u32 = field("i=")?.parse()?;
        let without_proof = format!("c=biws,r={}", field("r=")?);
        let signed = format!("{},{challenge},{without_proof}", self.first_bare);

        let salted = salted_password(self.password.as_bytes(), &salt, iterations);
        let client_key = hmac(&salted, b"Client Key");
        let signature = hmac(&sha256(&client_key), signed.as_bytes());
        let proof: Vec<u8> = client_key.iter().zip(signature).map(|(a, b)| a ^ b).collect();
        Ok(format!("{without_proof},p={}", encode(&proof)))
    }
}

fn salted_password(password: &[u8], salt: &[u8], iterations: u32) -> [u8; 32] {
    let mut block = hmac(password, &[salt, &1u32.to_be_bytes()].concat());
    let mut result = block;
    for _ in 1..iterations {
        block = hmac(password, &block);
        for (sum, byte) in result.iter_mut().zip(block) {
            *sum ^= byte;
        }
    }
    result
}

fn encode(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let group = chunk.iter().fold(0u32, |sum, &byte| sum << 8 | u32::from(byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (group >> (18 - 6 * place)) & 63;
            text.push(if place <= chunk.len() { char::from(ALPHABET[index as usize]) } else { '=' });
        }
    }
    text
}

fn decode(text: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let (mut group, mut bits) = (0u32, 0);
    for byte in text.bytes().take_while(|&byte| byte != b'=') {
        let value = ALPHABET.iter().position(|&one| one == byte).ok_or("the salt isn't base64")?;
        group = group << 6 | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push((group >> bits) as u8);
        }
    }
    Ok(bytes)
}
