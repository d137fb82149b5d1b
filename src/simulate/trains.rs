//! Trains on the line: each arrives, dwells, departs, runs to the next station, and turns round at the ends.
//! Pure.

use super::line::{STATIONS, TRAINS};

/// What a train does at a station.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activity {
    Arrival = 0,
    Departure = 1,
}

/// One row of train_events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainEvent {
    pub train_id: i32,
    pub station_id: i32,
    pub activity: Activity,
    /// On the same clock as the start given to [`Trains::new`].
    pub time_us: u64,
}

/// All trains.
#[derive(Clone, Debug)]
pub struct Trains {
    trains: Vec<Train>,
}

#[derive(Clone, Debug)]
struct Train {
    /// Place of the station it is at, or runs to.
    station: usize,
    outbound: bool,
    next: Activity,
    next_us: u64,
}

impl Trains {
    /// The trains begin spread over the line, every other one in the other direction, each about to arrive.
    pub fn new(start_us: u64) -> Trains {
        let trains = (0..TRAINS.len()).map(|n| Train {
            station: n * (STATIONS.len() - 1) / (TRAINS.len() - 1),
            outbound: n % 2 == 0,
            next: Activity::Arrival,
            next_us: start_us,
        });
        Trains { trains: trains.collect() }
    }

    /// When something happens next.
    pub fn next_us(&self) -> u64 {
        self.trains.iter().map(|train| train.next_us).min().expect("there are trains")
    }

    /// What happens next, if its time has come.
    pub fn take(&mut self, now_us: u64) -> Option<TrainEvent> {
        let train_id = (0..self.trains.len()).min_by_key(|&n| self.trains[n].next_us)?;
        let train = &mut self.trains[train_id];
        (train.next_us <= now_us).then(|| train.go_on(train_id as i32 + 1))
    }
}

impl Train {
    fn go_on(&mut self, train_id: i32) -> TrainEvent {
        let station = &STATIONS[self.station];
        let event = TrainEvent {
            train_id,
            station_id: i32::from(station.id),
            activity: self.next,
            time_us: self.next_us,
        };
        match self.next {
            Activity::Arrival => {
                self.next = Activity::Departure;
                self.next_us += station.dwell_us;
            }
            Activity::Departure => {
                if self.station == 0 {
                    self.outbound = true;
                } else if self.station == STATIONS.len() - 1 {
                    self.outbound = false;
                }
                self.station = if self.outbound { self.station + 1 } else { self.station - 1 };
                self.next = Activity::Arrival;
                self.next_us += station.run_us;
            }
        }
        event
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events(until_us: u64) -> Vec<TrainEvent> {
        let mut trains = Trains::new(1_000);
        std::iter::from_fn(|| trains.take(until_us)).collect()
    }

    #[test]
    fn in_time_order_and_never_early() {
        assert!(events(999).is_empty());
        let all = events(120_000_000);
        assert!(all.is_sorted_by_key(|event| event.time_us));
        assert!(all.iter().all(|event| event.time_us <= 120_000_000));
    }

    #[test]
    fn a_train_arrives_dwells_runs_and_turns_at_both_ends() {
        for train_id in 1..=TRAINS.len() as i32 {
            let own: Vec<_> =
                events(120_000_000).into_iter().filter(|event| event.train_id == train_id).collect();
            for pair in own.windows(2) {
                let (before, after) = (pair[0], pair[1]);
                let station = &STATIONS[before.station_id as usize - 1];
                let apart_us = after.time_us - before.time_us;
                match before.activity {
                    Activity::Arrival => {
                        assert_eq!(after.activity, Activity::Departure);
                        assert_eq!((after.station_id, apart_us), (before.station_id, station.dwell_us));
                    }
                    Activity::Departure => {
                        assert_eq!(after.activity, Activity::Arrival);
                        assert_eq!((after.station_id - before.station_id).abs(), 1, "the next station");
                        assert_eq!(apart_us, station.run_us);
                    }
                }
            }
            let visited = |id| own.iter().any(|event| event.station_id == id);
            assert!((1..=STATIONS.len() as i32).all(visited), "train {train_id} goes all the way");
            let stops: Vec<i32> =
                own.iter().filter(|e| e.activity == Activity::Arrival).map(|e| e.station_id).collect();
            let turns = stops.windows(3).filter(|w| w[0] == w[2]).map(|w| w[1]);
            assert!(turns.clone().all(|id| id == 1 || id == 17), "only at the ends");
            assert!(turns.count() >= 2);
        }
    }

    #[test]
    fn they_begin_in_both_directions() {
        let trains = Trains::new(0).trains;
        assert_eq!(trains.iter().filter(|train| train.outbound).count(), 4);
        assert_eq!((trains[0].station, trains[7].station), (0, 16));
    }
}
