//! Who a topic is, beside its name: the id that clients are told, and the number under which its logs are
//! kept. Pure.

use sha2::{Digest, Sha256};

/// Stable as long as the topic lives.
pub type TopicId = [u8; 16];

/// The id of a topic that nobody made while the server ran, the same in every cluster.
pub fn declared_id(name: &str) -> TopicId {
    let digest = Sha256::digest([b"tollgate topic ", name.as_bytes()].concat());
    *digest.first_chunk().expect("a digest has 32 bytes")
}

/// The number under which a topic's logs are kept.
pub fn number_of(id: &TopicId) -> i64 {
    let first = id.first_chunk().expect("sixteen bytes have eight");
    i64::from_be_bytes(*first) & i64::MAX
}

/// The topic that takes the records of another which are not carried out.
pub fn dead_letters_of(topic: &str) -> String {
    format!("{topic}.errors")
}

/// The topic that takes the rows of a stream which no export gets rid of.
pub fn export_errors_of(stream: &str) -> String {
    format!("{stream}.export-errors")
}
