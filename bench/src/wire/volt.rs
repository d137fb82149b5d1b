//! The VoltDB client protocol, as far as a caller needs it: login, invocation version 0, and replies read up
//! to the first row's first two cells.

use super::bytes::{Reader, frame_length};
use super::{CallResult, Codec, Parsed, Reply, WireError};
use crate::transit::judge::Outcome;
use crate::transit::stream::{ENTRY, Tap};

/// The protocol's own limit on one message.
const MAX_MESSAGE_BYTES: i32 = 52_428_800;

const STATUS_SUCCESS: i8 = 1;
const HAS_STATUS_STRING: u8 = 0x20;
const HAS_APP_STATUS_STRING: u8 = 0x80;
const TYPE_TINYINT: i8 = 3;
const TYPE_STRING: i8 = 9;

/// SHA-256 of the empty password, which is sent also when nobody checks it.
const EMPTY_PASSWORD_SHA256: [u8; 32] = [
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24, 0x27,
    0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
];

/// One positional parameter.
#[derive(Clone, Debug)]
pub(crate) enum Parameter<'a> {
    TinyInt(i8),
    SmallInt(i16),
    Integer(i32),
    Text(&'a str),
    /// Microseconds since 1970, or NULL.
    Timestamp(Option<i64>),
}

/// The login message of the anonymous user, whole.
pub(crate) fn login_request() -> Vec<u8> {
    let mut body = vec![1, 1];
    push_text("database", &mut body);
    push_text("", &mut body);
    body.extend_from_slice(&EMPTY_PASSWORD_SHA256);
    framed(&body)
}

/// Reads the login reply at the front of `bytes`: the server's build string and how long the message was.
pub(crate) fn login_reply(bytes: &[u8]) -> Parsed<(usize, String)> {
    let Some((used, body)) = frame(bytes)? else { return Ok(None) };
    let mut reader = Reader::new(body);
    reader.i8("login version")?;
    let code = reader.i8("login result")?;
    if code != 0 {
        return Err(WireError::new("login result", format!("refused with code {code}")));
    }
    reader.take(4 + 8 + 8 + 4, "login identity")?;
    let build = reader.counted("build string")?;
    Ok(Some((used, String::from_utf8_lossy(build).into_owned())))
}

/// Appends a call of any procedure.
pub(crate) fn encode_call(procedure: &str, handle: u64, parameters: &[Parameter<'_>], out: &mut Vec<u8>) {
    let start = out.len();
    out.extend_from_slice(&[0; 5]);
    push_text(procedure, out);
    out.extend_from_slice(&handle.to_be_bytes());
    out.extend_from_slice(&(parameters.len() as u16).to_be_bytes());
    for parameter in parameters {
        push_parameter(parameter, out);
    }
    let len = (out.len() - start - 4) as u32;
    out[start..start + 4].copy_from_slice(&len.to_be_bytes());
}

fn push_parameter(parameter: &Parameter<'_>, out: &mut Vec<u8>) {
    match parameter {
        Parameter::TinyInt(value) => out.extend_from_slice(&[TYPE_TINYINT as u8, *value as u8]),
        Parameter::SmallInt(value) => {
            out.push(4);
            out.extend_from_slice(&value.to_be_bytes());
        }
        Parameter::Integer(value) => {
            out.push(5);
            out.extend_from_slice(&value.to_be_bytes());
        }
        Parameter::Text(value) => {
            out.push(TYPE_STRING as u8);
            push_text(value, out);
        }
        Parameter::Timestamp(value) => {
            out.push(11);
            out.extend_from_slice(&value.unwrap_or(i64::MIN).to_be_bytes());
        }
    }
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u32).to_be_bytes());
    out.extend_from_slice(text.as_bytes());
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32).to_be_bytes()[..], body].concat()
}

/// The first whole message: its length with the prefix, and its body.
#[inline]
fn frame(bytes: &[u8]) -> Parsed<(usize, &[u8])> {
    let Some(len) = frame_length(bytes, 1..=MAX_MESSAGE_BYTES)? else { return Ok(None) };
    Ok(bytes.get(4..4 + len).map(|body| (4 + len, body)))
}

/// Length of the call of ValidateEntry, and where its changing values stand; see `VoltCodec::new`.
pub(crate) const TAP_BYTES: usize = 58;
pub(crate) const HANDLE_AT: usize = 22;
const CARD_AT: usize = 33;
const TIME_AT: usize = 38;
const STATION_AT: usize = 47;

