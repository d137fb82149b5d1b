//! The tap streams: seeded, endless, and the same for every contender.
//!
//! `TapStream` is what the speed is measured with: about 12 ns a tap. `VerificationStream` is denser and
//! nastier; it exists to make every rule and boundary fire, so that answers can be compared.

use super::population::{FIRST_TAP_MS, Population, STATIONS, VERIFICATION_CARDS};
use super::random::Random;

pub(crate) const HOUR_MS: i64 = 3_600_000;

/// Activity code of an entry, the only activity these streams hold.
pub(crate) const ENTRY: i8 = 1;

/// Average taps of one card in one simulated hour. With two, the rules see what a busy metro shows them: most
/// riders never near a limit, a few per cent with five stations in the hour.
pub(crate) const TAPS_PER_CARD_HOUR: u64 = 2;

/// One call of ValidateEntry. The activity is `ENTRY`, the amount 0: the fare comes from the station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tap {
    pub(crate) card_id: i32,
    pub(crate) time_ms: i64,
    pub(crate) station_id: i32,
}

/// Stations in proportion to their weight through a table of equal slots: one load a tap.
struct StationTable {
    slots: Vec<u8>,
}

const STATION_SLOTS: u32 = 1024;

impl StationTable {
    fn new() -> Self {
        let total: i64 = STATIONS.iter().map(|station| i64::from(station.weight)).sum();
        let mut slots = Vec::with_capacity(STATION_SLOTS as usize);
        let mut weight_so_far = 0i64;
        for station in &STATIONS {
            weight_so_far += i64::from(station.weight);
            let end = (weight_so_far * i64::from(STATION_SLOTS) + total / 2) / total;
            slots.resize(end as usize, station.id as u8);
        }
        assert_eq!(slots.len(), STATION_SLOTS as usize, "the weights cover the table");
        Self { slots }
    }

    #[inline]
    fn pick(&self, random: &mut Random) -> i32 {
        i32::from(self.slots[random.below(STATION_SLOTS) as usize])
    }
}

/// Uniform cards, weighted stations, event time that advances so that each card taps `TAPS_PER_CARD_HOUR`
/// times an hour. One tap in 256 comes up to ten minutes late, one in 256 repeats the card before it within
/// 1.5 s.
pub(crate) struct TapStream {
    random: Random,
    stations: StationTable,
    cards: u32,
    time_us: i64,
    step_us: i64,
    last: Tap,
}

impl TapStream {
    pub(crate) fn new(seed: u64, population: Population) -> Self {
        Self {
            random: Random::new(seed),
            stations: StationTable::new(),
            cards: population.cards as u32,
            time_us: FIRST_TAP_MS * 1000,
            step_us: HOUR_MS * 1000 / (TAPS_PER_CARD_HOUR as i64 * i64::from(population.cards)),
            last: Tap { card_id: 1, time_ms: FIRST_TAP_MS, station_id: 1 },
        }
    }

    /// Taps per simulated second.
    pub(crate) fn simulated_rate(&self) -> f64 {
        1e6 / self.step_us as f64
    }

    #[inline]
    pub(crate) fn next_tap(&mut self) -> Tap {
        self.time_us += self.step_us;
        let mut tap = Tap {
            card_id: 1 + self.random.below(self.cards) as i32,
            time_ms: self.time_us / 1000,
            station_id: self.stations.pick(&mut self.random),
        };
        let oddity = self.random.below(256);
        if oddity == 0 {
            tap.time_ms -= i64::from(self.random.below(600_000));
        } else if oddity == 1 {
            tap.card_id = self.last.card_id;
            tap.time_ms = self.last.time_ms + i64::from(self.random.below(1_500));
        }
        self.last = tap;
        tap
    }
}

/// Taps of the verification cards only: six an hour and card, a twentieth of them late by up to two hours,
/// some exactly at the boundaries of the rules' windows, some with a card or a station that does not exist.
pub(crate) struct VerificationStream {
    random: Random,
    stations: StationTable,
    first_card: i32,
    time_us: i64,
    step_us: i64,
    last_time_ms: Vec<i64>,
}

/// No contender has this card.
pub(crate) const UNKNOWN_CARD: i32 = 2_000_000_000;
/// No contender has this station.
pub(crate) const UNKNOWN_STATION: i32 = 99;

/// Distances from the card's last tap at which the rules change their answer.
const BOUNDARY_MS: [i64; 8] = [0, 999, 1000, 1001, -999, -1000, HOUR_MS - 1, HOUR_MS];

impl VerificationStream {
    pub(crate) fn new(seed: u64, population: Population) -> Self {
        Self {
            random: Random::new(seed ^ 0x7665_7269_6679),
            stations: StationTable::new(),
            first_card: population.cards + 1,
            time_us: FIRST_TAP_MS * 1000,
            step_us: HOUR_MS * 1000 / (6 * i64::from(VERIFICATION_CARDS)),
            last_time_ms: vec![FIRST_TAP_MS; VERIFICATION_CARDS as usize],
        }
    }

    pub(crate) fn next_tap(&mut self) -> Tap {
        self.time_us += self.step_us;
        let index = self.random.below(VERIFICATION_CARDS as u32) as usize;
        let mut tap = Tap {
            card_id: self.first_card + index as i32,
            time_ms: self.time_us / 1000,
            station_id: self.stations.pick(&mut self.random),
        };
        if self.random.one_in(20) {
            tap.time_ms -= i64::from(self.random.below(2 * HOUR_MS as u32));
        } else if self.random.one_in(20) {
            let boundary = BOUNDARY_MS[self.random.below(BOUNDARY_MS.len() as u32) as usize];
            tap.time_ms = self.last_time_ms[index] + boundary;
        }
        if self.random.one_in(500) {
            tap.card_id = UNKNOWN_CARD;
        }
        if self.random.one_in(500) {
            tap.station_id = UNKNOWN_STATION;
        }
        self.last_time_ms[index] = tap.time_ms;
        tap
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Population = Population { cards: 1000 };

    #[test]
    fn the_same_seed_gives_the_same_taps() {
        let (mut one, mut other) = (TapStream::new(3, SMALL), TapStream::new(3, SMALL));
        for _ in 0..10_000 {
            assert_eq!(one.next_tap(), other.next_tap());
        }
    }

    #[test]
    fn each_card_taps_about_twice_an_hour_at_weighted_stations() {
        let mut stream = TapStream::new(5, SMALL);
        let mut at_harvard = 0;
        let mut at_shawmut = 0;
        let mut taps = 0;
        while stream.time_us < (FIRST_TAP_MS + 10 * HOUR_MS) * 1000 {
            let tap = stream.next_tap();
            assert!((1..=1000).contains(&tap.card_id));
            taps += 1;
            at_harvard += u32::from(tap.station_id == 4);
            at_shawmut += u32::from(tap.station_id == 16);
        }
        assert_eq!(taps, 20_000);
        let ratio = f64::from(at_harvard) / f64::from(at_shawmut);
        assert!(ratio > 8.0 && ratio < 16.0, "581530 / 51981 is 11.2, got {ratio}");
    }
}
