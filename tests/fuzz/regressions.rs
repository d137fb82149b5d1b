//! Inputs that a decoder once failed on, each a test by what was wrong.

use super::{decoders, driver};

/// Gives the decoder an input, whose bytes are in hex; it must refuse it, and say this.
fn refuses(decoder: &str, hex: &str, said: &str) {
    let digits: Vec<u8> = hex.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let byte = |pair: &[u8]| {
        let pair = std::str::from_utf8(pair).expect("hex digits");
        u8::from_str_radix(pair, 16).expect("hex digits")
    };
    let input: Vec<u8> = digits.chunks(2).map(byte).collect();
    refuses_bytes(decoder, &input, said);
}

fn refuses_bytes(decoder: &str, input: &[u8], said: &str) {
    let answer = driver::attempt(decoders::find(decoder), input).expect("it neither panics nor hoards");
    assert!(answer.contains(said), "{answer}");
}

/// The subtraction before it overflowed.
#[test]
fn a_segment_whose_first_sequence_is_zero() {
    let segment = "01 c0040000 544f4c4c474c4f47 01000000 6da3b81d 0100000000000000 0000000000000000
        54474c0000000000 0000000000000000 0000000000000000 0000000000000000 50ffffff";
    refuses("log_segments", segment, "the segment's first sequence is none that a record has");
}

/// 1.4 MB were reserved for a field of a message of five bytes.
#[test]
fn a_raft_message_whose_length_lies() {
    refuses("raft_message", "a22ab3c069", "a field is longer than the message");
}

/// Each opened a group inside the one before, and each took a place on the stack.
#[test]
fn a_raft_message_of_nothing_but_groups() {
    refuses_bytes("raft_message", &[0x0b; 1 << 20], "a wire type that raft's messages do not use");
}

/// The parser made placeholders of them that nobody had numbered.
#[test]
fn sql_with_a_named_parameter() {
    refuses_bytes(
        "sql_text",
        b"UPSERT INTO stations VALUES (1, '', :0, 1)",
        ":0: parameters are written as ?",
    );
    refuses_bytes("sql_text", b"SELECT * FROM cards WHERE card_id = :x", ":x: parameters are written as ?");
}
