//! A world of correct clients, some of which crash, a network that loses and delays, a log that fails, and a
//! coordinator that is started anew. After each step what the coordinator said is held against what may be
//! said; once the world calms down everyone has to have its part.

mod client;
mod world;

use world::{Chaos, World};

const CALM_MS: u64 = 150_000;

fn run(seed: u64, chaos: Chaos) -> World {
    let mut world = World::new(seed, chaos);
    while world.now_ms < 200_000 {
        world.step();
    }
    world.calm_down();
    let end_ms = world.now_ms + CALM_MS;
    while world.now_ms < end_ms {
        world.step();
    }
    world.check_calm();
    world
}

#[test]
fn clients_that_do_not_misbehave_all_get_their_part() {
    for seed in 0..30 {
        let world = run(seed, Chaos::none());
        assert!(world.syncs_told > 0);
    }
}

#[test]
fn a_world_of_losses_and_crashes_never_breaks_a_rule_and_calms_down() {
    let (mut syncs, mut restarts, mut generations) = (0, 0, 0);
    for seed in 100..400 {
        let world = run(seed, Chaos::all());
        syncs += world.syncs_told;
        restarts += world.restarts;
        generations += world.generations_told;
    }
    // The world is only worth something if much happens in it.
    assert!(syncs > 5_000 && restarts > 300 && generations > 3_000, "{syncs} {restarts} {generations}");
}
