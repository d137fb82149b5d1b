//! RESP2, Redis' protocol: commands as arrays of bulk strings, and the replies of FCALL.

use std::io::Write;

use super::{Codec, Parsed, Reply, WireError};
use crate::transit::judge::Outcome;
use crate::transit::stream::{ENTRY, Tap};

/// A bulk string longer than this is no answer of ours.
const MAX_BULK_BYTES: usize = 1 << 20;

/// Appends one command of any arguments.
pub(crate) fn encode_command(arguments: &[&[u8]], out: &mut Vec<u8>) {
    append(out, format_args!("*{}\r\n", arguments.len()));
    for argument in arguments {
        append(out, format_args!("${}\r\n", argument.len()));
        out.extend_from_slice(argument);
        out.extend_from_slice(b"\r\n");
    }
}

fn append(out: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    out.write_fmt(text).expect("writing to a Vec cannot fail");
}

/// How the function gets its arguments and gives its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `FCALL ValidateEntryPacked 1 c:<card> <13 bytes>`, answered with one string: the fastest.
    Packed,
    /// `FCALL ValidateEntry 1 c:<card> <time ms> <station> <activity> <amount>`, answered with two columns.
    Plain,
}

/// Taps in one of the two forms.
pub(crate) struct RespCodec(pub(crate) Form);

/// Time, station, activity and amount, little-endian, in 6, 2, 1 and 4 bytes.
const PACKED_BYTES: usize = 13;

impl Codec for RespCodec {
    #[inline]
    fn encode_tap(&mut self, _handle: u64, tap: &Tap, out: &mut Vec<u8>) {
        let mut key = [0u8; 16];
        key[..2].copy_from_slice(b"c:");
        let key_len = 2 + write_decimal(tap.card_id as u64, &mut key[2..]);
        if self.0 == Form::Packed {
            let mut packed = [0u8; PACKED_BYTES];
            packed[..6].copy_from_slice(&tap.time_ms.to_le_bytes()[..6]);
            packed[6..8].copy_from_slice(&tap.station_id.to_le_bytes()[..2]);
            packed[8] = ENTRY as u8;
            out.extend_from_slice(b"*5\r\n$5\r\nFCALL\r\n$19\r\nValidateEntryPacked\r\n$1\r\n1\r\n");
            push_bulk(&key[..key_len], out);
            push_bulk(&packed, out);
            return;
        }
        let mut number = [0u8; 20];
        out.extend_from_slice(b"*8\r\n$5\r\nFCALL\r\n$13\r\nValidateEntry\r\n$1\r\n1\r\n");
        push_bulk(&key[..key_len], out);
        let len = write_decimal(tap.time_ms as u64, &mut number);
        push_bulk(&number[..len], out);
        let len = write_decimal(tap.station_id as u64, &mut number);
        push_bulk(&number[..len], out);
        debug_assert_eq!(ENTRY, 1);
        out.extend_from_slice(b"$1\r\n1\r\n$1\r\n0\r\n");
    }

    #[inline]
    fn decode_reply<'a>(&mut self, bytes: &'a [u8]) -> Parsed<(usize, Reply<'a>)> {
        if bytes.first() == Some(&b'-') {
            let Some((line, used)) = line_at(bytes, 1) else { return Ok(None) };
            return Ok(Some((used, Reply { handle: None, outcome: Outcome::Failed, message: line })));
        }
        if self.0 == Form::Packed {
            return packed_answer(bytes);
        }
        // "*2\r\n:<0|1>\r\n$<length>\r\n<message>\r\n"
        if bytes.len() < 12 {
            return Ok(None);
        }
        if &bytes[..5] != b"*2\r\n:" || &bytes[6..9] != b"\r\n$" {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
            return Err(WireError::new("answer of ValidateEntry", shown));
        }
        let accepted = bytes[5] == b'1';
        let Some((start, len)) = bulk_length(bytes, 9)? else { return Ok(None) };
        let end = start + len;
        if bytes.len() < end + 2 {
            return Ok(None);
        }
        let message = &bytes[start..end];
        Ok(Some((end + 2, Reply { handle: None, outcome: Outcome::of(accepted, message), message })))
    }
}

/// `$<length>\r\n<0|1><message>\r\n`
#[inline]
fn packed_answer(bytes: &[u8]) -> Parsed<(usize, Reply<'_>)> {
    match bytes.first() {
        None => return Ok(None),
        Some(b'$') => {}
        Some(_) => {
            let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]);
            return Err(WireError::new("answer of ValidateEntryPacked", shown));
        }
    }
    let Some((start, len)) = bulk_length(bytes, 1)? else { return Ok(None) };
    let Some(text) = bytes.get(start..start + len + 2) else { return Ok(None) };
    let Some((accepted, message)) = text[..len].split_first() else {
        return Err(WireError::new("answer of ValidateEntryPacked", "empty"));
    };
    Ok(Some((
        start + len + 2,
        Reply { handle: None, outcome: Outcome::of(*accepted == b'1', message), message },
    )))
}

