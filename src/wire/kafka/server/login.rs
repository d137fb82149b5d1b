//! Who may send requests: clients log in first, if the configuration says so. A client that did not may ask
//! for versions, choose a mechanism and log in, nothing else.

use super::{connection::Due, dispatch::Session, front::KafkaFront};
use crate::{
    clock, limits,
    wire::kafka::{
        protocol::{
            ApiKey, ErrorCode, Out,
            field::Secret,
            sasl_authenticate::{SaslAuthenticateRequest, SaslAuthenticateResponse},
            sasl_handshake::{SaslHandshakeRequest, SaslHandshakeResponse},
        },
        sasl::{Exchange, Mechanism, NONCE_BYTES, Step},
    },
};
use parking_lot::Mutex;
use rustc_hash::FxHashMap;
use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

/// Of a client that has not logged in.
const FRAME_BYTES_MAX: usize = 64 << 10;

/// Guessing takes time: so long after a refusal its connection stays, and no other login from its address is
/// looked at.
pub(super) const REFUSED_FOR: Duration = Duration::from_millis(200);

/// Addresses whose logins were refused a moment ago. There are no more of them than connections.
#[derive(Default)]
pub(super) struct Refusals {
    ends: Mutex<FxHashMap<IpAddr, Instant>>,
}

impl Refusals {
    /// A login from there was refused.
    fn note(&self, client: IpAddr, now: Instant) {
        let mut ends = self.ends.lock();
        ends.retain(|_, end| *end > now);
        ends.insert(client, now + REFUSED_FOR);
    }

    /// When the next login from there is looked at.
    fn end(&self, client: IpAddr) -> Option<Instant> {
        self.ends.lock().get(&client).copied()
    }
}

/// How far a connection's login has come.
pub(super) enum Login {
    /// Whoever comes may send requests.
    Done,
    /// A mechanism is to be chosen.
    Wanted,
    /// `raw`: tokens come without Kafka's headers, after the oldest handshake.
    Under { exchange: Box<Exchange>, raw: bool },
}

impl Login {
    pub(super) fn new(front: &KafkaFront) -> Login {
        if front.shared.config.kafka.sasl.is_empty() { Login::Done } else { Login::Wanted }
    }

    pub(super) fn is_done(&self) -> bool {
        matches!(self, Login::Done)
    }

    pub(super) fn takes_raw_tokens(&self) -> bool {
        matches!(self, Login::Under { raw: true, .. })
    }

    /// Whether this may be asked now.
    pub(super) fn allows(&self, api: ApiKey) -> bool {
        self.is_done()
            || matches!(api, ApiKey::ApiVersions | ApiKey::SaslHandshake | ApiKey::SaslAuthenticate)
    }
}

fn nonce() -> [u8; NONCE_BYTES] {
    let mut nonce = [0; NONCE_BYTES];
    for chunk in nonce.chunks_mut(8) {
        chunk.copy_from_slice(&clock::entropy().to_be_bytes()[..chunk.len()]);
    }
    nonce
}

impl Session {
    pub(super) fn frame_bytes_max(&self) -> usize {
        if self.login.is_done() { limits::KAFKA_FRAME_BYTES_MAX } else { FRAME_BYTES_MAX }
    }

    /// How long the next bytes may take.
    pub(super) fn login_max(&self) -> Option<Duration> {
        (!self.login.is_done()).then_some(Duration::from_millis(limits::LOGIN_MAX_MS))
    }

    pub(super) fn handshake(
        &mut self,
        request: &SaslHandshakeRequest,
        version: i16,
    ) -> SaslHandshakeResponse {
        let offered: Vec<Mechanism> = self.front.shared.config.kafka.sasl.iter().map(|name| name.0).collect();
        let mechanisms = offered.iter().map(|mechanism| mechanism.name().to_string()).collect();
        let chosen = Mechanism::of_name(&request.mechanism).filter(|chosen| offered.contains(chosen));
        let error = match chosen {
            None => ErrorCode::UnsupportedSaslMechanism,
            Some(_) if self.login.is_done() => ErrorCode::IllegalSaslState,
            Some(mechanism) => {
                let exchange = Box::new(Exchange::new(mechanism, nonce()));
                self.login = Login::Under { exchange, raw: version == 0 };
                ErrorCode::None
            }
        };
        SaslHandshakeResponse { error, mechanisms }
    }

    /// One step; an error ends the connection.
    pub(super) async fn authenticate(
        &mut self,
        request: &SaslAuthenticateRequest,
    ) -> SaslAuthenticateResponse {
        // Once: who goes on to guess from the same address must not make others there wait for ever.
        if let Some(end) = self.front.refusals.end(self.client) {
            tokio::time::sleep_until(end.into()).await;
        }
        let Login::Under { exchange, .. } = &mut self.login else {
            let text = "a mechanism must be chosen first".to_string();
            return SaslAuthenticateResponse {
                error: ErrorCode::IllegalSaslState,
                error_message: Some(text),
                ..SaslAuthenticateResponse::default()
            };
        };
        let step = exchange.step(&self.front.users, &request.auth_bytes.0);
        match step {
            Step::Continue(bytes) => {
                SaslAuthenticateResponse { auth_bytes: bytes.into(), ..Default::default() }
            }
            Step::Done { user, bytes } => {
                tracing::debug!(user, client = %self.client, "logged in");
                self.login = Login::Done;
                SaslAuthenticateResponse { auth_bytes: bytes.into(), ..Default::default() }
            }
            Step::Refused { reason, bytes } => {
                self.front.refusals.note(self.client, clock::now());
                tracing::info!(client = %self.client, %reason, "a login was refused");
                SaslAuthenticateResponse {
                    error: ErrorCode::SaslAuthenticationFailed,
                    error_message: Some("Authentication failed: user or password is wrong".to_string()),
                    auth_bytes: bytes.into(),
                    ..SaslAuthenticateResponse::default()
                }
            }
        }
    }

    /// A token without Kafka's header: a refusal is told by hanging up.
    pub(super) async fn login_token(&mut self, token: &bytes::Bytes) -> Due {
        let answer = self.authenticate(&SaslAuthenticateRequest { auth_bytes: Secret(token.clone()) }).await;
        let mut frame = (answer.auth_bytes.len() as i32).to_be_bytes().to_vec();
        frame.extend_from_slice(&answer.auth_bytes);
        if answer.error.is_error() { Due::Last(Out::default()) } else { Due::Now(frame.into()) }
    }
}
