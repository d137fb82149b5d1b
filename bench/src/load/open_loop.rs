//! The fixed-rate phase. Each call has an intended time, start + i / rate, and its latency runs from there,
//! whether or not the generator or the contender was late: nothing that a stall delays is left out.

use anyhow::ensure;

use super::closed_loop::SILENCE_LIMIT_NS;
use super::connection::Connection;
use super::poll;
use super::tally::Tally;
use crate::clock::now_ns;
use crate::transit::stream::Tap;

/// The generator sends calls and looks for replies this often. A wait for it is a part of a call's latency,
/// so that no contender gains by it; and the generator leaves the processors to the contender meanwhile.
pub(crate) const TICK_NS: u64 = 250_000;

/// Calls in flight beyond this are not sent yet (their clock runs): the contender has fallen behind for good.
const MAX_IN_FLIGHT: u64 = 1_000_000;

pub(crate) struct Open {
    pub(crate) calls_per_s: f64,
    pub(crate) seconds: f64,
}

/// When each call is meant to be sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Schedule {
    start_ns: u64,
    interval_ns: f64,
}

impl Schedule {
    pub(crate) fn new(start_ns: u64, calls_per_s: f64) -> Self {
        assert!(calls_per_s > 0.0, "a rate is positive");
        Self { start_ns, interval_ns: 1e9 / calls_per_s }
    }

    /// Calls are numbered from 0.
    pub(crate) fn intended_ns(&self, call: u64) -> u64 {
        self.start_ns + (call as f64 * self.interval_ns) as u64
    }
}

pub(crate) struct OpenResult {
    pub(crate) schedule: Schedule,
    pub(crate) tally: Tally,
    /// Highest number of calls waiting for an answer at once: large means the rate was not sustained.
    pub(crate) max_in_flight: u64,
    /// Longest time that the generator woke up after it had wanted to: a large one means that the machine was
    /// busy with something else, or stood still, and that the slowest latencies are not the contender's.
    pub(crate) latest_wake_ns: u64,
}

/// Runs the phase; every call is answered when it returns. Handles are the calls' numbers in the phase, from
/// 0, so that the intended time follows from the handle alone.
pub(crate) fn run(
    plan: &Open,
    next_tap: &mut dyn FnMut() -> Tap,
    connections: &mut [Connection],
) -> anyhow::Result<OpenResult> {
    let mut tally = Tally::new();
    let calls = (plan.calls_per_s * plan.seconds) as u64;
    let start_ns = now_ns();
    let schedule = Schedule::new(start_ns, plan.calls_per_s);
    let intended_ns = |call: u64| schedule.intended_ns(call);
    let (mut sent, mut answered, mut max_in_flight, mut latest_wake_ns) = (0u64, 0u64, 0u64, 0u64);
    let mut last_heard_ns = start_ns;
    let mut interests = Vec::new();
    while answered < calls {
        let mut now = now_ns();
        while sent < calls && intended_ns(sent) <= now && sent - answered < MAX_IN_FLIGHT {
            let tap = next_tap();
            let connection = tap.card_id as usize % connections.len();
            connections[connection].queue(sent, &tap);
            sent += 1;
        }
        max_in_flight = max_in_flight.max(sent - answered);
        interests.clear();
        for connection in connections.iter_mut() {
            connection.flush()?;
            interests.push(connection.interest());
        }
        let next_ns = if sent < calls { intended_ns(sent).max(now + TICK_NS) } else { now + 100_000_000 };
        now = wait_for(&mut interests, next_ns)?;
        latest_wake_ns = latest_wake_ns.max(now.saturating_sub(next_ns));
        for (connection, interest) in connections.iter_mut().zip(&interests) {
            if interest.readable() {
                let replies = connection.receive(&mut |handle, reply| {
                    tally.reply(&reply, now.saturating_sub(intended_ns(handle)));
                })?;
                answered += replies as u64;
                last_heard_ns = now;
            }
        }
        ensure!(
            now - last_heard_ns < SILENCE_LIMIT_NS,
            "no reply for a minute, {} calls waiting",
            sent - answered
        );
    }
    Ok(OpenResult { schedule, tally, max_in_flight, latest_wake_ns })
}

/// Waits until it is time for the next calls, then looks for replies; after the last call, waits for a reply.
/// Returns the time it is now.
fn wait_for(interests: &mut [poll::Interest], until_ns: u64) -> anyhow::Result<u64> {
    let wait_ns = until_ns.saturating_sub(now_ns());
    if wait_ns <= TICK_NS {
        poll::wait(&mut [], wait_ns)?;
        poll::wait(interests, 0)?;
    } else {
        poll::wait(interests, wait_ns)?;
    }
    Ok(now_ns())
}
