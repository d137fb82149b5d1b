//! `TRAIN_EVENTS.insert` for each arrival and departure.

use super::{Drive, Driven, LAST_REPLIES_MAX, Stopwatch};
use crate::{
    client::Pipeline,
    clock,
    simulate::{tally::CallTally, trains::Trains},
};
use parking_lot::Mutex;
use std::sync::Arc;

/// Runs the trains, `speed` times as fast as real ones.
pub fn trains(drive: &Drive, speed: f64, tally: &Arc<Mutex<CallTally>>) -> Driven {
    assert!(speed > 0.0, "trains go forward in time");
    let counted = tally.clone();
    let mut pipeline = Pipeline::open(&drive.server, drive.window, move |(), reply| {
        counted.lock().add(&reply);
    })?;
    let watch = Stopwatch::start();
    let wall_start_us = clock::wall_us();
    let mut trains = Trains::new(0);
    let real_us = |train_us: u64| (train_us as f64 / speed) as u64;
    while drive.wait_until(watch.at(real_us(trains.next_us()))) {
        let now_us = (watch.now_us() as f64 * speed) as u64;
        while let Some(event) = trains.take(now_us) {
            let due_us = real_us(event.time_us);
            pipeline.call("TRAIN_EVENTS.insert", (), watch.at(due_us), |params| {
                params.put_i32(event.train_id).put_i32(event.station_id).put_i8(event.activity as i8);
                params.put_timestamp(wall_start_us + due_us as i64);
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
