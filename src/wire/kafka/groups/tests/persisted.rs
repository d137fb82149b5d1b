//! A group's bytes: there and back, one example pinned, and bytes that lie.

use super::*;
use rand::{Rng, SeedableRng, rngs::SmallRng};

fn example() -> Vec<u8> {
    let mut groups = groups();
    let request = JoinGroup { client_host: "h".into(), ..static_join("i") };
    groups.join(request, 0xabc, 1, 0);
    let member_id = format!("i-{:032x}", 0xabc);
    groups.sync(sync_request(1, &member_id, &[(&member_id, "p0")]), 2, 0);
    persist(&groups.drain()).unwrap().1.unwrap()
}

#[test]
fn the_bytes_of_one_group_are_these() {
    let mut expected = vec![1];
    expected.extend([0, 0, 0, 1]); // generation
    expected.extend([0, 0, 4, 1]); // reserved up to 1025
    expected.extend(b"\x00\x08consumer");
    expected.extend(b"\x01\x00\x05range");
    expected.extend(b"\x01\x00\x22i-00000000000000000000000000000abc");
    expected.extend([0, 0, 0, 1]); // one member
    expected.extend(b"\x00\x22i-00000000000000000000000000000abc");
    expected.extend(b"\x01\x00\x01i");
    expected.extend(b"\x00\x01c");
    expected.extend(b"\x00\x01h");
    expected.extend([0, 0, 0x27, 0x10]); // 10 s
    expected.extend([0, 0, 0x4e, 0x20]); // 20 s
    expected.extend(b"\x00\x00\x00\x06topics");
    expected.extend(b"\x00\x00\x00\x02p0");
    assert_eq!(example(), expected);
}

#[test]
fn members_go_on_after_a_restart_without_a_rebalance() {
    let mut before = groups();
    let (generation, state) = stable(&mut before, 3, 0);
    let mut groups = groups();
    groups.restore("g", &state, 50_000).unwrap();
    assert_eq!(groups.describe("g"), before.describe("g"));
    for number in 1..=3u64 {
        let member_id = id(u128::from(number));
        heartbeat(&mut groups, &identity(generation, &member_id), 51_000).unwrap();
        groups.sync(sync_request(generation, &member_id, &[]), number, 52_000);
        assert_eq!(synced(&groups.drain(), number), Some(Ok(Bytes::from(number.to_string()))));
    }
    assert_eq!(state_of(&groups), "Stable");
    groups.tick(62_000);
    assert_ne!(state_of(&groups), "Stable", "sessions run from the restart on");
}

#[test]
fn after_a_restart_no_generation_is_told_before_it_is_reserved() {
    let mut groups = groups();
    let (generation, state) = stable(&mut groups, 1, 0);
    let mut highest = generation;
    let mut durable = state;
    for _ in 0..3 {
        groups = Groups::new(config(0));
        groups.restore("g", &durable, 0).unwrap();
        let known = groups.describe("g").unwrap().members.first().map(|member| member.member_id.clone());
        groups.join(join_request(&known.unwrap_or_default()), 77, 5, 0);
        let effects = groups.drain();
        assert_eq!(joined(&effects, 5), None);
        let (change, state) = persist(&effects).expect("the reservation");
        // Its time runs out meanwhile: the join goes on waiting.
        groups.tick(20_000);
        assert!(groups.drain().is_empty());
        durable = state.unwrap();
        groups.persisted("g", change, true, 20_000);
        let answer = joined(&groups.drain(), 5).unwrap().unwrap();
        assert!(answer.generation > highest);
        highest = answer.generation;
        // It never syncs; the next life knows the reservation only.
    }
}

#[test]
fn a_reservation_that_fails_is_tried_again() {
    let mut groups = groups();
    let (_, state) = stable(&mut groups, 1, 0);
    groups = Groups::new(config(0));
    groups.restore("g", &state, 0).unwrap();
    groups.join(join_request(&id(1)), 0, 5, 0);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.persisted("g", change, false, 0);
    assert_eq!(join_error(&groups.drain(), 5), GroupError::CoordinatorNotAvailable);
    groups.join(join_request(&id(1)), 0, 6, 100);
    let (change, _) = persist(&groups.drain()).unwrap();
    groups.persisted("g", change, true, 100);
    assert!(joined(&groups.drain(), 6).unwrap().is_ok());
}

