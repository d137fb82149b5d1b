//! What can be wrong with a client's message, or with the users of a configuration. No text here holds a
//! password, a proof or a key; names are shown escaped, so that they cannot forge lines of a log.

use thiserror::Error;

/// Why a client was refused: for the log, not for the client.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SaslError {
    #[error("message: {length} bytes, at most {bytes_max} are taken")]
    TooLong { length: usize, bytes_max: usize },
    #[error("message: not valid UTF-8")]
    NotUtf8,
    #[error("{field}: missing")]
    Missing { field: &'static str },
    #[error("{field}: empty")]
    Empty { field: &'static str },
    #[error("{field}: {length} bytes, at most {bytes_max} are taken")]
    FieldTooLong { field: &'static str, length: usize, bytes_max: usize },
    #[error("{field}: a character that is not allowed there")]
    Character { field: &'static str },
    #[error("{field}: \"=\" must be followed by 2C or 3D")]
    Escape { field: &'static str },
    #[error("{field}: not valid base64")]
    Base64 { field: &'static str },
    #[error("proof: {length} bytes, {needed} are needed")]
    ProofLength { length: usize, needed: usize },
    #[error("gs2-header: channel binding is not supported")]
    ChannelBinding,
    #[error("channel-binding: not the header of the client's first message")]
    ChannelBindingChanged,
    #[error("nonce: not the one of this exchange")]
    Nonce,
    #[error("extension: mandatory extensions (m=) are not supported")]
    MandatoryExtension,
    #[error("extension: delegation tokens (tokenauth) are not supported")]
    DelegationToken,
    #[error("extension: not an attribute and its value")]
    Extension,
    #[error("message: {extra} fields too many")]
    ExtraFields { extra: usize },
    #[error("authzid: user {user:?} may not act for another")]
    OtherIdentity { user: String },
    /// One error for both, so that no log or answer built of it tells one from the other.
    #[error("user {user:?}: unknown, or with a wrong password")]
    Credentials { user: String },
    #[error("message: the exchange is over")]
    Over,
}

impl SaslError {
    /// RFC 5802's word for it, section 7, `server-error-value`.
    pub(super) fn scram_value(&self) -> &'static str {
        match self {
            SaslError::Credentials { .. } | SaslError::ProofLength { .. } => "invalid-proof",
            SaslError::ChannelBinding => "channel-binding-not-supported",
            SaslError::ChannelBindingChanged => "channel-bindings-dont-match",
            SaslError::MandatoryExtension | SaslError::DelegationToken => "extensions-not-supported",
            SaslError::Escape { .. } => "invalid-username-encoding",
            SaslError::Nonce | SaslError::OtherIdentity { .. } | SaslError::Over => "other-error",
            _ => "invalid-encoding",
        }
    }
}

/// What is wrong with the users of a configuration.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum UsersError {
    #[error("name: empty")]
    EmptyName,
    #[error("name: {length} bytes, at most {bytes_max} are possible")]
    LongName { length: usize, bytes_max: usize },
    #[error("name: user {name:?} has a NUL in it")]
    NulInName { name: String },
    #[error("name: user {name:?} is there twice")]
    TwiceNamed { name: String },
    #[error("password: that of user {name:?} is empty")]
    EmptyPassword { name: String },
    #[error("password: that of user {name:?} has {length} bytes, at most {bytes_max} are possible")]
    LongPassword { name: String, length: usize, bytes_max: usize },
    #[error("password: that of user {name:?} has a NUL in it")]
    NulInPassword { name: String },
    #[error("iterations: user {name:?} has none")]
    NoIterations { name: String },
    #[error("salt: that of user {name:?} is empty")]
    EmptySalt { name: String },
}
