//! The saturated phase: a fixed number of calls always in flight, each reply making room for the next call.

use anyhow::ensure;

use super::connection::Connection;
use super::poll;
use super::tally::Tally;
use crate::clock::now_ns;
use crate::transit::stream::Tap;
use crate::wire::Reply;

/// A contender that answers nothing for this long is broken, not slow.
pub(crate) const SILENCE_LIMIT_NS: u64 = 60_000_000_000;

pub(crate) struct Closed {
    /// Calls in flight over all connections.
    pub(crate) window: usize,
    /// The phase ends after this many seconds …
    pub(crate) seconds: f64,
    /// … or this many calls, whichever comes first.
    pub(crate) max_calls: u64,
}

pub(crate) struct ClosedResult {
    pub(crate) tally: Tally,
    /// From the first call to the last reply.
    pub(crate) elapsed_ns: u64,
}

impl ClosedResult {
    /// Decisions per second; failed calls are none.
    pub(crate) fn per_second(&self) -> f64 {
        let counts = &self.tally.counts;
        (counts.total() - counts.failed) as f64 * 1e9 / self.elapsed_ns as f64
    }
}

/// A place in the window, taken from the sending of a call to its reply; its number is the call's handle.
#[derive(Clone, Copy, Default)]
struct Slot {
    sent_ns: u64,
    call: u64,
}

/// Runs the phase; every call is answered when it returns. A card's taps all take the same connection, so
/// that they are judged in the stream's order however many connections there are. `on_reply` gets each call's
/// number in the phase, from 0.
pub(crate) fn run(
    plan: &Closed,
    next_tap: &mut dyn FnMut() -> Tap,
    connections: &mut [Connection],
    on_reply: &mut dyn FnMut(u64, &Reply<'_>),
) -> anyhow::Result<ClosedResult> {
    let mut tally = Tally::new();
    let mut slots = vec![Slot::default(); plan.window];
    let mut free: Vec<u32> = (0..plan.window as u32).rev().collect();
    let start_ns = now_ns();
    let deadline_ns = start_ns + (plan.seconds * 1e9) as u64;
    let (mut sent, mut answered) = (0u64, 0u64);
    let mut last_heard_ns = start_ns;
    let mut interests = Vec::new();
    loop {
        let mut now = now_ns();
        while now < deadline_ns && sent < plan.max_calls {
            let Some(slot) = free.pop() else { break };
            let tap = next_tap();
            slots[slot as usize] = Slot { sent_ns: now, call: sent };
            connections[tap.card_id as usize % connections.len()].queue(u64::from(slot), &tap);
            sent += 1;
        }
        interests.clear();
        for connection in connections.iter_mut() {
            connection.flush()?;
            interests.push(connection.interest());
        }
        if answered == sent {
            return Ok(ClosedResult { tally, elapsed_ns: now_ns() - start_ns });
        }
        poll::wait(&mut interests, 1_000_000_000)?;
        now = now_ns();
        for (connection, interest) in connections.iter_mut().zip(&interests) {
            if interest.readable() {
                answered += connection.receive(&mut |handle, reply| {
                    let slot = slots[handle as usize];
                    tally.reply(&reply, now - slot.sent_ns);
                    on_reply(slot.call, &reply);
                    free.push(handle as u32);
                })? as u64;
                last_heard_ns = now;
            }
        }
        ensure!(
            now - last_heard_ns < SILENCE_LIMIT_NS,
            "no reply for a minute, {} calls waiting",
            sent - answered
        );
    }
}
