//! A station at random, busier ones more often. Pure.

use super::line::{STATIONS, Station};
use rand::{Rng, rngs::SmallRng};

/// Draws stations by their weight.
#[derive(Clone, Debug)]
pub struct StationChoice {
    /// Sum of the weights up to and with each station.
    cumulative: [u64; STATIONS.len()],
}

impl Default for StationChoice {
    fn default() -> StationChoice {
        let mut sum = 0;
        let cumulative = STATIONS.map(|station| {
            sum += station.weight.unsigned_abs() as u64;
            sum
        });
        StationChoice { cumulative }
    }
}

impl StationChoice {
    pub fn draw(&self, random: &mut SmallRng) -> &'static Station {
        let total = self.cumulative[STATIONS.len() - 1];
        let drawn = random.random_range(0..total);
        &STATIONS[self.cumulative.partition_point(|&sum| sum <= drawn)]
    }

    /// Any but the one with that id.
    pub fn draw_other(&self, than: i16, random: &mut SmallRng) -> &'static Station {
        loop {
            let station = self.draw(random);
            if station.id != than {
                return station;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn stations_are_drawn_by_weight() {
        let choice = StationChoice::default();
        let mut random = SmallRng::seed_from_u64(1);
        let mut drawn = [0u32; STATIONS.len()];
        const DRAWS: u32 = 200_000;
        for _ in 0..DRAWS {
            drawn[choice.draw(&mut random).id as usize - 1] += 1;
        }
        let total: i32 = STATIONS.iter().map(|s| s.weight).sum();
        for (station, count) in STATIONS.iter().zip(drawn) {
            let expected = f64::from(station.weight) / f64::from(total) * f64::from(DRAWS);
            let off = (f64::from(count) / expected - 1.0).abs();
            assert!(off < 0.1, "{} drawn {count} times, {expected:.0} expected", station.name);
        }
        assert!((0..1000).all(|_| choice.draw_other(4, &mut random).id != 4));
    }
}
