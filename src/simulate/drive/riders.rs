//! `ValidateEntry` for riders who come in, `ProcessExit` for those who leave.

use super::{Drive, Driven, LAST_REPLIES_MAX, Rate, Stopwatch};
use crate::{
    client::{Pipeline, Reply, pacer::Pacer},
    clock,
    simulate::{
        riders::{Riders, Tap},
        tally::{CallTally, Outcome, TapTally},
    },
};
use parking_lot::Mutex;
use std::sync::Arc;
use tollgate_schema::codec::ParamWriter;

/// What the riders' calls came to.
#[derive(Clone, Default)]
pub struct RideTallies {
    pub entries: Arc<Mutex<TapTally>>,
    pub exits: Arc<Mutex<CallTally>>,
}

#[derive(Clone, Copy)]
enum Ride {
    Entry(Tap),
    Exit,
}

/// Calls made between two looks at the riders who leave, when the rate has no limit.
const CALLS_PER_LOOK: usize = 256;

/// Riders come in at a rate; each one that is let in leaves about a second later.
pub fn riders(drive: &Drive, rate: Rate, mut riders: Riders, tallies: &RideTallies) -> Driven {
    let entered = Arc::new(Mutex::new(Vec::new()));
    let on_reply = count(tallies.clone(), entered.clone());
    let mut pipeline = Pipeline::open(&drive.server, drive.window, on_reply)?;
    let watch = Stopwatch::start();
    let mut pacer = match rate {
        Rate::PerSecond(per_second) => Some(Pacer::new(per_second, 0)),
        Rate::Max => None,
    };
    while drive.goes_on() {
        let now_us = watch.now_us();
        for tap in std::mem::take(&mut *entered.lock()) {
            riders.entered(tap, now_us);
        }
        while let Some((tap, due_us)) = riders.exit(now_us) {
            pipeline.call("ProcessExit", Ride::Exit, watch.at(due_us), |params| put_tap(params, tap, -1))?;
        }
        let mut enter = |pipeline: &mut Pipeline<Ride>, due| {
            let tap = riders.entry();
            pipeline.call("ValidateEntry", Ride::Entry(tap), due, |params| put_tap(params, tap, 1))
        };
        let Some(pacer) = &mut pacer else {
            for _ in 0..CALLS_PER_LOOK {
                enter(&mut pipeline, clock::now())?;
            }
            continue;
        };
        while let Some(due_us) = pacer.take(now_us) {
            enter(&mut pipeline, watch.at(due_us))?;
        }
        pipeline.flush()?;
        let wake_us = pacer.next_us().min(now_us + LOOK_EVERY_US);
        drive.wait_until(watch.at(riders.next_exit_us().map_or(wake_us, |exit_us| wake_us.min(exit_us))));
    }
    pipeline.finish(LAST_REPLIES_MAX)
}

/// Riders who were let in are noticed after this long at the latest.
const LOOK_EVERY_US: u64 = 10_000;

/// Both procedures take the same parameters; the moment is the wall clock's, in milliseconds.
fn put_tap(params: &mut ParamWriter<'_>, tap: Tap, activity_code: i8) {
    params.put_i32(tap.card_id).put_i64(clock::wall_us() / 1000).put_i32(i32::from(tap.station_id));
    params.put_i8(activity_code).put_i32(0);
}

fn count(tallies: RideTallies, entered: Arc<Mutex<Vec<Tap>>>) -> impl FnMut(Ride, Reply<'_>) + Send {
    move |ride, reply| match ride {
        Ride::Entry(tap) => {
            if tallies.entries.lock().add(&reply) == Some(Outcome::Accepted) {
                entered.lock().push(tap);
            }
        }
        Ride::Exit => {
            tallies.exits.lock().add(&reply);
        }
    }
}
