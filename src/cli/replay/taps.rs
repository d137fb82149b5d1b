//! The taps of a file as calls, at the pace they happened or as fast as the server answers.

use super::file;
use crate::{
    client::{ClientError, Pipeline, Reply, ServerAddress},
    clock,
    replay::{
        places::Places,
        tap::{self, Direction, Place},
    },
    simulate::drive::{Rate, riders::RideTallies},
    stop::Stop,
};
use anyhow::Result;
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    collections::BTreeMap,
    path::Path,
    time::{Duration, Instant},
};

/// Taps at places that have no id, by name.
#[derive(Default)]
pub(super) struct Unknown {
    pub(super) by_name: BTreeMap<String, u64>,
}

impl Unknown {
    pub(super) fn taps(&self) -> u64 {
        self.by_name.values().sum()
    }
}

/// A tap to be sent.
#[derive(Clone, Copy)]
struct Call {
    card_id: i32,
    station_id: i16,
    direction: Direction,
}

/// See the module.
pub(super) struct Replayer {
    pipeline: Pipeline<Direction>,
    places: Places,
    unknown: Unknown,
    /// How many times as fast as it happened.
    speed: Option<f64>,
    /// Milliseconds since 1970 at minute 0.
    start_ms: i64,
    /// The taps of one minute: they are spread over it.
    minute: u32,
    waiting: Vec<Call>,
    /// The first minute, and when it began here.
    began: Option<(u32, Instant)>,
}

const LAST_REPLIES_MAX: Duration = Duration::from_secs(60);
/// Taps are sent in portions of this many where nothing paces them.
const PORTION: usize = 1024;
const PROGRESS_EVERY: u64 = 1024;

impl Replayer {
    pub(super) fn open(
        server: &ServerAddress,
        window: u32,
        speed: Rate,
        start_ms: i64,
        places: Places,
        tallies: RideTallies,
    ) -> Result<Replayer, ClientError> {
        let on_reply = move |direction, reply: Reply<'_>| match direction {
            Direction::Entry => {
                tallies.entries.lock().add(&reply);
            }
            Direction::Exit => {
                tallies.exits.lock().add(&reply);
            }
        };
        Ok(Replayer {
            pipeline: Pipeline::open(server, window, on_reply)?,
            places,
            unknown: Unknown::default(),
            speed: match speed {
                Rate::PerSecond(speed) => Some(speed),
                Rate::Max => None,
            },
            start_ms,
            minute: 0,
            waiting: Vec::new(),
            began: None,
        })
    }

    /// Sends the taps of the file until its end, or until told to stop. `lines`: how many there are.
    pub(super) fn run(&mut self, path: &Path, lines: u64, stop: &Stop) -> Result<()> {
        let style = ProgressStyle::with_template("replaying {bar:40} {pos}/{len} {per_sec} {eta}");
        let bar = ProgressBar::new(lines);
        bar.set_style(style.expect("the template is a constant that indicatif takes"));
        file::each_line(path, |line, fields| {
            if line.is_multiple_of(PROGRESS_EVERY) {
                bar.set_position(line);
            }
            // The survey has told of the lines that are no taps.
            if let Ok(tap) = tap::read(fields) {
                self.take(&tap, stop)?;
            }
            Ok(!stop.is_stopped())
        })?;
        self.send_waiting(stop)?;
        bar.finish_and_clear();
        Ok(())
    }

    fn take(&mut self, tap: &tap::TflTap<'_>, stop: &Stop) -> Result<(), ClientError> {
        let Some(station_id) = self.places.id(tap.place) else {
            let (Place::Station(name) | Place::BusRoute(name)) = tap.place;
            *self.unknown.by_name.entry(name.to_string()).or_default() += 1;
            return Ok(());
        };
        if tap.minute != self.minute || (self.speed.is_none() && self.waiting.len() >= PORTION) {
            self.send_waiting(stop)?;
            self.minute = tap.minute;
        }
        self.waiting.push(Call { card_id: tap.card_id, station_id, direction: tap.direction });
        Ok(())
    }

    fn send_waiting(&mut self, stop: &Stop) -> Result<(), ClientError> {
        let date_time_ms = self.start_ms + i64::from(self.minute) * 60_000;
        let calls = std::mem::take(&mut self.waiting);
        for (place, call) in calls.iter().enumerate() {
            let due = self.due(place as f64 / calls.len() as f64);
            if self.speed.is_some() && due > clock::now() {
                self.pipeline.flush()?;
                if stop.wait_until(due) {
                    return Ok(());
                }
            }
            let (procedure, code) = match call.direction {
                Direction::Entry => ("ValidateEntry", 1),
                Direction::Exit => ("ProcessExit", -1),
            };
            self.pipeline.call(procedure, call.direction, due, |params| {
                params.put_i32(call.card_id).put_i64(date_time_ms).put_i32(i32::from(call.station_id));
                params.put_i8(code).put_i32(0);
            })?;
        }
        self.waiting = calls;
        self.waiting.clear();
        self.pipeline.flush()
    }

    /// When a tap at this part of the minute is due: now, if nothing paces it.
    fn due(&mut self, part: f64) -> Instant {
        let now = clock::now();
        let Some(speed) = self.speed else { return now };
        let (first, began) = *self.began.get_or_insert((self.minute, now));
        let minutes = f64::from(self.minute.saturating_sub(first)) + part;
        began + Duration::from_secs_f64(minutes * 60.0 / speed)
    }

    /// Waits for the last replies.
    pub(super) fn finish(self) -> (Unknown, Result<(), ClientError>) {
        (self.unknown, self.pipeline.finish(LAST_REPLIES_MAX))
    }
}
