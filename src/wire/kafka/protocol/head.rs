//! What stands before a message, and frames. Tells an unknown API or version before the body is looked at;
//! never knows bodies.

use super::{
    api::{ApiKey, Request, Response},
    api_versions::ApiVersionsResponse,
    codes::ErrorCode,
    error::ProtocolError,
    out::Out,
    reader::Reader,
    writer::Writer,
};
use bytes::Bytes;
use thiserror::Error;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    pub api: ApiKey,
    /// One that is advertised, which need not be one that is served: see [`ApiKey::served`].
    pub version: i16,
    pub correlation_id: i32,
    pub client_id: Option<String>,
}

impl RequestHead {
    /// If not, the only answer is [`ErrorCode::UnsupportedVersion`], in the form of that version.
    pub fn is_served(&self) -> bool {
        self.api.served().contains(self.version)
    }
}

/// A request that cannot be understood; where it can be told whom to answer, with the correlation id.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum HeadError {
    #[error("unknown API {key}, version {version}")]
    UnknownApi { key: i16, version: i16, correlation_id: i32 },
    #[error("{api:?} has no version {version} here")]
    UnsupportedVersion { api: ApiKey, version: i16, correlation_id: i32 },
    #[error(transparent)]
    Broken(#[from] ProtocolError),
}

impl HeadError {
    /// The whole answer. Only a client that asks for versions understands one to a version that is not known
    /// here; the connection of any other is to be closed.
    pub fn answer(&self) -> Option<Out> {
        match *self {
            HeadError::UnsupportedVersion { api: ApiKey::ApiVersions, correlation_id, .. } => {
                let response = ApiVersionsResponse::new(ErrorCode::UnsupportedVersion).into();
                let mut out = Out::default();
                write_response(&mut out, ApiKey::ApiVersions, 0, correlation_id, &response).ok()?;
                Some(out)
            }
            _ => None,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ReadError {
    #[error("head of the request: {0}")]
    Head(#[from] HeadError),
    #[error("body of the request: {0}")]
    Body(#[from] ProtocolError),
}

/// `frame`: without its length. The reader stands before the body.
pub fn read_head(frame: Bytes) -> Result<(RequestHead, Reader), HeadError> {
    // The client id is of the old form in every header.
    let mut reader = Reader::new(frame.clone(), 0, false);
    reader.enter("RequestHeader.request_api_key");
    let key = reader.int16()?;
    reader.enter("RequestHeader.request_api_version");
    let version = reader.int16()?;
    reader.enter("RequestHeader.correlation_id");
    let correlation_id = reader.int32()?;
    let Some(api) = ApiKey::of_key(key) else {
        return Err(HeadError::UnknownApi { key, version, correlation_id });
    };
    if !api.advertised().contains(version) {
        return Err(HeadError::UnsupportedVersion { api, version, correlation_id });
    }
    reader.enter("RequestHeader.client_id");
    let client_id = reader.nullable_string()?;
    let body = frame.slice(frame.len() - reader.left()..);
    let mut reader = Reader::new(body, version, api.is_flexible(version));
    // Those of the header.
    reader.tagged_fields()?;
    Ok((RequestHead { api, version, correlation_id, client_id }, reader))
}

/// A whole request. `frame`: without its length.
pub fn read_any(frame: Bytes) -> Result<Request, ReadError> {
    let (head, mut reader) = read_head(frame)?;
    Ok(Request::read(head.api, &mut reader)?)
}

/// Appends a frame: length, header, body. After an error `out` is as it was.
pub fn write_response(
    out: &mut Out,
    api: ApiKey,
    version: i16,
    correlation_id: i32,
    response: &Response,
) -> Result<(), ProtocolError> {
    if response.api() != api {
        return Err(ProtocolError::OtherApi { written: response.api(), expected: api });
    }
    write_frame(out, |out| {
        let mut writer = Writer::new(out, version, api.response_header_version(version) >= 1);
        writer.int32(correlation_id);
        writer.tagged_fields();
        writer.finish()?;
        response.write(version, out)
    })
}

/// Appends a frame: length, header, body. For clients of other servers, and for tests.
pub fn write_request(
    out: &mut Out,
    version: i16,
    correlation_id: i32,
    client_id: Option<&str>,
    request: &Request,
) -> Result<(), ProtocolError> {
    write_frame(out, |out| {
        let mut writer = Writer::new(out, version, false);
        writer.int16(request.api().key());
        writer.int16(version);
        writer.int32(correlation_id);
        writer.enter("RequestHeader.client_id");
        writer.nullable_string(client_id);
        writer.finish()?;
        Writer::new(out, version, request.api().is_flexible(version)).tagged_fields();
        request.write(version, out)
    })
}

fn write_frame(
    out: &mut Out,
    write: impl FnOnce(&mut Out) -> Result<(), ProtocolError>,
) -> Result<(), ProtocolError> {
    let (mark, before) = (out.mark(), out.len());
    let at = out.bytes.len();
    out.bytes.extend_from_slice(&[0; 4]);
    let written = write(out).and_then(|()| {
        let length = out.len() - before - 4;
        i32::try_from(length).map_err(|_| ProtocolError::TooLong { field: "frame", length })
    });
    match written {
        Ok(length) => {
            out.bytes[at..at + 4].copy_from_slice(&length.to_be_bytes());
            Ok(())
        }
        Err(error) => {
            out.cut(mark);
            Err(error)
        }
    }
}
