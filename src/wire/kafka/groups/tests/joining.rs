//! Who may join, and what each is told.

use super::*;

#[test]
fn a_join_that_cannot_be_is_refused() {
    let refused = |change: &dyn Fn(&mut JoinGroup)| {
        let mut groups = groups();
        let mut request = join_request("");
        change(&mut request);
        groups.join(request, 1, 1, 0);
        let error = join_error(&groups.drain(), 1);
        assert!(groups.list().is_empty(), "a refused join leaves no group behind");
        error
    };
    assert_eq!(refused(&|r| r.group.clear()), GroupError::InvalidGroupId);
    let too_long = "g".repeat(limits::GROUP_ID_BYTES_MAX + 1);
    assert_eq!(refused(&|r| r.group.clone_from(&too_long)), GroupError::InvalidGroupId);
    for timeout_ms in [-1, 0, 5_999, 1_800_001, i32::MAX] {
        assert_eq!(refused(&|r| r.session_timeout_ms = timeout_ms), GroupError::InvalidSessionTimeout);
    }
    assert_eq!(refused(&|r| r.protocols.clear()), GroupError::InconsistentGroupProtocol);
    assert_eq!(refused(&|r| r.protocol_type.clear()), GroupError::InconsistentGroupProtocol);
    assert_eq!(refused(&|r| r.member_id = "who".into()), GroupError::UnknownMemberId);
    let long = "i".repeat(600);
    assert_eq!(refused(&|r| r.client_id.clone_from(&long)), GroupError::InvalidRequest);
    assert_eq!(refused(&|r| r.client_host.clone_from(&long)), GroupError::InvalidRequest);
    assert_eq!(refused(&|r| r.instance_id = Some(long.clone())), GroupError::InvalidRequest);
    assert_eq!(refused(&|r| r.instance_id = Some(String::new())), GroupError::InvalidRequest);
    assert_eq!(refused(&|r| r.protocol_type.clone_from(&long)), GroupError::InvalidRequest);
    assert_eq!(refused(&|r| r.protocols[0].0.clone_from(&long)), GroupError::InvalidRequest);
    let large = Bytes::from(vec![0; limits::METADATA_BYTES_MAX]);
    assert_eq!(refused(&|r| r.protocols[0].1 = large.clone()), GroupError::InvalidRequest);
    let many = vec![("p".to_owned(), Bytes::new()); limits::PROTOCOLS_MAX + 1];
    assert_eq!(refused(&|r| r.protocols.clone_from(&many)), GroupError::InvalidRequest);
}

#[test]
fn groups_and_members_are_bounded() {
    let mut groups = Groups::new(Config { groups_max: 1, members_max: 2, ..config(0) });
    for (number, error) in [(1, None), (2, None), (3, Some(GroupError::GroupMaxSizeReached))] {
        groups.join(join_request(""), u128::from(number), number, 0);
        let answer = joined(&groups.drain(), number);
        assert_eq!(answer.and_then(Result::err).map(|refused| refused.error), error);
    }
    groups.join(JoinGroup { group: "another".into(), ..join_request("") }, 4, 4, 0);
    assert_eq!(join_error(&groups.drain(), 4), GroupError::GroupMaxSizeReached);
}

#[test]
fn a_groups_metadata_is_bounded_as_a_whole() {
    let mut groups = Groups::new(config(3_000));
    let large = Bytes::from(vec![0; limits::METADATA_BYTES_MAX - 100]);
    let request = JoinGroup { protocols: vec![("range".into(), large)], ..join_request("") };
    let room = (limits::GROUP_BYTES_MAX / (limits::METADATA_BYTES_MAX - 100)) as u64;
    for number in 0..room {
        groups.join(request.clone(), u128::from(number), number, 0);
    }
    assert!(groups.drain().is_empty());
    groups.join(request, u128::from(room), room, 0);
    assert_eq!(join_error(&groups.drain(), room), GroupError::GroupMaxSizeReached);
}

#[test]
fn a_member_id_is_given_first_where_it_is_required() {
    let mut groups = groups();
    let request = JoinGroup { requires_known_member_id: true, ..join_request("") };
    groups.join(request.clone(), 7, 1, 0);
    let refused = joined(&groups.drain(), 1).unwrap().unwrap_err();
    assert_eq!(refused, JoinError { error: GroupError::MemberIdRequired, member_id: id(7) });
    groups.join(JoinGroup { member_id: id(7), ..request.clone() }, 0, 2, 100);
    let answer = joined(&groups.drain(), 2).unwrap().unwrap();
    assert_eq!((answer.member_id.clone(), answer.generation, answer.leader), (id(7), 1, id(7)));
    // Static members are known by their instance id.
    let mut with_instance = static_join("i");
    with_instance.requires_known_member_id = true;
    groups.join(with_instance, 8, 3, 100);
    assert_eq!(joined(&groups.drain(), 3), None, "it waits for the other member");
}

