//! Known bytes: one frame of each form of head, and what no other implementation at hand reads any more.

use super::super::{
    ApiKey, ErrorCode, Out, Pieces, Request, RequestHead, Response,
    api_versions::ApiVersionsRequest,
    fetch::{FetchResponse, FetchableTopicResponse, PartitionData},
    heartbeat::{HeartbeatRequest, HeartbeatResponse},
    produce::{PartitionProduceData, ProduceRequest, TopicProduceData},
    read_head, write_response,
};
use bytes::Bytes;

fn read(frame: &'static [u8]) -> (RequestHead, Request) {
    let (head, mut reader) = read_head(Bytes::from_static(frame)).unwrap();
    let request = Request::read(head.api, &mut reader).unwrap();
    assert_eq!(reader.left(), 0);
    (head, request)
}

fn written(version: i16, response: Response) -> Vec<u8> {
    let mut out = Out::default();
    write_response(&mut out, response.api(), version, 7, &response).unwrap();
    out.into_vec()
}

#[test]
fn request_head_without_tagged_fields() {
    let (head, request) = read(b"\0\x0c\0\x03\0\0\0\x07\0\x02id\0\x01g\0\0\0\x05\0\x01m\xff\xff");
    let client_id = Some("id".to_owned());
    assert_eq!(head, RequestHead { api: ApiKey::Heartbeat, version: 3, correlation_id: 7, client_id });
    let expected = HeartbeatRequest {
        group_id: "g".to_owned(),
        generation_id: 5,
        member_id: "m".to_owned(),
        group_instance_id: None,
    };
    assert_eq!(request, Request::Heartbeat(expected));
}

#[test]
fn request_head_with_tagged_fields() {
    let (head, request) = read(b"\0\x12\0\x03\0\0\0\x07\xff\xff\x01\x05\x02hi\x05java\x044.3\0");
    assert_eq!(
        head,
        RequestHead { api: ApiKey::ApiVersions, version: 3, correlation_id: 7, client_id: None }
    );
    let expected = ApiVersionsRequest {
        client_software_name: "java".to_owned(),
        client_software_version: "4.3".to_owned(),
    };
    assert_eq!(request, Request::ApiVersions(expected));
}

#[test]
fn response_heads() {
    let response = HeartbeatResponse { throttle_time_ms: 3, error: ErrorCode::RebalanceInProgress };
    let old = b"\0\0\0\x0a\0\0\0\x07\0\0\0\x03\0\x1b";
    assert_eq!(written(3, response.clone().into()), old);
    // Tagged fields of the head, and of the body: none.
    let new = b"\0\0\0\x0c\0\0\0\x07\0\0\0\0\x03\0\x1b\0";
    assert_eq!(written(4, response.into()), new);
}

#[test]
fn response_head_of_api_versions_is_the_old_one() {
    let response = super::super::api_versions::ApiVersionsResponse {
        error: ErrorCode::None,
        api_keys: vec![super::super::api_versions::ApiVersion {
            api_key: 3,
            min_version: 0,
            max_version: 13,
        }],
        throttle_time_ms: 0,
    };
    let expected = b"\0\0\0\x13\0\0\0\x07\0\0\x02\0\x03\0\0\0\x0d\0\0\0\0\0\0";
    assert_eq!(written(4, response.into()), expected);
}

/// Versions that are advertised but only ever refused.
#[test]
fn oldest_produce_requests() {
    let frames: [&'static [u8]; 3] = [
        b"\0\0\0\0\0\0\0\x07\xff\xff\0\x01\0\0\0\x64\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\0\0\x03abc",
        b"\0\0\0\x01\0\0\0\x07\xff\xff\0\x01\0\0\0\x64\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\0\0\x03abc",
        b"\0\0\0\x02\0\0\0\x07\xff\xff\0\x01\0\0\0\x64\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\0\0\x03abc",
    ];
    let answers: [&'static [u8]; 3] = [
        b"\0\0\0\x1d\0\0\0\x07\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\x23\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\0\0\0\x21\0\0\0\x07\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\x23\xff\xff\xff\xff\xff\xff\xff\xff\
            \0\0\0\0",
        b"\0\0\0\x29\0\0\0\x07\0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\x23\xff\xff\xff\xff\xff\xff\xff\xff\
            \xff\xff\xff\xff\xff\xff\xff\xff\0\0\0\0",
    ];
    for (version, (frame, answer)) in (0..).zip(frames.into_iter().zip(answers)) {
        let (head, request) = read(frame);
        assert_eq!(head.version, version);
        assert!(!head.is_served());
        let Request::Produce(request) = request else { panic!("{request:?}") };
        let records = Some(Bytes::from_static(b"abc"));
        let expected = ProduceRequest {
            transactional_id: None,
            acks: 1,
            timeout_ms: 100,
            topic_data: vec![TopicProduceData {
                name: "t".to_owned(),
                partition_data: vec![PartitionProduceData { index: 2, records }],
            }],
        };
        assert_eq!(request, expected);
        assert_eq!(written(version, request.refuse(ErrorCode::UnsupportedVersion).into()), answer);
    }
}

#[test]
fn records_are_not_copied_when_read() {
    let frame = Bytes::from(
        b"\0\0\0\x03\0\0\0\x07\xff\xff\xff\xff\0\x01\0\0\0\x64\
            \0\0\0\x01\0\x01t\0\0\0\x01\0\0\0\x02\0\0\0\x03abc"
            .to_vec(),
    );
    let (head, mut reader) = read_head(frame.clone()).unwrap();
    assert!(head.is_served());
    let Request::Produce(request) = Request::read(head.api, &mut reader).unwrap() else { panic!() };
    let records = request.topic_data[0].partition_data[0].records.clone().unwrap();
    assert_eq!(records, "abc");
    assert_eq!(records.as_ptr(), frame[frame.len() - 3..].as_ptr());
}

#[test]
fn pieces_are_one_value() {
    let fetched = |pieces: &[&'static str]| {
        let records = Pieces(pieces.iter().map(|piece| Bytes::from_static(piece.as_bytes())).collect());
        let partitions = vec![PartitionData { records, ..PartitionData::default() }];
        let responses = vec![FetchableTopicResponse { partitions, ..FetchableTopicResponse::default() }];
        Response::from(FetchResponse { responses, ..FetchResponse::default() })
    };
    for version in [4, 17] {
        assert_eq!(written(version, fetched(&["ab", "", "cde"])), written(version, fetched(&["abcde"])));
        assert_eq!(written(version, fetched(&[])), written(version, fetched(&[""])));
    }
    assert!(written(4, fetched(&["ab", "cde"])).ends_with(b"\0\0\0\x05abcde"));
    // Empty, not null.
    assert!(written(4, fetched(&[])).ends_with(b"\0\0\0\0"));
    assert!(written(12, fetched(&["ab", "cde"])).ends_with(b"\x06abcde\0\0\0"));
    assert!(written(12, fetched(&[])).ends_with(b"\x01\0\0\0"));
}
