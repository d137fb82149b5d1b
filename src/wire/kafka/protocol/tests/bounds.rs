//! Lengths that lie, frames that end early, bytes that mean nothing.

use super::{
    super::{
        ApiKey, HeadError, Out, ProtocolError, Reader, Request, head::ReadError, read_any,
        reader::ELEMENTS_MAX, sync_group::SyncGroupResponse, write_response,
    },
    frames, seeds,
};
use bytes::Bytes;
use rand::{Rng, SeedableRng, rngs::SmallRng};

#[test]
fn truncation_at_every_length() {
    let frames = frames().into_iter().map(|(_, _, frame)| frame);
    let seeds = seeds::seeds().into_iter().map(|(_, seed)| Bytes::from(seed));
    for frame in frames.chain(seeds) {
        assert!(read_any(frame.clone()).is_ok());
        for length in 0..frame.len() {
            assert!(read_any(frame.slice(..length)).is_err(), "{length} of {frame:?}");
        }
    }
}

/// Bytes behind a message may be there.
#[test]
fn more_than_a_message() {
    for (api, version, frame) in frames() {
        let longer = [frame.as_ref(), b"more"].concat();
        assert_eq!(read_any(Bytes::from(longer)), read_any(frame), "{api:?} {version}");
    }
}

/// Every place that could hold a length gets one that lies: none may be believed, whatever else happens.
#[test]
fn lies_everywhere() {
    let lies: [&[u8]; 7] = [
        &[0x7f, 0xff, 0xff, 0xff],
        &[0xff, 0xff, 0xff, 0xff],
        &[0x80, 0, 0, 0],
        &[0x7f, 0xff],
        &[0xff, 0xfe],
        &[0xff, 0xff, 0xff, 0xff, 0x0f],
        &[0xff, 0xff, 0xff, 0xff, 0xff],
    ];
    let mut refused = 0;
    for (_, _, frame) in frames() {
        for lie in lies {
            for at in 8..frame.len().saturating_sub(lie.len()) {
                let mut bytes = frame.to_vec();
                bytes[at..at + lie.len()].copy_from_slice(lie);
                refused += usize::from(read_any(Bytes::from(bytes)).is_err());
            }
        }
    }
    assert!(refused > 10_000, "{refused}");
}

#[test]
fn mutated_and_random_bytes() {
    let mut rng = SmallRng::seed_from_u64(7);
    let frames = frames();
    let mut read = 0;
    for _ in 0..30_000 {
        let mut bytes = frames[rng.random_range(0..frames.len())].2.to_vec();
        for _ in 0..rng.random_range(1..6) {
            let at = rng.random_range(0..bytes.len());
            match rng.random_range(0..3) {
                0 => bytes[at] = rng.random(),
                1 => bytes[at] ^= 1 << rng.random_range(0..8),
                _ => bytes.truncate(at.max(1)),
            }
        }
        read += usize::from(read_any(Bytes::from(bytes)).is_ok());
    }
    assert!(read > 1_000, "{read}");
    for _ in 0..30_000 {
        let length = rng.random_range(0..60);
        let mut bytes: Vec<u8> = (0..length).map(|_| rng.random()).collect();
        if let Some(key) = bytes.first_chunk_mut::<4>() {
            *key = [0, rng.random_range(0..62), 0, rng.random_range(0..18)];
        }
        let _any = read_any(Bytes::from(bytes));
    }
}

fn body(api: ApiKey, version: i16, bytes: &[u8]) -> Result<Request, ProtocolError> {
    let mut reader = Reader::new(Bytes::copy_from_slice(bytes), version, api.is_flexible(version));
    Request::read(api, &mut reader)
}

fn count_error(count: usize, left: usize) -> Result<Request, ProtocolError> {
    Err(ProtocolError::Count { field: "MetadataRequest.topics", count, left })
}

#[test]
fn counts_are_checked_before_there_is_room() {
    let metadata = ApiKey::Metadata;
    assert_eq!(body(metadata, 1, &[0x7f, 0xff, 0xff, 0xff]), count_error(0x7fff_ffff, 0));
    assert_eq!(body(metadata, 12, &[0xff, 0xff, 0xff, 0xff, 0x0f]), count_error(0xffff_fffe, 0));
    // A topic of version 1 is a string, of two bytes at least.
    assert_eq!(body(metadata, 1, &[0, 0, 0, 3, 0, 0, 0, 0, 0]), count_error(3, 5));
    // One of version 12 is an id, a string, the count of tagged fields.
    assert_eq!(body(metadata, 12, &[[3].as_slice(), &[0; 35]].concat()), count_error(2, 35));
    assert!(body(metadata, 12, &[[3].as_slice(), &[0; 36 + 3]].concat()).is_ok());
    let value = |value| Err(ProtocolError::Value { field: "MetadataRequest.topics", value });
    assert_eq!(body(metadata, 1, &[0xff, 0xff, 0xff, 0xfe]), value(-2));
    assert_eq!(body(metadata, 1, &[0x80, 0, 0, 0]), value(i64::from(i32::MIN)));
    let too_long = Err(ProtocolError::VariableLength { field: "MetadataRequest.topics" });
    assert_eq!(body(metadata, 12, &[0xff, 0xff, 0xff, 0xff, 0x1f]), too_long);
    assert_eq!(body(metadata, 12, &[0xff; 9]), too_long);
}