#[test]
fn a_later_change_never_takes_a_reservation_back() {
    let reserved = |state: &[u8]| i32::from_be_bytes(state[5..9].try_into().unwrap());
    let mut groups = groups();
    let (_, state) = stable(&mut groups, 1, 0);
    groups = Groups::new(config(0));
    groups.restore("g", &state, 0).unwrap();
    groups.join(join_request(&id(1)), 0, 5, 0);
    let (change, reservation) = persist(&groups.drain()).unwrap();
    // The group becomes empty while the reservation is on its way.
    let (_, effects) = leave(&mut groups, &id(1), 100);
    assert_eq!(join_error(&effects, 5), GroupError::UnknownMemberId);
    let (_, empty) = persist(&effects).unwrap();
    assert!(reserved(&empty.unwrap()) >= reserved(&reservation.unwrap()));
    groups.persisted("g", change, true, 100);
    assert!(groups.drain().is_empty());
}

#[test]
fn a_group_is_restored_once_and_within_bounds() {
    let mut groups = Groups::new(Config { groups_max: 1, ..config(0) });
    assert_eq!(groups.restore("", &example(), 0), Err(StateError::GroupId));
    groups.restore("g", &example(), 0).unwrap();
    assert_eq!(groups.restore("g", &example(), 0), Err(StateError::AlreadyHere("g".into())));
    assert_eq!(groups.restore("h", &example(), 0), Err(StateError::TooManyGroups));
}

#[test]
fn bytes_that_lie_are_refused_and_named() {
    let restore = |state: &[u8]| groups().restore("g", state, 0);
    let good = example();
    for length in 0..good.len() {
        assert!(restore(&good[..length]).is_err(), "{length} bytes of it");
    }
    let mut longer = good.clone();
    longer.push(0);
    assert_eq!(restore(&longer), Err(StateError::Trailing { left: 1 }));
    let with = |position: usize, byte: u8| {
        let mut state = good.clone();
        state[position] = byte;
        restore(&state)
    };
    assert_eq!(with(0, 2), Err(StateError::Version(2)));
    assert!(matches!(with(1, 0xff), Err(StateError::Value { field: "generation", .. })));
    assert!(matches!(with(1, 0x7f), Err(StateError::Inconsistent { field: "generation_reserved" })));
    assert!(matches!(with(9, 0xff), Err(StateError::TooLarge { field: "protocol_type", .. })));
    assert!(matches!(with(11, 0xff), Err(StateError::NotUtf8 { field: "protocol_type" })));
    assert!(matches!(with(19, 2), Err(StateError::Value { field: "protocol_name", .. })));
    assert!(matches!(with(30, b'j'), Err(StateError::Inconsistent { field: "leader" })));
    assert!(matches!(with(64, 0xff), Err(StateError::TooLarge { field: "members", .. })));
    let [member_from, count_at] = [68, 67];
    let mut twice = good.clone();
    twice.extend_from_slice(&good[member_from..]);
    twice[count_at] = 2;
    assert!(matches!(restore(&twice), Err(StateError::Duplicate { .. })));
}

#[test]
fn any_bytes_are_either_refused_or_a_group_that_works() {
    let mut rng = SmallRng::seed_from_u64(5);
    let (_, good) = stable(&mut groups(), 3, 0);
    let mut taken = 0;
    for _ in 0..30_000 {
        let mut state = good.clone();
        for _ in 0..rng.random_range(1..4) {
            let position = rng.random_range(0..state.len());
            state[position] = rng.random();
        }
        let mut groups = groups();
        if groups.restore("g", &state, 0).is_ok() {
            taken += 1;
            groups.join(join_request(""), 9, 1, 0);
            groups.tick(u64::MAX);
            groups.describe("g");
            groups.drain();
        }
    }
    assert!(taken > 1_000, "most changes touch what may be anything: {taken}");
}
