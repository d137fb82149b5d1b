//! PostgreSQL's extended query protocol, version 3: one prepared statement, and for each tap Bind, Execute
//! and Sync, so that each tap is a transaction of its own however many are in flight.

use super::bytes::{Reader, frame_length};
use super::{CallResult, Codec, Parsed, Reply, WireError};
use crate::transit::judge::Outcome;
use crate::transit::stream::{ENTRY, Tap};

const PROTOCOL_VERSION: u32 = 196_608;
const MAX_MESSAGE_BYTES: i32 = 64 << 20;

/// Name of the prepared statement, one byte to keep each call short.
const STATEMENT: &str = "v";

// Type numbers of the parameters.
const INT2: u32 = 21;
const INT4: u32 = 23;
const INT8: u32 = 20;

/// The first message on a connection.
pub(crate) fn startup(user: &str, database: &str) -> Vec<u8> {
    let mut body = PROTOCOL_VERSION.to_be_bytes().to_vec();
    for text in ["user", user, "database", database, ""] {
        push_text(text, &mut body);
    }
    [&(body.len() as u32 + 4).to_be_bytes()[..], &body].concat()
}

/// A simple query: any SQL, several statements allowed.
pub(crate) fn query(sql: &str) -> Vec<u8> {
    let mut body = Vec::new();
    push_text(sql, &mut body);
    message(b'Q', &body)
}

/// Prepares the statement that taps execute.
pub(crate) fn prepare() -> Vec<u8> {
    let mut body = Vec::new();
    push_text(STATEMENT, &mut body);
    push_text("SELECT card_accepted, message FROM validate_entry($1, $2, $3, $4, $5)", &mut body);
    body.extend_from_slice(&5u16.to_be_bytes());
    for type_id in [INT4, INT8, INT4, INT2, INT4] {
        body.extend_from_slice(&type_id.to_be_bytes());
    }
    [message(b'P', &body), message(b'S', &[])].concat()
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

fn push_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(text.as_bytes());
    out.push(0);
}

/// The first whole message: its kind, its body, and its length with kind and prefix.
#[inline]
fn first_message(bytes: &[u8]) -> Parsed<(u8, &[u8], usize)> {
    let Some((kind, rest)) = bytes.split_first() else { return Ok(None) };
    let Some(len) = frame_length(rest, 4..=MAX_MESSAGE_BYTES)? else { return Ok(None) };
    Ok(rest.get(4..len).map(|body| (*kind, body, len + 1)))
}

/// Everything up to ReadyForQuery at the front of `bytes`: its length, and the first error's text if there
/// was one.
pub(crate) fn until_ready(bytes: &[u8]) -> Parsed<CallResult> {
    let (mut at, mut result) = (0, Ok(()));
    while let Some((kind, body, used)) = first_message(&bytes[at..])? {
        at += used;
        match kind {
            b'Z' => return Ok(Some((at, result))),
            b'E' if result.is_ok() => result = Err(String::from_utf8_lossy(error_text(body)).into_owned()),
            _ => {}
        }
    }
    Ok(None)
}

/// The human text of an ErrorResponse: the field of kind M.
fn error_text(body: &[u8]) -> &[u8] {
    body.split(|&byte| byte == 0)
        .find_map(|field| field.strip_prefix(b"M"))
        .unwrap_or(b"an error without a text")
}

// Where the changing values stand in the call; see `PostgresCodec::new`.
const CARD_AT: usize = 18;
const TIME_AT: usize = 26;
const STATION_AT: usize = 38;

/// Taps as an execution of the prepared statement, parameters and results binary.
pub(crate) struct PostgresCodec {
    tap: Vec<u8>,
}

impl PostgresCodec {
    pub(crate) fn new() -> Self {
        let mut bind = Vec::new();
        push_text("", &mut bind);
        push_text(STATEMENT, &mut bind);
        // One format code for all parameters: binary.
        bind.extend_from_slice(&[0, 1, 0, 1, 0, 5]);
        bind.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0]);
        bind.extend_from_slice(&[0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0]);
        bind.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0]);
        bind.extend_from_slice(&[0, 0, 0, 2, 0, ENTRY as u8]);
        bind.extend_from_slice(&[0, 0, 0, 4, 0, 0, 0, 0]);
        // All results binary.
        bind.extend_from_slice(&[0, 1, 0, 1]);
        let execute = message(b'E', &[0, 0, 0, 0, 0]);
        Self { tap: [message(b'B', &bind), execute, message(b'S', &[])].concat() }
    }
}