/// Taps as `ValidateEntry(card INTEGER, time BIGINT, station INTEGER, activity TINYINT, amount INTEGER)`.
pub(crate) struct VoltCodec {
    tap: [u8; TAP_BYTES],
}

impl VoltCodec {
    pub(crate) fn new() -> Self {
        let mut call = vec![0, 0, 0, TAP_BYTES as u8 - 4, 0];
        push_text("ValidateEntry", &mut call);
        call.extend_from_slice(&[0; 8]);
        call.extend_from_slice(&[0, 5, 5, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0]);
        call.extend_from_slice(&[3, ENTRY as u8, 5, 0, 0, 0, 0]);
        Self { tap: call.try_into().expect("the parts above are 58 bytes together") }
    }
}

impl Codec for VoltCodec {
    #[inline]
    fn encode_tap(&mut self, handle: u64, tap: &Tap, out: &mut Vec<u8>) {
        self.tap[HANDLE_AT..HANDLE_AT + 8].copy_from_slice(&handle.to_be_bytes());
        self.tap[CARD_AT..CARD_AT + 4].copy_from_slice(&tap.card_id.to_be_bytes());
        self.tap[TIME_AT..TIME_AT + 8].copy_from_slice(&tap.time_ms.to_be_bytes());
        self.tap[STATION_AT..STATION_AT + 4].copy_from_slice(&tap.station_id.to_be_bytes());
        out.extend_from_slice(&self.tap);
    }

    #[inline]
    fn decode_reply<'a>(&mut self, bytes: &'a [u8]) -> Parsed<(usize, Reply<'a>)> {
        let Some((used, body)) = frame(bytes)? else { return Ok(None) };
        let mut reader = Reader::new(body);
        let handle = open_reply(&mut reader)?;
        let (handle, message) = match handle {
            Ok(handle) => handle,
            Err((handle, text)) => {
                let reply = Reply { handle: Some(handle), outcome: Outcome::Failed, message: text };
                return Ok(Some((used, reply)));
            }
        };
        let (accepted, message) = message_row(message)?;
        let outcome = Outcome::of(accepted, message);
        Ok(Some((used, Reply { handle: Some(handle), outcome, message })))
    }
}

/// Handle and the rest of the reply from the table count on, or handle and status text of a failed call.
type Opened<'a> = Result<(u64, Reader<'a>), (u64, &'a [u8])>;

#[inline]
fn open_reply<'a>(reader: &mut Reader<'a>) -> Result<Opened<'a>, WireError> {
    reader.i8("reply version")?;
    let handle = reader.i64("handle")? as u64;
    let present = reader.i8("present fields")? as u8;
    let status = reader.i8("status")?;
    let mut text: &[u8] = b"(no status string)";
    if present & HAS_STATUS_STRING != 0 {
        text = reader.counted("status string")?;
    }
    reader.i8("app status")?;
    if present & HAS_APP_STATUS_STRING != 0 {
        reader.counted("app status string")?;
    }
    reader.i32("round trip")?;
    if status != STATUS_SUCCESS {
        return Ok(Err((handle, text)));
    }
    Ok(Ok((handle, reader.rest())))
}

/// `card_accepted TINYINT, message STRING` of a reply's only row.
#[inline]
fn message_row(mut reader: Reader<'_>) -> Result<(bool, &[u8]), WireError> {
    if reader.i16("table count")? < 1 {
        return Err(WireError::new("table count", "ValidateEntry answers with one table"));
    }
    reader.i32("table length")?;
    let header = reader.counted("table header")?;
    // Table status, two columns, TINYINT and STRING.
    if header.get(1..5) != Some(&[0, 2, TYPE_TINYINT as u8, TYPE_STRING as u8]) {
        return Err(WireError::new("table header", "a TINYINT and a STRING column are expected"));
    }
    if reader.i32("row count")? != 1 {
        return Err(WireError::new("row count", "one row is expected"));
    }
    reader.i32("row length")?;
    Ok((reader.i8("card_accepted")? == 1, reader.counted("message")?))
}

/// The outcome of any call at the front of `bytes`: its length, and the status text when it failed.
pub(crate) fn call_reply(bytes: &[u8]) -> Parsed<CallResult> {
    let Some((used, body)) = frame(bytes)? else { return Ok(None) };
    let opened = open_reply(&mut Reader::new(body))?;
    let result = match opened {
        Ok(_) => Ok(()),
        Err((_, text)) => Err(String::from_utf8_lossy(text).into_owned()),
    };
    Ok(Some((used, result)))
}

