//! SCRAM's two answers (RFC 5802, section 5): the challenge to a client's first message, and the check of its
//! proof. Never knows which messages came before; `exchange` does.

use super::{
    error::SaslError,
    keys::Hash,
    message,
    users::{Credentials, Users},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use subtle::Choice;

/// What is kept of a client between its two messages.
pub(super) struct Challenged {
    hash: Hash,
    user: String,
    credentials: Credentials,
    gs2_header: Vec<u8>,
    /// The client's and the server's.
    nonce: String,
    client_nonce_bytes: usize,
    /// What both have said so far, as signatures are made over it; with its last comma.
    said: String,
}

/// The challenge for the client, and what checks its answer.
pub(super) fn challenge(
    users: &Users,
    hash: Hash,
    server_nonce: &str,
    text: &str,
) -> Result<(Challenged, Vec<u8>), SaslError> {
    let first = message::client_first(text)?;
    let credentials = users.credentials(hash, &first.user);
    let nonce = format!("{}{server_nonce}", first.nonce);
    let salt = STANDARD.encode(&credentials.salt);
    let answer = format!("r={nonce},s={salt},i={}", credentials.iterations);
    let said = format!("{},{answer},", first.bare);
    let gs2_header = first.gs2_header.as_bytes().to_vec();
    let client_nonce_bytes = first.nonce.len();
    let challenged =
        Challenged { hash, user: first.user, credentials, gs2_header, nonce, client_nonce_bytes, said };
    Ok((challenged, answer.into_bytes()))
}

/// The user and the server's own proof, if the client has the password.
pub(super) fn check(challenged: Challenged, text: &str) -> Result<(String, Vec<u8>), SaslError> {
    let Challenged { hash, user, credentials, gs2_header, nonce, client_nonce_bytes, mut said } = challenged;
    let last = message::client_final(text)?;
    if last.channel_binding != gs2_header {
        return Err(SaslError::ChannelBindingChanged);
    }
    // librdkafka before 2.6.1 puts its own nonce in front once more. That is in what the proof is made over,
    // as is the server's nonce, so it proves no less.
    let client_nonce = &nonce[..client_nonce_bytes];
    if last.nonce != nonce && last.nonce.strip_prefix(client_nonce) != Some(&nonce) {
        return Err(SaslError::Nonce);
    }
    if last.proof.len() != hash.bytes() {
        return Err(SaslError::ProofLength { length: last.proof.len(), needed: hash.bytes() });
    }
    said.push_str(last.without_proof);
    let proven: Choice = hash.proves(&credentials.keys.stored_key, said.as_bytes(), &last.proof);
    if !bool::from(proven & credentials.known) {
        return Err(SaslError::Credentials { user });
    }
    let signature = hash.hmac(&credentials.keys.server_key, &[said.as_bytes()]);
    Ok((user, format!("v={}", STANDARD.encode(signature)).into_bytes()))
}
