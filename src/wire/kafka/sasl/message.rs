//! How the messages of a SCRAM client are read (RFC 5802, section 7): strictly, in the one order the grammar
//! has. Never knows users or keys.

use super::{NAME_BYTES_MAX, error::SaslError};
use base64::{Engine, engine::general_purpose::STANDARD};

const CLIENT_NONCE_BYTES_MAX: usize = 512;

/// `client-first-message`.
#[derive(Debug)]
pub(super) struct ClientFirst<'a> {
    /// With its last comma, as the final message repeats it.
    pub(super) gs2_header: &'a str,
    /// What signatures are made over.
    pub(super) bare: &'a str,
    pub(super) user: String,
    pub(super) nonce: &'a str,
}

/// `client-final-message`.
#[derive(Debug)]
pub(super) struct ClientFinal<'a> {
    pub(super) channel_binding: Vec<u8>,
    pub(super) nonce: &'a str,
    pub(super) proof: Vec<u8>,
    /// What signatures are made over.
    pub(super) without_proof: &'a str,
}

pub(super) fn client_first(text: &str) -> Result<ClientFirst<'_>, SaslError> {
    let (flag, rest) = text.split_once(',').ok_or(SaslError::Missing { field: "gs2-header" })?;
    match flag {
        "n" | "y" => {}
        _ if flag.starts_with("p=") => return Err(SaslError::ChannelBinding),
        _ => return Err(SaslError::Character { field: "gs2-header" }),
    }
    let (authzid, bare) = rest.split_once(',').ok_or(SaslError::Missing { field: "authzid" })?;
    let gs2_header = &text[..text.len() - bare.len()];
    let mut fields = bare.split(',');
    let first = fields.next().unwrap_or_default();
    if first.starts_with("m=") {
        return Err(SaslError::MandatoryExtension);
    }
    let user = sasl_name(value(Some(first), "n=", "username")?, "username")?;
    let nonce = value(fields.next(), "r=", "nonce")?;
    check_nonce(nonce)?;
    fields.try_for_each(check_extension)?;
    // Kafka's brokers too let a client act only for itself.
    if !authzid.is_empty() && sasl_name(value(Some(authzid), "a=", "authzid")?, "authzid")? != user {
        return Err(SaslError::OtherIdentity { user });
    }
    Ok(ClientFirst { gs2_header, bare, user, nonce })
}

pub(super) fn client_final(text: &str) -> Result<ClientFinal<'_>, SaslError> {
    let (without_proof, proof) = text.rsplit_once(',').ok_or(SaslError::Missing { field: "proof" })?;
    let proof = base64(value(Some(proof), "p=", "proof")?, "proof")?;
    let mut fields = without_proof.split(',');
    let channel_binding = base64(value(fields.next(), "c=", "channel-binding")?, "channel-binding")?;
    let nonce = value(fields.next(), "r=", "nonce")?;
    fields.try_for_each(check_extension)?;
    Ok(ClientFinal { channel_binding, nonce, proof, without_proof })
}

fn value<'a>(part: Option<&'a str>, prefix: &str, field: &'static str) -> Result<&'a str, SaslError> {
    let value = part.and_then(|part| part.strip_prefix(prefix)).ok_or(SaslError::Missing { field })?;
    if value.is_empty() { Err(SaslError::Empty { field }) } else { Ok(value) }
}

fn base64(value: &str, field: &'static str) -> Result<Vec<u8>, SaslError> {
    STANDARD.decode(value).map_err(|_| SaslError::Base64 { field })
}

/// `saslname`: a comma is written =2C and an equals sign =3D.
fn sasl_name(value: &str, field: &'static str) -> Result<String, SaslError> {
    if value.contains('\0') {
        return Err(SaslError::Character { field });
    }
    let mut parts = value.split('=');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        if let Some(rest) = part.strip_prefix("2C") {
            name.push(',');
            name.push_str(rest);
        } else if let Some(rest) = part.strip_prefix("3D") {
            name.push('=');
            name.push_str(rest);
        } else {
            return Err(SaslError::Escape { field });
        }
    }
    if name.len() > NAME_BYTES_MAX {
        return Err(SaslError::FieldTooLong { field, length: name.len(), bytes_max: NAME_BYTES_MAX });
    }
    Ok(name)
}

/// `printable`: ASCII without spaces and commas.
fn check_nonce(nonce: &str) -> Result<(), SaslError> {
    if nonce.len() > CLIENT_NONCE_BYTES_MAX {
        let length = nonce.len();
        return Err(SaslError::FieldTooLong { field: "nonce", length, bytes_max: CLIENT_NONCE_BYTES_MAX });
    }
    if !nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',') {
        return Err(SaslError::Character { field: "nonce" });
    }
    Ok(())
}

/// Extensions are optional and ignored, as the RFC has it, but for `tokenauth`: its password is not a user's.
fn check_extension(part: &str) -> Result<(), SaslError> {
    let (attribute, value) = part.split_once('=').ok_or(SaslError::Extension)?;
    // The RFC has one letter; Kafka's own extensions have words.
    if attribute.is_empty() || !attribute.bytes().all(|byte| byte.is_ascii_alphabetic()) {
        return Err(SaslError::Extension);
    }
    if value.is_empty() || value.contains('\0') {
        return Err(SaslError::Extension);
    }
    match attribute {
        "m" => Err(SaslError::MandatoryExtension),
        "tokenauth" if !value.eq_ignore_ascii_case("false") => Err(SaslError::DelegationToken),
        _ => Ok(()),
    }
}
