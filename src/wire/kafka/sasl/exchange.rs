//! One client's way to its user: which message comes when, for each mechanism. Whatever goes wrong ends it.
//! Never knows how often a client may try.

use super::{MESSAGE_BYTES_MAX, Mechanism, error::SaslError, keys::Hash, plain, scram, users::Users};
use base64::{Engine, engine::general_purpose::STANDARD};
use std::fmt;

/// Random bytes that an exchange needs.
pub const NONCE_BYTES: usize = 24;

/// What a message led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The client has to answer this.
    Continue(Vec<u8>),
    /// The client is this user; the bytes prove the server to it.
    Done { user: String, bytes: Vec<u8> },
    /// The client is nobody. The reason is for the log; a client is told no more than the bytes and that it
    /// failed.
    Refused { reason: SaslError, bytes: Vec<u8> },
}

/// An authentication under way.
pub struct Exchange {
    mechanism: Mechanism,
    state: State,
}

enum State {
    Start { server_nonce: String },
    Challenged(Box<scram::Challenged>),
    Over,
}

impl fmt::Debug for Exchange {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = match self.state {
            State::Start { .. } => "start",
            State::Challenged(_) => "challenged",
            State::Over => "over",
        };
        let mechanism = self.mechanism.name();
        out.debug_struct("Exchange").field("mechanism", &mechanism).field("state", &state).finish()
    }
}

impl Exchange {
    /// The nonce must be fresh bytes of a cryptographic source: it is what keeps old proofs from working.
    pub fn new(mechanism: Mechanism, server_nonce: [u8; NONCE_BYTES]) -> Exchange {
        // Base64 has none of the characters a nonce must not have.
        Exchange { mechanism, state: State::Start { server_nonce: STANDARD.encode(server_nonce) } }
    }

    #[cfg(test)]
    pub(super) fn with_nonce_text(mechanism: Mechanism, server_nonce: &str) -> Exchange {
        Exchange { mechanism, state: State::Start { server_nonce: server_nonce.to_owned() } }
    }

    pub fn mechanism(&self) -> Mechanism {
        self.mechanism
    }

    /// Takes the client's next message.
    pub fn step(&mut self, users: &Users, client_bytes: &[u8]) -> Step {
        // An exchange that fails here is over: no message can be tried twice.
        let state = std::mem::replace(&mut self.state, State::Over);
        match self.advance(state, users, client_bytes) {
            Ok(step) => step,
            Err(reason) => {
                let bytes = match self.mechanism {
                    Mechanism::Plain => Vec::new(),
                    _ => format!("e={}", reason.scram_value()).into_bytes(),
                };
                Step::Refused { reason, bytes }
            }
        }
    }

    fn advance(&mut self, state: State, users: &Users, client_bytes: &[u8]) -> Result<Step, SaslError> {
        if client_bytes.len() > MESSAGE_BYTES_MAX {
            return Err(SaslError::TooLong { length: client_bytes.len(), bytes_max: MESSAGE_BYTES_MAX });
        }
        let text = std::str::from_utf8(client_bytes).map_err(|_| SaslError::NotUtf8)?;
        let server_nonce = match state {
            State::Start { server_nonce } => server_nonce,
            State::Challenged(challenged) => {
                let (user, bytes) = scram::check(*challenged, text)?;
                return Ok(Step::Done { user, bytes });
            }
            State::Over => return Err(SaslError::Over),
        };
        let hash = match self.mechanism {
            Mechanism::Plain => {
                let user = plain::authenticate(users, text)?;
                return Ok(Step::Done { user, bytes: Vec::new() });
            }
            Mechanism::ScramSha256 => Hash::Sha256,
            Mechanism::ScramSha512 => Hash::Sha512,
        };
        let (challenged, answer) = scram::challenge(users, hash, &server_nonce, text)?;
        self.state = State::Challenged(Box::new(challenged));
        Ok(Step::Continue(answer))
    }
}
