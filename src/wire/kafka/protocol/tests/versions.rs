//! What differs between versions, seen from a server.

use super::{
    super::{
        ApiKey, ErrorCode, Out, Reader, Request, Response, Versions,
        api_versions::ApiVersionsResponse,
        delete_topics::{DeleteTopicState, DeleteTopicsRequest},
        find_coordinator::{Coordinator, FindCoordinatorRequest, FindCoordinatorResponse},
        join_group::JoinGroupResponse,
        leave_group::{LeaveGroupRequest, LeaveGroupResponse, MemberIdentity, MemberResponse},
        offset_fetch::{OffsetFetchRequest, OffsetFetchResponse, OffsetFetchResponseGroup},
        read_any,
    },
    frames,
};
use bytes::Bytes;

/// What is written of a request in a version that has less, is all there is to read of it.
#[test]
fn requests_come_back_as_they_were() {
    for (api, version, frame) in frames() {
        let request = read_any(frame.clone()).unwrap();
        assert_eq!(request.api(), api);
        assert_eq!(super::frame(version, &request), frame, "{api:?} {version}");
    }
}

#[test]
fn empty_responses_come_back_as_they_were() {
    for &api in ApiKey::ALL {
        for version in api.advertised().min..=api.advertised().max {
            let mut out = Out::default();
            Response::empty(api).write(version, &mut out).unwrap();
            let bytes = out.into_vec();
            let mut reader = Reader::new(Bytes::from(bytes), version, api.is_flexible(version));
            let read = Response::read(api, &mut reader).unwrap();
            assert_eq!(reader.left(), 0);
            if version == api.served().max {
                assert_eq!(read, Response::empty(api));
            }
        }
    }
}

#[test]
fn produce_is_advertised_from_zero() {
    let versions = |api: ApiKey| {
        let response = ApiVersionsResponse::new(ErrorCode::None);
        let said = response.api_keys.iter().find(|said| said.api_key == api.key()).unwrap();
        Versions { min: said.min_version, max: said.max_version }
    };
    assert_eq!(versions(ApiKey::Produce), Versions { min: 0, max: 11 });
    assert_eq!(ApiKey::Produce.served(), Versions { min: 3, max: 11 });
    assert_eq!(versions(ApiKey::Fetch), ApiKey::Fetch.served());
    assert!(ApiKey::ALL.is_sorted_by_key(|api| api.key()));
}

#[test]
fn null_where_a_version_has_none_is_written_as_empty() {
    let read = |version| {
        let mut out = Out::default();
        Response::from(JoinGroupResponse::default()).write(version, &mut out).unwrap();
        let bytes = out.into_vec();
        let flexible = ApiKey::JoinGroup.is_flexible(version);
        let mut reader = Reader::new(Bytes::from(bytes), version, flexible);
        match Response::read(ApiKey::JoinGroup, &mut reader).unwrap() {
            Response::JoinGroup(response) => response.protocol_name,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(read(6), Some(String::new()));
    assert_eq!(read(7), None);
}

#[test]
fn error_codes_are_their_numbers() {
    for &code in ErrorCode::ALL {
        assert_eq!(ErrorCode::of_code(code.code()), Some(code));
    }
    assert_eq!(ErrorCode::default(), ErrorCode::None);
    assert_eq!(ErrorCode::of_code(35), Some(ErrorCode::UnsupportedVersion));
    assert_eq!(ErrorCode::of_code(-1), Some(ErrorCode::UnknownServerError));
    assert_eq!(ErrorCode::of_code(-2), None);
    assert!((0..=100).all(|code| ErrorCode::of_code(code).is_some()));
    assert!(!ErrorCode::None.is_error() && ErrorCode::NotCoordinator.is_error());
}

#[test]
fn one_or_many_coordinators() {
    let request = FindCoordinatorRequest {
        key: "a".to_owned(),
        key_type: 0,
        coordinator_keys: vec!["b".to_owned(), "c".to_owned()],
    };
    assert_eq!(request.clone().into_keys(3), ["a"]);
    assert_eq!(request.into_keys(4), ["b", "c"]);
    let found = vec![Coordinator { port: 9, error: ErrorCode::NotCoordinator, ..Coordinator::default() }];
    let old = FindCoordinatorResponse::new(3, found.clone());
    assert_eq!((old.port, old.error, old.coordinators.len()), (9, ErrorCode::NotCoordinator, 0));
    assert_eq!(FindCoordinatorResponse::new(4, found.clone()).coordinators, found);
}

#[test]
fn one_or_many_groups() {
    let request = OffsetFetchRequest { group_id: "g".to_owned(), topics: None, ..Default::default() };
    let groups = request.clone().into_groups(7);
    assert_eq!((groups.len(), groups[0].group_id.as_str(), &groups[0].topics), (1, "g", &None));
    assert_eq!(request.into_groups(8), []);
    let group = OffsetFetchResponseGroup { error: ErrorCode::NotCoordinator, ..Default::default() };
    assert_eq!(OffsetFetchResponse::new(7, vec![group.clone()]).error, ErrorCode::NotCoordinator);
    assert_eq!(OffsetFetchResponse::new(8, vec![group.clone()]).groups, [group]);
}

#[test]
fn one_or_many_members() {
    let request = LeaveGroupRequest { member_id: "m".to_owned(), ..Default::default() };
    let member = MemberIdentity { member_id: "m".to_owned(), ..Default::default() };
    assert_eq!(request.clone().into_members(2), [member]);
    assert_eq!(request.into_members(3), []);
    let gone = MemberResponse { error: ErrorCode::UnknownMemberId, ..Default::default() };
    assert_eq!(LeaveGroupResponse::new(2, vec![gone.clone()]).error, ErrorCode::UnknownMemberId);
    let many = LeaveGroupResponse::new(3, vec![gone.clone()]);
    assert_eq!((many.error, many.members), (ErrorCode::None, vec![gone]));
}

#[test]
fn topics_by_name_or_id() {
    let request = DeleteTopicsRequest {
        topics: vec![DeleteTopicState { name: None, topic_id: [1; 16] }],
        topic_names: vec!["t".to_owned()],
        timeout_ms: 0,
    };
    assert_eq!(
        request.clone().into_topics(5),
        [DeleteTopicState { name: Some("t".to_owned()), topic_id: [0; 16] }]
    );
    assert_eq!(request.clone().into_topics(6), request.topics);
    assert!(matches!(Request::DeleteTopics(request).api(), ApiKey::DeleteTopics));
}
