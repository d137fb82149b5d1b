//! The decoders of outside bytes, each as one function that may be given anything. What is outside: what
//! clients, peers and operators send, and what a disk gives back.

mod cluster;
mod kafka;
#[path = "../../../src/wire/kafka/protocol/tests/seeds.rs"]
mod kafka_seeds;
mod sealed;
mod store;
mod text;
mod volt;

/// A decoder and what is known about its inputs.
pub struct Decoder {
    pub name: &'static str,
    /// Must return, whatever the bytes, with [`ACCEPTED`] or what is wrong with them.
    pub target: fn(&[u8]) -> String,
    /// Inputs it accepts, made by the encoders.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Pieces that mean something in its inputs.
    pub words: &'static [&'static [u8]],
    /// Bytes it may hold at once whatever its input, and how many times its input beside them.
    pub held_fixed: usize,
    pub held_times: usize,
}

impl Decoder {
    pub fn held_bytes_max(&self, input_bytes: usize) -> usize {
        self.held_fixed + self.held_times * input_bytes
    }
}

/// What a target says when there is nothing wrong.
pub const ACCEPTED: &str = "accepted";

pub const DECODERS: [Decoder; 27] = [
    volt::FRAMES,
    volt::LOGIN,
    volt::CALL,
    volt::RESPONSE,
    volt::SYSTEM_CALL,
    volt::PROCEDURE_CALL,
    kafka::RECORDS,
    kafka::REQUEST,
    kafka::GROUP_STATE,
    kafka::SASL,
    kafka::CSV_RECORD,
    kafka::JSON_RECORD,
    kafka::AVRO_RECORD,
    kafka::AVRO_SCHEMA,
    text::VALUE,
    text::DDL,
    text::SQL,
    store::EFFECTS,
    store::SECTIONS,
    cluster::BLOCK,
    cluster::LOG_SEGMENTS,
    cluster::SNAPSHOT_FILE,
    cluster::RAFT_MESSAGE,
    text::HTTP_BODY,
    text::CSV,
    text::TFL,
    text::CONFIG,
];

/// The decoder of that name.
///
/// # Panics
/// If there is none.
pub fn find(name: &str) -> &'static Decoder {
    static DECODERS: [Decoder; 27] = self::DECODERS;
    DECODERS.iter().find(|decoder| decoder.name == name).expect("a decoder of that name")
}

/// What a result says.
fn said<T, E: std::fmt::Display>(result: Result<T, E>) -> String {
    match result {
        Ok(_) => ACCEPTED.to_string(),
        Err(error) => error.to_string(),
    }
}
