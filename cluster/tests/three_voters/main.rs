//! Three members of a group over a network that loses, doubles, delays and reorders, on disks that lose what
//! was not synced: raft's promises hold for the driver and the log around it, and one seed gives one history.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod node;
mod oracle;
mod world;

use world::World;

/// Steps of faults, then of peace.
fn run(seed: u64, chaos_steps: usize) -> World {
    let mut world = World::new(seed, 3);
    for _ in 0..chaos_steps {
        world.chaos_step();
    }
    world.heal();
    world
}

#[test]
fn raft_keeps_its_promises_through_crashes_partitions_and_lossy_messages() {
    let (mut committed, mut crashes, mut installed, mut leaders) = (0, 0, 0, 0);
    for seed in 0..30 {
        let world = run(seed, 1500);
        committed += world.oracle.committed_count();
        leaders += world.oracle.leader_count();
        crashes += world.crashes;
        installed += world.installed_snapshots;
    }
    // The faults really happen, and the group makes progress between them.
    assert!(committed > 2000, "{committed} entries committed");
    assert!(crashes > 200, "{crashes} crashes");
    assert!(installed > 10, "{installed} snapshots installed");
    assert!(leaders > 100, "{leaders} leaders");
}

#[test]
fn one_seed_gives_one_history() {
    for seed in [3, 4] {
        let first = run(seed, 800);
        assert_eq!(first.history, run(seed, 800).history);
        assert_ne!(first.history, run(seed + 100, 800).history);
    }
}
