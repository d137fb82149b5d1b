//! A call of a procedure: its name, the caller's handle, options, parameters. Versions 0 to 2.

use tollgate_schema::codec::{CodecError, Cursor, ParamWriter, value};

use super::frame;

/// The handle that most clients give their pings.
pub const HANDLE_PING: i64 = i64::MAX;
/// The handle of topology that the server sends unasked.
pub const HANDLE_PUSH_TOPOLOGY: i64 = i64::MAX - 1;
/// The handle of the list of procedures that the server sends unasked.
pub const HANDLE_PUSH_PROCEDURES: i64 = i64::MAX - 2;

/// The priority of a call that names none; 1 is served first, 8 last.
pub const PRIORITY_DEFAULT: u8 = 4;
const PRIORITY_LAST: u8 = 8;

/// More extensions than this are refused.
const EXTENSIONS_MAX: u8 = 30;

mod extension {
    pub(super) const QUERY_TIMEOUT: u8 = 1;
    pub(super) const ALL_PARTITIONS: u8 = 2;
    pub(super) const DESTINATION: u8 = 3;
    pub(super) const BATCH: u8 = 4;
    pub(super) const PRIORITY: u8 = 5;
    pub(super) const REQUEST_TIMEOUT: u8 = 6;
}

/// A call, still in the bytes it came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invocation<'a> {
    /// As the caller wrote it.
    pub name: &'a str,
    /// The caller's own number for the call, echoed in the response.
    pub handle: i64,
    /// The parameter set, unread: give it to [`tollgate_schema::codec::ParamReader`].
    pub params: &'a [u8],
    /// The partition to run on, for a directed procedure or one of the calls of an all-partition call.
    pub destination: Option<i32>,
    /// One of the calls that a client makes to every partition at once.
    pub all_partitions: bool,
    /// The one parameter is a table, and each of its rows is a call.
    pub batch: bool,
    /// From 1, served first, to 8.
    pub priority: u8,
    /// How long the caller waits for the whole call.
    pub request_timeout_us: Option<i32>,
    /// How long reading may take.
    pub query_timeout_ms: Option<i32>,
}

/// A call that cannot be read. If its handle could, the caller is told; if not, nobody knows whom to tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("malformed call: {error}")]
pub struct InvocationError {
    pub handle: Option<i64>,
    pub error: CodecError,
}