impl Codec for PostgresCodec {
    fn encode_tap(&mut self, _handle: u64, tap: &Tap, out: &mut Vec<u8>) {
        self.tap[CARD_AT..CARD_AT + 4].copy_from_slice(&tap.card_id.to_be_bytes());
        self.tap[TIME_AT..TIME_AT + 8].copy_from_slice(&tap.time_ms.to_be_bytes());
        self.tap[STATION_AT..STATION_AT + 4].copy_from_slice(&tap.station_id.to_be_bytes());
        out.extend_from_slice(&self.tap);
    }

    fn decode_reply<'a>(&mut self, bytes: &'a [u8]) -> Parsed<(usize, Reply<'a>)> {
        let mut at = 0;
        let mut answer = None;
        while let Some((kind, body, used)) = first_message(&bytes[at..])? {
            at += used;
            match kind {
                b'D' => answer = Some(answer_row(body)?),
                b'E' => answer = Some((Outcome::Failed, error_text(body))),
                b'Z' => {
                    let (outcome, message) =
                        answer.ok_or_else(|| WireError::new("answer", "ready without a row or an error"))?;
                    return Ok(Some((at, Reply { handle: None, outcome, message })));
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// card_accepted smallint, message text.
fn answer_row(body: &[u8]) -> Result<(Outcome, &[u8]), WireError> {
    let mut reader = Reader::new(body);
    if reader.i16("column count")? != 2 {
        return Err(WireError::new("column count", "two columns are expected"));
    }
    let accepted = reader.counted("card_accepted")? == [0, 1];
    let message = reader.counted("message")?;
    Ok((Outcome::of(accepted, message), message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_stand_where_the_template_says() {
        let tap = Tap { card_id: 0x0102_0304, time_ms: 0x0506_0708_090a_0b0c, station_id: 0x0d0e_0f10 };
        let mut out = Vec::new();
        PostgresCodec::new().encode_tap(0, &tap, &mut out);
        // Each value stands behind its own length.
        assert_eq!(out[CARD_AT - 4..CARD_AT + 4], [0, 0, 0, 4, 1, 2, 3, 4]);
        assert_eq!(out[TIME_AT - 4..TIME_AT + 8], [0, 0, 0, 8, 5, 6, 7, 8, 9, 10, 11, 12]);
        assert_eq!(out[STATION_AT - 4..STATION_AT + 4], [0, 0, 0, 4, 13, 14, 15, 16]);
        // Three messages that follow each other exactly.
        let mut kinds = Vec::new();
        let mut at = 0;
        while let Some((kind, _, used)) = first_message(&out[at..]).unwrap() {
            kinds.push(kind);
            at += used;
        }
        assert_eq!((kinds.as_slice(), at), (&b"BES"[..], out.len()));
    }

    #[test]
    fn a_reply_ends_with_ready() {
        let row = [&[0, 2, 0, 0, 0, 2, 0, 1, 0, 0, 0, 2][..], b"ok"].concat();
        let parts =
            [message(b'2', &[]), message(b'D', &row), message(b'C', b"SELECT 1\0"), message(b'Z', b"I")];
        let whole = parts.concat();
        let mut codec = PostgresCodec::new();
        for cut in 0..whole.len() {
            assert_eq!(codec.decode_reply(&whole[..cut]), Ok(None), "cut at {cut}");
        }
        let (used, reply) = codec.decode_reply(&whole).unwrap().unwrap();
        assert_eq!((used, reply.outcome, reply.message), (whole.len(), Outcome::Accepted, &b"ok"[..]));
    }

    #[test]
    fn errors_are_read_from_their_message_field() {
        let error = message(b'E', b"SERROR\0C42P01\0Mno such table\0\0");
        let bytes = [error, message(b'Z', b"I")].concat();
        let (_, reply) = PostgresCodec::new().decode_reply(&bytes).unwrap().unwrap();
        assert_eq!((reply.outcome, reply.message), (Outcome::Failed, &b"no such table"[..]));
        assert_eq!(until_ready(&bytes).unwrap().unwrap().1, Err("no such table".to_owned()));
    }
}
