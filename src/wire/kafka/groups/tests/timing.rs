//! What ends when.

use super::*;

#[test]
fn the_first_join_phase_is_extended_while_members_arrive_within_its_bound() {
    let mut groups = Groups::new(config(3_000));
    groups.join(join_request(""), 1, 1, 0);
    assert_eq!(groups.next_deadline_ms(), Some(3_000));
    let mut now_ms = 0;
    for number in 2..30u64 {
        now_ms = number * 1_000;
        groups.tick(now_ms);
        if !groups.drain().is_empty() {
            break;
        }
        groups.join(join_request(""), u128::from(number), number, now_ms);
    }
    assert_eq!(now_ms, 20_000, "the rebalance timeout bounds it");
    let mut groups = Groups::new(config(3_000));
    groups.join(join_request(""), 1, 1, 0);
    groups.join(join_request(""), 2, 2, 1_000);
    groups.tick(3_000);
    assert!(groups.drain().is_empty(), "one arrived: it is extended");
    groups.tick(6_000);
    assert_eq!(groups.drain().len(), 2, "none arrived since");
}

#[test]
fn a_silent_member_is_given_up_after_its_session() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 2, 0);
    for now_ms in [3_000, 6_000, 9_000] {
        heartbeat(&mut groups, &identity(generation, &id(1)), now_ms).unwrap();
    }
    groups.tick(9_999);
    assert_eq!(state_of(&groups), "Stable");
    groups.tick(10_000);
    assert_eq!(state_of(&groups), "PreparingRebalance");
    let gone = heartbeat(&mut groups, &identity(generation, &id(2)), 10_000);
    assert_eq!(gone, Err(GroupError::UnknownMemberId));
}

#[test]
fn a_member_that_exceeds_the_rebalance_timeout_costs_one_rebalance() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 2, 0);
    groups.join(join_request(&id(1)), 0, 10, 0);
    // Member 2 goes on with heartbeats but does not join.
    for now_ms in (0..20_000).step_by(3_000) {
        groups.tick(now_ms);
        let answer = heartbeat(&mut groups, &identity(generation, &id(2)), now_ms);
        assert_eq!(answer, Err(GroupError::RebalanceInProgress));
    }
    groups.tick(20_000);
    let answer = joined(&groups.drain(), 10).unwrap().unwrap();
    assert_eq!((answer.generation, answer.members.len()), (generation + 1, 1));
    groups.sync(sync_request(generation + 1, &id(1), &[(&id(1), "all")]), 11, 20_000);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.persisted("g", change, true, 20_000);
    // It comes too late, learns that it is out, and joins as a new member: the one rebalance it costs.
    groups.join(join_request(&id(2)), 0, 12, 21_000);
    assert_eq!(join_error(&groups.drain(), 12), GroupError::UnknownMemberId);
    assert_eq!(state_of(&groups), "Stable");
    groups.join(join_request(""), 3, 13, 21_000);
    groups.join(join_request(&id(1)), 0, 14, 21_500);
    let effects = groups.drain();
    assert_eq!(joined(&effects, 13).unwrap().unwrap().generation, generation + 2);
    assert_eq!(joined(&effects, 14).unwrap().unwrap().generation, generation + 2);
}

#[test]
fn a_leader_that_never_syncs_is_given_up() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 2, 0);
    groups.join(join_request(&id(1)), 0, 10, 0);
    groups.join(join_request(&id(2)), 0, 11, 0);
    groups.sync(sync_request(generation + 1, &id(2), &[]), 12, 0);
    groups.drain();
    for now_ms in (0..20_000).step_by(3_000) {
        groups.tick(now_ms);
        heartbeat(&mut groups, &identity(generation + 1, &id(1)), now_ms).unwrap();
    }
    groups.tick(20_000);
    assert_eq!(synced(&groups.drain(), 12), Some(Err(GroupError::RebalanceInProgress)));
    groups.join(join_request(&id(2)), 0, 13, 20_500);
    assert_eq!(joined(&groups.drain(), 13).unwrap().unwrap().leader, id(2));
}

#[test]
fn a_new_members_join_does_not_wait_forever() {
    let mut groups = groups();
    let long = JoinGroup { rebalance_timeout_ms: i32::MAX, ..join_request("") };
    groups.join(long, 1, 1, 0);
    groups.drain();
    groups.join(join_request(""), 2, 2, 0);
    let mut now_ms = 0;
    while now_ms < 299_000 {
        now_ms += 1_000;
        groups.tick(now_ms);
        let _ = heartbeat(&mut groups, &identity(1, &id(1)), now_ms);
    }
    assert_eq!(state_of(&groups), "PreparingRebalance");
    groups.tick(300_000);
    assert_eq!(join_error(&groups.drain(), 2), GroupError::UnknownMemberId);
}

#[test]
fn time_at_its_end_overflows_nothing() {
    let mut groups = groups();
    let (generation, _) = stable(&mut groups, 2, u64::MAX - 1);
    heartbeat(&mut groups, &identity(generation, &id(1)), u64::MAX).unwrap();
    groups.tick(u64::MAX);
    assert_eq!(state_of(&groups), "Empty");
}
