//! A tiny seeded random generator (SplitMix64): two nanoseconds a number, and the same numbers on every
//! machine and in every version, which a shared crate does not promise.

pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    #[inline]
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number in `0..bound`, by multiply and shift (bias below 2^-32, of no matter here).
    #[inline]
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.next_u64() as u32) * u64::from(bound)) >> 32) as u32
    }

    /// True once in `n` calls on average.
    #[inline]
    pub(crate) fn one_in(&mut self, n: u32) -> bool {
        self.below(n) == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_numbers_never_change() {
        let mut random = Random::new(1);
        // The published first output of SplitMix64 for seed 1: a change would make old results incomparable.
        assert_eq!(random.next_u64(), 0x910a_2dec_8902_5cc1);
    }

    #[test]
    fn below_stays_below_and_reaches_both_ends() {
        let mut random = Random::new(7);
        let mut seen = [false; 17];
        for _ in 0..10_000 {
            seen[random.below(17) as usize] = true;
        }
        assert!(seen.iter().all(|&hit| hit));
    }
}
