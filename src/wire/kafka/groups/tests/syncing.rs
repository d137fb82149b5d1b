//! Assignments, and what stands between a leader's sync and everyone's answer.

use super::*;

#[test]
fn no_assignment_is_told_before_it_is_durable() {
    let mut groups = groups();
    groups.join(join_request(""), 1, 1, 0);
    groups.drain();
    groups.sync(sync_request(1, &id(1), &[(&id(1), "all")]), 2, 0);
    let effects = groups.drain();
    let (change, state) = persist(&effects).unwrap();
    assert!(state.is_some());
    assert_eq!((effects.len(), state_of(&groups)), (1, "CompletingRebalance"));
    groups.persisted("g", change + 1, true, 0);
    groups.persisted("other", change, true, 0);
    assert!(groups.drain().is_empty(), "another change says nothing");
    groups.persisted("g", change, true, 0);
    assert_eq!(synced(&groups.drain(), 2), Some(Ok(Bytes::from_static(b"all"))));
    groups.persisted("g", change, true, 0);
    assert!(groups.drain().is_empty(), "no answer twice");
}

#[test]
fn what_could_not_be_persisted_is_told_to_nobody() {
    let mut groups = groups();
    groups.join(join_request(""), 1, 1, 0);
    groups.sync(sync_request(1, &id(1), &[(&id(1), "all")]), 2, 0);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.persisted("g", change, false, 0);
    assert_eq!(synced(&groups.drain(), 2), Some(Err(GroupError::CoordinatorNotAvailable)));
    assert_eq!(state_of(&groups), "PreparingRebalance");
    groups.join(join_request(&id(1)), 0, 3, 100);
    assert_eq!(joined(&groups.drain(), 3).unwrap().unwrap().generation, 2);
}

#[test]
fn a_generation_has_one_assignment() {
    let mut groups = groups();
    groups.join(join_request(""), 1, 1, 0);
    groups.drain();
    groups.sync(sync_request(1, &id(1), &[(&id(1), "first")]), 2, 0);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.sync(sync_request(1, &id(1), &[(&id(1), "second")]), 3, 0);
    let effects = groups.drain();
    assert_eq!(synced(&effects, 2), Some(Err(GroupError::RebalanceInProgress)));
    assert_eq!(persist(&effects), None);
    groups.persisted("g", change, true, 0);
    assert_eq!(synced(&groups.drain(), 3), Some(Ok(Bytes::from_static(b"first"))));
    groups.sync(sync_request(1, &id(1), &[(&id(1), "third")]), 4, 0);
    assert_eq!(synced(&groups.drain(), 4), Some(Ok(Bytes::from_static(b"first"))));
}

#[test]
fn members_without_an_assignment_get_an_empty_one() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 2, 0);
    groups.join(join_request(&id(1)), 0, 10, 0);
    groups.join(join_request(&id(2)), 0, 11, 0);
    groups.sync(sync_request(generation + 1, &id(2), &[]), 12, 0);
    groups.sync(sync_request(generation + 1, &id(1), &[("stranger", "x")]), 13, 0);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.persisted("g", change, true, 0);
    let effects = groups.drain();
    assert_eq!(synced(&effects, 12), Some(Ok(Bytes::new())));
    assert_eq!(synced(&effects, 13), Some(Ok(Bytes::new())));
    assert_eq!(state_of(&groups), "Stable");
}

#[test]
fn a_sync_that_does_not_fit_is_refused() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 2, 0);
    let mut refused = |change: &dyn Fn(&mut SyncGroup)| {
        let mut request = sync_request(generation, &id(2), &[]);
        change(&mut request);
        groups.sync(request, 20, 0);
        synced(&groups.drain(), 20).expect("answered").expect_err("refused")
    };
    assert_eq!(refused(&|r| r.group.clear()), GroupError::InvalidGroupId);
    assert_eq!(refused(&|r| r.group = "other".into()), GroupError::UnknownMemberId);
    assert_eq!(refused(&|r| r.member_id = "who".into()), GroupError::UnknownMemberId);
    assert_eq!(refused(&|r| r.generation -= 1), GroupError::IllegalGeneration);
    assert_eq!(refused(&|r| r.generation += 1), GroupError::IllegalGeneration);
    assert_eq!(refused(&|r| r.protocol_type = Some("x".into())), GroupError::InconsistentGroupProtocol);
    assert_eq!(refused(&|r| r.protocol_name = Some("x".into())), GroupError::InconsistentGroupProtocol);
    groups.join(join_request(&id(1)), 0, 21, 0);
    groups.sync(sync_request(generation, &id(2), &[]), 22, 0);
    assert_eq!(synced(&groups.drain(), 22), Some(Err(GroupError::RebalanceInProgress)));
}

#[test]
fn too_large_an_assignment_is_refused() {
    let mut groups = groups();
    groups.join(join_request(""), 1, 1, 0);
    groups.drain();
    let mut request = sync_request(1, &id(1), &[]);
    request.assignments = vec![(id(1), Bytes::from(vec![0; limits::ASSIGNMENT_BYTES_MAX + 1]))];
    groups.sync(request.clone(), 2, 0);
    assert_eq!(groups.drain(), [Effect::Synced { waiter: 2, result: Err(GroupError::InvalidRequest) }]);
    let part = Bytes::from(vec![0; limits::ASSIGNMENT_BYTES_MAX]);
    request.assignments = (0..9).map(|number| (number.to_string(), part.clone())).collect();
    groups.sync(request, 3, 0);
    assert_eq!(groups.drain(), [Effect::Synced { waiter: 3, result: Err(GroupError::InvalidRequest) }]);
}

#[test]
fn a_rebalance_ends_syncs_that_wait_even_when_the_change_is_on_its_way() {
    let mut groups = groups();
    groups.join(join_request(""), 1, 1, 0);
    groups.sync(sync_request(1, &id(1), &[(&id(1), "all")]), 2, 0);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.join(join_request(""), 2, 3, 0);
    assert_eq!(synced(&groups.drain(), 2), Some(Err(GroupError::RebalanceInProgress)));
    groups.persisted("g", change, true, 0);
    assert!(groups.drain().is_empty());
    assert_eq!(state_of(&groups), "PreparingRebalance");
}
