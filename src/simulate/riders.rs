//! Riders: who taps where, and when they leave again. Pure.

use super::{choice::StationChoice, line::Station};
use rand::{Rng, rngs::SmallRng};
use std::{cmp::Reverse, collections::BinaryHeap};

/// Taps a second unless one says otherwise.
pub const TAPS_PER_SECOND: f64 = 5_000.0;
/// A rider leaves this long after coming in, at the earliest and at the latest.
pub const RIDE_US: std::ops::Range<u64> = 1_000_000..1_100_000;
/// Riders under way. More than a second's entries at any rate a server can take; beyond it, riders never
/// leave.
const RIDERS_MAX: usize = 4 << 20;

/// A card held to a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tap {
    pub card_id: i32,
    pub station_id: i16,
}

/// Riders under way, and where new ones come from.
#[derive(Debug)]
pub struct Riders {
    cards: i32,
    stations: StationChoice,
    random: SmallRng,
    /// By when they leave: moment, card, station.
    leaving: BinaryHeap<Reverse<(u64, i32, i16)>>,
}

impl Riders {
    /// `cards`: cards 1 to this one ride.
    pub fn new(cards: i32, random: SmallRng) -> Riders {
        assert!(cards > 0, "somebody rides");
        Riders { cards, stations: StationChoice::default(), random, leaving: BinaryHeap::new() }
    }

    /// The next one to come in.
    pub fn entry(&mut self) -> Tap {
        let card_id = self.random.random_range(1..=self.cards);
        Tap { card_id, station_id: self.stations.draw(&mut self.random).id }
    }

    /// A gate has opened for that one.
    pub fn entered(&mut self, tap: Tap, now_us: u64) {
        if self.leaving.len() < RIDERS_MAX {
            let station: &Station = self.stations.draw_other(tap.station_id, &mut self.random);
            let leaves_us = now_us + self.random.random_range(RIDE_US);
            self.leaving.push(Reverse((leaves_us, tap.card_id, station.id)));
        }
    }

    /// The next one to leave, if the time has come, and when that was.
    pub fn exit(&mut self, now_us: u64) -> Option<(Tap, u64)> {
        let Reverse((leaves_us, ..)) = *self.leaving.peek()?;
        if leaves_us > now_us {
            return None;
        }
        let Reverse((leaves_us, card_id, station_id)) = self.leaving.pop()?;
        Some((Tap { card_id, station_id }, leaves_us))
    }

    /// When somebody leaves next.
    pub fn next_exit_us(&self) -> Option<u64> {
        self.leaving.peek().map(|Reverse((leaves_us, ..))| *leaves_us)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;

    #[test]
    fn every_rider_leaves_elsewhere_about_a_second_later() {
        let mut riders = Riders::new(100, SmallRng::seed_from_u64(5));
        let mut inside = std::collections::BTreeMap::new();
        for now_us in 0..100 {
            let tap = riders.entry();
            if let std::collections::btree_map::Entry::Vacant(place) = inside.entry(tap.card_id) {
                place.insert((tap.station_id, now_us));
                riders.entered(tap, now_us);
            }
        }
        assert_eq!(riders.exit(RIDE_US.start - 1), None);
        let mut last_us = 0;
        while let Some(next_us) = riders.next_exit_us() {
            assert_eq!(riders.exit(next_us - 1), None);
            let (tap, leaves_us) = riders.exit(next_us).expect("it is due");
            assert_eq!(leaves_us, next_us);
            assert!(next_us >= last_us, "in order");
            last_us = next_us;
            let (station_id, entered_us) = inside.remove(&tap.card_id).expect("it came in once");
            assert_ne!(tap.station_id, station_id);
            assert!(RIDE_US.contains(&(leaves_us - entered_us)));
        }
        assert!(inside.is_empty());
    }

    #[test]
    fn all_cards_ride_alike() {
        let mut riders = Riders::new(10, SmallRng::seed_from_u64(6));
        let mut taps = [0; 11];
        for _ in 0..10_000 {
            taps[riders.entry().card_id as usize] += 1;
        }
        assert_eq!(taps[0], 0);
        assert!(taps[1..].iter().all(|count| (900..1100).contains(count)), "{taps:?}");
    }

    #[test]
    fn the_same_seed_gives_the_same_riders() {
        let taps = |seed| {
            let mut riders = Riders::new(1000, SmallRng::seed_from_u64(seed));
            (0..100).map(|_| riders.entry()).collect::<Vec<_>>()
        };
        assert_eq!(taps(1), taps(1));
        assert_ne!(taps(1), taps(2));
    }
}
