//! The coordinator's rules one by one, a model with clients that crash, and bytes that lie.

mod joining;
mod model;
mod persisted;
mod presence;
mod statics;
mod syncing;
mod timing;

use super::*;
use bytes::Bytes;

pub(super) const SESSION_MS: i32 = 10_000;
pub(super) const REBALANCE_MS: i32 = 20_000;

pub(super) fn config(initial_rebalance_delay_ms: u32) -> Config {
    Config { initial_rebalance_delay_ms, ..Config::default() }
}

pub(super) fn groups() -> Groups {
    Groups::new(config(0))
}

pub(super) fn join_request(member_id: &str) -> JoinGroup {
    JoinGroup {
        group: "g".into(),
        member_id: member_id.into(),
        instance_id: None,
        protocol_type: "consumer".into(),
        protocols: vec![("range".into(), Bytes::from_static(b"topics"))],
        session_timeout_ms: SESSION_MS,
        rebalance_timeout_ms: REBALANCE_MS,
        client_id: "c".into(),
        client_host: "/127.0.0.1".into(),
        requires_known_member_id: false,
        supports_skip_assignment: false,
    }
}

pub(super) fn static_join(instance_id: &str) -> JoinGroup {
    JoinGroup { instance_id: Some(instance_id.into()), ..join_request("") }
}

/// The id a member without one is given under this suffix.
pub(super) fn id(suffix: u128) -> String {
    format!("c-{suffix:032x}")
}

pub(super) fn sync_request(generation: i32, member_id: &str, assignments: &[(&str, &str)]) -> SyncGroup {
    let own = |(id, bytes): &(&str, &str)| ((*id).to_owned(), Bytes::copy_from_slice(bytes.as_bytes()));
    SyncGroup {
        group: "g".into(),
        generation,
        member_id: member_id.into(),
        instance_id: None,
        protocol_type: None,
        protocol_name: None,
        assignments: assignments.iter().map(own).collect(),
    }
}

pub(super) fn identity(generation: i32, member_id: &str) -> Identity {
    Identity { group: "g".into(), generation, member_id: member_id.into(), instance_id: None }
}

pub(super) fn joined(effects: &[Effect], waiter: u64) -> Option<Result<Joined, JoinError>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Joined { waiter: found, result } if *found == waiter => Some(result.clone()),
        _ => None,
    })
}

pub(super) fn join_error(effects: &[Effect], waiter: u64) -> GroupError {
    joined(effects, waiter).expect("the join is answered").expect_err("it is refused").error
}

pub(super) fn synced(effects: &[Effect], waiter: u64) -> Option<Result<Bytes, GroupError>> {
    effects.iter().find_map(|effect| match effect {
        Effect::Synced { waiter: found, result } if *found == waiter => {
            Some(result.clone().map(|synced| synced.assignment))
        }
        _ => None,
    })
}

pub(super) fn persist(effects: &[Effect]) -> Option<(u64, Option<Vec<u8>>)> {
    effects.iter().find_map(|effect| match effect {
        Effect::Persist { change, state, .. } => Some((*change, state.clone())),
        _ => None,
    })
}

pub(super) fn heartbeat(groups: &mut Groups, identity: &Identity, now_ms: u64) -> Result<(), GroupError> {
    groups.heartbeat(identity, 9_999, now_ms);
    let effects = groups.drain();
    let [Effect::Answer { waiter: 9_999, result }] = &effects[..] else { panic!("one answer: {effects:?}") };
    *result
}

pub(super) fn leave(groups: &mut Groups, member_id: &str, now_ms: u64) -> (Vec<Left>, Vec<Effect>) {
    groups.leave("g", vec![Leaving { member_id: member_id.into(), instance_id: None }], 8_888, now_ms);
    let effects = groups.drain();
    let left = effects.iter().find_map(|effect| match effect {
        Effect::Left { waiter: 8_888, members } => Some(members.clone()),
        _ => None,
    });
    (left.expect("a leave is answered at once"), effects)
}

pub(super) fn state_of(groups: &Groups) -> &'static str {
    groups.describe("g").map_or("Dead", |description| description.state.name())
}

/// A stable group of members 1..=count, member 1 its leader, each assigned its own number. Returns the
/// generation and the state persisted.
pub(super) fn stable(groups: &mut Groups, count: u64, now_ms: u64) -> (i32, Vec<u8>) {
    groups.join(join_request(""), 1, 1, now_ms);
    groups.drain();
    for number in 2..=count {
        groups.join(join_request(""), u128::from(number), number, now_ms);
    }
    // Everyone who has an id joins again, until all are in one generation.
    if count > 1 {
        groups.join(join_request(&id(1)), 0, 1, now_ms);
        for number in 2..count {
            groups.join(join_request(&id(u128::from(number))), 0, number, now_ms);
        }
    }
    groups.drain();
    let generation = groups.describe("g").expect("it is here").generation;
    assert_eq!(state_of(groups), "CompletingRebalance");
    for number in 2..=count {
        groups.sync(sync_request(generation, &id(u128::from(number)), &[]), number, now_ms);
    }
    let parts: Vec<(String, String)> =
        (1..=count).map(|number| (id(u128::from(number)), number.to_string())).collect();
    let parts: Vec<(&str, &str)> = parts.iter().map(|(id, part)| (id.as_str(), part.as_str())).collect();
    groups.sync(sync_request(generation, &id(1), &parts), 1, now_ms);
    let (change, state) = persist(&groups.drain()).expect("the leader's sync is persisted");
    groups.persisted("g", change, true, now_ms);
    let effects = groups.drain();
    for number in 1..=count {
        assert_eq!(synced(&effects, number), Some(Ok(Bytes::from(number.to_string()))));
    }
    assert_eq!(state_of(groups), "Stable");
    (generation, state.expect("a state"))
}
