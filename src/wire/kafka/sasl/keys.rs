//! The cryptography of SCRAM over both hashes: HMAC, PBKDF2 (RFC 8018) and the keys that RFC 5802, section 3,
//! derives. Never knows messages or users.

use hmac::{Hmac, Mac, digest::KeyInit};
use sha2::{Digest, Sha256, Sha512};
use subtle::{Choice, ConstantTimeEq};

/// The hash of a SCRAM mechanism.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha256,
    Sha512,
}

/// What a server keeps of a password. It proves the server to a client and checks a client's proof, but does
/// not let its holder act as the client.
#[derive(Clone)]
pub(super) struct ServerKeys {
    pub(super) stored_key: Vec<u8>,
    pub(super) server_key: Vec<u8>,
}

impl Hash {
    pub(super) fn bytes(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha512 => 64,
        }
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Hash::Sha256 => "SHA-256",
            Hash::Sha512 => "SHA-512",
        }
    }

    pub(super) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Hash::Sha256 => Sha256::digest(bytes).to_vec(),
            Hash::Sha512 => Sha512::digest(bytes).to_vec(),
        }
    }

    /// HMAC over the parts, one after the other.
    pub(super) fn hmac(self, key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
        match self {
            Hash::Sha256 => hmac::<Hmac<Sha256>>(key, parts),
            Hash::Sha512 => hmac::<Hmac<Sha512>>(key, parts),
        }
    }

    /// RFC 5802's `Hi`: PBKDF2 with as many bytes as the hash has.
    pub(super) fn salted_password(self, password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
        match self {
            Hash::Sha256 => pbkdf2_block::<Hmac<Sha256>>(password, salt, iterations),
            Hash::Sha512 => pbkdf2_block::<Hmac<Sha512>>(password, salt, iterations),
        }
    }

    pub(super) fn server_keys(self, password: &[u8], salt: &[u8], iterations: u32) -> ServerKeys {
        let salted = self.salted_password(password, salt, iterations);
        let client_key = self.hmac(&salted, &[b"Client Key"]);
        ServerKeys { stored_key: self.digest(&client_key), server_key: self.hmac(&salted, &[b"Server Key"]) }
    }

    /// Whether the proof is that of the stored key's password over this text; in constant time.
    pub(super) fn proves(self, stored_key: &[u8], text: &[u8], proof: &[u8]) -> Choice {
        let signature = self.hmac(stored_key, &[text]);
        if signature.len() != proof.len() {
            return Choice::from(0);
        }
        let client_key: Vec<u8> = signature.iter().zip(proof).map(|(left, right)| left ^ right).collect();
        self.digest(&client_key).ct_eq(stored_key)
    }
}

fn keyed<M: Mac + KeyInit>(key: &[u8]) -> M {
    <M as Mac>::new_from_slice(key).expect("HMAC takes keys of every length")
}

fn hmac<M: Mac + KeyInit>(key: &[u8], parts: &[&[u8]]) -> Vec<u8> {
    let mut mac: M = keyed(key);
    parts.iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().to_vec()
}

/// The first block of PBKDF2; SCRAM needs no more.
fn pbkdf2_block<M: Mac + KeyInit + Clone>(password: &[u8], salt: &[u8], iterations: u32) -> Vec<u8> {
    // Keyed once: each round starts from a copy, which spares it half of its hashing.
    let mac: M = keyed(password);
    let mut round = mac.clone().chain_update(salt).chain_update(1u32.to_be_bytes()).finalize().into_bytes();
    let mut block = round.to_vec();
    for _ in 1..iterations {
        round = mac.clone().chain_update(&round).finalize().into_bytes();
        block.iter_mut().zip(&round).for_each(|(sum, byte)| *sum ^= byte);
    }
    block
}
