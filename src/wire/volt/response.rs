//! The answer to a call: how it went, a text if it went badly, and result tables.

use tollgate_schema::codec::{CodecError, Cursor, TableReader, value};

use super::{
    frame::{self, FRAME_BYTES_MAX},
    status::Status,
};

/// The application's own status when the procedure sets none.
pub const APP_STATUS_NOT_SET: i8 = i8::MIN;

mod present {
    pub(super) const STATUS_TEXT: u8 = 0x20;
    pub(super) const EXCEPTION: u8 = 0x40;
    pub(super) const APP_STATUS_TEXT: u8 = 0x80;
    pub(super) const HASHES: u8 = 0x10;
}

/// A response, borrowed: read from a frame, or to be written into one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Response<'a> {
    /// The caller's number for the call.
    pub handle: i64,
    pub status: Status,
    pub status_text: Option<&'a str>,
    pub app_status: i8,
    pub app_status_text: Option<&'a str>,
    pub round_trip_ms: i32,
    pub tables: Tables<'a>,
}

/// Result tables, one behind the other, each with its length in front.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tables<'a> {
    pub count: u16,
    pub bytes: &'a [u8],
}

/// Why a response could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResponseError {
    #[error("malformed response: {0}")]
    Codec(#[from] CodecError),
    #[error("malformed response: no such status as {0}")]
    Status(i8),
}