/// The text up to the next line end, from `start`, and where the line after it begins.
fn line_at(bytes: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let len = bytes[start..].windows(2).position(|pair| pair == b"\r\n")?;
    Some((&bytes[start..start + len], start + len + 2))
}

/// Reads `<digits>\r\n` at `at`: where the bulk string starts and how long it is.
#[inline]
fn bulk_length(bytes: &[u8], mut at: usize) -> Parsed<(usize, usize)> {
    let mut len = 0usize;
    loop {
        match bytes.get(at) {
            None => return Ok(None),
            Some(&digit @ b'0'..=b'9') if len < MAX_BULK_BYTES => len = len * 10 + usize::from(digit - b'0'),
            Some(b'\r') => return Ok(Some((at + 2, len))),
            Some(other) => return Err(WireError::new("bulk length", format!("byte {other}"))),
        }
        at += 1;
    }
}

/// The length of one whole simple reply (status, error, integer or bulk string), or None when more is needed.
/// Errors are returned with their text: loading must not go on after one.
pub(crate) fn simple_reply(bytes: &[u8]) -> Parsed<usize> {
    let Some(kind) = bytes.first() else { return Ok(None) };
    let Some((line, used)) = line_at(bytes, 1) else { return Ok(None) };
    match kind {
        b'+' | b':' => Ok(Some(used)),
        b'$' => {
            let Some((start, len)) = bulk_length(bytes, 1)? else { return Ok(None) };
            Ok((bytes.len() >= start + len + 2).then_some(start + len + 2))
        }
        _ => Err(WireError::new("reply", String::from_utf8_lossy(line))),
    }
}

#[inline]
fn push_bulk(bytes: &[u8], out: &mut Vec<u8>) {
    let mut head = [0u8; 8];
    head[0] = b'$';
    let len = 1 + write_decimal(bytes.len() as u64, &mut head[1..]);
    head[len] = b'\r';
    head[len + 1] = b'\n';
    out.extend_from_slice(&head[..len + 2]);
    out.extend_from_slice(bytes);
    out.extend_from_slice(b"\r\n");
}

/// Writes `number` in decimal at the start of `out` and returns the number of digits.
#[inline]
fn write_decimal(mut number: u64, out: &mut [u8]) -> usize {
    let mut digits = [0u8; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            break;
        }
    }
    let len = digits.len() - at;
    out[..len].copy_from_slice(&digits[at..]);
    len
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plain() -> RespCodec {
        RespCodec(Form::Plain)
    }

    #[test]
    fn a_tap_is_the_same_as_the_general_encoder_makes_it() {
        let tap = Tap { card_id: 123_456, time_ms: 1_767_589_200_123, station_id: 17 };
        let mut expected = Vec::new();
        let arguments: [&[u8]; 8] =
            [b"FCALL", b"ValidateEntry", b"1", b"c:123456", b"1767589200123", b"17", b"1", b"0"];
        encode_command(&arguments, &mut expected);
        let mut encoded = Vec::new();
        plain().encode_tap(1, &tap, &mut encoded);
        assert_eq!(String::from_utf8_lossy(&encoded), String::from_utf8_lossy(&expected));
    }

    #[test]
    fn replies_decode_only_when_whole() {
        let answer = b"*2\r\n:1\r\n$24\r\nRemaining Balance: 12.50\r\n";
        for cut in 0..answer.len() {
            assert_eq!(plain().decode_reply(&answer[..cut]), Ok(None), "cut at {cut}");
        }
        let (used, reply) = plain().decode_reply(answer).unwrap().unwrap();
        assert_eq!((used, reply.outcome), (answer.len(), Outcome::Accepted));
        assert_eq!(reply.message, b"Remaining Balance: 12.50");
    }

    #[test]
    fn packed_answers_decode_only_when_whole() {
        let answer = b"$23\r\n0Fraudulent transaction\r\n";
        let mut codec = RespCodec(Form::Packed);
        for cut in 0..answer.len() {
            assert_eq!(codec.decode_reply(&answer[..cut]), Ok(None), "cut at {cut}");
        }
        let (used, reply) = codec.decode_reply(answer).unwrap().unwrap();
        assert_eq!((used, reply.outcome), (answer.len(), Outcome::Fraud));
        assert!(codec.decode_reply(b"$0\r\n\r\n").is_err());
    }

    #[test]
    fn errors_and_garbage_are_told_apart() {
        let (used, reply) = plain().decode_reply(b"-ERR unknown station 99\r\n*2").unwrap().unwrap();
        assert_eq!((used, reply.outcome), (25, Outcome::Failed));
        assert_eq!(reply.message, b"ERR unknown station 99");
        assert!(plain().decode_reply(b"*3\r\n:1\r\n:2\r\n:3\r\n").is_err());
        assert!(plain().decode_reply(b"*2\r\n:1\r\n$99999999999999999999999\r\n").is_err());
        assert!(simple_reply(b"-OOM\r\n").is_err());
        assert_eq!(simple_reply(b"$3\r\nabc\r\n+OK"), Ok(Some(9)));
    }
}
