//! Which faults a run has, and how often: drawn from its seed, so that some runs are calm and some are wild.

use rand::{Rng, rngs::SmallRng};

/// Chances are in thousandths, times in microseconds.
pub(super) struct Faults {
    pub(super) loss: u32,
    pub(super) duplication: u32,
    pub(super) delay_us: i64,
    /// A message now and then takes this many times longer.
    pub(super) delay_tail: i64,
    pub(super) crash_every_us: i64,
    pub(super) cut_every_us: i64,
    pub(super) clock_jump_every_us: i64,
    pub(super) snapshot_every_us: i64,
    pub(super) disk_us: i64,
    /// Of a log write, that its sync or write fails or that the power goes in the middle of it.
    pub(super) disk_failure: u32,
    /// Of a restart, that a snapshot was damaged before.
    pub(super) damage: u32,
}

impl Faults {
    pub(super) fn swarm(rng: &mut SmallRng) -> Faults {
        Faults {
            loss: pick(rng, [0, 20, 100]),
            duplication: pick(rng, [0, 20, 100]),
            delay_us: pick(rng, [200, 1_000, 10_000]),
            delay_tail: pick(rng, [1, 10, 60]),
            crash_every_us: pick(rng, [1_500_000, 4_000_000, 12_000_000]),
            cut_every_us: pick(rng, [2_000_000, 6_000_000, 60_000_000]),
            clock_jump_every_us: pick(rng, [1_000_000, 10_000_000, 60_000_000]),
            snapshot_every_us: pick(rng, [1_000_000, 5_000_000, 20_000_000]),
            disk_us: pick(rng, [100, 1_000, 20_000]),
            disk_failure: pick(rng, [0, 1, 5]),
            damage: pick(rng, [0, 100, 500]),
        }
    }
}

fn pick<T: Copy>(rng: &mut SmallRng, choices: [T; 3]) -> T {
    choices[rng.random_range(0..3)]
}

pub(super) fn chance(rng: &mut SmallRng, thousandths: u32) -> bool {
    rng.random_range(0..1000) < thousandths
}