/// The login reply of a server called `build`, for the servers that bench itself plays.
pub(crate) fn encode_login_reply(build: &str) -> Vec<u8> {
    let mut body = vec![0; 2 + 4 + 8 + 8 + 4];
    push_text(build, &mut body);
    framed(&body)
}

/// The reply to a tap, for the servers that bench itself plays.
pub(crate) fn encode_answer(handle: u64, accepted: bool, message: &str) -> Vec<u8> {
    let mut header = vec![0x80, 0, 2, TYPE_TINYINT as u8, TYPE_STRING as u8];
    push_text("card_accepted", &mut header);
    push_text("message", &mut header);
    let mut row = vec![u8::from(accepted)];
    push_text(message, &mut row);
    let table = [&framed(&header)[..], &1u32.to_be_bytes(), &framed(&row)].concat();
    let mut body = vec![0];
    body.extend_from_slice(&handle.to_be_bytes());
    body.extend_from_slice(&[0, STATUS_SUCCESS as u8, 0x80, 0, 0, 0, 0, 0, 1]);
    body.extend_from_slice(&framed(&table));
    framed(&body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transit::random::Random;

    #[test]
    fn the_login_is_the_documented_one() {
        let bytes = login_request();
        assert_eq!(bytes.len(), 54);
        assert_eq!(&bytes[..10], [0, 0, 0, 0x32, 1, 1, 0, 0, 0, 8]);
    }

    #[test]
    fn the_patched_template_is_what_the_general_encoder_makes() {
        let tap = Tap { card_id: 77, time_ms: 1_767_589_200_123, station_id: 9 };
        let mut patched = Vec::new();
        VoltCodec::new().encode_tap(5, &tap, &mut patched);
        let mut general = Vec::new();
        let parameters = [
            Parameter::Integer(77),
            // The one BIGINT of the call: a timestamp has the same bytes behind another type.
            Parameter::Timestamp(Some(1_767_589_200_123)),
            Parameter::Integer(9),
            Parameter::TinyInt(ENTRY),
            Parameter::Integer(0),
        ];
        encode_call("ValidateEntry", 5, &parameters, &mut general);
        general[TIME_AT - 1] = 6;
        assert_eq!(patched, general);
    }

    #[test]
    fn answers_decode_only_when_whole() {
        let bytes = encode_answer(9, false, "Fraudulent transaction");
        let mut codec = VoltCodec::new();
        for cut in 0..bytes.len() {
            assert_eq!(codec.decode_reply(&bytes[..cut]), Ok(None), "cut at {cut}");
        }
        let (used, reply) = codec.decode_reply(&bytes).unwrap().unwrap();
        assert_eq!(used, bytes.len());
        assert_eq!(
            reply,
            Reply { handle: Some(9), outcome: Outcome::Fraud, message: b"Fraudulent transaction" }
        );
    }

    #[test]
    fn a_failed_call_gives_its_status_text() {
        let mut bytes = vec![0, 0, 0, 24, 0];
        bytes.extend_from_slice(&7u64.to_be_bytes());
        bytes.extend_from_slice(&[0x20, 0xff, 0, 0, 0, 2, b'n', b'o', 0x80, 0, 0, 0, 0, 0, 0]);
        let (_, reply) = VoltCodec::new().decode_reply(&bytes).unwrap().unwrap();
        assert_eq!(reply, Reply { handle: Some(7), outcome: Outcome::Failed, message: b"no" });
        assert_eq!(call_reply(&bytes).unwrap().unwrap().1, Err("no".to_owned()));
    }

    #[test]
    fn damaged_answers_are_errors_and_never_panics() {
        let whole = encode_answer(1, true, "Remaining Balance: 12.50");
        let mut random = Random::new(11);
        let mut refused = 0;
        for _ in 0..20_000 {
            let mut bytes = whole.clone();
            for _ in 0..=random.below(4) {
                let at = random.below(bytes.len() as u32) as usize;
                bytes[at] = random.next_u64() as u8;
            }
            refused += u32::from(VoltCodec::new().decode_reply(&bytes).is_err());
        }
        assert!(refused > 1_000, "damage to lengths and types must be noticed, was {refused} times");
    }
}