impl<'a> Invocation<'a> {
    /// A call without options.
    pub fn new(name: &'a str, handle: i64, params: &'a [u8]) -> Invocation<'a> {
        Invocation {
            name,
            handle,
            params,
            destination: None,
            all_partitions: false,
            batch: false,
            priority: PRIORITY_DEFAULT,
            request_timeout_us: None,
            query_timeout_ms: None,
        }
    }

    /// `body`: the frame without its length. The parameters are left unread.
    #[inline]
    pub fn read(body: &'a [u8]) -> Result<Invocation<'a>, InvocationError> {
        let mut cursor = Cursor::new(body);
        let mut call = Invocation::new("", 0, &[]);
        let version = call.read_head(&mut cursor).map_err(|error| InvocationError { handle: None, error })?;
        if version == 2 {
            call.read_extensions(&mut cursor)
                .map_err(|error| InvocationError { handle: Some(call.handle), error })?;
        }
        call.params = cursor.rest();
        Ok(call)
    }

    /// Everything up to the handle; the version.
    #[inline]
    fn read_head(&mut self, cursor: &mut Cursor<'a>) -> Result<u8, CodecError> {
        let version = cursor.u8("version")?;
        match version {
            0 | 2 => {}
            1 => {
                if cursor.u8("timeout flag")? == 1 {
                    self.query_timeout_ms = Some(cursor.i32("query timeout")?);
                }
            }
            _ => return Err(CodecError::Version { field: "call", version }),
        }
        self.name = cursor.str("procedure name")?;
        self.handle = cursor.i64("handle")?;
        Ok(version)
    }

    fn read_extensions(&mut self, cursor: &mut Cursor<'a>) -> Result<(), CodecError> {
        let count = cursor.u8("number of extensions")?;
        if count > EXTENSIONS_MAX {
            return Err(CodecError::Length { field: "number of extensions", length: i32::from(count) });
        }
        for _ in 0..count {
            let kind = cursor.u8("extension type")?;
            let size = match cursor.u8("extension size")? {
                0 => 0,
                code @ 1..=31 => 1 << (code - 1),
                code => return Err(CodecError::Length { field: "extension size", length: i32::from(code) }),
            };
            let mut payload = Cursor::new(cursor.take(size, "extension")?);
            match kind {
                extension::QUERY_TIMEOUT => self.query_timeout_ms = Some(payload.i32("query timeout")?),
                extension::ALL_PARTITIONS => self.all_partitions = true,
                extension::DESTINATION => self.destination = Some(payload.i32("partition")?),
                extension::BATCH => self.batch = true,
                // 0 is the server's own: a client that claims it is served first of the clients.
                extension::PRIORITY => self.priority = payload.u8("priority")?.clamp(1, PRIORITY_LAST),
                extension::REQUEST_TIMEOUT => {
                    self.request_timeout_us = Some(payload.i32("request timeout")?);
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Appends the call as a frame: version 0, or 2 if an option is set. `self.params` goes out as it is.
    pub fn write(&self, out: &mut Vec<u8>) {
        let start = self.begin(out);
        out.extend_from_slice(self.params);
        frame::end(out, start);
    }

    /// As [`Invocation::write`], with the parameters `fill` puts in place of `self.params`.
    pub fn write_with(&self, out: &mut Vec<u8>, fill: impl FnOnce(&mut ParamWriter<'_>)) {
        let start = self.begin(out);
        let mut params = ParamWriter::new(out);
        fill(&mut params);
        params.finish();
        frame::end(out, start);
    }

    fn begin(&self, out: &mut Vec<u8>) -> usize {
        let plain = *self == Invocation::new(self.name, self.handle, self.params);
        let start = frame::begin(out);
        out.push(if plain { 0 } else { 2 });
        value::put_bytes(out, self.name.as_bytes());
        out.extend_from_slice(&self.handle.to_be_bytes());
        if !plain {
            self.write_extensions(out);
        }
        start
    }

    fn write_extensions(&self, out: &mut Vec<u8>) {
        let count_at = out.len();
        out.push(0);
        let mut put = |kind: u8, payload: &[u8]| {
            out[count_at] += 1;
            let size_code = if payload.is_empty() { 0 } else { payload.len().trailing_zeros() as u8 + 1 };
            out.extend_from_slice(&[kind, size_code]);
            out.extend_from_slice(payload);
        };
        if let Some(timeout_ms) = self.query_timeout_ms {
            put(extension::QUERY_TIMEOUT, &timeout_ms.to_be_bytes());
        }
        if self.all_partitions {
            put(extension::ALL_PARTITIONS, &[]);
        }
        if let Some(partition) = self.destination {
            put(extension::DESTINATION, &partition.to_be_bytes());
        }
        if self.batch {
            put(extension::BATCH, &[]);
        }
        if self.priority != PRIORITY_DEFAULT {
            put(extension::PRIORITY, &[self.priority]);
        }
        if let Some(timeout_us) = self.request_timeout_us {
            put(extension::REQUEST_TIMEOUT, &timeout_us.to_be_bytes());
        }
    }
}

#[cfg(test)]
mod tests {
    use tollgate_schema::codec::{ParamReader, RawParam};

    use super::{super::testing::*, *};

    /// The published calls: (5) to (8), (12).
    const VOTE: &str = "00 00000004 566f7465 0000000000000007 0002 06 000000014ae11e07 05 00000002";
    const DIRECTED: &str = "02 00000003 446972 0000000000000009 02 02 00 03 03 00000003 0001 05 00000004";
    const PING: &str = "00 00000005 4050696e67 7fffffffffffffff 0000";
    const SUBSCRIBE: &str =
        "00 0000000a 40537562736372696265 0000000000000001 0001 09 00000008 544f504f4c4f4759";
    const CLIENT2_SUBSCRIBE: &str =
        "02 0000000a 40537562736372696265 ffffffffffffffff 01 05 01 02 0001 09 00000008 544f504f4c4f4759";
    const CLIENT2_TOPO: &str =
        "02 0000000b 4053746174697374696373 fffffffffffffffe 01 05 01 02 0001 09 00000004 544f504f";
    const CLIENT2_VOTE: &str = "02 00000004 566f7465 0000000000000001 03 01 03 000005dc 05 01 01 06 03 07270d2e \
         0002 06 000000014ae11e07 05 00000002";

    fn params(bytes: &[u8]) -> Vec<RawParam<'_>> {
        ParamReader::new(bytes).unwrap().collect::<Result<_, _>>().unwrap()
    }

    #[test]
    fn published_calls() {
        let body = hex(VOTE);
        let call = Invocation::read(&body).unwrap();
        assert_eq!(call, Invocation::new("Vote", 7, &body[17..]));
        assert_eq!(params(call.params), [RawParam::BigInt(5_551_234_567), RawParam::Integer(2)]);

        let body = hex(DIRECTED);
        let call = Invocation::read(&body).unwrap();
        assert_eq!(
            (call.name, call.handle, call.destination, call.all_partitions),
            ("Dir", 9, Some(3), true)
        );
        assert_eq!(params(call.params), [RawParam::Integer(4)]);

        let body = hex(PING);
        let call = Invocation::read(&body).unwrap();
        assert_eq!((call.name, call.handle, call.params), ("@Ping", HANDLE_PING, &[0, 0][..]));

        let body = hex(CLIENT2_VOTE);
        let call = Invocation::read(&body).unwrap();
        assert_eq!(
            (call.query_timeout_ms, call.priority, call.request_timeout_us),
            (Some(1500), 1, Some(119_999_790))
        );
        assert_eq!(params(call.params), [RawParam::BigInt(5_551_234_567), RawParam::Integer(2)]);

        for (bytes, handle) in [(CLIENT2_SUBSCRIBE, -1), (CLIENT2_TOPO, -2)] {
            let body = hex(bytes);
            let call = Invocation::read(&body).unwrap();
            assert_eq!((call.handle, call.priority), (handle, 2));
        }
    }

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in [VOTE, DIRECTED, PING, SUBSCRIBE, CLIENT2_SUBSCRIBE, CLIENT2_TOPO, CLIENT2_VOTE] {
            let body = hex(text);
            let mut out = Vec::new();
            Invocation::read(&body).unwrap().write(&mut out);
            assert_eq!(out[..4], (body.len() as i32).to_be_bytes());
            assert_eq!(out[4..], body);
        }
        let mut out = Vec::new();
        Invocation::new("Vote", 7, &[]).write_with(&mut out, |p| {
            p.put_i64(5_551_234_567).put_i32(2);
        });
        assert_eq!(out[4..], hex(VOTE));
    }

    #[test]
    fn version_one_may_carry_a_timeout() {
        let body = hex("01 01 000005dc 00000001 50 0000000000000001 0000");
        assert_eq!(Invocation::read(&body).unwrap().query_timeout_ms, Some(1500));
        let body = hex("01 00 00000001 50 0000000000000001 0000");
        assert_eq!(Invocation::read(&body), Ok(Invocation::new("P", 1, &[0, 0])));
    }

    #[test]
    fn unknown_extensions_are_skipped() {
        let body = hex("02 00000001 50 0000000000000001 03  09 04 0011223344556677  0a 00  05 01 00  0000");
        let call = Invocation::read(&body).unwrap();
        assert_eq!((call.priority, call.params), (1, &[0, 0][..]));
    }

    #[test]
    fn errors_know_the_handle_once_it_was_read() {
        let check = |bytes: &str, handle, message: &str| {
            let body = hex(bytes);
            let error = Invocation::read(&body).unwrap_err();
            assert_eq!((error.handle, error.to_string().as_str()), (handle, message));
        };
        check("", None, "malformed call: version: 1 bytes are needed, 0 are left");
        check("03", None, "malformed call: call: unknown version 3");
        check("00 ffffffff", None, "malformed call: procedure name: -1 is not a possible length");
        check("00 00000001 ff", None, "malformed call: procedure name: not valid UTF-8");
        let start = "02 00000001 50 0000000000000007";
        let too_many = "malformed call: number of extensions: 31 is not a possible length";
        check(&format!("{start} 1f"), Some(7), too_many);
        check(
            &format!("{start} 01 03 ff"),
            Some(7),
            "malformed call: extension size: 255 is not a possible length",
        );
        check(
            &format!("{start} 01 03 01 00"),
            Some(7),
            "malformed call: partition: 4 bytes are needed, 1 are left",
        );
    }

    #[test]
    fn no_bytes_can_make_it_panic() {
        let samples: Vec<_> = [VOTE, DIRECTED, CLIENT2_VOTE].map(hex).into();
        mutate(&samples, |bytes| {
            Invocation::read(bytes).is_ok_and(|call| {
                ParamReader::new(call.params)
                    .and_then(|mut params| {
                        params.by_ref().try_for_each(|p| p.map(drop))?;
                        params.finish()
                    })
                    .is_ok()
            })
        });
    }
}