impl<'a> Response<'a> {
    pub fn success(handle: i64, tables: Tables<'a>) -> Response<'a> {
        Response {
            handle,
            status: Status::Success,
            status_text: None,
            app_status: APP_STATUS_NOT_SET,
            app_status_text: None,
            round_trip_ms: 0,
            tables,
        }
    }

    /// A call that went wrong, and why.
    pub fn failure(handle: i64, status: Status, text: &'a str) -> Response<'a> {
        Response { status, status_text: Some(text), ..Response::success(handle, Tables::default()) }
    }

    /// Appends the response as a frame. One that would be longer than a frame can be becomes a failure that
    /// says so: what the call did stays done, so it is told as committed without its answer.
    pub fn write(&self, out: &mut Vec<u8>) {
        let text_bytes = |text: Option<&str>| text.map_or(0, |t| 4 + t.len());
        let length = HEAD_BYTES
            + text_bytes(self.status_text)
            + text_bytes(self.app_status_text)
            + self.tables.bytes.len();
        if length > FRAME_BYTES_MAX - TEXT_SLACK_BYTES {
            return Response::failure(self.handle, Status::OperationalFailure, TOO_LONG).write(out);
        }
        let start = frame::begin(out);
        out.push(0);
        out.extend_from_slice(&self.handle.to_be_bytes());
        // An application's text never goes without a status text: the Node client misreads that byte alone.
        let status_text = self.status_text.or(self.app_status_text.map(|_| ""));
        let fields = if status_text.is_some() { present::STATUS_TEXT } else { 0 }
            | if self.app_status_text.is_some() { present::APP_STATUS_TEXT } else { 0 };
        out.extend_from_slice(&[fields, self.status.code() as u8]);
        if let Some(text) = status_text {
            value::put_bytes(out, text.as_bytes());
        }
        out.push(self.app_status as u8);
        if let Some(text) = self.app_status_text {
            value::put_bytes(out, text.as_bytes());
        }
        out.extend_from_slice(&self.round_trip_ms.to_be_bytes());
        out.extend_from_slice(&self.tables.count.to_be_bytes());
        out.extend_from_slice(self.tables.bytes);
        frame::end(out, start);
    }

    /// `body`: the frame without its length. The tables' extents are checked, their contents are not.
    pub fn read(body: &'a [u8]) -> Result<Response<'a>, ResponseError> {
        let mut cursor = Cursor::new(body);
        match cursor.u8("version")? {
            0 => {}
            version => return Err(CodecError::Version { field: "response", version }.into()),
        }
        let handle = cursor.i64("handle")?;
        let fields = cursor.u8("present fields")?;
        if fields & (present::EXCEPTION | present::HASHES) != 0 {
            return Err(CodecError::Version { field: "present fields", version: fields }.into());
        }
        let code = cursor.i8("status")?;
        let status = Status::from_code(code).ok_or(ResponseError::Status(code))?;
        let text = |present: u8, cursor: &mut Cursor<'a>, field| {
            if fields & present == 0 { Ok(None) } else { cursor.nullable_str(field) }
        };
        let status_text = text(present::STATUS_TEXT, &mut cursor, "status text")?;
        let app_status = cursor.i8("application status")?;
        let app_status_text = text(present::APP_STATUS_TEXT, &mut cursor, "application status text")?;
        let round_trip_ms = cursor.i32("round trip")?;
        let count = cursor.count16("number of tables")? as u16;
        let bytes = cursor.rest();
        for _ in 0..count {
            let length = cursor.count32("table length")?;
            cursor.take(length, "table")?;
        }
        cursor.finish("response")?;
        let tables = Tables { count, bytes };
        Ok(Response { handle, status, status_text, app_status, app_status_text, round_trip_ms, tables })
    }
}

/// Everything of a response but texts and tables: version, handle, fields, status, application status, round
/// trip, number of tables.
const HEAD_BYTES: usize = 1 + 8 + 1 + 1 + 1 + 4 + 2;
/// Room for the empty text that the Node client needs.
const TEXT_SLACK_BYTES: usize = 4;
const TOO_LONG: &str = "The call was done, but its result is longer than 50 MiB";

/// The head of a successful response, length and handle still open.
const SUCCESS_HEAD: [u8; 4 + HEAD_BYTES] =
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0];

/// Appends a successful response as a frame: the quick way, equal to [`Response::write`] without texts.
#[inline]
pub fn write_success(out: &mut Vec<u8>, handle: i64, tables: Tables<'_>) {
    let length = HEAD_BYTES + tables.bytes.len();
    if length > FRAME_BYTES_MAX - TEXT_SLACK_BYTES {
        return Response::success(handle, tables).write(out);
    }
    let mut head = SUCCESS_HEAD;
    head[..4].copy_from_slice(&(length as i32).to_be_bytes());
    head[5..13].copy_from_slice(&handle.to_be_bytes());
    head[20..].copy_from_slice(&tables.count.to_be_bytes());
    out.reserve(head.len() + tables.bytes.len());
    out.extend_from_slice(&head);
    out.extend_from_slice(tables.bytes);
}

/// Appends a failure as a frame.
pub fn write_failure(out: &mut Vec<u8>, handle: i64, status: Status, text: &str) {
    Response::failure(handle, status, text).write(out);
}

impl<'a> Tables<'a> {
    /// Each table in turn. Meant for tables whose extents were checked: [`Response::read`] did.
    pub fn iter(&self) -> impl Iterator<Item = Result<TableReader<'a>, CodecError>> + use<'a> {
        let mut cursor = Cursor::new(self.bytes);
        (0..self.count).map(move |_| {
            let length = cursor.count32("table length")?;
            TableReader::new(cursor.take(length, "table")?)
        })
    }
}

#[cfg(test)]
mod tests {
    use tollgate_schema::codec::{TableHeader, TableWriter};
    use tollgate_schema::{types::Type, value::Value};

    use super::{super::testing::*, *};

    /// The published responses, (9) and (10).
    const ONE_TABLE: &str = "00 0000000000000007 00 01 80 00000002 0001 0000003e 00000013 80 0002 06 09 \
         00000002 4944 00000004 4e414d45 00000002 0000000f 0000000000000001 00000003 616263 \
         0000000c 8000000000000000 ffffffff";
    const VIOLATION: &str = "00 0000000000000007 20 fe 00000022 \
         564f4c544442204552524f523a20434f4e53545241494e542056494f4c4154494f4e 80 00000000 0000";

