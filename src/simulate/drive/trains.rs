//! `TRAIN_EVENTS.insert` for each arrival and departure.

use super::{Drive, Driven, LAST_REPLIES_MAX, Stopwatch};
use crate::{
    client::Pipeline,
    clock,
    simulate::{
        tally::CallTally,
        trains::{TrainEvent, Trains},
    },
};
use parking_lot::Mutex;
use std::{sync::Arc, time::Instant};

/// The trains on real time, `speed` times as fast as real ones.
pub(super) struct Timetable {
    trains: Trains,
    speed: f64,
    watch: Stopwatch,
    wall_start_us: i64,
}

impl Timetable {
    pub(super) fn new(speed: f64) -> Timetable {
        assert!(speed > 0.0, "trains go forward in time");
        Timetable {
            trains: Trains::new(0),
            speed,
            watch: Stopwatch::start(),
            wall_start_us: clock::wall_us(),
        }
    }

    fn real_us(&self, train_us: u64) -> u64 {
        (train_us as f64 / self.speed) as u64
    }

    /// Waits for what happens next; each event with its time on the wall clock, and when it was due.
    /// `None`: it is time to end.
    pub(super) fn next(&mut self, drive: &Drive) -> Option<Vec<(TrainEvent, i64, Instant)>> {
        if !drive.wait_until(self.watch.at(self.real_us(self.trains.next_us()))) {
            return None;
        }
        let now_us = (self.watch.now_us() as f64 * self.speed) as u64;
        let mut events = Vec::new();
        while let Some(event) = self.trains.take(now_us) {
            let due_us = self.real_us(event.time_us);
            events.push((event, self.wall_start_us + due_us as i64, self.watch.at(due_us)));
        }
        Some(events)
    }
}

/// Runs the trains, `speed` times as fast as real ones.
pub fn trains(drive: &Drive, speed: f64, tally: &Arc<Mutex<CallTally>>) -> Driven {
    let counted = tally.clone();
    let mut pipeline = Pipeline::open(&drive.server, drive.window, move |(), reply| {
        counted.lock().add(&reply);
    })?;
    let mut timetable = Timetable::new(speed);
    while let Some(events) = timetable.next(drive) {
        for (event, time_us, due) in events {
            pipeline.call("TRAIN_EVENTS.insert", (), due, |params| {
                params.put_i32(event.train_id).put_i32(event.station_id).put_i8(event.activity as i8);
                params.put_timestamp(time_us);
            })?;
        }
        pipeline.flush()?;
    }
    pipeline.finish(LAST_REPLIES_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        client::testing,
        stop::Stop,
        wire::volt::response::{self, Tables},
    };
    use tollgate_schema::{
        codec::{ParamReader, RawParam},
        value::Value,
    };

    #[test]
    fn events_go_out_with_their_time_until_told_to_stop() {
        let seen: Arc<Mutex<Vec<Vec<Value>>>> = Arc::default();
        let stop = Arc::new(Stop::default());
        let server = {
            let (seen, stop) = (seen.clone(), stop.clone());
            testing::serve(move |call, out| {
                assert_eq!(call.name, "TRAIN_EVENTS.insert");
                let params = ParamReader::new(call.params).unwrap();
                seen.lock()
                    .push(params.map(|p: Result<RawParam<'_>, _>| p.unwrap().to_value().unwrap()).collect());
                if seen.lock().len() == 50 {
                    stop.stop();
                }
                response::write_success(out, call.handle, Tables::default());
                true
            })
        };
        let tally = Arc::new(Mutex::new(CallTally::default()));
        let before_us = clock::wall_us();
        trains(&Drive { server, stop, end: None, window: 100 }, 1_000.0, &tally).unwrap();
        let seen = seen.lock();
        assert!(seen.len() >= 50);
        assert_eq!(tally.lock().done, seen.len() as u64);
        for event in seen.iter() {
            let [
                Value::Integer(1..=8),
                Value::Integer(1..=17),
                Value::TinyInt(0 | 1),
                Value::Timestamp(time_us),
            ] = event[..]
            else {
                panic!("{event:?}")
            };
            assert!(time_us >= before_us);
        }
    }
}
