//! Heartbeats, commits, leaves, and what operators see.

use super::*;

#[test]
fn heartbeats_call_to_a_join_only_while_joins_are_taken() {
    let mut groups = groups();
    let unknown = Err(GroupError::UnknownMemberId);
    assert_eq!(heartbeat(&mut groups, &identity(1, &id(1)), 0), unknown);
    let (generation, _) = stable(&mut groups, 2, 0);
    assert_eq!(heartbeat(&mut groups, &identity(generation, &id(2)), 0), Ok(()));
    assert_eq!(heartbeat(&mut groups, &identity(generation, "who"), 0), unknown);
    let earlier = identity(generation - 1, &id(2));
    assert_eq!(heartbeat(&mut groups, &earlier, 0), Err(GroupError::IllegalGeneration));
    groups.join(join_request(&id(1)), 0, 10, 0);
    let member = identity(generation, &id(2));
    assert_eq!(heartbeat(&mut groups, &member, 0), Err(GroupError::RebalanceInProgress));
    assert_eq!(groups.check_commit(&member, 0), Ok(()), "a rebalance begins with a commit");
    groups.join(join_request(&id(2)), 0, 11, 0);
    groups.drain();
    assert_eq!(state_of(&groups), "CompletingRebalance");
    let member = identity(generation + 1, &id(2));
    assert_eq!(heartbeat(&mut groups, &member, 0), Ok(()));
    assert_eq!(groups.check_commit(&member, 0), Err(GroupError::RebalanceInProgress));
}

#[test]
fn commits_from_outside_are_taken_only_without_members() {
    let mut groups = groups();
    let outside = identity(-1, "");
    assert_eq!(groups.check_commit(&outside, 0), Ok(()));
    assert_eq!(groups.check_commit(&identity(3, "m"), 0), Err(GroupError::IllegalGeneration));
    let nowhere = Identity { group: String::new(), ..outside.clone() };
    assert_eq!(groups.check_commit(&nowhere, 0), Err(GroupError::InvalidGroupId));
    let (generation, _) = stable(&mut groups, 1, 0);
    assert_eq!(groups.check_commit(&outside, 0), Err(GroupError::UnknownMemberId));
    assert_eq!(groups.check_commit(&identity(generation, &id(1)), 0), Ok(()));
    assert_eq!(groups.check_commit(&identity(-1, &id(1)), 0), Err(GroupError::IllegalGeneration));
    leave(&mut groups, &id(1), 0);
    assert_eq!(groups.check_commit(&outside, 0), Ok(()));
}

#[test]
fn a_commit_is_a_sign_of_life() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 1, 0);
    groups.check_commit(&identity(generation, &id(1)), 9_000).unwrap();
    groups.tick(18_999);
    assert_eq!(state_of(&groups), "Stable");
    groups.tick(19_000);
    assert_eq!(state_of(&groups), "Empty");
}

#[test]
fn an_empty_group_keeps_its_generation_and_is_persisted() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 1, 0);
    let (left, effects) = leave(&mut groups, &id(1), 0);
    assert_eq!(left[0].result, Ok(()));
    let (_, state) = persist(&effects).expect("that it is empty is persisted");
    assert_eq!(state_of(&groups), "Empty");
    assert_eq!(groups.describe("g").unwrap().generation, generation + 1);
    let mut later = super::groups();
    later.restore("g", &state.unwrap(), 0).unwrap();
    assert_eq!(later.describe("g"), groups.describe("g"));
}

#[test]
fn a_group_nobody_was_told_of_leaves_no_trace() {
    let mut groups = Groups::new(config(3_000));
    groups.join(join_request(""), 1, 1, 0);
    let (_, effects) = leave(&mut groups, &id(1), 100);
    assert_eq!(join_error(&effects, 1), GroupError::UnknownMemberId);
    assert_eq!((persist(&effects), groups.list().len(), groups.next_deadline_ms()), (None, 0, None));
}

