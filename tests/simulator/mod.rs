//! The whole node, or three of them, from one seed: the same core, replicas, log and recovery as the
//! server's, over a simulated network, disks and clocks. A chaos phase, then everything heals and must
//! converge.
//!
//! A failing seed is run again with `TOLLGATE_SEED=n cargo test simulator`; more seeds with
//! `TOLLGATE_SEEDS=n`.

mod damage;
mod faults;
mod member;
mod oracle;
mod workload;
mod world;

use world::{Report, World};

/// Seeds of a usual run; `TOLLGATE_SEEDS` asks for more.
const SEEDS: u64 = 8;

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|text| text.parse().expect("a number"))
}

fn seeds() -> std::ops::Range<u64> {
    match number("TOLLGATE_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("TOLLGATE_SEEDS").unwrap_or(SEEDS),
    }
}

fn run(members: usize, seed: u64) -> Report {
    let report = World::new(members, seed).run();
    assert!(report.acknowledged > 0, "seed {seed}: nothing was acknowledged: {report:?}");
    report
}

#[test]
fn one_node_loses_nothing_it_acknowledged() {
    let (mut crashes, mut snapshots, mut refused) = (0, 0, 0);
    for seed in seeds() {
        let report = run(1, seed);
        crashes += report.crashes;
        snapshots += report.snapshots;
        refused += report.refused;
    }
    assert!(
        number("TOLLGATE_SEED").is_some() || (crashes > 0 && snapshots > 0 && refused > 0),
        "the faults were there: {crashes} crashes, {snapshots} snapshots, {refused} of them damaged"
    );
}

#[test]
fn three_nodes_are_linearizable_and_end_equal() {
    let (mut crashes, mut not_applied, mut repeated) = (0, 0, 0);
    for seed in seeds() {
        let report = run(3, seed);
        repeated += report.repeated;
        crashes += report.crashes;
        not_applied += report.not_applied;
    }
    assert!(
        crashes > 0 && not_applied > 0 && repeated > 0,
        "the faults were there: {crashes} crashes, {not_applied} not applied, {repeated} repeated"
    );
}

#[test]
fn the_same_seed_gives_the_same_history() {
    for members in [1, 3] {
        for seed in [7, 8] {
            assert_eq!(run(members, seed), run(members, seed), "{members} members, seed {seed}");
        }
        assert_ne!(run(members, 7).history, run(members, 8).history, "the seed decides");
    }
}
