//! Compares a contender's answers, one by one, with the naive judge's before anything is timed.

use anyhow::bail;

use crate::contenders::Contender;
use crate::load::closed_loop::{self, Closed};
use crate::load::connection::Connection;
use crate::load::tally::Counts;
use crate::transit::judge::{Judge, Outcome};
use crate::transit::population::Population;
use crate::transit::stream::{Tap, VerificationStream};

/// How many wrong answers an error shows.
const SHOWN_DIFFERENCES: usize = 5;

/// Runs `taps` verification taps in the stream's order per card and compares every outcome and every message
/// whose text is specified. Returns the counts, which are therefore the same for every contender that passes.
pub(crate) fn run(
    contender: &dyn Contender,
    population: Population,
    seed: u64,
    taps: usize,
) -> anyhow::Result<Counts> {
    let mut stream = VerificationStream::new(seed, population);
    let mut judge = Judge::new(population);
    let taps: Vec<Tap> = (0..taps).map(|_| stream.next_tap()).collect();
    let expected: Vec<(Outcome, String)> = taps.iter().map(|tap| judge.judge(tap)).collect();
    let shape = contender.shape();
    let mut connections = Vec::new();
    for _ in 0..shape.connections {
        connections.push(Connection::new(contender.connect()?, contender.codec())?);
    }
    let mut differences = Vec::new();
    let mut different = 0u64;
    let plan = Closed { window: shape.window, seconds: 600.0, max_calls: taps.len() as u64 };
    let mut next = taps.iter();
    let mut next_tap = || *next.next().expect("the loop asks for no more than max_calls");
    let result = closed_loop::run(&plan, &mut next_tap, &mut connections, &mut |call, reply| {
        let (outcome, message) = &expected[call as usize];
        // An error's text is the contender's own; an expiry date is compared up to the date.
        let same_text = *outcome == Outcome::Failed || reply.message.starts_with(message.as_bytes());
        if reply.outcome != *outcome || !same_text {
            different += 1;
            if differences.len() < SHOWN_DIFFERENCES {
                let answer = String::from_utf8_lossy(reply.message);
                let tap = &taps[call as usize];
                differences.push(format!(
                    "tap {call} {tap:?}: {:?} {answer:?}, expected {outcome:?} {message:?}",
                    reply.outcome
                ));
            }
        }
    })?;
    if different > 0 {
        bail!("{different} of {} answers differ from the rules:\n  {}", taps.len(), differences.join("\n  "));
    }
    Ok(result.tally.counts)
}