#[test]
fn those_who_stay_share_what_a_leaver_had() {
    let mut groups = groups();
    stable(&mut groups, 3, 0);
    groups.join(join_request(&id(2)), 0, 10, 0);
    groups.drain();
    let leaving = |member_id: &str| Leaving { member_id: member_id.into(), instance_id: None };
    groups.leave("g", vec![leaving(&id(1)), leaving("who"), leaving("")], 11, 0);
    let effects = groups.drain();
    let Some(Effect::Left { members, .. }) = effects.last() else { panic!("{effects:?}") };
    let results: Vec<_> = members.iter().map(|left| left.result).collect();
    assert_eq!(results, [Ok(()), Err(GroupError::UnknownMemberId), Err(GroupError::UnknownMemberId)]);
    assert_eq!(state_of(&groups), "PreparingRebalance");
    groups.leave("nowhere", vec![leaving("x")], 12, 0);
    let refused = Left { member_id: "x".into(), instance_id: None, result: Err(GroupError::UnknownMemberId) };
    assert_eq!(groups.drain(), [Effect::Left { waiter: 12, members: vec![refused] }]);
}

#[test]
fn only_groups_without_members_are_deleted() {
    let mut groups = groups();
    assert_eq!(groups.delete(""), Err(GroupError::InvalidGroupId));
    assert_eq!(groups.delete("g"), Err(GroupError::GroupIdNotFound));
    stable(&mut groups, 1, 0);
    assert_eq!(groups.delete("g"), Err(GroupError::NonEmptyGroup));
    leave(&mut groups, &id(1), 0);
    assert_eq!(groups.delete("g"), Ok(()));
    assert!(matches!(&groups.drain()[..], [Effect::Persist { state: None, .. }]));
    assert_eq!((state_of(&groups), groups.next_deadline_ms()), ("Dead", None));
}

#[test]
fn operators_see_metadata_only_while_it_holds() {
    let mut groups = groups();
    stable(&mut groups, 2, 0);
    let seen = groups.describe("g").unwrap();
    assert_eq!((seen.state.name(), seen.protocol_name.as_str()), ("Stable", "range"));
    assert_eq!(seen.members[1].assignment, "2");
    assert_eq!(seen.members[1].metadata, "topics");
    groups.join(join_request(&id(1)), 0, 10, 0);
    let seen = groups.describe("g").unwrap();
    assert_eq!((seen.state.name(), seen.protocol_name.as_str()), ("PreparingRebalance", ""));
    assert!(seen.members.iter().all(|member| member.assignment.is_empty() && member.metadata.is_empty()));
    groups.join(JoinGroup { group: "a".into(), ..join_request("") }, 9, 11, 0);
    let names: Vec<String> = groups.list().into_iter().map(|listed| listed.group).collect();
    assert_eq!(names, ["a", "g"]);
}

#[test]
fn a_group_handed_over_answers_whoever_waits() {
    let mut groups = groups();
    stable(&mut groups, 2, 0);
    groups.join(join_request(&id(1)), 0, 10, 0);
    groups.drain();
    groups.hand_over("g");
    let effects = groups.drain();
    assert_eq!(join_error(&effects, 10), GroupError::NotCoordinator);
    assert_eq!((effects.len(), groups.next_deadline_ms(), state_of(&groups)), (1, None, "Dead"));
}

#[test]
fn each_error_is_one_code_of_the_protocol() {
    let codes = [
        (GroupError::CoordinatorNotAvailable, 15),
        (GroupError::NotCoordinator, 16),
        (GroupError::IllegalGeneration, 22),
        (GroupError::InconsistentGroupProtocol, 23),
        (GroupError::InvalidGroupId, 24),
        (GroupError::UnknownMemberId, 25),
        (GroupError::InvalidSessionTimeout, 26),
        (GroupError::RebalanceInProgress, 27),
        (GroupError::InvalidRequest, 42),
        (GroupError::NonEmptyGroup, 68),
        (GroupError::GroupIdNotFound, 69),
        (GroupError::MemberIdRequired, 79),
        (GroupError::GroupMaxSizeReached, 81),
        (GroupError::FencedInstanceId, 82),
    ];
    for (error, code) in codes {
        assert_eq!(error.code(), code, "{error}");
    }
}