#[test]
fn lengths_of_strings_and_bytes() {
    let truncated = |field, needed, left| Err(ProtocolError::Truncated { field, needed, left });
    let sync = ApiKey::SyncGroup;
    let group = "SyncGroupRequest.group_id";
    assert_eq!(body(sync, 0, &[0x7f, 0xff, 1]), truncated(group, 0x7fff, 1));
    assert_eq!(body(sync, 0, &[0xff, 0xff]), Err(ProtocolError::Null { field: group }));
    assert_eq!(body(sync, 0, &[0xff, 0xfe]), Err(ProtocolError::Value { field: group, value: -2 }));
    assert_eq!(body(sync, 4, &[0xff, 0xff, 0xff, 0xff, 0x0f]), truncated(group, 0xffff_fffe, 0));
    assert_eq!(body(sync, 4, &[0]), Err(ProtocolError::Null { field: group }));
    assert_eq!(body(sync, 4, &[3, 0xc3, 0x28]), Err(ProtocolError::Text { field: group }));
    let authenticate = ApiKey::SaslAuthenticate;
    let bytes = "SaslAuthenticateRequest.auth_bytes";
    assert_eq!(body(authenticate, 0, &[0x7f, 0xff, 0xff, 0xff]), truncated(bytes, 0x7fff_ffff, 0));
    assert_eq!(body(authenticate, 0, &[0xff; 4]), Err(ProtocolError::Null { field: bytes }));
}

#[test]
fn tagged_fields_are_bounded() {
    let heartbeat = [2, b'g', 0, 0, 0, 1, 2, b'm', 0];
    let with = |tags: &[u8]| body(ApiKey::Heartbeat, 4, &[&heartbeat, tags].concat());
    let plain = with(&[0]).unwrap();
    assert_eq!(with(&[2, 0, 3, 1, 2, 3, 9, 0]).unwrap(), plain);
    let truncated = |needed, left| Err(ProtocolError::Truncated { field: "tagged fields", needed, left });
    assert_eq!(with(&[]), truncated(1, 0));
    assert_eq!(with(&[0xff, 0xff, 0xff, 0xff, 0x0f]), truncated(1, 0));
    assert_eq!(with(&[1, 0, 4, 1, 2, 3]), truncated(4, 3));
    assert_eq!(with(&[1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, 0]), truncated(0xffff_fffe + 1, 1));
}

#[test]
fn elements_are_bounded_over_all_arrays() {
    // Empty names of groups, a byte each.
    let groups = |count: u32| {
        let mut out = Out::default();
        super::super::writer::Writer::new(&mut out, 2, true).unsigned_varint(count + 1);
        let mut bytes = out.into_vec();
        bytes.resize(bytes.len() + count as usize, 1);
        bytes.push(0);
        body(ApiKey::DeleteGroups, 2, &bytes)
    };
    assert!(groups(ELEMENTS_MAX as u32).is_ok());
    let error = ProtocolError::Elements { field: "DeleteGroupsRequest.groups_names", max: ELEMENTS_MAX };
    assert_eq!(groups(ELEMENTS_MAX as u32 + 1), Err(error));
}

#[test]
fn heads() {
    let head = |bytes: &'static [u8]| match read_any(Bytes::from_static(bytes)) {
        Err(ReadError::Head(error)) => error,
        other => panic!("{other:?}"),
    };
    // Nothing behind the correlation id is looked at.
    assert_eq!(
        head(b"\x03\xe7\0\x01\0\0\0\x09"),
        HeadError::UnknownApi { key: 999, version: 1, correlation_id: 9 }
    );
    let fetch = HeadError::UnsupportedVersion { api: ApiKey::Fetch, version: 18, correlation_id: 9 };
    assert_eq!(head(b"\0\x01\0\x12\0\0\0\x09\xff"), fetch);
    assert!(fetch.answer().is_none());
    let negative = HeadError::UnsupportedVersion { api: ApiKey::Metadata, version: -1, correlation_id: 9 };
    assert_eq!(head(b"\0\x03\xff\xff\0\0\0\x09\xff"), negative);
    let field = "RequestHeader.client_id";
    let truncated = HeadError::Broken(ProtocolError::Truncated { field, needed: 32767, left: 0 });
    assert_eq!(head(b"\0\x12\0\0\0\0\0\x09\x7f\xff"), truncated);
}

#[test]
fn what_cannot_be_written_leaves_no_trace() {
    let long = SyncGroupResponse { protocol_name: Some("n".repeat(40_000)), ..SyncGroupResponse::default() };
    let mut out = Out::from(vec![1, 2, 3]);
    write_response(&mut out, ApiKey::SyncGroup, 5, 1, &long.into()).unwrap();
    assert!(out.len() > 40_000);
    let handshake = super::super::sasl_handshake::SaslHandshakeResponse {
        mechanisms: vec!["m".repeat(40_000)],
        ..Default::default()
    };
    let mut out = Out::from(vec![1, 2, 3]);
    let error = write_response(&mut out, ApiKey::SaslHandshake, 1, 1, &handshake.clone().into());
    let field = "SaslHandshakeResponse.mechanisms";
    assert_eq!(error, Err(ProtocolError::TooLong { field, length: 40_000 }));
    assert_eq!(out.len(), 3);
    let error = write_response(&mut out, ApiKey::Heartbeat, 1, 1, &handshake.into());
    assert_eq!(
        error,
        Err(ProtocolError::OtherApi { written: ApiKey::SaslHandshake, expected: ApiKey::Heartbeat })
    );
    assert_eq!(out.into_vec(), [1, 2, 3]);
}