    fn written(response: &Response<'_>) -> Vec<u8> {
        let mut out = Vec::new();
        response.write(&mut out);
        assert_eq!(out[..4], (out.len() as i32 - 4).to_be_bytes());
        out.split_off(4)
    }

    #[test]
    fn the_published_success() {
        let header =
            TableHeader::new([("ID", Type::BigInt), ("NAME", tollgate_schema::types::VARCHAR_DEFAULT)]);
        let mut bytes = Vec::new();
        let mut table = TableWriter::new(&mut bytes, &header);
        table.row(|r| {
            r.put_i64(1).put_str("abc");
        });
        table.row(|r| {
            r.put_null().put_null();
        });
        table.finish();
        let tables = Tables { count: 1, bytes: &bytes };
        let response = Response { round_trip_ms: 2, ..Response::success(7, tables) };
        assert_eq!(written(&response), hex(ONE_TABLE));

        let body = hex(ONE_TABLE);
        let read = Response::read(&body).unwrap();
        assert_eq!(read, response);
        let table = read.tables.iter().next().unwrap().unwrap();
        assert_eq!(table.to_values().unwrap()[0], [Value::BigInt(1), Value::Varchar("abc".into())]);
    }

    #[test]
    fn the_published_failure() {
        let response = Response::failure(7, Status::GracefulFailure, "VOLTDB ERROR: CONSTRAINT VIOLATION");
        assert_eq!(written(&response), hex(VIOLATION));
        assert_eq!(Response::read(&hex(VIOLATION)), Ok(response));
    }

    #[test]
    fn the_quick_way_writes_the_same() {
        let bytes = hex(ONE_TABLE);
        let tables = Tables { count: 1, bytes: &bytes[18..] };
        let mut quick = Vec::new();
        write_success(&mut quick, i64::MIN + 1, tables);
        assert_eq!(quick[4..], written(&Response::success(i64::MIN + 1, tables)));
        assert_eq!(Response::read(&quick[4..]).unwrap().tables, tables);
    }

    #[test]
    fn an_application_s_text_brings_a_status_text() {
        let response = Response {
            app_status: 5,
            app_status_text: Some("late"),
            ..Response::success(1, Tables::default())
        };
        let body = written(&response);
        assert_eq!(body[9], 0xa0);
        let read = Response::read(&body).unwrap();
        assert_eq!((read.status_text, read.app_status, read.app_status_text), (Some(""), 5, Some("late")));
    }

    #[test]
    fn a_result_too_long_for_a_frame_is_told_as_such() {
        let bytes = vec![0; FRAME_BYTES_MAX];
        let mut out = Vec::new();
        write_success(&mut out, 3, Tables { count: 1, bytes: &bytes });
        let read = Response::read(&out[4..]).unwrap();
        assert_eq!(
            (read.handle, read.status, read.status_text),
            (3, Status::OperationalFailure, Some(TOO_LONG))
        );
    }

    #[test]
    fn broken_responses_say_where() {
        let check = |bytes: &str, message: &str| {
            let body = hex(bytes);
            assert_eq!(Response::read(&body).unwrap_err().to_string(), message);
        };
        check("01", "malformed response: response: unknown version 1");
        check("00 0000000000000007 00 63", "malformed response: no such status as 99");
        check("00 0000000000000007 40 01", "malformed response: present fields: unknown version 64");
        check(
            "00 0000000000000007 00 01 80 00000000 0001 0000003e",
            "malformed response: table: 62 bytes are needed, 0 are left",
        );
        check(
            "00 0000000000000007 00 01 80 00000000 0000 00",
            "malformed response: response: 1 bytes too many",
        );
    }

    #[test]
    fn no_bytes_can_make_it_panic() {
        mutate(&[hex(ONE_TABLE), hex(VIOLATION)], |bytes| {
            Response::read(bytes)
                .is_ok_and(|r| r.tables.iter().all(|t| t.is_ok_and(|t| t.to_values().is_ok())))
        });
    }
}