#[test]
fn a_member_id_given_out_is_taken_back_when_nobody_comes() {
    let mut groups = groups();
    let request = JoinGroup { requires_known_member_id: true, ..join_request("") };
    groups.join(request.clone(), 7, 1, 0);
    groups.drain();
    assert_eq!(groups.next_deadline_ms(), Some(10_000));
    groups.tick(9_999);
    assert_eq!(groups.list().len(), 1);
    groups.tick(10_000);
    assert!(groups.list().is_empty() && groups.next_deadline_ms().is_none());
    groups.join(JoinGroup { member_id: id(7), ..request }, 0, 2, 10_001);
    assert_eq!(join_error(&groups.drain(), 2), GroupError::UnknownMemberId);
}

#[test]
fn a_join_phase_waits_for_member_ids_given_out() {
    let mut groups = groups();
    let (_, _) = stable(&mut groups, 1, 0);
    groups.join(JoinGroup { requires_known_member_id: true, ..join_request("") }, 7, 20, 1_000);
    assert_eq!(state_of(&groups), "Stable", "an id given out is no reason for a rebalance");
    groups.join(join_request(&id(1)), 0, 21, 1_000);
    assert_eq!(joined(&groups.drain(), 21), None);
    groups.tick(11_000);
    assert!(joined(&groups.drain(), 21).unwrap().is_ok());
}

#[test]
fn a_member_id_given_out_may_be_given_back() {
    let mut groups = groups();
    stable(&mut groups, 1, 0);
    groups.join(JoinGroup { requires_known_member_id: true, ..join_request("") }, 7, 20, 1_000);
    groups.join(join_request(&id(1)), 0, 21, 1_000);
    groups.drain();
    let (left, effects) = leave(&mut groups, &id(7), 2_000);
    assert_eq!(left[0].result, Ok(()));
    assert!(joined(&effects, 21).expect("nobody else is waited for").is_ok());
}

#[test]
fn protocols_have_to_fit() {
    let mut groups = Groups::new(config(3_000));
    let with = |names: &[&str]| JoinGroup {
        protocols: names.iter().map(|name| ((*name).to_owned(), Bytes::new())).collect(),
        ..join_request("")
    };
    groups.join(with(&["range", "sticky", "other"]), 1, 1, 0);
    groups.join(with(&["sticky", "range"]), 2, 2, 0);
    groups.join(with(&["sticky", "range"]), 3, 3, 0);
    groups.join(with(&["other"]), 4, 4, 0);
    assert_eq!(join_error(&groups.drain(), 4), GroupError::InconsistentGroupProtocol);
    groups.join(JoinGroup { protocol_type: "connect".into(), ..with(&["range"]) }, 5, 5, 0);
    assert_eq!(join_error(&groups.drain(), 5), GroupError::InconsistentGroupProtocol);
    groups.tick(3_000);
    groups.tick(6_000);
    let effects = groups.drain();
    for number in 1..=3 {
        assert_eq!(joined(&effects, number).unwrap().unwrap().protocol_name, "sticky", "most prefer it");
    }
}

#[test]
fn any_protocol_type_will_do_and_an_empty_group_takes_another() {
    for protocol_type in ["consumer", "connect", "sr"] {
        let mut groups = groups();
        stable(&mut groups, 1, 0);
        leave(&mut groups, &id(1), 0);
        assert_eq!(state_of(&groups), "Empty");
        groups.join(JoinGroup { protocol_type: protocol_type.into(), ..join_request("") }, 2, 2, 0);
        assert_eq!(joined(&groups.drain(), 2).unwrap().unwrap().protocol_type, protocol_type);
    }
}

#[test]
fn three_members_that_rebalance_at_once_all_get_in() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 3, 0);
    for number in 1..=3 {
        let request = JoinGroup {
            protocols: vec![("range".into(), Bytes::from(format!("more {number}")))],
            ..join_request(&id(u128::from(number)))
        };
        groups.join(request, 0, 10 + number, 500);
    }
    let effects = groups.drain();
    for number in 1..=3u64 {
        let answer = joined(&effects, 10 + number).expect("answered").expect("no one is unknown");
        assert_eq!((answer.generation, &answer.leader), (generation + 1, &id(1)));
        let members: Vec<&Bytes> = answer.members.iter().map(|member| &member.metadata).collect();
        let expected: &[&str] = if number == 1 { &["more 1", "more 2", "more 3"] } else { &[] };
        assert_eq!(members, expected);
    }
}

#[test]
fn a_follower_that_joins_again_unchanged_is_told_what_it_missed() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 2, 0);
    groups.join(join_request(&id(2)), 0, 10, 500);
    let answer = joined(&groups.drain(), 10).unwrap().unwrap();
    assert_eq!((answer.generation, answer.members.len()), (generation, 0));
    assert_eq!(state_of(&groups), "Stable");
    // The leader asks for a rebalance by the same request.
    groups.join(join_request(&id(1)), 0, 11, 500);
    assert_eq!((joined(&groups.drain(), 11), state_of(&groups)), (None, "PreparingRebalance"));
}

#[test]
fn a_repeated_join_replaces_the_earlier_one() {
    let mut groups = groups();
    stable(&mut groups, 2, 0);
    groups.join(join_request(&id(1)), 0, 10, 500);
    groups.join(join_request(&id(1)), 0, 11, 600);
    let effects = groups.drain();
    assert_eq!(join_error(&effects, 10), GroupError::RebalanceInProgress);
    assert_eq!(joined(&effects, 11), None);
}
