//! When calls are due at a rate. Open loop: a slow server does not slow the calls down, and each call's
//! duration counts from the moment it was due, so that no delay is hidden. Pure: time is an argument.

/// Says when the next call is due. Times are microseconds from any zero.
#[derive(Clone, Debug)]
pub struct Pacer {
    start_us: u64,
    per_second: f64,
    taken: u64,
}

impl Pacer {
    /// The first call is due at `start_us`.
    pub fn new(per_second: f64, start_us: u64) -> Pacer {
        assert!(per_second > 0.0, "a rate is more than nothing");
        Pacer { start_us, per_second, taken: 0 }
    }

    /// When the next call is due.
    pub fn next_us(&self) -> u64 {
        self.start_us + (self.taken as f64 * 1e6 / self.per_second) as u64
    }

    /// Takes the next call if it is due, and says when it was.
    pub fn take(&mut self, now_us: u64) -> Option<u64> {
        let due_us = self.next_us();
        (due_us <= now_us).then(|| {
            self.taken += 1;
            due_us
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_kept_whatever_the_pauses() {
        let mut pacer = Pacer::new(5_000.0, 1_000);
        let mut due = Vec::new();
        for now_us in [0, 1_000, 1_100, 1_200, 2_000, 1_001_000] {
            while let Some(at) = pacer.take(now_us) {
                due.push(at);
            }
        }
        assert_eq!(due.len(), 5_001, "five thousand in a second, and the one that begins the next");
        assert!(due.iter().enumerate().all(|(n, &at)| at == 1_000 + n as u64 * 200));
        assert_eq!(pacer.next_us(), 1_001_200);
    }

    #[test]
    fn odd_rates_do_not_drift() {
        let mut pacer = Pacer::new(3.0, 0);
        let taken = std::iter::from_fn(|| pacer.take(1_000_000_000)).count();
        assert_eq!(taken, 3_001);
    }
}
