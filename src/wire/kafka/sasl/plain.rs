//! PLAIN (RFC 4616): one message with the password in it. Never knows whether the connection is encrypted;
//! its caller must.

use super::{NAME_BYTES_MAX, PASSWORD_BYTES_MAX, error::SaslError, users::Users};

/// The user, if the message has its password.
pub(super) fn authenticate(users: &Users, text: &str) -> Result<String, SaslError> {
    let mut fields = text.split('\0');
    let authzid = fields.next().unwrap_or_default();
    let user = bounded(fields.next(), "authcid", NAME_BYTES_MAX)?;
    let password = bounded(fields.next(), "passwd", PASSWORD_BYTES_MAX)?;
    let extra = fields.count();
    if extra > 0 {
        return Err(SaslError::ExtraFields { extra });
    }
    if !authzid.is_empty() && authzid != user {
        return Err(SaslError::OtherIdentity { user: user.to_owned() });
    }
    if bool::from(users.has_password(user, password)) {
        Ok(user.to_owned())
    } else {
        Err(SaslError::Credentials { user: user.to_owned() })
    }
}

fn bounded<'a>(part: Option<&'a str>, field: &'static str, bytes_max: usize) -> Result<&'a str, SaslError> {
    let part = part.ok_or(SaslError::Missing { field })?;
    match part.len() {
        0 => Err(SaslError::Empty { field }),
        length if length > bytes_max => Err(SaslError::FieldTooLong { field, length, bytes_max }),
        _ => Ok(part),
    }
}
