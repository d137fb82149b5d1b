//! Members with an instance id keep their place when they are started anew.

use super::*;

/// A stable group of one static member and one other; returns the generation.
fn with_static(groups: &mut Groups, leads: bool) -> i32 {
    let (first, second) =
        if leads { (static_join("i"), join_request("")) } else { (join_request(""), static_join("i")) };
    let (first_id, second_id) = if leads { (instance(1), id(2)) } else { (id(1), instance(2)) };
    groups.join(first.clone(), 1, 1, 0);
    groups.join(second, 2, 2, 0);
    groups.join(JoinGroup { member_id: first_id.clone(), ..first }, 0, 3, 0);
    let generation = joined(&groups.drain(), 2).unwrap().unwrap().generation;
    groups.sync(sync_request(generation, &second_id, &[]), 4, 0);
    groups.sync(sync_request(generation, &first_id, &[(&first_id, "one"), (&second_id, "two")]), 5, 0);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.persisted("g", change, true, 0);
    groups.drain();
    assert_eq!(state_of(groups), "Stable");
    generation
}

fn instance(suffix: u128) -> String {
    format!("i-{suffix:032x}")
}

#[test]
fn a_static_member_is_started_anew_without_a_rebalance() {
    let mut groups = groups();
    let generation = with_static(&mut groups, false);
    groups.join(static_join("i"), 9, 10, 1_000);
    let (change, state) = persist(&groups.drain()).expect("its new id is persisted first");
    groups.persisted("g", change, true, 1_100);
    let answer = joined(&groups.drain(), 10).unwrap().unwrap();
    assert_eq!((answer.generation, &answer.member_id, &answer.leader), (generation, &instance(9), &id(1)));
    assert_eq!(state_of(&groups), "Stable");
    let mut sync = sync_request(generation, &instance(9), &[]);
    sync.instance_id = Some("i".into());
    groups.sync(sync, 11, 1_200);
    assert_eq!(synced(&groups.drain(), 11), Some(Ok(Bytes::from_static(b"two"))));
    // Whoever had its place is fenced, with and without naming the instance.
    let mut earlier = identity(generation, &instance(2));
    assert_eq!(heartbeat(&mut groups, &earlier, 1_300), Err(GroupError::UnknownMemberId));
    earlier.instance_id = Some("i".into());
    assert_eq!(heartbeat(&mut groups, &earlier, 1_300), Err(GroupError::FencedInstanceId));
    assert_eq!(groups.check_commit(&earlier, 1_300), Err(GroupError::FencedInstanceId));
    let mut later = super::groups();
    later.restore("g", &state.unwrap(), 0).unwrap();
    assert_eq!(later.describe("g"), groups.describe("g"));
}

#[test]
fn a_static_leader_is_told_not_to_assign() {
    for supports_skip_assignment in [false, true] {
        let mut groups = groups();
        with_static(&mut groups, true);
        groups.join(JoinGroup { supports_skip_assignment, ..static_join("i") }, 9, 10, 1_000);
        let (change, _) = persist(&groups.drain()).unwrap();
        groups.persisted("g", change, true, 1_000);
        let answer = joined(&groups.drain(), 10).unwrap().unwrap();
        assert_eq!(answer.skip_assignment, supports_skip_assignment);
        // Without that it must not find itself to be the leader.
        let leader = if supports_skip_assignment { instance(9) } else { instance(1) };
        assert_eq!(answer.leader, leader);
        assert_eq!(answer.members.len(), if supports_skip_assignment { 2 } else { 0 });
    }
}

#[test]
fn a_place_that_could_not_be_persisted_is_not_given() {
    let mut groups = groups();
    with_static(&mut groups, false);
    groups.join(static_join("i"), 9, 10, 1_000);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.persisted("g", change, false, 1_000);
    assert_eq!(join_error(&groups.drain(), 10), GroupError::CoordinatorNotAvailable);
    assert_eq!(state_of(&groups), "PreparingRebalance");
}

#[test]
fn a_rebalance_answers_a_static_member_whose_place_is_on_its_way() {
    let mut groups = groups();
    let generation = with_static(&mut groups, false);
    groups.join(static_join("i"), 9, 10, 1_000);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.join(join_request(&id(1)), 0, 11, 1_000);
    let answer = joined(&groups.drain(), 10).unwrap().unwrap();
    assert_eq!((answer.generation, answer.member_id), (generation + 1, instance(9)));
    groups.persisted("g", change, true, 1_000);
    assert!(groups.drain().is_empty());
}

#[test]
fn a_place_that_became_durable_during_a_join_phase_is_told_by_the_next_generation() {
    let mut groups = groups();
    let generation = with_static(&mut groups, false);
    groups.join(static_join("i"), 9, 10, 1_000);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.join(join_request(""), 3, 11, 1_000);
    groups.persisted("g", change, true, 1_000);
    assert!(groups.drain().is_empty(), "the generation it would be told of is ending");
    groups.join(join_request(&id(1)), 0, 12, 1_500);
    assert_eq!(joined(&groups.drain(), 10).unwrap().unwrap().generation, generation + 1);
}

#[test]
fn a_second_claim_to_the_same_instance_fences_the_first() {
    let mut groups = Groups::new(config(3_000));
    groups.join(static_join("i"), 1, 1, 0);
    groups.join(static_join("i"), 2, 2, 100);
    assert_eq!(join_error(&groups.drain(), 1), GroupError::FencedInstanceId);
    groups.tick(3_000);
    assert_eq!(joined(&groups.drain(), 2).unwrap().unwrap().member_id, instance(2));
    groups.join(JoinGroup { member_id: instance(1), ..static_join("i") }, 0, 3, 3_100);
    assert_eq!(join_error(&groups.drain(), 3), GroupError::FencedInstanceId);
}

#[test]
fn an_absent_static_member_keeps_its_place_through_a_rebalance_until_its_session_ends() {
    let mut groups = groups();
    let long = JoinGroup { session_timeout_ms: 60_000, ..static_join("i") };
    groups.join(join_request(""), 1, 1, 0);
    groups.join(long, 2, 2, 0);
    groups.join(join_request(&id(1)), 0, 3, 0);
    groups.drain();
    groups.join(join_request(&id(1)), 0, 4, 1_000);
    groups.drain();
    let leader_changed =
        JoinGroup { protocols: vec![("range".into(), Bytes::from_static(b"more"))], ..join_request(&id(1)) };
    groups.join(leader_changed, 0, 5, 1_000);
    groups.tick(21_000);
    let answer = joined(&groups.drain(), 5).unwrap().unwrap();
    assert_eq!(answer.members.len(), 2);
    assert_eq!(answer.members[1].instance_id.as_deref(), Some("i"));
}

#[test]
fn an_operator_sends_a_static_member_away_by_its_instance() {
    let mut groups = groups();
    with_static(&mut groups, false);
    let leaving = |member_id: &str, instance_id: &str| Leaving {
        member_id: member_id.into(),
        instance_id: Some(instance_id.into()),
    };
    groups.leave("g", vec![leaving("", "other"), leaving("x", "i"), leaving("", "i")], 20, 0);
    let effects = groups.drain();
    let Some(Effect::Left { members, .. }) = effects.last() else { panic!("{effects:?}") };
    let results: Vec<_> = members.iter().map(|left| left.result).collect();
    assert_eq!(results, [Err(GroupError::UnknownMemberId), Err(GroupError::FencedInstanceId), Ok(())]);
    assert_eq!(groups.describe("g").unwrap().members.len(), 1);
}
